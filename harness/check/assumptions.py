"""What must be so for the other checks to mean anything. Never about the target: held, or unknown and why. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise

from harness.check.process import unexpected
from harness.check.ruling import Ruling, rule
from harness.check.story import Fault, Story

NAME = "assumptions"
SLACK = 0.5
"""Seconds by which an event may be written before or after the fault that it belongs to."""

# What must have happened in the time of a fault, by its name: kind of event, and any of these.
_DEEDS = (
    (re.compile(r"^(kill -9|SIGTERM) of the GCS|GCS returns at another IP"), "gcs", ("killed", "ended")),
    (re.compile(r"^SIGSTOP of the GCS"), "gcs", ("paused", "killed", "ended")),
    (re.compile(r"^a second GCS"), "gcs", ("started",)),
    (re.compile(r"^kill -9 of a raylet"), "raylet", ("killed", "gone", "exit")),
    (re.compile(r"^kill -9 of an actor's worker"), "worker", ("exited",)),
    (re.compile(r"^kill -9 of the store"), "store", ("killed",)),
    (re.compile(r"^SIGSTOP of the store"), "store", ("paused",)),
    (re.compile(r"^the store forgets"), "store", ("wiped",)),
    (re.compile(r"^the store's connections"), "store", ("cut",)),
    (re.compile(r"^the store is cut off"), "store", ("disconnected",)),
    (re.compile(r"^the store is replaced"), "store", ("killed",)),
    (re.compile(r"^the GCS is cut off"), "gcs", ("disconnected",)),
    (re.compile(r"^a partition of the raylets"), "gcs", ("partitioned",)),
    (re.compile(r"^a raylet is cut off"), "raylet", ("disconnected",)),
    (re.compile(r"^the GCS (is restarted|is replaced|has another wall clock)"), "gcs", ("killed", "ended")),
    (re.compile(r"^the GCS is out of memory"), "gcs", ("starved",)),
)


def assumptions(story: Story) -> Ruling:
    """Judged: the assumptions. UNKNOWN gives the first that does not hold."""
    wanting = next((why for one in ASSUMPTIONS for why in one(story)), "")
    return rule(NAME, (), len(ASSUMPTIONS), wanting)


def known_start(story: Story) -> bool:
    """Whether it is known what the store held at the start: nothing, or what somebody looked at."""
    if story.inherited is not None:
        return story.inherited.stored is not None
    first = next((life for life in story.lives if life.who == "gcs"), None)
    return story.baseline is not None or first is None or first.number == 0


def _start(story: Story) -> Iterator[str]:
    if not known_start(story):
        yield "the cluster had lived before, and nobody looked at its store"


def _hits(story: Story) -> Iterator[str]:
    for fault in story.faults:
        if not _has_hit(story, fault):
            yield f"the fault «{fault.name}» hit nothing"


def _has_hit(story: Story, fault: Fault) -> bool:
    """Whether something happened that shows it. What shows a fault that is not in the table nobody knows."""
    begin = fault.at - SLACK
    end = story.ended if fault.healed is None else fault.healed + SLACK
    wanted = [(kind, deeds) for name, kind, deeds in _DEEDS if name.search(fault.name)]
    return all(
        any(begin <= one.at <= end and one.what in deeds for one in story.of(kind)) for kind, deeds in wanted
    )


def _struck(story: Story) -> Iterator[str]:
    for one in story.of("note"):
        if one.what == "rule" and one.facts.get("struck") is False:
            yield "the crash point was never reached: its rule never struck"


def _traffic(story: Story) -> Iterator[str]:
    """A GCS that came back and was asked nothing shows nothing. A case may do without any calls.

    One that ends by itself, and comes back for that, is a breakage, and no recovery that the case is about.
    """
    lives = [life for life in story.lives if life.who == "gcs"]
    back = [after for before, after in pairwise(lives) if not unexpected(story, before)]
    if not story.calls or not back or back[-1].serving is None:
        return
    since = back[-1].serving
    if not any(call.end is not None and call.end >= since and call.grpc == "OK" for call in story.calls):
        yield "nothing was asked of the GCS after it had come back"


ASSUMPTIONS: tuple[Callable[[Story], Iterator[str]], ...] = (_start, _hits, _struck, _traffic)
