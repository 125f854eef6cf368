"""A GCS serves within a second of its first word to the store, but for what the store itself took. Pure.

Source: L5 of the contract. Judged in virtual time only (the cluster's fact ``clock``), where no machine is slow.
"""

from __future__ import annotations

from collections import Counter

from harness.check.ruling import Ruling, Violation, rule
from harness.check.story import Life, Story

NAME = "swift start"
READY_S = 1.0
ROWS = 100
"""So many rows in a table a GCS must load in that time."""


def swift(story: Story) -> Ruling:
    """Judged: every life that came to serve, with tables of ordinary size, and that nobody stopped meanwhile."""
    if story.built.get("clock") != "virtual" or not story.built.get("ledger"):
        return rule(NAME, (), 0)
    found, judged = [], 0
    for life in story.lives:
        if life.serving is None or not _small(story, life) or _hung(story, life, life.serving):
            continue
        judged += 1
        own = life.serving - life.started - _stored(story, life, life.serving)
        if own > READY_S:
            said = f"life {life.number}: {own:.3f} s beside what its store took"
            found.append(Violation("the GCS took more than a second until it served", said, life.ids))
    return rule(NAME, found, judged)


def _hung(story: Story, life: Life, until: float) -> bool:
    """Whether somebody stopped it before it served."""
    stops = (one for one in story.of("gcs") if one.what == "paused" and one.who == life.who)
    return any(life.started <= one.at <= until for one in stops)


def _small(story: Story, life: Life) -> bool:
    rows = {(one.table, one.key) for one in story.writes if one.entry.at < life.started}
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
