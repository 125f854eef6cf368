"""All mutants against the fuzzer alone: simulated, each in a process of its own that it spoils, else on real processes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console

from harness.errors import EnvironmentProblem
from harness.mutants import detection, on_processes
from harness.mutants.choosing import SOUND, chosen, new_folder, target_of
from harness.mutants.hunt import Hunt, elsewhere, hunt, scout, showing, sound
from harness.mutants.on_processes import RealHunt, hunt_for_real
from harness.plugin.options import ENVIRONMENT_STATUS
from harness.process.orphan import end_with_parent
from reference_gcs.mutants.catalogue import MUTANTS, Mutant

AIM = 0.9
"""The share of the simulated mutants that the fuzzer must find alone."""
RESULT = "detection.json"
T = TypeVar("T")


def fuzz(
    names: Sequence[str], seeds: int, plans: int, real: int, workers: str, write: bool, runs: Path
) -> int:
    """Try the mutants ``names`` (all without a name) with the fuzzer alone, print and store who saw them; the exit status.

    ``seeds`` simulated campaigns each, of at most ``plans`` plans, on the sound reference, too; of those that no
    simulator carries one of at most ``real`` plans on real processes (0: none); ``workers`` (a number) processes at
    once. ``write``: also rewrite the tables that stand beside the mutants, which takes all of them.
    0: the aim is reached; 1: it is not, or the reference failed; 3: a hunt could not be done. What is found on real
    processes does not count: it depends on the machine.
    """
    try:
        wanted = _checked(names, seeds, plans, real, workers, write)
    except EnvironmentProblem as problem:
        print(f"gauntlet: {problem}", file=sys.stderr)
        return ENVIRONMENT_STATUS
    place = new_folder(runs)
    place.mkdir(parents=True)
    order = [target_of(one) for one in (*wanted, None)]
    found: list[Hunt] = []
    really: list[RealHunt] = []
    for one in _all_hunts(wanted, seeds, plans, real, int(workers)):
        if isinstance(one, RealHunt):
            really.append(one)
            print(on_processes.line(one), flush=True)
        else:
            found = sorted([*found, one], key=lambda one: order.index(one.target))
            print(detection.line(one), flush=True)
        place.joinpath(RESULT).write_text(json.dumps(detection.as_data(found, wanted, really), indent=1))
    if found:
        Console().print(detection.table(found))
        print(detection.closing(found))
    if really:
        print(on_processes.closing(really))
    if write:
        detection.PAGE.write_text(detection.page(found, wanted, really))
        print(f"written: {detection.PAGE}")
    print(f"written: {place / RESULT}")
    return status(found, really)


def _all_hunts(
    wanted: Sequence[Mutant], seeds: int, plans: int, real: int, workers: int
) -> Iterator[Hunt | RealHunt]:
    """The simulated ones, then those on real processes; it is said which mutants are left out."""
    elsewheres = [(one, where) for one in wanted if (where := elsewhere(one))]
    for mutant, where in elsewheres if not real else ():
        print(detection.left_out(mutant, where))
    if simulated := [one for one in wanted if not elsewhere(one)]:
        yield from _hunts(simulated, seeds, plans, workers)
    for mutant, where in elsewheres if real else ():
        yield hunt_for_real(mutant, where, real, workers)


def _checked(
    names: Sequence[str], seeds: int, plans: int, real: int, workers: str, write: bool
) -> list[Mutant]:
    if min(seeds, plans) < 1 or not workers.isdecimal() or int(workers) < 1:
        raise EnvironmentProblem("--seeds, --plans and -n must be at least 1")
    if real < 0:
        raise EnvironmentProblem("--real must be at least 0")
    if write and names and set(names) != set(MUTANTS):
        raise EnvironmentProblem("--write takes all mutants: leave their names out")
    wanted = chosen(names)
    if not real and all(elsewhere(one) for one in wanted):
        raise EnvironmentProblem(
            "what these mutants spoil is not simulated, and --real 0 tries none for real"
        )
    return wanted


def _hunts(targets: Sequence[Mutant], seeds: int, budget: int, workers: int) -> Iterator[Hunt]:
    """The sound reference's hunt, then each mutant's as it ends, ``workers`` at once."""
    shares = [tuple(range(first, seeds + 1, workers)) for first in range(1, min(workers, seeds) + 1)]
    with ThreadPoolExecutor(workers) as pool:
        parts = pool.map(lambda share: _apart(scout, share, budget), shares)
        scouted = sorted((one for part in parts for one in part), key=lambda one: one.seed)
        yield sound(scouted, budget)
        begun = {
            pool.submit(_apart, hunt, mutant.name, showing(mutant, scouted), budget): mutant
            for mutant in targets
        }
        try:
            for future in as_completed(begun):
                yield _ended(future, begun[future], seeds, budget)
        finally:
            for future in begun:
                future.cancel()


def _ended(future: Future[Hunt], mutant: Mutant, seeds: int, budget: int) -> Hunt:
    error = future.exception()
    if error is None:
        return future.result()
    why = f"{type(error).__name__}: {error}"
    return Hunt(target_of(mutant), tuple(range(1, seeds + 1)), budget, problem=why)


def _apart(work: Callable[..., T], *arguments: Any) -> T:
    """What ``work`` gives, from a process of its own that ends with it."""
    with ProcessPoolExecutor(1, get_context("spawn"), end_with_parent) as alone:
        return alone.submit(work, *arguments).result()


def status(found: Sequence[Hunt], really: Sequence[RealHunt] = ()) -> int:
    """0 the aim is reached and the sound reference held, 1 not so, 3 a hunt could not be done."""
    if any(one.killed for one in found if one.target == SOUND):
        return 1
    if any(one.problem for one in found) or any(one.problem for one in really):
        return ENVIRONMENT_STATUS
    return 1 if detection.share(found) < AIM else 0
