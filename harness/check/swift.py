"""A GCS serves within a second of its first word to the store, but for what the store itself took. Pure.

Source: L5 of the contract. In virtual time (the cluster's fact ``clock``) no machine is slow, and a second is a second.
A real start is judged by when it was last seen not to serve, and one that took longer is given, beside its second, what
bare starts of the same program took at that very time: a machine that is busy slows both. Where nobody timed those,
a slow start is not judged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from harness.check.ruling import Ruling, Violation, rule
from harness.check.story import Life, Story
from harness.check.troubles import Span, spans
from harness.history.event import BARE_START, Event

NAME = "swift start"
READY_S = 1.0
ROWS = 100
"""So many rows in a table a GCS must load in that time."""
BARE_STARTS = 5.0
"""For how many bare starts of its program a real one is given time: it also loads its tables and opens its port."""
_NEVER = float("inf")
_DOWN = {"paused": "resumed", "killed": "restarted", "disconnected": "connected"}

_Key = tuple[str, int]


def swift(story: Story) -> Ruling:
    """Judged: every life that came to serve, with tables of ordinary size, and that nobody stopped meanwhile."""
    if not story.built.get("ledger"):
        return rule(NAME, (), 0)
    own_time = _in_virtual_time if story.built.get("clock") == "virtual" else _RealTime(story)
    found, judged = [], 0
    for life in story.lives:
        if life.serving is None or not _small(story, life) or _hung(story, life, life.serving):
            continue
        timed = own_time(story, life, life.serving)
        if timed is None:
            continue
        judged += 1
        own, bound = timed
        if own > bound:
            bare = (bound - READY_S) / BARE_STARTS
            more = f"; a bare start of its program took {bare:.3f} s" if bare else ""
            said = f"life {life.number}: {own:.3f} s beside what its store took{more}"
            found.append(Violation("the GCS took more than a second until it served", said, life.ids))
    return rule(NAME, found, judged)


def _in_virtual_time(story: Story, life: Life, serving: float) -> tuple[float, float] | None:
    return serving - life.started - _stored(story, life, serving), READY_S


class _RealTime:
    """What a real start took for certain, and what it may take; None where that cannot be said."""

    def __init__(self, story: Story) -> None:
        self._silent = _facts(story.of("gcs"), "serving", "silent")
        self._bare = _facts(story.of("note"), BARE_START, "seconds")
        self._older = _facts(story.of("gcs"), "started", "again")
        store = [(one.at, one.what) for one in story.of("store")]
        down = ((since, _answered(story, until)) for since, until in spans(store, _DOWN))
        self._away: list[Span] = [*down, *((at, at) for at, _ in store)]
        links = [(one.at, one.what) for one in story.of("gcs")]
        self._away += spans(links, {"disconnected": "connected"})

    def __call__(self, story: Story, life: Life, serving: float) -> tuple[float, float] | None:
        key = (life.who, life.number)
        lost = story.store_lost
        if key in self._older or (lost is not None and lost <= serving):
            return None  # nobody saw it start, or knows how much it had to load
        if any(since <= serving and until >= life.started for since, until in self._away):
            return None
        own = serving - life.started - _stored(story, life, serving)
        if own <= READY_S:
            return own, READY_S
        silent, bare = self._silent.get(key), self._bare.get(key)
        if silent is None or bare is None:
            return None
        certain = silent - life.started - _stored(story, life, silent)
        return (certain, READY_S + BARE_STARTS * bare) if certain > READY_S else None


def _answered(story: Story, since: float) -> float:
    """When the store answered a command after ``since``: one that has just started refuses connections."""
    return min((one.done for one in story.ledger if one.done is not None and one.at >= since), default=_NEVER)


def _facts(events: Sequence[Event], what: str, name: str) -> Mapping[_Key, float]:
    """Of each life what the events called ``what`` say in their fact ``name``."""
    told = (one for one in events if one.what == what and name in one.facts)
    return {(one.who, one.facts["life"]): one.facts[name] for one in told}


def _hung(story: Story, life: Life, until: float) -> bool:
    """Whether somebody stopped it before it served."""
    stops = (one for one in story.of("gcs") if one.what == "paused" and one.who == life.who)
    return any(life.started <= one.at <= until for one in stops)


def _small(story: Story, life: Life) -> bool:
    rows = {(one.table, one.key) for one in story.writes if one.entry.at < life.started}
    found = story.baseline.stored if story.baseline is not None else None
    rows |= {(table, key) for table, kept in (found or {}).items() for key in kept}
    counts = Counter(table for table, _ in rows)
    return all(count <= ROWS for count in counts.values())


def _stored(story: Story, life: Life, until: float) -> float:
    """Seconds in which it waited for a command, from its start until it served."""
    waits = sorted(
        (one.at, min(one.done if one.done is not None else until, until))
        for one in story.ledger
        if one.via == life.who and life.started <= one.at <= until
    )
    spent, reached = 0.0, life.started
    for begin, end in waits:
        spent += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return spent
