"""The record of a simulated case, as real runs write it, kept in memory and spelt out when somebody reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from google.protobuf.message import Message

from harness.fuzz.sim.clock import Clock
from harness.history.entry import Entry, word
from harness.history.event import HARNESS, Event
from harness.history.outcomes import outcome
from harness.wire import layout
from harness.wire import messages as m
from harness.wire.plain import plain
from reference_gcs.core import effects as fx

NAMESPACE = "sim"
CASE = "sim"
Command = fx.WriteCommand | fx.ReadCommand


class Line:
    """A command to the store, its reply to come. The fields are those of :class:`harness.history.entry.Entry`."""

    __slots__ = ("applied", "at", "command", "connection", "done", "reply", "rule")

    def __init__(self, at: float, command: Command, connection: int) -> None:
        self.at, self.command, self.connection = at, command, connection
        self.done: float | None = None
        self.reply: Any = None
        self.applied: bool | None = False
        self.rule = ""


class Told(Mapping[str, Any]):
    """A message as plain values, spelt out when somebody looks: most messages of a record nobody looks at."""

    __slots__ = ("_fields", "_message")

    def __init__(self, message: Message) -> None:
        self._message = message
        self._fields: dict[str, Any] | None = None

    def _spelt(self) -> dict[str, Any]:
        if self._fields is None:
            self._fields = plain(self._message)
        return self._fields

    def __getitem__(self, name: str) -> Any:
        return self._spelt()[name]

    def get(self, name: str, default: Any = None) -> Any:
        return self._spelt().get(name, default)

    def __iter__(self) -> Iterator[str]:
        return iter(self._spelt())

    def __len__(self) -> int:
        return len(self._spelt())

    def __bool__(self) -> bool:
        return self._message.ByteSize() > 0 or bool(self._spelt())


class Record:
    """Events are written as they happen; messages in their facts must not change afterwards."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._events: list[tuple[float, str, str, str, dict[str, Any]]] = []
        self._lines: list[Line] = []

    def __len__(self) -> int:
        return len(self._events) + len(self._lines)

    def write(self, kind: str, what: str, facts: dict[str, Any] | None = None, who: str = HARNESS) -> str:
        """Write an event now; its id. Facts may hold messages and bytes.

        Those of a ``return``: call, grpc, said and reply; what follows from them is added when it is read.
        """
        self._events.append((self._clock.now, kind, who, what, facts or {}))
        return f"e{len(self._events)}"

    def command(self, command: Command, connection: int) -> Line:
        """A command goes to the store now."""
        line = Line(self._clock.now, command, connection)
        self._lines.append(line)
        return line

    def events(self, told: Callable[[Message], Any] = Told) -> list[Event]:
        """All events, in the order of time; messages as ``told`` makes them."""
        return [
            Event(
                f"e{number}", CASE, 0, round(at, 6), kind, who, what,
                {
                    key: value if type(value) in _PLAIN else _spelt(value, told)
                    for key, value in (_ended(what, facts) if kind == "return" else facts).items()
                },
            )
            for number, (at, kind, who, what, facts) in enumerate(self._events, 1)
        ]  # fmt: skip

    def entries(self) -> list[Entry]:
        """The ledger, in the order in which the commands were sent."""
        return [_entry(number, line) for number, line in enumerate(self._lines, 1)]

    def lines(self) -> Iterator[str]:
        """Events and then entries, a JSON line each: equal byte for byte for equal runs."""
        yield from (one.line() for one in self.events(plain))
        yield from (one.line() for one in self.entries())


_PLAIN = frozenset({str, int, float, bool, type(None)})


def _spelt(value: Any, told: Callable[[Message], Any]) -> Any:
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is bytes:
        return value.hex()
    if isinstance(value, Message):
        return told(value)
    if isinstance(value, dict):
        return {key: _spelt(one, told) for key, one in value.items()}
    return [_spelt(one, told) for one in value] if isinstance(value, list | tuple) else value


def _ended(method: str, facts: dict[str, Any]) -> dict[str, Any]:
    """All facts of a return: what it says of the call's effect, and the status in its reply."""
    reply, grpc, code, said = facts["reply"], facts["grpc"], 0, facts["said"]
    if reply is not None and has_status(reply):
        code, said = reply.status.code, reply.status.message
        if isinstance(reply, m.GcsSubscriberPollReply):  # its messages are events of their own
            reply = m.GcsSubscriberPollReply(publisher_id=reply.publisher_id, status=reply.status)
    return {
        "call": facts["call"],
        "outcome": outcome(method, grpc, code, said).value,
        "grpc": grpc,
        "code": code,
        "said": said,
        "reply": reply,
    }


def has_status(reply: Message) -> bool:
    """Whether a reply of that kind carries a Ray status."""
    kind = type(reply)
    if kind not in _WITH_STATUS:
        field = kind.DESCRIPTOR.fields_by_name.get("status")
        _WITH_STATUS[kind] = field is not None and field.message_type is m.GcsStatus.DESCRIPTOR
    return _WITH_STATUS[kind]


_WITH_STATUS: dict[type[Message], bool] = {}


def _entry(number: int, line: Line) -> Entry:
    return Entry(
        id=f"s{number}", case=CASE, cluster=0, at=round(line.at, 6),
        done=None if line.done is None else round(line.done, 6), via="gcs", connection=line.connection,
        unit=number, command=_words(line.command), reply=line.reply, applied=line.applied, rule=line.rule,
    )  # fmt: skip


def _words(command: Command) -> tuple[str, ...]:
    key = layout.prefix(NAMESPACE) + command.table
    if isinstance(command, fx.Put):
        return ("HSET", key, word(command.key), word(command.value))
    if isinstance(command, fx.PutIfAbsent):
        return ("HSETNX", key, word(command.key), word(command.value))
    if isinstance(command, fx.Delete):
        return ("HDEL", key, *map(word, command.keys))
    if isinstance(command, fx.Increment):
        return ("INCRBY", key, "1")
    if isinstance(command, fx.Get):
        return ("HGET", key, word(command.key))
    if isinstance(command, fx.GetMany):
        return ("HMGET", key, *map(word, command.keys))
    return ("HSCAN", key, "0", "MATCH", word(command.prefix) + "*")
