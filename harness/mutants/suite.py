"""All mutants through the suite: each on the cases that were chosen for it, or on everything."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from harness.errors import EnvironmentProblem
from harness.mutants.choosing import chosen, new_folder
from harness.mutants.matrix import as_data, last_words, line, matrix, status
from harness.mutants.trial import POINTS_FILE, attempt
from harness.plugin.options import ENVIRONMENT_STATUS
from reference_gcs.mutants.catalogue import Mutant

MATRIX = "mutants.json"


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
    place = new_folder(runs)
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
    print(last_words(trials))
    print(f"written: {place / MATRIX}")
    return status(trials)


def _all_cases(wanted: Sequence[Mutant]) -> list[str]:
    return list(dict.fromkeys(case for mutant in wanted for case in mutant.cases))
