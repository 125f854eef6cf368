"""Rows for a new expectations file: one for each cause, however many cases and wordings showed it. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.check.cause import SCENARIO
from harness.expectations import ANYWHERE, Expectation, Failure
from harness.matching import sort_out

Run = Mapping[str, Sequence[Failure]]
"""Case -> its failures, with their causes."""


@dataclass(frozen=True)
class Sight:
    """A failure of ``case`` in the run of that number."""

    run: int
    case: str
    failure: Failure


def by_cause(rows: Iterable[Expectation]) -> bool:
    """Whether a file of such rows has one for each cause: each but those of assertions names it."""
    return all(one.cause or one.check == SCENARIO for one in rows)


def rows_of(runs: Sequence[Run], release: str, before: Sequence[Expectation] = ()) -> list[Expectation]:
    """What the record showed may show in any case.

    Of the scenarios' own assertions a row is made for what does not follow from that, nor from what was known
    ``before``, for the case that failed so most often.
    """
    record = [_anywhere(seen, release, len(runs)) for seen in _by_cause(_sights(runs)) if not _is_own(seen)]
    known = [one for one in before if one.scenario == ANYWHERE]
    left = [
        Sight(number, case, one)
        for number, run in enumerate(runs)
        for case, failures in run.items()
        for one in sort_out(case, failures, [*record, *known]).unexpected
    ]
    return [*record, *(_of_test(seen, release, len(runs)) for seen in _by_cause(left) if _is_own(seen))]


def joined(
    before: Iterable[Expectation], ran: Collection[str], made: Iterable[Expectation]
) -> list[Expectation]:
    """Old rows and new ones: of a cause that may show anywhere the rates are added up, and the rows of single cases
    stay where these did not run."""
    old = {one.cause: one for one in before if one.scenario == ANYWHERE}
    new = list(made)
    fresh = {one.cause for one in new if one.scenario == ANYWHERE}
    kept = [
        one
        for one in before
        if (one.cause not in fresh if one.scenario == ANYWHERE else one.scenario not in ran)
    ]
    both = [_added(old[one.cause], one) if one.cause in old and one.cause else one for one in new]
    return sorted(
        [*kept, *both], key=lambda one: (one.scenario != ANYWHERE, one.scenario, one.check, one.cause)
    )


def _added(old: Expectation, new: Expectation) -> Expectation:
    (failed, runs), (more, again) = (map(int, one.reproduced.split(" of ")) for one in (old, new))
    words = tuple(sorted({*old.messages, *new.messages}))
    message = words[0] if len(words) == 1 else words
    return replace(old, message=message, reproduced=f"{failed + more} of {runs + again}")


def _sights(runs: Iterable[Run]) -> Iterable[Sight]:
    for number, run in enumerate(runs):
        for case, failures in run.items():
            yield from (Sight(number, case, one) for one in failures)


def _by_cause(found: Iterable[Sight]) -> list[list[Sight]]:
    seen: defaultdict[str, list[Sight]] = defaultdict(list)
    for one in found:
        seen[one.failure.cause].append(one)
    return [sights for _, sights in sorted(seen.items())]


def _is_own(seen: Sequence[Sight]) -> bool:
    return seen[0].failure.cause_check == SCENARIO


def _cases(seen: Iterable[Sight]) -> Counter[str]:
    """How many runs of each case showed it."""
    return Counter(case for case, _ in {(one.case, one.run) for one in seen})


def _anywhere(seen: Sequence[Sight], release: str, runs: int) -> Expectation:
    cases = _cases(seen)
    cause = seen[0].failure.cause
    return Expectation(
        scenario=ANYWHERE,
        release=release,
        check=seen[0].failure.cause_check,
        message=_words(seen),
        sentence=cause.partition(": ")[2],
        cause=cause,
        example=_most(cases),
        reproduced=f"{cases.total()} of {len(cases) * runs}",
    )


def _of_test(seen: Sequence[Sight], release: str, runs: int) -> Expectation:
    cases = _cases(seen)
    words = _words(seen)
    return Expectation(
        scenario=_most(cases),
        release=release,
        check=SCENARIO,
        message=words,
        sentence=words if isinstance(words, str) else words[0],
        reproduced=f"{cases[_most(cases)]} of {runs}",
    )


def _words(seen: Iterable[Sight]) -> str | tuple[str, ...]:
    words = tuple(sorted({one.failure.message for one in seen}))
    return words[0] if len(words) == 1 else words


def _most(cases: Counter[str]) -> str:
    return min(cases, key=lambda case: (-cases[case], case))
