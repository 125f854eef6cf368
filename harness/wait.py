"""Waiting by asking, with a bound."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from harness.errors import TimedOut

T = TypeVar("T")


def until(
    what: str,
    probe: Callable[[], T],
    within: float = 10.0,
    every: float = 0.01,
    evidence: Callable[[], str] | None = None,
) -> T:
    """Ask ``probe`` every ``every`` seconds until it gives something true, and return that.

    ``within`` is in seconds. When it runs out: :class:`TimedOut`, naming ``what``, the last
    answer and ``evidence()`` (the tail of a log, say).
    """
    end = time.monotonic() + within
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() >= end:
            more = f"\n{evidence()}" if evidence else ""
            raise TimedOut(f"{what}: not within {within:g} s (last answer: {answer!r}){more}")
        time.sleep(every)
