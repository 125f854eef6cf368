"""GetNextJobID never gives a number twice and, between calls that do not overlap, only larger ones. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.check.rows import jobs_before
from harness.check.ruling import Ruling, Violation, rule
from harness.check.story import Call, Story
from harness.wire import ids, layout

NAME = "unique job ids"


def unique_job_ids(story: Story) -> Ruling:
    """Across recoveries, except of a store that is right to forget with its GCS."""
    until = story.store_lost if story.store_lost is not None else float("inf")
    calls = [one for one in story.calls if one.outcome == "ok" and one.end is not None and one.end < until]
    given = [one for one in calls if one.method == "GetNextJobID"]
    eras = _eras(given, story) if story.built.get("store") == "memory" else [given]
    found: list[Violation] = []
    for era in eras:
        found += _twice(era)
        found += _sinking(era)
        found += _taken(era, calls, story)
        found += _counted(era, story)
    return rule(NAME, found, len(given))


def _eras(given: Sequence[Call], story: Story) -> list[list[Call]]:
    """The calls between two ends of a GCS; those that an end falls into are left out."""
    ends = sorted(life.ended for life in story.lives if life.ended is not None)
    found: dict[int, list[Call]] = {}
    for call in given:
        if not any(call.start <= end <= (call.end or call.start) for end in ends):
            found.setdefault(sum(end < call.start for end in ends), []).append(call)
    return list(found.values())


def _number(call: Call) -> int:
    return int(call.reply.get("job_id", 0))


def _twice(given: Sequence[Call]) -> Iterator[Violation]:
    first: dict[int, Call] = {}
    for call in given:
        number = _number(call)
        if first.setdefault(number, call) is not call:
            said = f"{number}: at {first[number].end:.6f} and at {call.end:.6f}"
            yield Violation("GetNextJobID gave a number twice", said, (*first[number].ids, *call.ids))


def _sinking(given: Sequence[Call]) -> Iterator[Violation]:
    ended = iter(sorted(given, key=lambda one: one.end or 0.0))
    before = next(ended, None)
    highest: Call | None = None
    for call in given:  # in the order of their starts
        while before is not None and (before.end or 0.0) < call.start:
            if highest is None or _number(before) > _number(highest):
                highest = before
            before = next(ended, None)
        if highest is not None and _number(call) < _number(highest):
            said = f"{_number(highest)} at {highest.end:.6f}, {_number(call)} for a call sent at {call.start:.6f}"
            yield Violation("GetNextJobID gave a smaller number later", said, (*highest.ids, *call.ids))


def _taken(given: Sequence[Call], calls: Sequence[Call], story: Story) -> Iterator[Violation]:
    """A number must not be that of a job that had been added before it was asked for."""
    added: dict[int, tuple[float, tuple[str, ...]]] = {}
    look, lasting = story.baseline, story.built.get("store") != "memory"
    if look is not None and lasting:
        added = {_job(job): (look.at, (look.id,)) for job in jobs_before(look) if _is_job(job)}
    for call in calls:
        job = str(call.request.get("data", {}).get("job_id", "")) if call.method == "AddJob" else ""
        if _is_job(job) and (lasting or call.start >= given[0].start):
            added.setdefault(_job(job), (call.end or call.start, call.ids))
    for call in given:
        when, proof = added.get(_number(call), (call.start, ()))
        if when < call.start:
            said = f"{_number(call)}: asked for at {call.start:.6f}, the job was there at {when:.6f}"
            yield Violation("GetNextJobID gave the number of a job that existed", said, (*proof, *call.ids))


def _counted(given: Sequence[Call], story: Story) -> Iterator[Violation]:
    """A number must not be one that the store had counted before the record began."""
    look = story.inherited
    row = (look.stored or {}).get(layout.COUNTER, {}).get("", {}) if look is not None else {}
    if look is None or not isinstance(count := row.get("value"), int):
        return
    for call in given:
        if _number(call) <= count:
            said = f"{_number(call)} at {call.end:.6f}; {count} had been given before {look.at:.6f}"
            yield Violation(
                "GetNextJobID gave a number that another life had given", said, (look.id, *call.ids)
            )


def _is_job(job: str) -> bool:
    return len(job) == 2 * ids.JOB


def _job(job: str) -> int:
    return ids.job_number(bytes.fromhex(job))
