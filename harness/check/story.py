"""One cluster's part of a recorded case, in the shape that checks want. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from google.protobuf.message import DecodeError

from harness.history.entry import Entry, argument
from harness.history.event import Event
from harness.wire import layout
from harness.wire.dialect import dialect
from harness.wire.plain import plain, shown

INHERITED = "inherited"
"""The look that reads a namespace before any GCS of the case does."""
BY_ITSELF = frozenset({"evicted", "unsaved"})
"""What a store may do to its rows that nobody asked of it."""


@dataclass(frozen=True)
class Call:
    """A request and how it ended. ``end`` None: it had not by the end of the case. Monotonic seconds.

    ``outcome``: ok, refused or unknown (also of one that never ended). ``ids``: those of its events.
    """

    id: str
    client: str
    method: str
    start: float
    request: Mapping[str, Any]
    again: str | None = None
    deadline: float | None = None
    end: float | None = None
    outcome: str = "unknown"
    grpc: str = ""
    code: int = 0
    said: str = ""
    reply: Mapping[str, Any] = field(default_factory=dict)
    ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Life:
    """One process of a GCS. ``who``: gcs or rival; ``why``: how it ended (``killed``: by us, else
    ``ended``); ``exit``: its status, negative for a signal. None: not (yet)."""

    who: str
    number: int
    started: float
    serving: float | None = None
    ended: float | None = None
    why: str = ""
    exit: int | None = None
    ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Write:
    """A change of one row in the store. ``table``: ``ACTOR`` …, ``KV``, ``JobCounter``; ``key``: the
    field in hex (of KV: as text); ``row``: the decoded row of a set (of KV ``{"value": shown}``), None for
    a deletion; ``applied`` and times as in :class:`Entry`."""

    entry: Entry
    table: str
    key: str
    row: Mapping[str, Any] | None

    @property
    def done(self) -> float | None:
        return self.entry.done if self.entry.applied else None


@dataclass(frozen=True)
class Fault:
    """Something that was broken on purpose, from ``at`` to ``healed`` (None: to the end)."""

    name: str
    at: float
    healed: float | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Look:
    """All tables as a client read them. ``view``: a :class:`harness.check.view.View` as a dict; ``books``:
    node id -> what its raylet holds (``workers``: worker id -> actor id or '', ``bundles``:
    [``group:index``], ``available``, ``total``); ``stored``: table -> key -> row, read
    from the store itself, and all that an ``inherited`` one has; ``quiet``: whether everything had come to rest."""

    id: str
    at: float
    what: str
    view: Mapping[str, Any]
    books: Mapping[str, Any]
    stored: Mapping[str, Any] | None
    quiet: bool
    complaints: Sequence[str] = ()


class Story:
    """The events and ledger entries of one cluster in one case."""

    def __init__(self, events: Sequence[Event], ledger: Sequence[Entry] = ()) -> None:
        self.events = events
        self.ledger = ledger

    @cached_property
    def built(self) -> Mapping[str, Any]:
        """Facts of the cluster: target, release, namespace, store, ledger (whether one is kept)."""
        return next((one.facts for one in self.of("cluster") if one.what == "built"), {})

    @cached_property
    def _by_kind(self) -> Mapping[str, list[Event]]:
        found: dict[str, list[Event]] = {}
        for one in self.events:
            found.setdefault(one.kind, []).append(one)
        return found

    def of(self, kind: str) -> Sequence[Event]:
        """The events of a kind, in the order of time."""
        return self._by_kind.get(kind, [])

    @cached_property
    def ended(self) -> float:
        """When the last event happened, in monotonic seconds."""
        return self.events[-1].at if self.events else 0.0

    @cached_property
    def calls(self) -> Sequence[Call]:
        """All calls of clients and raylets, in the order of their starts."""
        ends = {one.facts["call"]: one for one in self.of("return")}
        return [_call(one, ends.get(one.id)) for one in self.of("call")]

    @cached_property
    def lives(self) -> Sequence[Life]:
        """The lives of the GCS and of its rival, in the order of their starts."""
        found: dict[tuple[str, int], dict[str, Any]] = {}
        for one in self.of("gcs"):
            life = one.facts.get("life", 0)
            facts = found.setdefault(
                (one.who, life), {"who": one.who, "number": life, "started": one.at, "ids": ()}
            )
            facts["ids"] += (one.id,)
            if one.what == "serving":
                facts.setdefault("serving", one.at)
            elif one.what in ("killed", "ended"):
                facts.setdefault("why", one.what)
                facts.setdefault("ended", one.at)
                facts["exit"] = one.facts.get("exit", facts.get("exit"))
        return sorted((Life(**facts) for facts in found.values()), key=lambda life: life.started)

    @cached_property
    def recoveries(self) -> Sequence[float]:
        """When a GCS served again after an end."""
        return [life.serving for life in self.lives if life.number and life.serving is not None]

    @cached_property
    def faults(self) -> Sequence[Fault]:
        """What was broken on purpose, in the order of time."""
        found: list[Fault] = []
        for one in self.of("fault"):
            if one.facts.get("phase") != "healed":
                found.append(Fault(one.what, one.at, None, one.facts, (one.id,)))
                continue
            for place, fault in enumerate(found):
                if fault.name == one.what and fault.healed is None:
                    found[place] = Fault(fault.name, fault.at, one.at, fault.facts, (*fault.ids, one.id))
                    break
        return found

    @cached_property
    def looks(self) -> Sequence[Look]:
        """All looks, in the order of time: perhaps a ``baseline`` or ``inherited``, some ``tables``, perhaps a ``closing``."""
        return [
            Look(
                one.id, one.at, one.what, one.facts.get("view", {}), one.facts.get("books", {}),
                one.facts.get("stored"), bool(one.facts.get("quiet")), one.facts.get("complaints", ()),
            )
            for one in self.of("look")
        ]  # fmt: skip

    @cached_property
    def closing(self) -> Look | None:
        """The look at the end, when there was a GCS to look at."""
        return next((one for one in reversed(self.looks) if one.what == "closing"), None)

    @cached_property
    def baseline(self) -> Look | None:
        """What there was when the case began: a look at a cluster that had lived before, or what its store had
        :attr:`inherited`; None: it began empty."""
        return next((one for one in self.looks if one.what in ("baseline", INHERITED)), None)

    @cached_property
    def inherited(self) -> Look | None:
        """The rows that another cluster, or another life of it, had left in the namespace; no GCS had read them yet."""
        return next((one for one in self.looks if one.what == INHERITED), None)

    @cached_property
    def store_lost(self) -> float | None:
        """When the store first lost or was given rows behind the GCS's back; None: never."""
        marks = [one.at for one in self.of("store") if one.what in {"wiped", "tampered", "lost", *BY_ITSELF}]
        return min(marks, default=None)

    @cached_property
    def store_failed(self) -> str:
        """What the store did to its rows by itself, so that no failure of the case speaks of the GCS; '' nothing."""
        return next(
            (str(one.facts.get("why", one.what)) for one in self.of("store") if one.what in BY_ITSELF), ""
        )

    @cached_property
    def writes(self) -> Sequence[Write]:
        """The changes of rows in the ledger, in the order in which they were sent."""
        namespace, speaks = self.built.get("namespace", ""), dialect(self.built.get("release") or "2.60.0")
        prefix = layout.prefix(namespace)
        return [
            write
            for entry in self.ledger
            if entry.writes and entry.key.startswith(prefix)
            for write in _writes(entry, layout.table_of(entry.key.encode()), speaks)
        ]


