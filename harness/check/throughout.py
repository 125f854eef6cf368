"""What was acknowledged stays in the store at every moment, not only when somebody looks. Pure.

A row that is deleted and put back, or changed and changed back, is lost if the GCS dies in between.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from harness.check import cause, effects
from harness.check.endings import endings
from harness.check.later import Later, Touch
from harness.check.promise import Row, dead_or_absent, unreadable
from harness.check.rows import UNKNOWN, Rows, jobs_before, named
from harness.check.ruling import About, Violation
from harness.check.story import Look, Story, Write
from harness.wire import ids

SPECS = "ACTOR_TASK_SPEC"


def torn(story: Story, rows: Rows, later: Later, until: float) -> Iterator[Violation]:
    """The writes before ``until`` that left less than what had been acknowledged by then.

    Of two GCS at once neither is to blame for what the other writes.
    """
    if not story.built.get("ledger") or any(life.who != "gcs" for life in story.lives):
        return
    for table, key in later.touched:
        for write in rows.writes(table, key):
            last = later.broken_by(write, key, until)
            if last is not None:
                yield replace(_violation(last, write, key), about=_traced(write, key, rows))
    yield from _lost_specs(story, rows, until)


def _traced(write: Write, key: str, rows: Rows) -> About:
    """That the row was DEAD before, where it was: the promise had ended, and the row came back."""
    before = rows.possible(write.table, key, write.entry.at)
    dead = write.row is not None and all(
        row is not UNKNOWN and (row or {}).get("state") == "DEAD" for row in before
    )
    return cause.about(cause.back_from_the_dead("durable", write.table), key) if dead else About(keys=(key,))


def _violation(last: Touch, write: Write, key: str) -> Violation:
    deed = "deleted" if write.row is None else "changed"
    found = "" if write.row is None else f", to {dict(write.row)}"
    said = f"{named(write.table, key)}: acknowledged at {last.call.end:.6f}, {deed} at {write.entry.at:.6f}{found}"
    return Violation(
        f"{last.call.method} was acknowledged, and its row was {deed} by nobody's wish",
        said[:400],
        (*last.call.ids, write.entry.id),
    )


def _lost_specs(story: Story, rows: Rows, until: float) -> Iterator[Violation]:
    """Without its task spec an actor cannot be loaded. It goes when the actor is DEAD, or had to end."""
    excuses = endings(story)
    ties = {**_ties(story.baseline), **excuses.ties}
    jobs = _jobs(story)
    for actor, (since, proof) in _kept(story).items():
        if actor[-2 * ids.JOB :] not in jobs:
            continue
        for write in rows.writes(SPECS, actor):
            if write.row is not None or write.done is None or not since <= write.entry.at < until:
                continue
            held = rows.possible("ACTOR", actor, write.done, pending=True)
            if any(row is UNKNOWN or unreadable(row) or dead_or_absent(row) for row in held):
                continue
            if _over_with_its_job(actor, held, rows, write.done):
                continue
            if not excuses.by(write.done, ties.get(actor, frozenset())):
                yield Violation(
                    "the task spec of an actor that is not DEAD was deleted",
                    f"{named(SPECS, actor)}: there since {since:.6f}, deleted at {write.entry.at:.6f}",
                    (*proof, write.entry.id),
                )


def _over_with_its_job(actor: str, held: list[Row | None], rows: Rows, at: float) -> bool:
    """Whether the job of an owned actor may have been finished, by whoever said so: such an actor is not loaded."""
    if all((row or {}).get("is_detached") for row in held):
        return False
    jobs = rows.possible("JOB", actor[-2 * ids.JOB :], at, pending=True)
    return any((row or {}).get("is_dead") for row in jobs)


def _kept(story: Story) -> dict[str, tuple[float, tuple[str, ...]]]:
    """Actor -> since when its task spec has to be there, and what shows that."""
    found: dict[str, tuple[float, tuple[str, ...]]] = {}
    look = story.baseline
    if look is not None and look.stored is not None:
        found = dict.fromkeys(look.stored.get(SPECS, {}), (look.at, (look.id,)))
    for call in story.calls:
        if call.method == "RegisterActor" and call.outcome == "ok" and call.end is not None:
            found.setdefault(effects.created_actor(call), (call.end, call.ids))
    return found


def _ties(look: Look | None) -> dict[str, frozenset[str]]:
    """Of the actors that were there at the start, the ids whose end is theirs too."""
    stored = look.stored or {} if look is not None else {}
    found = {}
    for actor, row in stored.get("ACTOR", {}).items():
        spec = stored.get(SPECS, {}).get(actor, {})
        ties = {actor, spec.get("root_detached_actor_id", "")}
        if not row.get("is_detached"):
            owner = row.get("owner_address", {})
            ties |= {actor[-2 * ids.JOB :], owner.get("worker_id", ""), owner.get("node_id", "")}
        found[actor] = frozenset(one for one in ties if one)
    return found


def _jobs(story: Story) -> frozenset[str]:
    """Jobs that lived at the start, or were added: of any other no actor need be loaded."""
    added = {
        str(one.request.get("data", {}).get("job_id", ""))
        for one in story.calls
        if one.method == "AddJob" and one.outcome == "ok"
    }
    known = jobs_before(story.baseline)
    return frozenset({*added, *(job for job, over in known.items() if not over)})
