"""Hand-made stories for the tests of the checks, told in order of time.

``tale().begin("InternalKVPut", {…}, id="put").write("KV", "k", "v").end("put").restart().story()``
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.message import Message

from harness.check.story import Story
from harness.history.entry import Entry, word
from harness.history.event import Event
from harness.wire import layout
from harness.wire.dialect import dialect

STEP = 1.0
"""Seconds that pass before whatever is told without a time."""


def message(kind: type[Message], fields: Mapping[str, Any]) -> Message:
    """The inverse of :func:`harness.wire.plain.plain` for short rows: bytes are given in hex."""
    made = kind()
    for name, value in fields.items():
        _set(made, name, value)
    return made


def _set(made: Any, name: str, value: Any) -> None:
    one = made.DESCRIPTOR.fields_by_name[name]
    inner = one.message_type
    if inner is not None and inner.GetOptions().map_entry:
        getattr(made, name).update(value)
    elif one.is_repeated:
        for item in value:
            if inner is not None:
                getattr(made, name).add().CopyFrom(message(inner._concrete_class, item))
            else:
                getattr(made, name).append(_scalar(one, item))
    elif inner is not None:
        getattr(made, name).CopyFrom(message(inner._concrete_class, value))
    else:
        setattr(made, name, _scalar(one, value))


def _scalar(one: Any, value: Any) -> Any:
    if one.enum_type is not None:
        return one.enum_type.values_by_name[value].number
    return bytes.fromhex(value) if one.type == one.TYPE_BYTES else value


class Tale:
    """What happened, step by step; each method but :meth:`story` gives the tale itself.

    ``at`` sets the time of a step in seconds, else it is :data:`STEP` after the last one. ``id``
    names an event or an entry, so that a test can point to it; else they are numbered
    ``e1``, ``s1`` …
    """

    def __init__(self, **built: Any) -> None:
        """``built`` overrides facts of the cluster: ``ledger=False``, ``store="memory"`` …"""
        facts = {
            "target": "reference", "release": "2.60.0", "namespace": "ns", "store": "redis",
            "persistence": "aof", "ledger": True, "session": "s", **built,
        }  # fmt: skip
        self.now = 0.0
        self._speaks = dialect(facts["release"])
        self._namespace = facts["namespace"]
        self._life = 0
        self._unit = 0
        self._open: dict[str, tuple[str, str]] = {}
        self._counter = 0
        self.events: list[Event] = []
        self.ledger: list[Entry] = []
        self.event("cluster", "built", facts, at=0.0)
        self.event("gcs", "started", {"life": 0, "pid": 1}, "gcs", at=0.0)
        self.event("gcs", "serving", {"life": 0}, "gcs", at=0.0)

    def event(
        self,
        kind: str,
        what: str,
        facts: Mapping[str, Any] | None = None,
        who: str = "harness",
        at: float | None = None,
        id: str = "",
    ) -> Tale:
        self._pass(at)
        name = id or f"e{len(self.events) + 1}"
        self.events.append(Event(name, "tale", 0, self.now, kind, who, what, facts or {}))
        return self

    def begin(
        self,
        method: str,
        request: Mapping[str, Any] | None = None,
        id: str = "",
        client: str = "driver-0",
        again: str | None = None,
        at: float | None = None,
    ) -> Tale:
        """A call goes out. ``id`` is that of its event, and what :meth:`end` wants."""
        facts: dict[str, Any] = {"request": dict(request or {}), "deadline": None}
        if again is not None:
            facts["again"] = again
        self.event("call", method, facts, client, at, id)
        self._open[self.events[-1].id] = (client, method)
        return self

    def end(
        self,
        id: str = "",
        reply: Mapping[str, Any] | None = None,
        outcome: str = "ok",
        code: int = 0,
        grpc: str = "OK",
        at: float | None = None,
    ) -> Tale:
        """The call ``id`` ends; without one the last that was begun."""
        call = id or next(reversed(self._open))
        client, method = self._open.pop(call)
        facts = {"call": call, "outcome": outcome, "grpc": grpc, "code": code, "said": ""}
        return self.event("return", method, {**facts, "reply": dict(reply or {})}, client, at, f"{call}-end")

    def call(
        self,
        method: str,
        request: Mapping[str, Any] | None = None,
        reply: Mapping[str, Any] | None = None,
        id: str = "",
        client: str = "driver-0",
        **ending: Any,
    ) -> Tale:
        """A call that begins and ends with nothing in between; ``ending`` is for :meth:`end`."""
        return self.begin(method, request, id, client).end(id, reply, **ending)

    def write(
        self,
        table: str,
        key: str,
        row: Mapping[str, Any] | str | int | None,
        took: float | None = 0.1,
        applied: bool | None = True,
        via: str = "gcs",
        at: float | None = None,
        command: str = "",
        id: str = "",
    ) -> Tale:
        """A row is written: ``key`` in hex, ``row`` as ``plain`` shows it; None deletes it.

        KV: ``key`` is the field as text, ``row`` its value as text. JobCounter: ``row`` is the new
        count. ``took`` None: the store never answered.
        """
        self._pass(at)
        name, rest = self._command(table, key, row)
        place = layout.prefix(self._namespace) + table
        reply = row if table == layout.COUNTER else 1
        self._unit += 1
        self.ledger.append(
            Entry(
                id=id or f"s{len(self.ledger) + 1}", case="tale", cluster=0, at=self.now,
                done=None if took is None else self.now + took, via=via, connection=1, unit=self._unit,
                command=(command or name, place, *rest), reply=reply, applied=applied,
            )
        )  # fmt: skip
        self.now += took or 0.0
        return self

    def read(self, *command: str, at: float | None = None) -> Tale:
        """Any other command to the store."""
        self._pass(at)
        self._unit += 1
        self.ledger.append(
            Entry(
                id=f"s{len(self.ledger) + 1}", case="tale", cluster=0, at=self.now, done=self.now + 0.1,
                via="gcs", connection=1, unit=self._unit, command=command, reply=None, applied=True,
            )
        )  # fmt: skip
        return self

    def message(
        self,
        channel: str,
        key: str,
        payload: Mapping[str, Any],
        sequence: int = 0,
        publisher: str = "p0",
        subscriber: str = "listener-0",
        type: str = "",
        again: bool = False,
        at: float | None = None,
    ) -> Tale:
        """A subscription message arrives; ``sequence`` 0 takes the next number."""
        self._counter = sequence or self._counter + 1
        facts = {
            "publisher": publisher, "sequence": self._counter, "key": key, "type": type,
            "payload": dict(payload), **({"again": True} if again else {}),
        }  # fmt: skip
        return self.event("message", channel, facts, subscriber, at)

    def restart(self, at: float | None = None) -> Tale:
        """The GCS is killed, started and serving again, a step each."""
        self.event("gcs", "killed", {"life": self._life}, "gcs", at)
        self._life += 1
        self.event("gcs", "started", {"life": self._life, "pid": self._life + 1}, "gcs")
        return self.event("gcs", "serving", {"life": self._life}, "gcs")

    def look(
        self,
        what: str = "tables",
        view: Mapping[str, Any] | None = None,
        stored: Mapping[str, Any] | None = None,
        books: Mapping[str, Any] | None = None,
        quiet: bool = True,
        complaints: Sequence[str] = (),
        at: float | None = None,
        id: str = "",
    ) -> Tale:
        """Someone reads all tables. ``view``: tables of a View, those not given are empty."""
        tables = {
            "cluster_id": "",
            **{one: {} for one in ("nodes", "jobs", "actors", "names", "groups", "kv")},
        }
        facts = {
            "view": {**tables, **(view or {})}, "books": dict(books or {}), "stored": stored,
            "quiet": quiet, "complaints": list(complaints),
        }  # fmt: skip
        return self.event("look", what, facts, "driver-0", at, id)

    def story(self) -> Story:
        """The story so far, its events and entries in the order of their times."""
        events = sorted(self.events, key=lambda one: one.at)
        return Story(events, sorted(self.ledger, key=lambda one: one.at))

    def _pass(self, at: float | None) -> None:
        self.now = self.now + STEP if at is None else at

    def _command(self, table: str, key: str, row: Any) -> tuple[str, tuple[str, ...]]:
        if table == layout.COUNTER:
            return "INCRBY", ("1",)
        field = key if table == layout.KV else word(bytes.fromhex(key))
        if row is None:
            return "HDEL", (field,)
        if table == layout.KV:
            return "HSET", (field, word(str(row).encode()))
        return "HSET", (field, word(self._speaks.encode(message(layout.TABLES[table], row))))


def tale(**built: Any) -> Tale:
    """A tale that begins with a cluster and a serving GCS at time 0."""
    return Tale(**built)
