"""Mutants whose fault no simulator carries, on real processes: one campaign each, until some check sees it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.errors import EnvironmentProblem
from harness.fuzz.real.hunt import Hunt, run
from harness.fuzz.real.working import Workers
from harness.mutants.choosing import target_of
from harness.mutants.trial import COLUMNS
from reference_gcs.mutants.catalogue import Mutant

SEED = 1
HEAD = ("mutant", "spoils", "found by plan", "seen by")


@dataclass(frozen=True)
class RealHunt:
    """One campaign of at most ``budget`` plans, ended by its first failure. ``plans``: how many were carried out.

    ``first``: which of them failed, counted from 1; None: all held. ``checks``: who said so. In seconds.
    """

    name: str
    where: str
    budget: int
    plans: int = 0
    first: int | None = None
    checks: tuple[str, ...] = ()
    seconds: float = 0.0
    problem: str = ""


def hunt_for_real(mutant: Mutant, where: str, budget: int, workers: int) -> RealHunt:
    """``where``: what it spoils; ``workers``: plans at once. Call it in the main thread."""
    began, hunt = time.monotonic(), Hunt(SEED, target_of(mutant))
    try:
        with Workers(target_of(mutant), workers) as some:
            run(hunt, some, plans=budget, until_found=True)
    except EnvironmentProblem as problem:
        return RealHunt(mutant.name, where, budget, problem=str(problem).partition("\n")[0])
    if hunt.interrupted:
        raise KeyboardInterrupt
    seconds = round(time.monotonic() - began, 1)
    if not hunt.found:
        return RealHunt(mutant.name, where, budget, hunt.plans, seconds=seconds)
    first = min(one.number for one in hunt.found.values())
    said = {one.kind[0] for one in hunt.found.values() if one.number == first}
    checks = tuple(one for one in COLUMNS if one in said)
    return RealHunt(mutant.name, where, budget, hunt.plans, first + 1, checks, seconds)


def line(hunt: RealHunt) -> str:
    """What came of it, in how long, after how many plans, and who saw it."""
    when = f"{hunt.seconds:6.1f} s  reference+{hunt.name}, on real processes: "
    if hunt.problem:
        return f"{'problem':9}{when}{hunt.problem}"
    if hunt.first is None:
        return f"{'SURVIVED':9}{when}{hunt.plans} plans"
    return f"{'found':9}{when}plan {hunt.first}; {', '.join(hunt.checks)}"


def closing(found: Sequence[RealHunt]) -> str:
    """How many were found, and who was not."""
    killed = [one for one in found if one.first is not None]
    said = f"{len(killed)} of {len(found)} mutants found on real processes, in one campaign of {found[0].budget} plans each"
    survivors = ", ".join(one.name for one in found if one.first is None)
    return f"{said}; survivors: {survivors}" if survivors else said


def table(found: Sequence[RealHunt]) -> Iterator[str]:
    """The lines of a page."""
    yield f"| {' | '.join(HEAD)} |"
    yield "| --- | --- | ---: | --- |"
    for one in found:
        when = f"{one.first}" if one.first is not None else f"> {one.plans}"
        yield f"| {one.name} | `{one.where}` | {when} | {', '.join(one.checks) or one.problem or 'nobody'} |"
