"""The store of a simulated cluster: late, refusing, and cut off between a write and its answer."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any

from harness.fuzz.sim.clock import Clock, Entry
from harness.fuzz.sim.record import Line, Record
from reference_gcs.core import effects as fx
from reference_gcs.memory_store import carry_out

SHORTEST = 0.0002
"""Seconds from a command to its answer, at the least."""
Answered = Callable[[int, Any], None]
Failed = Callable[[int, str], None]


class Store:
    """Tables that outlive every GCS. Commands of one GCS take place in the order in which they were sent."""

    def __init__(self, clock: Clock, random: Random, record: Record, slowest: float) -> None:
        self.tables: dict[str, dict[bytes, bytes]] = {}
        self.counters: dict[str, int] = {}
        self.answered: Answered
        self.failed: Failed
        self.refused: Callable[[], object] = lambda: None
        """Called as a write is refused."""
        self.refuse_after: int | None = None
        """How many writes pass before one is refused; None: all pass."""
        self.refused_applies = False
        self._clock, self._random, self._record, self._slowest = clock, random, record, slowest
        self._connection = 0
        self._queue: deque[tuple[float, int, Line]] = deque()
        """When it is answered, number and line of each command on its way."""
        self._free = 0.0
        self._stalled_until = 0.0
        self.down = False
        self._next: Entry | None = None
        """The answer to the first of the queue."""

    def connect(self) -> None:
        """A new GCS comes."""
        self._connection += 1
        self._free = self._clock.now

    def stall(self, seconds: float) -> None:
        """Answer nothing for so long."""
        self._stalled_until = max(self._stalled_until, self._clock.now + seconds)

    def kill(self) -> None:
        """Its process is gone: what was asked and not done is not done, and nothing is until :meth:`restart`."""
        self.down = True
        lost, self._queue = self._queue, deque()
        self._clock.cancel(self._next)
        self._next = None
        for _at, op, _line in lost:
            self._clock.after(SHORTEST, self._fail, op, self._connection)

    def restart(self) -> None:
        """With all its rows."""
        self.down = False

    def _fail(self, op: int, connection: int) -> None:
        """Unless who asked is dead, too."""
        if connection == self._connection:
            self.failed(op, "the connection to the store broke")

    def ask(self, op: int, command: fx.WriteCommand | fx.ReadCommand) -> None:
        """A command arrives; :attr:`answered` is told its value later, in the order of arrival."""
        line = self._record.command(command, self._connection)
        if self.down:
            self._clock.after(SHORTEST, self._fail, op, self._connection)
            return
        late = self._random.random() * self._slowest if self._slowest else 0.0
        self._free = max(self._free, self._clock.now + SHORTEST + late, self._stalled_until)
        self._queue.append((self._free, op, line))
        self._answer_later()

    def cut(self, applied: int) -> int:
        """The GCS is dead: of its writes on their way the first ``applied`` still take place. How many were left."""
        writes = [line for _at, _op, line in self._queue if _writes(line)]
        for line in writes[:applied]:
            self._apply(line)
        self._clock.cancel(self._next)
        self._next = None
        self._queue.clear()
        return len(writes)

    def _answer_later(self) -> None:
        if self._next is None and self._queue:
            self._next = self._clock.after(self._queue[0][0] - self._clock.now, self._answer)

    def _answer(self) -> None:
        """Answer all that is due; a GCS that dies of an answer leaves nothing to answer."""
        self._next = None
        while self._queue and self._queue[0][0] <= self._clock.now:
            _at, op, line = self._queue.popleft()
            self._do(op, line)
        self._answer_later()

    def _do(self, op: int, line: Line) -> None:
        if self._refuses(line):
            if self.refused_applies:
                self._apply(line)
            else:
                line.done, line.reply = self._clock.now, {"error": "IOERR the store is broken"}
            line.rule = "Refuse"
            self.refused()
            self.failed(op, "the store is broken")
        else:
            self.answered(op, self._apply(line))

    def _refuses(self, line: Line) -> bool:
        if self.refuse_after is None or not _writes(line):
            return False
        self.refuse_after -= 1
        if self.refuse_after >= 0:
            return False
        self.refuse_after = None
        return True

    def _apply(self, line: Line) -> Any:
        value = carry_out(self.tables, self.counters, line.command)
        line.done, line.applied = self._clock.now, True
        if _writes(line):
            line.reply = int(value)
        return value


def _writes(line: Line) -> bool:
    return isinstance(line.command, fx.Put | fx.PutIfAbsent | fx.Delete | fx.Increment)
