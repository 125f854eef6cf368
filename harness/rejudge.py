"""``gauntlet judge RUN``: today's checks over a stored run, without any server."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from harness.check.cause import SCENARIO
from harness.errors import EnvironmentProblem
from harness.expectations import Expectation, knowledge_for
from harness.history.archive import Archive
from harness.history.entry import Entry
from harness.history.event import Event
from harness.history.log import HISTORY
from harness.judge import conclude, rulings_of
from harness.matching import two_writers
from harness.plugin.options import ENVIRONMENT_STATUS
from harness.report import folder, table
from harness.report.verdict import Result, Verdict, exit_status

# What a run could not judge then, no check can judge now.
_UNJUDGED = (Verdict.SKIPPED, Verdict.ERROR, Verdict.ENVIRONMENT)


def judge(run: Path, expectations: str | None = None) -> int:
    """Print the verdicts of ``run`` as they are today; the exit status. One sentence and 3 for a bad folder."""
    try:
        stored = folder.read(run)
        known = knowledge_for(str(stored["target"]), expectations)
        results = rejudged(run, stored, known)
    except EnvironmentProblem as problem:
        print(f"gauntlet: {problem}", file=sys.stderr)
        return ENVIRONMENT_STATUS
    console = Console()
    table.show(results, str(stored["target"]), sys.stdout, console.width, console.is_terminal)
    return exit_status(one.verdict for one in results)


def rejudged(run: Path, stored: Mapping[str, Any], known: Sequence[Expectation]) -> list[Result]:
    """A result per case of the run: its recorded assertions, and today's checks over its record.

    EnvironmentProblem when the record is not there.
    """
    if not (run / HISTORY).exists():
        raise EnvironmentProblem(f"{run} has no {HISTORY}: nothing is on record")
    archive = Archive(run)
    return [
        _again(one, archive.events(one["scenario"]), archive.entries(one["scenario"]), known)
        for one in stored["scenarios"]
    ]


def _again(
    one: Mapping[str, Any], history: Sequence[Event], ledger: Sequence[Entry], known: Sequence[Expectation]
) -> Result:
    case, then = one["scenario"], Verdict[str(one["verdict"]).upper()]
    about: dict[str, Any] = {name: tuple(one[name]) for name in ("promises", "clauses", "behaviours")}
    about |= {"seconds": one["seconds"], "recoveries": one["recoveries"], "note": one["note"]}
    if then in _UNJUDGED:
        return Result(case, then, one["reason"], **about)
    own = [folder.failure(found) for found in one["findings"] if found["check"] == SCENARIO]
    of_its_own = then is Verdict.INCONCLUSIVE and "unknown" not in one["rulings"].values()
    vague = one["reason"] if of_its_own else ""
    rulings = rulings_of(history, ledger)
    conclusion = conclude(case, own, vague, rulings, [*known, *two_writers(known, history)])
    return Result(
        case,
        conclusion.verdict,
        conclusion.reason,
        **about,
        failures=conclusion.failures,
        rulings=conclusion.rulings,
        point=one.get("point"),
    )
