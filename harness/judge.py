"""Judging what is on record: a case's events and ledger entries in, its verdict out. No server is needed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from harness.check.process import fatal_lines, last_words, telling
from harness.check.registry import judge_case
from harness.check.ruling import About, Finding, Ruling
from harness.errors import TargetFailed
from harness.expectations import Expectation, Failure, failure_of
from harness.history.entry import Entry
from harness.history.event import Event
from harness.matching import sort_out
from harness.report.verdict import Verdict

CASE, END = "case", "end"
T = TypeVar("T", Event, Entry)


@dataclass(frozen=True)
class Conclusion:
    """What a case comes to, and why. ``failures``: all of them, marked as known or not; ``rulings``:
    check -> its worst finding over the case's clusters, without checks that found nothing to judge."""

    verdict: Verdict
    reason: str
    failures: tuple[Failure, ...]
    rulings: dict[str, str]


def rulings_of(events: Sequence[Event], ledger: Sequence[Entry]) -> list[Ruling]:
    """What every check says of one case, up to the mark that its recording ended with.

    What comes later, a cluster being taken down, is no part of it.
    """
    ends = [one.at for one in events if one.kind == CASE and one.what == END]
    end = max(ends, default=None)
    return judge_case(_until(events, end), _until(ledger, end))


def conclude(
    case: str,
    own: Sequence[Failure],
    inconclusive: str,
    rulings: Sequence[Ruling],
    entries: Iterable[Expectation],
) -> Conclusion:
    """Merge what the case's own assertions found (``own``), or why they proved nothing
    (``inconclusive``), with the rulings, in the light of what the target is known to break. Of a case in which
    the store lost rows by itself nothing that failed speaks of the target."""
    if (void := next((one.reason for one in rulings if one.void), "")) != "":
        return Conclusion(Verdict.INCONCLUSIVE, void, (), merged(rulings))
    result = sort_out(case, [*own, *failures_of(rulings)], entries)
    failures = _once([*result.unexpected, *(replace(failure, known=True) for failure, _ in result.known)])
    open_questions = [
        f"{one.check}: {one.reason}" for one in rulings if one.finding is Finding.UNKNOWN and not one.idle
    ]
    if result.unexpected:
        verdict, reason = Verdict.BROKEN, _reason(result.unexpected[0])
    elif inconclusive or open_questions:
        verdict, reason = Verdict.INCONCLUSIVE, inconclusive or open_questions[0]
    elif result.mended:
        verdict = Verdict.MENDED
        reason = "; ".join(f"{one.check}: {one.messages[0]} ({one.sentence})" for one in result.mended)
    elif result.known:
        verdict = Verdict.KNOWN
        reason = "; ".join(dict.fromkeys(str(entry) for _, entry in result.known))
    else:
        verdict, reason = Verdict.HELD, ""
    return Conclusion(verdict, reason, tuple(failures), merged(rulings))


def failures_of(rulings: Iterable[Ruling]) -> list[Failure]:
    """One failure per check, signature and what it is about, with the proof of its first violation."""
    found: dict[tuple[str, str, About], Failure] = {}
    for ruling in rulings:
        for one in ruling.violations:
            failure = Failure(
                ruling.check, one.signature, one.detail[:2000], one.events[:40], about=one.about
            )
            found.setdefault((ruling.check, one.signature, one.about), failure)
    return list(found.values())


def _once(failures: Iterable[Failure]) -> list[Failure]:
    """Each cause in each wording once, with the proof of the first."""
    found: dict[tuple[object, ...], Failure] = {}
    for one in failures:
        found.setdefault((one.check, one.message, one.cause, one.known, one.known_of), one)
    return list(found.values())


def _reason(failure: Failure) -> str:
    neighbour = f" (known of {failure.known_of})" if failure.known_of else ""
    return f"{failure.check}: {failure.message}{neighbour}"


def failure_of_end(error: BaseException, said: str, waited: bool) -> Failure:
    """The failure of a scenario, or a plan, whose body ended with ``error``, in the words ``said``.

    ``waited``: it had no answer in time. Of a GCS that ended, the cause is what its log says last.
    """
    if not isinstance(error, TargetFailed):
        return failure_of(said, waited=waited)
    log = error.log
    text = log.read_text(errors="replace") if log is not None and log.exists() else ""
    about = replace(last_words(telling(fatal_lines(text))), moment="before it served")
    return failure_of(said, about, waited=True)


def merged(rulings: Iterable[Ruling]) -> dict[str, str]:
    """Check -> its worst finding over the clusters of a case; checks with nothing to judge are left out."""
    gravity = [Finding.BROKEN.value, Finding.UNKNOWN.value, Finding.HELD.value]
    found: dict[str, str] = {}
    for ruling in rulings:
        if not ruling.idle:
            both = (ruling.finding.value, found.get(ruling.check, Finding.HELD.value))
            found[ruling.check] = min(both, key=gravity.index)
    return found


def _until(found: Iterable[T], end: float | None) -> list[T]:
    return [one for one in found if end is None or one.at <= end]
