"""What is published is stored already: news of a row that the store does not have may never come true. Pure."""

from __future__ import annotations

from math import inf

from harness.check.assumptions import known_start
from harness.check.observed import CHANNELS, Stage, stage
from harness.check.promise import Row
from harness.check.rows import UNKNOWN, Rows
from harness.check.ruling import Violation
from harness.check.story import Story
from harness.history.event import Event

# Only in memory (contract, section 2.5): published without any write.
UNWRITTEN = frozenset({"PENDING_CREATION"})
NOUNS = {"ACTOR": "an actor", "NODE": "a node", "JOB": "a job"}


def premature(story: Story) -> list[Violation]:
    """The messages of states that had not been stored when they came, one for each row and state.

    Without a ledger, or with two GCS at once, nobody knows.
    """
    if not story.built.get("ledger") or not known_start(story):
        return []
    if any(life.who != "gcs" for life in story.lives):
        return []
    until = story.store_lost if story.store_lost is not None else inf
    rows = Rows(story)
    found: dict[tuple[str, str, Stage], Violation] = {}
    for one in story.of("message"):
        table = CHANNELS.get(one.what, "")
        told = _told(table, one)
        if told is None or told.state in UNWRITTEN or one.at >= until:
            continue
        key = str(one.facts["key"])
        since = _stored_since(rows, table, key, told)
        if one.at < since:
            found.setdefault((table, key, told), _violation(one, table, told, since))
    return list(found.values())


def _told(table: str, one: Event) -> Stage | None:
    stands = stage(table, one.facts.get("payload", {})) if table else None
    return None if stands is None else Stage(stands.state, stands.restarts)


def _stored_since(rows: Rows, table: str, key: str, told: Stage) -> float:
    """When the row may first have been stored so; infinite if it never was."""
    start = rows.start(table, key)
    if start is UNKNOWN or (start is not None and _is(table, start, told)):
        return -inf
    # A write without a reply may have been done as soon as it was sent.
    times = (
        one.done if one.done is not None else one.entry.at
        for one in rows.writes(table, key)
        if one.row is not None and _is(table, one.row, told)
    )
    return min(times, default=inf)


def _is(table: str, row: Row, told: Stage) -> bool:
    """Whether ``row`` tells the same; of one that cannot be read nobody knows."""
    stands = stage(table, row)
    return stands is None or Stage(stands.state, stands.restarts) == told


def _violation(one: Event, table: str, told: Stage, since: float) -> Violation:
    late = "it was never stored" if since == inf else f"it was stored {since - one.at:.6f} s later"
    return Violation(
        f"it was published that {NOUNS[table]} is {told.state} before that was stored",
        f"{table} {str(one.facts['key'])[:12]}: {one.who} heard of it at {one.at:.6f}; {late}",
        (one.id,),
    )
