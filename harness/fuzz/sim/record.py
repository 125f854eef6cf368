"""The record of a simulated case, as real runs write it, kept in memory and spelt out when somebody reads it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf.message import Message

from harness.fuzz.sim.clock import Clock
from harness.history.entry import Entry, word
from harness.history.event import HARNESS, Event
from harness.wire import layout
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


class Record:
    """Events are written as they happen; messages in their facts must not change afterwards."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._events: list[tuple[float, str, str, str, dict[str, Any]]] = []
        self._lines: list[Line] = []

    def __len__(self) -> int:
        return len(self._events) + len(self._lines)

    def write(self, kind: str, what: str, facts: dict[str, Any] | None = None, who: str = HARNESS) -> str:
        """Write an event now; its id. Facts may hold messages and bytes."""
        self._events.append((self._clock.now, kind, who, what, facts or {}))
        return f"e{len(self._events)}"

    def command(self, command: Command, connection: int) -> Line:
        """A command goes to the store now."""
        line = Line(self._clock.now, command, connection)
        self._lines.append(line)
        return line

    def events(self) -> list[Event]:
        """All events, in the order of time."""
        return [
            Event(
                f"e{number}", CASE, 0, round(at, 6), kind, who, what, {k: _plain(v) for k, v in facts.items()}
            )
            for number, (at, kind, who, what, facts) in enumerate(self._events, 1)
        ]

    def entries(self) -> list[Entry]:
        """The ledger, in the order in which the commands were sent."""
        return [_entry(number, line) for number, line in enumerate(self._lines, 1)]

    def lines(self) -> Iterator[str]:
        """Events and then entries, a JSON line each: equal byte for byte for equal runs."""
        yield from (one.line() for one in self.events())
        yield from (one.line() for one in self.entries())


def _plain(value: Any) -> Any:
    if isinstance(value, Message):
        return plain(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict | Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def readable(value: Any) -> str:
    """For people: a value of an event as JSON."""
    return json.dumps(_plain(value), default=str)


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
