"""Acknowledged means stored: in the ledger before the acknowledgement, and found after every recovery. Pure.

Without exceptions among requests: what each promises is in :mod:`harness.check.effects`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harness.check import effects
from harness.check.inheritance import discarded
from harness.check.later import Later, early
from harness.check.long_keys import LongKeys
from harness.check.promise import Promise, Row, is_nil, under, worker_of
from harness.check.rows import Rows, named, passes
from harness.check.ruling import Ruling, Violation, rule
from harness.check.story import Call, Story
from harness.check.throughout import torn
from harness.history.outcomes import about

NAME = "durable"


def durable(story: Story) -> Ruling:
    """Every acknowledged request of the case, at its acknowledgement, in every later write and look."""
    until = story.store_lost if story.store_lost is not None else float("inf")
    changing = [one for one in story.calls if about(one.method).changes and one.start < until]
    strange = sorted({one.method for one in changing if not effects.known(one.method)})
    known = [one for one in changing if effects.known(one.method)]
    acknowledged = [one for one in known if one.outcome == "ok" and one.end is not None and one.end < until]
    rows = Rows(story)
    keys = LongKeys(story)
    promised = {one.id: effects.promises(keys.told(one)) for one in known}
    found: list[Violation] = []
    judged = 0
    if story.built.get("ledger"):
        for call in acknowledged:
            judged += 1
            found += _at_acknowledgement(call, promised[call.id], rows)
    later = Later(story, rows, [(one, promised[one.id]) for one in known], until)
    found += later.violations()
    blamed = {one.events[0] for one in found}
    found += [one for one in torn(story, rows, later, until) if one.events[0] not in blamed]
    found += discarded(story, rows, {*later.touched}, until)
    unknown = f"no effect is known of {', '.join(strange)}" if strange else ""
    return rule(NAME, found, judged + later.judged, unknown)


def _at_acknowledgement(call: Call, promises: Iterable[Promise], rows: Rows) -> Iterator[Violation]:
    for promise in promises:
        keys = [promise.key] if not promise.prefix else _with_prefix(rows, promise)
        for key in keys:
            if not _met(call, promise, key, rows):
                yield _too_early(call, promise, key, rows)
                return
    if call.method == "ReportWorkerFailure":
        yield from _left_alive(call, rows)


def _with_prefix(rows: Rows, promise: Promise) -> list[str]:
    found = {key for key in rows.keys(promise.table) if under(promise, key)}
    return sorted(found)


def _met(call: Call, promise: Promise, key: str, rows: Rows) -> bool:
    """Whether the promise was true at some moment of the call, by what the store had answered by its end."""
    if any(passes(promise.met, row) for row in _through(call, promise.table, key, rows)):
        return True
    if promise.unless is None:
        return False
    table, other, test = promise.unless
    return any(passes(test, row) for row in _through(call, table, other, rows))


def _through(call: Call, table: str, key: str, rows: Rows) -> Iterator[Row | None]:
    """Every state that the row may have been in during ``call``."""
    end = call.end or call.start
    yield from rows.during(table, key, call.start, end)
    yield from rows.possible(table, key, call.start)
    yield from rows.possible(table, key, end)


def _too_early(call: Call, promise: Promise, key: str, rows: Rows) -> Violation:
    end = call.end or call.start
    what = f"{call.method} ({named(promise.table, key)}) was acknowledged at {end:.6f}"
    late = next(
        (
            write
            for write in rows.writes(promise.table, key)
            if (write.done is None or write.done > end) and passes(promise.met, write.row)
        ),
        None,
    )
    if late is None or late.done is None:
        proof = call.ids if late is None else (*call.ids, late.entry.id)
        sent = "never written" if late is None else f"written at {late.entry.at:.6f}, never confirmed"
        # A write that nobody confirmed may have gone with the store.
        about = early(call.method, key, lost=late is None or not late.entry.applied)
        return Violation(f"{call.method} was acknowledged and never stored", f"{what}; {sent}", proof, about)
    said = f"{what}; written at {late.entry.at:.6f}, stored at {late.done:.6f}, {late.done - end:.6f} s late"
    proof = (*call.ids, late.entry.id)
    about = early(call.method, key)
    return Violation(f"{call.method} was acknowledged before it was stored", said, proof, about)


def _left_alive(call: Call, rows: Rows) -> Iterator[Violation]:
    """The actor that ran in a failed worker must not stand there any more once that is acknowledged."""
    worker = effects.failed_worker(call)
    if is_nil(worker):
        return
    for actor in rows.actors_in(worker):
        before = rows.possible("ACTOR", actor, call.start, pending=True)
        if not all(row is not None and worker_of(row) == worker for row in before):
            continue
        left = effects.without_worker(worker)
        promise = Promise("ACTOR", actor, left, left)
        if not _met(call, promise, actor, rows):
            yield _too_early(call, promise, actor, rows)
