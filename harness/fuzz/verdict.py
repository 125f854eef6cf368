"""What the checks say of a plan's record."""

from __future__ import annotations

import traceback
from dataclasses import dataclass

from harness.expectations import Failure
from harness.fuzz.sim.record import CASE
from harness.fuzz.sim.world import World
from harness.history.entry import Entry
from harness.history.event import Event
from harness.judge import Conclusion, conclude, rulings_of
from harness.report.verdict import Verdict


@dataclass(frozen=True)
class Judged:
    """``kinds``: what failed, each as (check, signature)."""

    conclusion: Conclusion
    kinds: frozenset[tuple[str, str]]

    @property
    def held(self) -> bool:
        return self.conclusion.verdict is Verdict.HELD

    @property
    def broken(self) -> bool:
        return self.conclusion.verdict is Verdict.BROKEN


def judged(events: list[Event], entries: list[Entry]) -> Judged:
    """All checks, over a case that is not on any disk."""
    return _concluded(conclude(CASE, [], "", rulings_of(events, entries), ()))


def _concluded(conclusion: Conclusion) -> Judged:
    return Judged(conclusion, frozenset((one.check, one.message) for one in conclusion.failures))


def _stumbled(problem: Exception) -> Failure:
    """Where it was raised, and by what."""
    last = traceback.extract_tb(problem.__traceback__)[-1]
    said = traceback.format_exception_only(problem)[-1].strip()
    return Failure("process", f"{type(problem).__name__} in {last.name}", f"{said}, at {last.line!r}")


def judged_world(world: World) -> Judged:
    """All checks, over what was simulated. A GCS that raised has failed that of the process, and nothing else."""
    if world.problem is not None:
        return _concluded(conclude(CASE, [_stumbled(world.problem)], "", (), ()))
    return judged(world.record.events(), world.record.entries())
