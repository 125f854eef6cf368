"""What the simulator found or held, tried on real processes: they must say the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import EnvironmentProblem
from harness.fuzz.brisk import brisk
from harness.fuzz.differing.final import Final, outcome_of
from harness.fuzz.differing.running import calm, compared
from harness.fuzz.plan import Plan
from harness.fuzz.real.hunt import AGAIN, again
from harness.fuzz.real.judging import Kind
from harness.fuzz.real.stage import Stage
from harness.fuzz.real.working import Workers
from harness.fuzz.sim.world import simulate
from harness.process.guard import GUARD
from harness.target.parse import parse_target

AT_ONCE = 2


def replayed(plan: Plan, kinds: frozenset[Kind], spec: str, times: int = AGAIN) -> str:
    """``plan``, which failed so in virtual time, on ``spec``: what came of it there, as a sentence.

    A plan fails there, too, where one of the same checks fails; what it says may be put otherwise. A plan that is
    simulated has long pauses: it is made brisk.
    """
    checks = {check for check, _ in kinds}
    with Workers(spec, AT_ONCE) as workers:
        trials = again(brisk(plan), workers, times)
    seen = sum(not checks.isdisjoint(one.check for one in trial.new) for trial in trials)
    others = sorted({one.check for trial in trials for one in trial.new} - checks)
    said = f"on real processes ({spec}): " + (
        f"{seen} of {times}" if seen else f"did not show in {times} runs"
    )
    return f"{said}; there failed, too: {', '.join(others)}" if others else said


def differing(seed: int, plans: int, spec: str, below: Path) -> Iterator[str]:
    """So many calm plans, simulated and on ``spec``: a line for each that does not come to the same on both.

    Such a plan is written into the folder ``below``. EnvironmentProblem for fewer than none.
    """
    if plans < 0:
        raise EnvironmentProblem("--also-real must be at least 0")
    if not plans:
        return
    with _stage(spec) as stage:

        def real(plan: Plan) -> Final:
            carried = stage.carry_out(plan)
            return outcome_of(carried.events, carried.entries)

        for number in range(plans):
            plan = calm(seed, number)
            (comparison,) = compared(plan, [("simulated", simulated), (spec, real)])
            if comparison.found:
                below.mkdir(parents=True, exist_ok=True)
                path = below / f"differs-{plan.digest}.json"
                path.write_text(plan.text())
                yield f"plan {number}: {comparison.found[0].guarantee}: {comparison.found[0].sentence}: {path}"


def simulated(plan: Plan) -> Final:
    """What it comes to in virtual time."""
    record = simulate(plan).record
    return outcome_of(record.events(), record.entries())


@contextmanager
def _stage(spec: str) -> Iterator[Stage]:
    target = parse_target(spec)
    target.prepare()
    place = GUARD.directory("gauntlet-fuzz-")
    stage = Stage(target, place)
    try:
        yield stage
    finally:
        stage.close()
        GUARD.remove(place)
