"""What the checks say of a plan's record."""

from __future__ import annotations

from dataclasses import dataclass

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
    conclusion = conclude(CASE, [], "", rulings_of(events, entries), ())
    return Judged(conclusion, frozenset((one.check, one.message) for one in conclusion.failures))


def judged_world(world: World) -> Judged:
    """All checks, over what was simulated."""
    return judged(world.record.events(), world.record.entries())
