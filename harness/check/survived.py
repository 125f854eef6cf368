"""Survival over a recorded story: what ran lives on, through watches and through every outage. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf
from operator import attrgetter

from harness.check.endings import Endings, endings
from harness.check.living import Living, order, seen
from harness.check.ruling import Ruling, Violation, rule, signature
from harness.check.story import Story
from harness.check.survival import (
    KILLS,
    RELEASES,
    SHUTDOWNS,
    Order,
    Pulse,
    lived_on,
    same_objects,
    unharmed,
)
from harness.history.event import Event

HARMFUL = KILLS | RELEASES | SHUTDOWNS | {"ReleaseUnusedActorWorkers", "ReleaseUnusedBundles"}
SETTLING_S = 5.0
"""How long after a recovery harm may still come of it: probes fail in 2 s, owners are asked after 1 s."""

JOB_DIGITS = 8
"""An actor's and a group's id end with their job's, 4 bytes (contract, section 1)."""

Ties = Mapping[str, frozenset[str]]


@dataclass
class Span:
    """From ``start`` to ``end`` (monotonic seconds) ``workers`` and ``bundles`` (id -> node) had to live.

    ``ties``: the ids whose end is an end of theirs; ``id``: the event with which the span began;
    ``begin``: that event, and ``watched`` the later ones that tell how it stood, of a watch.
    """

    start: float
    end: float
    id: str
    begin: Event | None = None
    watched: Sequence[Event] = ()
    workers: Mapping[str, str] = field(default_factory=dict)
    bundles: Mapping[str, str] = field(default_factory=dict)
    ties: Ties = field(default_factory=dict)


def survival(story: Story) -> Ruling:
    """What ran lives on: between the begin and the ends of each watch, and across each outage of the GCS, or of
    the way to it."""
    excuses = endings(story)
    orders = [one for one in story.of("order") if one.what in HARMFUL and "fields" in one.facts]
    found: dict[tuple[str, str], Violation] = {}
    judged = 0
    for span in _protected(story, excuses):
        judged += len(span.watched) + len(span.workers) + len(span.bundles)
        for one in (*_harmed(orders, span, excuses), *_lost(story, span, excuses)):
            # A watch over an outage sees the same orders, and it may end often: each harm is told once.
            found.setdefault((one.signature, one.detail), one)
    return rule("survival", found.values(), judged)


# --- when, and what --------------------------------------------------------------------------------


def _protected(story: Story, excuses: Endings) -> Iterator[Span]:
    """Each span, with what stood for certain at its start and whose end nobody had asked for."""
    living, shown, place = Living(), seen(story), 0
    spans = iter(sorted([*_outages(story), *_watches(story)], key=attrgetter("start")))
    span = next(spans, None)
    for one in story.events:
        while place < len(shown) and shown[place].at <= one.at:
            shown[place].tell(living)
            place += 1
        while span is not None and span.start <= one.at:
            yield _protecting(span, living, excuses)
            span = next(spans, None)
        living.take(one)


def _outages(story: Story) -> Iterator[Span]:
    """From each end of a GCS that was alone on its store until the next has settled, or has ended itself; and each
    time that it was cut off."""
    if any(life.who != "gcs" for life in story.lives):
        return
    yield from _silences(story)
    for life, after in pairwise([*story.lives, None]):
        if life is None or life.ended is None:
            continue
        end = story.ended
        if after is not None and after.serving is not None:
            end = after.serving + SETTLING_S
        if after is not None and after.ended is not None:
            end = min(end, after.ended)
        yield Span(life.ended, min(end, _lost_at(story)), life.ids[-1])


def _silences(story: Story) -> Iterator[Span]:
    """From each moment at which a GCS was cut off from raylets until what came of that has settled."""
    since: Event | None = None
    for one in story.of("gcs"):
        if one.what in ("disconnected", "partitioned"):
            since = one
        elif since is not None and one.what in ("connected", "killed", "ended"):
            yield Span(since.at, min(one.at + SETTLING_S, _lost_at(story)), since.id)
            since = None
    if since is not None:
        yield Span(since.at, min(story.ended, _lost_at(story)), since.id)


