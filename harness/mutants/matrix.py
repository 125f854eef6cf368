"""The kill matrix: mutants by checks, as a table, as data, and as an exit status."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table

from harness.mutants.choosing import FORMAT, SOUND
from harness.mutants.trial import COLUMNS, Trial
from harness.plugin.options import ENVIRONMENT_STATUS


def status(trials: Sequence[Trial]) -> int:
    """0 all is as it must be, 1 a mutant survived or the sound one did not, 3 a run could not be done."""
    if any(one.killed == (one.target == SOUND) and not one.problem for one in trials):
        return 1
    return ENVIRONMENT_STATUS if any(one.problem for one in trials) else 0


def as_data(trials: Sequence[Trial]) -> dict[str, Any]:
    """``mutants.json``: every trial, with ``killed``, who saw it ``first``, and the ``survivors``."""
    return {
        "format": FORMAT,
        "trials": [
            {
                **asdict(one),
                "killed": one.killed,
                "checks": one.checks,
                "first": asdict(one.seen[0]) if one.seen else None,
                "seconds": round(one.seconds, 1),
            }
            for one in trials
        ],
        "survivors": [one.target for one in trials if not one.killed and one.target != SOUND],
    }


def line(trial: Trial) -> str:
    """A trial as a line: what came of it, how long it took, who saw it first, and where."""
    if trial.problem:
        return f"{'problem':9}{trial.seconds:6.1f} s  {trial.target}: {trial.problem}"
    if not trial.killed:
        word = "sound" if trial.target == SOUND else "SURVIVED"
        return f"{word:9}{trial.seconds:6.1f} s  {trial.target}"
    word = "BROKEN" if trial.target == SOUND else "killed"
    first = trial.seen[0]
    return f"{word:9}{trial.seconds:6.1f} s  {trial.target}: {', '.join(first.checks)} in {first.case}"


def matrix(trials: Sequence[Trial]) -> Table:
    """Mutants by checks: ``1`` those that saw it first, ``x`` those that saw it later, ``.`` not though expected."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("mutant", overflow="fold")
    for number, _check in enumerate(COLUMNS, 1):
        table.add_column(str(number), justify="right")
    for one in trials:
        table.add_row(one.target.removeprefix(f"{SOUND}+"), *(_mark(one, check) for check in COLUMNS))
    table.caption = ", ".join(f"{number} {check}" for number, check in enumerate(COLUMNS, 1))
    return table


def _mark(trial: Trial, check: str) -> str:
    if trial.seen and check in trial.seen[0].checks:
        return "1"
    if check in trial.checks:
        return "x"
    return "." if check in trial.expected else ""


def last_words(trials: Sequence[Trial]) -> str:
    spoilt = [one for one in trials if one.target != SOUND]
    killed = sum(one.killed for one in spoilt)
    survivors = [one.target for one in spoilt if not one.killed]
    said = f"{killed} of {len(spoilt)} mutants killed"
    return f"{said}; survivors: {', '.join(survivors)}" if survivors else said
