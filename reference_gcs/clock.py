"""What time it is for the core."""

from __future__ import annotations

import time


class Clock:
    """Seconds since the epoch, as the wall clock said at the start, and from then on as no one can set them.

    Rows tell them, and bounds are measured by them: a wall clock that is set must make no node late.
    """

    def __init__(self) -> None:
        self._epoch = time.time() - time.monotonic()

    def now(self) -> float:
        return self._epoch + time.monotonic()
