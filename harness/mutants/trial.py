"""A mutant on real processes: the cases that shall show it are run by pytest, and what they say is read back."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.check.cause import SCENARIO
from harness.check.registry import CHECKS
from harness.cli import pytest_command
from harness.errors import EnvironmentProblem
from harness.expectations import CRASH_POINT
from harness.mutants.choosing import SOUND, target_of
from harness.process.orphan import run_to_end
from harness.report import folder
from reference_gcs.mutants.catalogue import Mutant
from reference_gcs.mutants.registry import POINT

COLUMNS = (*CHECKS, SCENARIO)
POINTS_FILE = "test_crash_points.py"


@dataclass(frozen=True)
class Sighting:
    """A case that a mutant broke, and the checks that said so, in the order of reports."""

    case: str
    checks: tuple[str, ...]


@dataclass(frozen=True)
class Trial:
    """One target's run. ``seen``: in the order of its cases. ``problem``: why it says nothing; '' if it does."""

    target: str
    sentence: str
    clauses: tuple[str, ...]
    expected: tuple[str, ...]
    seen: tuple[Sighting, ...]
    seconds: float
    folder: str
    problem: str = ""

    @property
    def killed(self) -> bool:
        return bool(self.seen)

    @property
    def checks(self) -> tuple[str, ...]:
        """Who saw it, in the order of :data:`COLUMNS`."""
        return tuple(one for one in COLUMNS if any(one in seen.checks for seen in self.seen))

    @property
    def well(self) -> bool:
        """A mutant was found broken, the sound one was not."""
        return not self.problem and self.killed == (self.target != SOUND)


def case_options(cases: Sequence[str]) -> tuple[list[str], list[str]]:
    """What pytest is told to run ``cases``: its options, and its paths."""
    points = [case.removeprefix(POINT) for case in cases if case.startswith(POINT)]
    paths = list(dict.fromkeys(case for case in cases if not case.startswith(POINT)))
    options = [word for point in dict.fromkeys(points) for word in ("--point", point)]
    return options, paths + ([POINTS_FILE] if points else [])


def sightings(result: Mapping[str, Any], cases: Sequence[str]) -> tuple[Sighting, ...]:
    """What a ``result.json`` says was broken, the case first that stands first in ``cases``."""
    found = [
        Sighting(one["scenario"], _ordered(finding["check"] for finding in one["findings"]))
        for one in result["scenarios"]
        if one["verdict"] == "broken"
    ]
    return tuple(sorted(found, key=lambda one: _place(one.case, cases)))


def _ordered(checks: Any) -> tuple[str, ...]:
    said = set(checks)
    return tuple(one for one in COLUMNS if one in said)


def _place(case: str, cases: Sequence[str]) -> int:
    """Where among ``cases`` the one is that pytest calls ``case``; last if it is none of them."""
    _, _, point = case.partition(CRASH_POINT)
    name = f"{POINT}{point.removesuffix(']')}" if point else case
    return next((place for place, one in enumerate(cases) if one in name), len(cases))


def attempt(mutant: Mutant | None, cases: Sequence[str], options: Sequence[str], place: Path) -> Trial:
    """Run pytest with the mutant (None: the sound reference) as the target, below ``place``."""
    target = target_of(mutant)
    more, paths = case_options(cases)
    home = place / (mutant.name if mutant else SOUND)
    home.mkdir(parents=True)
    words = [*options, *more, "--gcs", target, "--expectations", "none", "--run-dir", str(home)]
    began = time.monotonic()
    with (home / "output.txt").open("wb") as output:
        run_to_end(pytest_command(["-q", *words], paths), output)
    seconds = time.monotonic() - began
    seen, problem, where = _read(home, cases)
    if mutant is None:
        return Trial(target, "", (), (), seen, seconds, where, problem)
    return Trial(target, mutant.sentence, mutant.clauses, mutant.checks, seen, seconds, where, problem)


def _read(home: Path, cases: Sequence[str]) -> tuple[tuple[Sighting, ...], str, str]:
    try:
        result = folder.read(home / "latest")
    except EnvironmentProblem:
        last = (home / "output.txt").read_text(errors="replace").strip().splitlines()[-1:]
        return (), f"the run left no result: {''.join(last)}", str(home)
    seen = sightings(result, cases)
    troubled = [one for one in result["scenarios"] if one["verdict"] in ("environment", "error")]
    problem = str(troubled[0]["reason"]) if troubled and not seen else ""
    if not result["scenarios"]:
        problem = "nothing was run"
    return seen, problem.strip().partition("\n")[0], str((home / "latest").resolve())