def _watches(story: Story) -> Iterator[Span]:
    """Each watch, with all its ends that a store behind it did not make void."""
    begins: dict[str, Event] = {}
    ends: dict[str, list[Event]] = {}
    last = ""
    for one in story.of("watch"):
        if one.what == "begin":
            last, begins[one.id] = one.id, one
        elif one.at < _lost_at(story):
            ends.setdefault(one.facts.get("begin", last), []).append(one)
    for id, begin in begins.items():
        if id in ends:
            yield Span(begin.at, ends[id][-1].at, id, begin, ends[id])


def _lost_at(story: Story) -> float:
    return inf if story.store_lost is None else story.store_lost


def _protecting(span: Span, living: Living, excuses: Endings) -> Span:
    workers, bundles = living.workers(), living.created()
    if span.begin is not None:
        facts = span.begin.facts
        workers = {one: node for one, node in workers.items() if one in facts.get("workers", {})}
        bundles = {one: node for one, node in bundles.items() if one in facts.get("bundles", {})}
    owners = {worker: living.at[worker][1] for worker in workers}
    owners |= {bundle: bundle.partition(":")[0] for bundle in bundles}
    places = {**workers, **bundles}
    ties = {
        one: known | {one, places[one]}
        for one, owner in owners.items()
        if (known := _tied(owner, span, excuses)) is not None
    }
    span.ties = {one: tied for one, tied in ties.items() if not excuses.by(span.start, tied)}
    span.workers = {one: node for one, node in workers.items() if one in span.ties}
    span.bundles = {one: node for one, node in bundles.items() if one in span.ties}
    return span


def _tied(owner: str, span: Span, excuses: Endings) -> frozenset[str] | None:
    """The ids whose end is the end of an actor or group. Of one whose creation is not in the record:
    None, but in a watch, whose scenario vouches for it, its own and its job's."""
    if owner in excuses.ties:
        return excuses.ties[owner]
    return None if span.begin is None else frozenset({owner, owner[-JOB_DIGITS:]})


# --- what became of it -----------------------------------------------------------------------------


def _lost(story: Story, span: Span, excuses: Endings) -> Iterator[Violation]:
    """Signs of life and objects of a watch that are not at its ends what they were at its begin."""
    if span.begin is None:
        return
    processes = _processes(story, excuses)
    for end in span.watched:
        before = [
            one for one in _pulses(span.begin) if not excuses.by(end.at, processes.get(one.pid, frozenset()))
        ]
        said = lived_on(before, _pulses(end))
        if excuses.first_node > end.at:  # a node takes its objects with it
            said += same_objects(span.begin.facts.get("objects", {}), end.facts.get("objects", {}))
        for one in said:
            yield Violation(signature(one), one, (span.id, end.id))


def _pulses(one: Event) -> list[Pulse]:
    return [Pulse(**pulse) for pulse in one.facts.get("pulses", ())]


def _processes(story: Story, excuses: Endings) -> dict[int, frozenset[str]]:
    """The pid of each worker -> the ids whose end is its end."""
    found: dict[int, frozenset[str]] = {}
    for one in story.of("worker"):
        actor = one.facts.get("actor", "")
        mine = {one.facts["worker"], one.who, *excuses.ties.get(actor, ()), *([actor] if actor else ())}
        found[one.facts["pid"]] = found.get(one.facts["pid"], frozenset()) | mine
    return found


def _harmed(orders: list[Event], span: Span, excuses: Endings) -> Iterator[Violation]:
    moment = attrgetter("at")
    first, last = (bisect_left(orders, at, key=moment) for at in (span.start, span.end))
    for event in orders[first:last]:
        told = order(event)
        workers = _concerned(span.workers, told, span.ties, excuses)
        # A group that lost a node is placed anew, with whatever that takes.
        bundles = _concerned(span.bundles, told, span.ties, excuses) if excuses.first_node > event.at else {}
        for said in unharmed([told], workers, bundles):
            yield Violation(signature(said), said, (span.id, event.id))


def _concerned(living: Mapping[str, str], told: Order, ties: Ties, excuses: Endings) -> dict[str, str]:
    """Those of ``living`` that the order could end, and for whose end there was no reason by then."""
    if told.method in KILLS | RELEASES:
        near = [one for one in told.ids if one in living]
    else:
        near = [one for one, node in living.items() if node == told.node]
    return {one: living[one] for one in near if not excuses.before(told.at, ties.get(one, ()))}
