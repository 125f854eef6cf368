"""CheckAlive says of each node in its turn whether it is ALIVE. Pure. Source: N6 of the contract."""

from __future__ import annotations

from collections.abc import Iterator

from harness.check.assumptions import known_start
from harness.check.rows import UNKNOWN, Rows
from harness.check.ruling import About, Ruling, Violation, rule
from harness.check.story import Call, Story
from harness.wire.dialect import dialect

NAME = "CheckAlive"
LEARNING_S = 0.5
"""Seconds that a GCS may take to read what the store has told it."""


def check_alive(story: Story) -> Ruling:
    """Judged: every answer to a CheckAlive that names nodes, against what the store held of them.

    Not of releases that are asked for addresses, and know no field of that name.
    """
    by_address = dialect(story.built.get("release") or "2.60.0").checks_alive_by_address
    if by_address or any(one.who != "gcs" for one in story.lives):
        return rule(NAME, (), 0)
    until = story.store_lost if story.store_lost is not None else float("inf")
    told = [
        one
        for one in story.calls
        if one.method == "CheckAlive"
        and one.outcome == "ok"
        and one.request.get("node_ids")
        and (one.end or 0.0) < until
    ]
    rows = Rows(story) if story.built.get("ledger") and known_start(story) else None
    unwritten = list(_unwritten(story))
    found = [
        violation
        for call in told
        for violation in _wrong(call, None if any(_within(call, one) for one in unwritten) else rows)
    ]
    return rule(NAME, found, len(told))


def _unwritten(story: Story) -> Iterator[tuple[float, float]]:
    """From each death of the store to the end of the GCS that lived then: it may know what it could not write."""
    for one in story.of("store"):
        if one.what == "killed":
            ends = (life.ended for life in story.lives if life.started <= one.at)
            last = [end if end is not None else float("inf") for end in ends]
            yield one.at, max([one.at, *last])


def _within(call: Call, span: tuple[float, float]) -> bool:
    return call.start <= span[1] and (call.end or call.start) >= span[0]


def _wrong(call: Call, rows: Rows | None) -> Iterator[Violation]:
    asked, said = list(call.request["node_ids"]), list(call.reply.get("raylet_alive", ()))
    if len(said) != len(asked):
        detail = f"{len(asked)} nodes asked for, {len(said)} answers"
        yield Violation("CheckAlive does not answer one for one", detail, call.ids)
        return
    for place, (node, alive) in enumerate(zip(asked, said, strict=True)):
        if rows is not None and (states := _states(rows, node, call)) and bool(alive) not in states:
            detail = f"place {place}: node {node} is {'not ' * (not alive)}alive by its answer"
            about = About(
                "DEAD before that is stored" if not alive else "ALIVE though DEAD is stored",
                "NODE",
                keys=(node,),
            )
            yield Violation("CheckAlive is wrong about a node", detail, call.ids, about)
            return


def _states(rows: Rows, node: str, call: Call) -> set[bool]:
    """Whether the node was ALIVE at any moment of the call; empty: nobody knows."""
    start, end = call.start - LEARNING_S, call.end if call.end is not None else call.start
    held = [
        *rows.possible("NODE", node, start, pending=True),
        *rows.possible("NODE", node, end, pending=True),
        *rows.during("NODE", node, start, end),
    ]
    if any(row is UNKNOWN for row in held):
        return set()
    return {(row or {}).get("state") == "ALIVE" for row in held}
