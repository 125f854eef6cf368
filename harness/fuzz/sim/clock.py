"""Virtual time: what is to happen, in the order of its moments and then of its planning."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

Entry = list[Any]
"""[moment, number, function or None, arguments]: give it to :meth:`Clock.cancel`."""
START = 1_000.0


class Clock:
    """``now``: seconds that begin at :data:`START`."""

    def __init__(self) -> None:
        self.now = START
        self._planned: list[Entry] = []
        self._number = 0

    def after(self, seconds: float, what: Callable[..., object], *args: Any) -> Entry:
        """Do ``what`` in ``seconds``."""
        self._number += 1
        entry: Entry = [self.now + seconds, self._number, what, args]
        heapq.heappush(self._planned, entry)
        return entry

    @staticmethod
    def cancel(entry: Entry | None) -> None:
        if entry is not None:
            entry[2] = None

    def run_until(self, reached: Callable[[], bool], within: float) -> bool:
        """Go on until ``reached`` says so, at most for so many seconds; whether it did."""
        end, planned = self.now + within, self._planned
        while not reached():
            if not planned or planned[0][0] > end:
                return False
            self.run(planned[0][0])
        return True

    def run(self, until: float) -> None:
        """Do all that is due by ``until``, which is the time then."""
        planned = self._planned
        while planned and planned[0][0] <= until:
            entry = heapq.heappop(planned)
            if entry[2] is not None:
                self.now = entry[0]
                entry[2](*entry[3])
        self.now = until
