"""Syncer streams: the newest of a node counts, each view goes to all others, and none back. Pure.

Source: B5 and B6 of the contract. Idle where the record holds no streams. What raylets write of theirs, real ones
and simulated: ``sync`` in :mod:`harness.history.event`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.check.calm import SETTLED_S, last_rest
from harness.check.observed import CHANNELS
from harness.check.ruling import Ruling, Violation, rule
from harness.check.story import Life, Look, Story
from harness.check.troubles import Troubles
from harness.history.event import Event

NAME = "syncer streams"
AFTERMATH_S = 1.0
"""Seconds after the end of a GCS in which a raylet may still notice that its stream has ended."""
FORESIGHT_S = 0.5
"""Seconds for which a GCS may know that a node is dead before its store is told: it hangs up first, and writes then."""
BROKEN_LINK = frozenset({"UNAVAILABLE", "CANCELLED", "UNKNOWN", "INTERNAL"})
"""What gRPC says where a connection broke; an end that a GCS wants has another status, or none."""


def streams(story: Story) -> Ruling:
    """Judged: every stream, and at rest every pair of nodes that have one."""
    told = story.of("sync")
    if not told or any(one.who != "gcs" for one in story.lives):
        return rule(NAME, (), 0)
    found = [*_echoed(told), *_refused(story, told)]
    rest = last_rest(story)
    if rest is not None:
        found += _untold(told, *rest)
    return rule(NAME, found, sum(one.what == "open" for one in told))


def _echoed(told: Sequence[Event]) -> Iterator[Violation]:
    for one in told:
        if one.what == "view" and one.who in one.facts.get("of", ()):
            yield Violation("a node was sent its own view", f"node {one.who} at {one.at:.6f}", (one.id,))


def _refused(story: Story, told: Sequence[Event]) -> Iterator[Violation]:
    """Newest streams of living nodes that a living GCS ended."""
    troubles, dead = Troubles(story), _dead(story)
    newest: dict[str, Event] = {}
    for one in told:
        if one.what == "open":
            newest[one.who] = one
        opened = newest.get(one.who)
        if one.what != "closed" or opened is None or not _same(opened, one):
            continue
        if one.facts.get("grpc") in BROKEN_LINK:
            continue
        since = one.at - AFTERMATH_S
        ending = any(life.ended is not None and since <= life.ended <= one.at for life in story.lives)
        gone = troubles.ended(one.who, one.at) or one.at >= dead.get(one.who, float("inf")) - FORESIGHT_S
        if not ending and not gone and not troubles.any(one.who, since, one.at):
            said = f"node {one.who}: opened at {opened.at:.6f}, ended at {one.at:.6f}"
            yield Violation("the newest stream of a living node was ended", said, (opened.id, one.id))


def _dead(story: Story) -> dict[str, float]:
    """Node -> when the store, or news of it, first said that it is DEAD."""
    found: dict[str, float] = {}
    for write in story.writes:
        if write.table == "NODE" and (write.row or {}).get("state") == "DEAD":
            found[write.key] = min(write.entry.at, found.get(write.key, float("inf")))
    for one in story.of("message"):
        if CHANNELS.get(one.what) == "NODE" and one.facts.get("payload", {}).get("state") == "DEAD":
            key = str(one.facts.get("key", ""))
            found[key] = min(one.at, found.get(key, float("inf")))
    return found


def _untold(told: Sequence[Event], look: Look, life: Life) -> Iterator[Violation]:
    """Nodes that have not heard of another's view since they opened their stream, though both have long had one."""
    opened: dict[str, Event] = {}
    heard: dict[str, set[str]] = {}
    for one in told:
        if one.at > look.at:
            break
        if one.what == "open" and not one.facts.get("foreign"):
            opened[one.who], heard[one.who] = one, set()
        elif one.what == "open":
            opened.pop(one.who, None)  # what comes by that stream nobody writes down
        elif one.what == "closed" and _same(opened.get(one.who), one):
            del opened[one.who]
        elif one.what == "view":
            heard.setdefault(one.who, set()).update(one.facts.get("of", ()))
    nodes = look.view.get("nodes", {})
    since = life.serving if life.serving is not None else float("inf")
    long = [
        node
        for node, one in opened.items()
        if since <= one.at <= look.at - SETTLED_S
        and nodes.get(node, {}).get("state") == "ALIVE"
        and look.books.get(node, {}).get("state") == "connected"
    ]
    for node in long:
        for other in long:
            if other != node and other not in heard[node]:
                said = f"node {node}, which opened its stream at {opened[node].at:.6f}, of node {other}"
                yield Violation(
                    "a node was not told of another's view",
                    said,
                    (opened[node].id, opened[other].id, look.id),
                )


def _same(opened: Event | None, closed: Event) -> bool:
    return opened is not None and opened.facts["stream"] == closed.facts["stream"]
