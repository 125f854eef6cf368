"""Rows for a new expectations file: one for each cause, however many cases and wordings showed it. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

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


def rows_of(runs: Sequence[Run], release: str) -> list[Expectation]:
    """What the record showed may show in any case.

    Of the scenarios' own assertions a row is made for what does not follow from that, for the case that failed so
    most often.
    """
    record = [_anywhere(seen, release, len(runs)) for seen in _by_cause(_sights(runs)) if not _is_own(seen)]
    left = [
        Sight(number, case, one)
        for number, run in enumerate(runs)
        for case, failures in run.items()
        for one in sort_out(case, failures, record).unexpected
    ]
    return [*record, *(_of_test(seen, release, len(runs)) for seen in _by_cause(left) if _is_own(seen))]


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
