"""A GCS that serves answers every request within its bound. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harness.check.ruling import Ruling, Violation, rule
from harness.check.story import Call, Life, Story
from harness.check.waits import hanging
from harness.history.outcomes import about

NAME = "answered"
BOUND = 10.0
"""Seconds in which a request without a deadline must be answered."""
SHORTEST = 2.0
"""Seconds that a client must have waited for its deadline to say anything."""
SLOW_STORE = 1.0
"""Seconds without a reply after which a store is slow, and the GCS may be too."""
# A stream has no end; these answer when a raylet, a worker or an actor does.
NOT_ITS_OWN = frozenset(
    {"StartSync", "DrainNode", "RestartActorForLineageReconstruction", "GetAllResourceUsage"}
)

Span = tuple[float, float]


def answered(story: Story) -> Ruling:
    """Judged: every call that a GCS alone has to answer; and those that wait for the world, once that has come.

    Counts as unanswered only what one life of the GCS, that answered the same client at another time,
    had to itself for the whole of its bound, with its store and its links as they should be.
    """
    judged, found = 0, []
    troubles: list[Span] | None = None
    for call in story.calls:
        if about(call.method).waits or call.method in NOT_ITS_OWN or _asks_workers(call):
            continue
        judged += 1
        until = _waited_until(story, call)
        if until is None:
            continue
        life = _sole_life(story, call.start, until)
        if life is None or not _reached(story, call, life):
            continue
        troubles = list(_troubles(story)) if troubles is None else troubles
        if not any(begin <= until and end >= call.start for begin, end in troubles):
            waited = until - call.start
            detail = f"{call.client} waited {waited:.1f} s while life {life.number} of the {life.who} served"
            found.append(Violation(f"{call.method} was not answered", detail, call.ids))
    return rule(NAME, [*found, *hanging(story)], judged)


def _asks_workers(call: Call) -> bool:
    return call.method == "GetAllJobInfo" and not call.request.get("skip_is_running_tasks_field")


def _waited_until(story: Story, call: Call) -> float | None:
    """Until when a call waited in vain; None: it was answered, or gave up too early to tell."""
    if call.end is None:
        end = call.start + (BOUND if call.deadline is None else max(BOUND, call.deadline))
        return end if end <= story.ended else None
    vain = call.grpc == "DEADLINE_EXCEEDED" and (call.deadline or 0.0) >= SHORTEST
    return call.end if vain and call.end - call.start >= SHORTEST else None


def _sole_life(story: Story, start: float, end: float) -> Life | None:
    """The one GCS that lived in that time, if it served all through, and was not found dead later:
    nobody knows since when such a one was."""
    living = [life for life in story.lives if life.started <= end and (life.ended or end) >= start]
    if len(living) != 1:
        return None
    (life,) = living
    served = life.serving is not None and life.serving <= start
    return life if served and life.why != "ended" and (life.ended is None or life.ended > end) else None


def _reached(story: Story, call: Call, life: Life) -> bool:
    """Whether the same client got an answer of this life, at another time."""
    return any(
        other.client == call.client
        and other.grpc == "OK"
        and other.start >= (life.serving or 0.0)
        and (life.ended is None or (other.end or 0.0) < life.ended)
        for other in story.calls
    )


def _troubles(story: Story) -> Iterator[Span]:
    """When anything was broken on purpose, or the store was late."""
    yield from ((one.at, one.healed if one.healed is not None else story.ended) for one in story.faults)
    yield from _pauses((one.at, one.what) for one in story.of("gcs"))
    yield from _pauses((one.at, one.what) for one in story.of("store"))
    for order in story.of("order"):
        if order.facts.get("script"):
            yield order.at, story.ended
    for entry in story.ledger:
        done = entry.done if entry.done is not None else story.ended
        if entry.rule or done - entry.at > SLOW_STORE:
            yield entry.at, max(done, entry.at + SLOW_STORE)


def _pauses(told: Iterable[tuple[float, str]]) -> Iterator[Span]:
    """From each pause or end to what undoes it."""
    since: float | None = None
    for at, what in told:
        if what in ("paused", "killed", "lost", "wiped", "tampered"):
            since = at if since is None else since
        elif what in ("resumed", "restarted", "serving") and since is not None:
            yield since, at
            since = None
    if since is not None:
        yield since, float("inf")
