"""``gauntlet mutants``: every broken variant of the reference must be found broken. Who saw it, and in which case."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from harness.check.registry import CHECKS
from harness.cli import pytest_command
from harness.errors import EnvironmentProblem
from harness.expectations import CRASH_POINT, SCENARIO
from harness.plugin.options import ENVIRONMENT_STATUS
from harness.report import folder
from reference_gcs.mutants.catalogue import MUTANTS, Mutant, UnknownMutant, named
from reference_gcs.mutants.registry import POINT

FORMAT = 1
MATRIX = "mutants.json"
SOUND = "reference"
"""The target without any fault, which must pass what kills the others."""
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


def chosen(names: Sequence[str]) -> list[Mutant]:
    """The mutants so named; without any name all. EnvironmentProblem for a name that none has."""
    try:
        return [named(name) for name in names] or list(MUTANTS.values())
    except UnknownMutant as problem:
        raise EnvironmentProblem(str(problem)) from problem


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
    target = f"{SOUND}+{mutant.name}" if mutant else SOUND
    more, paths = case_options(cases)
    home = place / (mutant.name if mutant else SOUND)
    home.mkdir(parents=True)
    words = [*options, *more, "--gcs", target, "--expectations", "none", "--run-dir", str(home)]
    began = time.monotonic()
    with (home / "output.txt").open("wb") as output:
        subprocess.run(
            pytest_command(["-q", *words], paths), stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
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


def mutants(
    names: Sequence[str], options: Sequence[str], every: bool, points: bool, sound: bool, runs: Path
) -> int:
    """Try the mutants ``names`` (all without a name), print the matrix, store it; the exit status.

    ``options`` go to pytest. ``every``: on all scenarios; ``points``: at all crash points; else on the
    cases chosen for each. ``sound``: the reference, too, on all that was run. 0: all were killed;
    1: one survived, or the reference did not; 3: a run could not be done.
    """
    try:
        wanted = chosen(names)
    except EnvironmentProblem as problem:
        print(f"gauntlet: {problem}", file=sys.stderr)
        return ENVIRONMENT_STATUS
    place = runs.absolute() / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-mutants"
    more = [*options, *(["--crash-points", "all"] if points else [])]
    everything = ([""] if every else []) + ([POINTS_FILE] if points and not every else [])
    console, trials = Console(), []
    for mutant in [*wanted, *([None] if sound else [])]:
        cases = everything or list(mutant.cases if mutant else _all_cases(wanted))
        # The first case that sees a mutant is enough, unless it was asked who else does.
        enough = [] if everything or mutant is None else ["--maxfail", "1"]
        trial = attempt(mutant, cases, [*more, *enough], place)
        trials.append(trial)
        print(line(trial), flush=True)
        place.joinpath(MATRIX).write_text(json.dumps(as_data(trials), indent=1))
    console.print(matrix(trials))
    print(_last_words(trials))
    print(f"written: {place / MATRIX}")
    return status(trials)


def _all_cases(wanted: Sequence[Mutant]) -> list[str]:
    return list(dict.fromkeys(case for mutant in wanted for case in mutant.cases))


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


def _last_words(trials: Sequence[Trial]) -> str:
    spoilt = [one for one in trials if one.target != SOUND]
    killed = sum(one.killed for one in spoilt)
    survivors = [one.target for one in spoilt if not one.killed]
    said = f"{killed} of {len(spoilt)} mutants killed"
    return f"{said}; survivors: {', '.join(survivors)}" if survivors else said


def listed() -> None:
    """Print every mutant: its name, what it does, what it breaks, and where that shows."""
    for one in MUTANTS.values():
        print(f"{one.name}: {one.sentence}")
        print(f"    breaks {' '.join(one.clauses)}; seen by {', '.join(one.checks)}")
        for case in one.cases:
            print(f"    {case}")
