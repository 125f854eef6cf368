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


def never(what: str, probe: Callable[[], object], during: float, every: float = 0.01) -> None:
    """Ask ``probe`` every ``every`` seconds for ``during`` seconds: AssertionError once it gives something true.

    For what must not happen: there is no event to wait for, so the look has to last.
    """
    end = time.monotonic() + during
    while True:
        answer = probe()
        assert not answer, f"{what}: {answer!r}"
        if time.monotonic() >= end:
            return
        time.sleep(every)