def stories(events: Iterable[Event], ledger: Iterable[Entry]) -> list[Story]:
    """A story per cluster of one case."""
    by_cluster: dict[int, tuple[list[Event], list[Entry]]] = {}
    for event in events:
        by_cluster.setdefault(event.cluster, ([], []))[0].append(event)
    for entry in ledger:
        by_cluster.setdefault(entry.cluster, ([], []))[1].append(entry)
    return [Story(*parts) for _, parts in sorted(by_cluster.items())]


def _call(sent: Event, ended: Event | None) -> Call:
    call = {
        "id": sent.id,
        "client": sent.who,
        "method": sent.what,
        "start": sent.at,
        "request": sent.facts.get("request", {}),
        "again": sent.facts.get("again"),
        "deadline": sent.facts.get("deadline"),
    }
    if ended is None:
        return Call(**call, ids=(sent.id,))
    facts = ended.facts
    return Call(
        **call,
        end=ended.at,
        outcome=facts["outcome"],
        grpc=facts.get("grpc", ""),
        code=facts.get("code", 0),
        said=facts.get("said", ""),
        reply=facts.get("reply") or {},
        ids=(sent.id, ended.id),
    )


def _writes(entry: Entry, table: str, speaks: Any) -> list[Write]:
    words = entry.command[2:]
    if entry.name == "HSETNX" and entry.reply == 0:
        return []  # the field was there, and stays as it is
    if entry.name in ("HSET", "HMSET", "HSETNX"):
        pairs = zip(words[::2], words[1::2], strict=False)
        return [Write(entry, table, _key(table, key), _row(table, value, speaks)) for key, value in pairs]
    if entry.name == "HDEL":
        return [Write(entry, table, _key(table, key), None) for key in words]
    if entry.name in ("INCR", "INCRBY"):
        return [Write(entry, table, "", {"value": entry.reply})]
    return [Write(entry, table, "", None)]


def _key(table: str, text: str) -> str:
    if table == layout.KV:
        return text
    raw = argument(text)
    return raw.hex() if raw is not None else text


def _row(table: str, text: str, speaks: Any) -> Mapping[str, Any]:
    raw = argument(text)
    if raw is None:
        return {"$cut": text}
    kind = layout.TABLES.get(table)
    if kind is None:
        return {"value": shown(raw)}
    try:
        return plain(speaks.decode(kind, raw))
    except DecodeError:
        return {"$undecodable": len(raw)}
