"""Which mutants are tried, what is told about them, and where the results go."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from harness.errors import EnvironmentProblem
from reference_gcs.mutants.catalogue import MUTANTS, Mutant, UnknownMutant, named

FORMAT = 1
SOUND = "reference"
"""The target without any fault, which must pass what kills the others."""


def target_of(mutant: Mutant | None) -> str:
    """What ``--gcs`` calls it; None: the sound reference."""
    return f"{SOUND}+{mutant.name}" if mutant else SOUND


def chosen(names: Sequence[str]) -> list[Mutant]:
    """The mutants so named; without any name all. EnvironmentProblem for a name that none has."""
    try:
        return [named(name) for name in names] or list(MUTANTS.values())
    except UnknownMutant as problem:
        raise EnvironmentProblem(str(problem)) from problem


def new_folder(runs: Path) -> Path:
    """Where the results of this hour go, below ``runs``. Not made yet."""
    return runs.absolute() / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-mutants"


def listed() -> None:
    """Print every mutant: its name, what it does, what it breaks, and where that shows."""
    for one in MUTANTS.values():
        print(f"{one.name}: {one.sentence}")
        print(f"    breaks {' '.join(one.clauses)}; seen by {', '.join(one.checks)}")
        for case in one.cases:
            print(f"    {case}")
