"""Blocking, and the two states and the deadline of raylets, over a recorded story; survival beside them. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import inf

from harness.check.cause import HEAD_AGAIN
from harness.check.deadline import exited_on_time
from harness.check.endings import endings, heads_again
from harness.check.rows import read_until
from harness.check.ruling import About, Finding, Ruling, Violation, rule
from harness.check.story import Story
from harness.check.survived import survival
from harness.history.event import Event
from harness.history.outcomes import about

__all__ = ["blocking", "deadline", "survival", "two_state_raylet"]

GRACE_S = 2.0
"""How much longer than its limit a raylet may wait on a busy machine before it counts as a third state."""
NOTICED_S = 30.0
"""By when a GCS has noticed a dead node: 17 s by Ray's defaults (contract, N1), the rest for a busy machine."""


# --- blocking ------------------------------------------------------------------------------------


def blocking(story: Story) -> Ruling:
    """No control call that was made while there was no GCS was answered before there was one again."""
    lives = story.lives
    if any(life.who != "gcs" for life in lives):
        return Ruling("blocking", Finding.UNKNOWN, "two GCS could answer")
    gaps = [
        (life.ended, after.started if after is not None else inf, life.ids[-1])
        for life, after in pairwise([*lives, None])
        if life is not None and life.ended is not None
    ]
    ends = [end for _, end, _ in gaps]
    found, judged = [], 0
    for call in story.calls:
        place = bisect_left(ends, call.start)
        if place == len(gaps) or call.start < gaps[place][0] or not about(call.method).changes:
            continue
        judged += 1
        if call.outcome == "ok" and call.end is not None and call.end < ends[place]:
            found.append(
                Violation(
                    f"{call.method} was answered while there was no GCS",
                    f"by {call.client}'s account after {call.end - call.start:.3f} s",
                    (gaps[place][2], *call.ids),
                )
            )
    return rule("blocking", found, judged)


# --- raylets -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wait:
    """A raylet's wait for the GCS. ``end``: when it was over, or the record; ``why``: the event that
    ended it, None when the record did."""

    node: str
    limit: float
    since: float
    end: float
    why: Event | None
    ids: tuple[str, ...]


def _waits(story: Story) -> Iterator[Wait]:
    """The waits of raylets that nobody disturbed and whose limit is known."""
    limits = {
        one.who: float(one.facts["reconnect_limit"])
        for one in story.of("raylet")
        if one.what == "joins" and "reconnect_limit" in one.facts
    }
    frozen = {one.who for one in story.of("raylet") if one.what == "paused"}
    waiting: dict[str, Event] = {}
    for one in story.of("raylet"):
        began = waiting.get(one.who)
        if one.what == "waiting":
            waiting.setdefault(one.who, one)
        elif began is not None and one.what in ("connected", "exit", "killed"):
            del waiting[one.who]
            if one.who in limits.keys() - frozen:
                yield Wait(one.who, limits[one.who], began.at, one.at, one, (began.id, one.id))
    for node, began in waiting.items():
        if node in limits.keys() - frozen:
            yield Wait(node, limits[node], began.at, story.ended, None, (began.id,))


def two_state_raylet(story: Story) -> Ruling:
    """A raylet is connected, or waits within its limit, or is gone (ray#64349)."""
    found, judged = [], 0
    for wait in _waits(story):
        judged += 1
        lasted = wait.end - wait.since
        if lasted > wait.limit + GRACE_S:
            said = f"waited {lasted:.1f} s, with a limit of {wait.limit:g} s"
            found.append(_of_raylet("a raylet waited longer than its limit", wait.node, said, wait.ids))
    standing, looked = _half_gone(story)
    return rule("two-state raylet", [*found, *standing], judged + looked)


def deadline(story: Story) -> Ruling:
    """A raylet without a GCS leaves at its limit, and a GCS notices a raylet that left."""
    found, judged = [], 0
    for wait in _waits(story):
        if wait.why is None or wait.why.what != "exit" or "no GCS" not in wait.why.facts.get("why", ""):
            continue
        judged += 1
        for said in exited_on_time(wait.since, wait.end, wait.limit):
            early = wait.end - wait.since < wait.limit
            title = f"a raylet left {'before' if early else 'long after'} its limit"
            found.append(_of_raylet(title, wait.node, said, wait.ids))
    ghosts, looked = _ghosts(story)
    return rule("deadline", [*found, *ghosts], judged + looked)


def _of_raylet(sentence: str, node: str, said: str, ids: tuple[str, ...]) -> Violation:
    return Violation(sentence, f"raylet {node}: {said}", ids)


def _half_gone(story: Story) -> tuple[list[Violation], int]:
    """Raylets that the last look at rest shows connected, while their nodes are DEAD for no reason."""
    look = story.closing
    if look is None or not look.quiet or story.store_lost is not None:
        return [], 0
    if any(life.who != "gcs" for life in story.lives):
        return [], 0
    excuses = endings(story, deaths=False)
    read = read_until(story, look)
    nodes = look.view.get("nodes", {})
    known = [
        node
        for node, book in look.books.items()
        if book.get("state") == "connected" and node in nodes and not excuses.by(read, (node,))
    ]
    again = heads_again(story)
    return [
        Violation(
            "a raylet is connected, and its node is DEAD",
            f"raylet {node}: nobody asked for its end",
            (look.id,),
            About(HEAD_AGAIN, "NODE", keys=(node,)) if node in again else About(keys=(node,)),
        )
        for node in known
        if nodes[node]["state"] == "DEAD"
    ], len(known)


def _ghosts(story: Story) -> tuple[list[Violation], int]:
    """Nodes that a look shows ALIVE although their raylets are long gone, in undisturbed times."""
    ends = {one.who: one for one in story.of("raylet") if one.what in ("exit", "killed")}
    disturbed = [one.at for kind in ("gcs", "store", "fault") for one in story.of(kind)]
    found: dict[str, Violation] = {}
    judged = 0
    plans = (one.facts["notice"] for one in story.of("plan") if one.what == "health")
    patience = min(NOTICED_S, next(plans, NOTICED_S))
    for look in story.looks:
        calm = max((at for at in disturbed if at <= look.at), default=0.0)
        for node, row in look.view.get("nodes", {}).items():
            gone = ends.get(node)
            if gone is None or look.at - max(gone.at, calm) < patience:
                continue
            judged += 1
            if row["state"] == "ALIVE":
                said = f"gone {look.at - gone.at:.1f} s before"
                found[node] = _of_raylet(
                    "a raylet is long gone, and its node is ALIVE", node, said, (gone.id, look.id)
                )
    return list(found.values()), judged
