"""A control call under way in the background."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

from harness.errors import TimedOut

T = TypeVar("T")


class Pending(Generic[T]):
    """What a driver asked for and has not got yet. ``what`` names the call."""

    def __init__(self, what: str, future: Future[T]) -> None:
        self.what = what
        self._future = future

    def done(self) -> bool:
        """Whether it has ended, well or not."""
        return self._future.done()

    def when_done(self, then: Callable[[], None]) -> None:
        """Call ``then`` at its end, in whatever thread ends it."""
        self._future.add_done_callback(lambda _: then())

    def result(self, within: float = 0.0) -> T:
        """Its result, or the error that ended it; TimedOut when it does not end within ``within`` seconds."""
        try:
            return self._future.result(within)
        except TimeoutError:
            if self._future.done():
                raise
            raise TimedOut(f"{self.what}: no answer within {within:g} s") from None
