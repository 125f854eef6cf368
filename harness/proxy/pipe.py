"""One direction of a connection: what one end sent, on its way to the other."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

from harness.proxy.link.base import LinkFault

_MOST_WAITING = 4 << 20  # bytes that wait here before the sender is made to wait
_FULL = "much waits already"


class Way(Protocol):
    """An end of a connection, as a pipe sees it."""

    def write(self, data: bytes | memoryview) -> None: ...
    def write_end(self, reset: bool) -> None: ...
    def pause(self, why: str) -> None: ...
    def unpause(self, why: str) -> None: ...


class Pipe:
    """Passes bytes and then an end, in order, when the faults of its direction let them."""

    def __init__(self, loop: asyncio.AbstractEventLoop, source: Way, sink: Way) -> None:
        """It holds everything back until the first :meth:`free`."""
        self.passed = 0
        """Bytes that went through."""
        self._loop, self._source, self._sink = loop, source, sink
        self._faults: tuple[LinkFault, ...] = ()
        self._held = 1
        self._dropping = False
        self._queue: deque[tuple[float, bytes | memoryview | bool]] = deque()
        self._waiting = 0
        self._busy_until = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def send(self, data: bytes | memoryview) -> None:
        if self._dropping:
            return
        if self._queue or self._held or self._faults:
            self._queue.append((self._loop.time(), data))
            self._waiting += len(data)
            if self._waiting > _MOST_WAITING:
                self._source.pause(_FULL)
            self._push()
        else:
            self.passed += len(data)
            self._sink.write(data)

    def end(self, reset: bool) -> None:
        """Close the other end, or reset it, behind all that was sent."""
        if not self._dropping:
            self._queue.append((self._loop.time(), reset))
            self._push()

    def hold(self) -> None:
        """Keep back everything from here on, until a :meth:`free` for each hold."""
        self._held += 1

    def free(self) -> None:
        self._held -= 1
        self._push()

    def drop(self) -> None:
        """Lose all that waits, and all that comes."""
        self._dropping = True
        self._queue.clear()
        self._waiting = 0
        self._source.unpause(_FULL)

    def strike(self, faults: tuple[LinkFault, ...]) -> None:
        """The faults that hold for this direction from now on, also for what waits."""
        self._faults = faults
        self._busy_until = 0.0
        self._push()

    def _push(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._queue and not self._held:
            arrived, item = self._queue[0]
            leaves = max((fault.leaves(arrived) for fault in self._faults), default=arrived)
            leaves = max(leaves, self._busy_until)
            if leaves > self._loop.time():
                if leaves != float("inf"):
                    self._timer = self._loop.call_at(leaves, self._push)
                return
            self._queue.popleft()
            self._pass(arrived, item)
        if self._waiting <= _MOST_WAITING // 2:
            self._source.unpause(_FULL)

    def _pass(self, arrived: float, item: bytes | memoryview | bool) -> None:
        if isinstance(item, bool):
            self._sink.write_end(item)
            return
        most = min((fault.piece for fault in self._faults), default=len(item))
        piece = item if most >= len(item) else memoryview(item)[:most]
        if len(piece) < len(item):
            self._queue.appendleft((arrived, memoryview(item)[most:]))
        self._waiting -= len(piece)
        self.passed += len(piece)
        busy = sum(fault.busy(len(piece)) for fault in self._faults)
        if busy:
            self._busy_until = self._loop.time() + busy
        self._sink.write(piece)
