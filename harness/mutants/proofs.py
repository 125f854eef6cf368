"""Every check, on every engine: the mutant that is said to break it does break it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from harness.check.registry import ENGINES, PROOFS, REAL, SIMULATOR, NotJudged, unjudged
from harness.fuzz.sim.world import simulate
from harness.fuzz.verdict import judged_world
from harness.mutants.choosing import new_folder
from harness.mutants.hunt import drawn
from harness.mutants.trial import attempt
from harness.plugin.options import ENVIRONMENT_STATUS
from harness.process.orphan import end_with_parent
from reference_gcs.mutants.catalogue import named

SEED = 1
PLANS = 100
"""Of that seed, at most, until a mutant shows in virtual time. Most show in the first few."""


@dataclass(frozen=True)
class Shown:
    """``mutant``: which breaks ``check`` on ``engine``; ``by``: in which plan or case, '' when in none; ``problem``: why
    it could not be tried."""

    check: str
    engine: str
    mutant: str
    by: str = ""
    problem: str = ""

    def line(self) -> str:
        if self.problem:
            return f"problem  {self.check}, {self.engine}: {self.mutant}: {self.problem}"
        word = f"broken by {self.mutant} in {self.by}" if self.by else f"NOT broken by {self.mutant}"
        return f"{'shown' if self.by else 'MISSED':9}{self.check}, {self.engine}: {word}"


def declared(engine: str) -> dict[str, str]:
    """Check -> the mutant that breaks it on ``engine``; without those that are not judged there."""
    named_there = {check: proof.on(engine) for check, proof in PROOFS.items()}
    return {check: one for check, one in named_there.items() if not isinstance(one, NotJudged)}


def in_virtual_time(check: str, mutant: str) -> Shown:
    """Spoils this process while it is tried."""
    mend = named(mutant).plant()
    try:
        for number in range(PLANS):
            ruling = judged_world(simulate(drawn(SEED, number)))
            if check in {one for one, _ in ruling.kinds}:
                return Shown(check, SIMULATOR, mutant, f"plan {number + 1}")
    finally:
        mend()
    return Shown(check, SIMULATOR, mutant)


def on_processes(check: str, mutant: str, options: Sequence[str], place: Path) -> Shown:
    """By the cases that were chosen for the mutant."""
    trial = attempt(named(mutant), named(mutant).cases, options, place / check.replace(" ", "-"))
    by = next((seen.case for seen in trial.seen if check in seen.checks), "")
    return Shown(check, REAL, mutant, by, "" if by else trial.problem)


def check_all(options: Sequence[str], runs: Path) -> int:
    """Try all, and print a line for each; the exit status: 0 all are broken, 1 one is not, 3 one could not be tried."""
    found = []
    for one in _all(options, new_folder(runs)):
        found.append(one)
        print(one.line(), flush=True)
    for engine in ENGINES:
        for check, why in unjudged(engine).items():
            print(f"{'-':9}{check}, {engine}: not judged: {why}")
    missed = [one for one in found if not one.by]
    print(f"{len(found) - len(missed)} of {len(found)} checks are broken by their mutants")
    if any(not one.problem for one in missed):
        return 1
    return ENVIRONMENT_STATUS if missed else 0


def _all(options: Sequence[str], place: Path) -> Iterator[Shown]:
    with ProcessPoolExecutor(1, get_context("spawn"), end_with_parent) as apart:
        yield from apart.map(in_virtual_time, *zip(*declared(SIMULATOR).items(), strict=True))
    for check, mutant in declared(REAL).items():
        yield on_processes(check, mutant, options, place)
