"""What the checks say of a plan that was carried out on real processes, in the light of what its target is known to break."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from harness.expectations import Expectation, Failure
from harness.fuzz.plan import Plan
from harness.fuzz.real.reached import reached
from harness.fuzz.real.stage import Carried
from harness.judge import conclude, rulings_of
from harness.matching import two_writers
from harness.report.verdict import Verdict

Kind = tuple[str, str]
"""A cause: its check, and the rest of its name."""
PLAN = "plan"
"""The case that every plan is to what is known of a target."""


@dataclass(frozen=True)
class Trial:
    """One run of ``plan``. ``hits``: what was broken; ``reached``: conditions; seconds.

    ``missed``: how many strikes were armed that never came. ``record``: the folder with its record, where it was kept.
    """

    plan: Plan
    verdict: Verdict
    reason: str
    failures: tuple[Failure, ...]
    hits: tuple[str, ...]
    missed: int
    reached: frozenset[str]
    recoveries: int
    restarts: int
    seconds: float
    record: Path | None = None

    @property
    def new(self) -> tuple[Failure, ...]:
        """The failures that nobody knew of."""
        return tuple(one for one in self.failures if not one.known)

    @property
    def kinds(self) -> frozenset[Kind]:
        return frozenset(map(kind_of, self.new))


def kind_of(failure: Failure) -> Kind:
    """What makes two failures the same."""
    check, _, rest = failure.cause.partition(": ")
    return check, rest


def judge(carried: Carried, known: Iterable[Expectation] = ()) -> Trial:
    """All checks over one record; ``known``: what is known of the target."""
    rulings = rulings_of(carried.events, carried.entries)
    known = tuple(known)
    known += two_writers(known, carried.events)
    found = conclude(PLAN, carried.own, _proved_nothing(carried), rulings, known)
    seconds = carried.building + carried.running + carried.looking
    return Trial(
        carried.plan, found.verdict, found.reason, found.failures, tuple(carried.hits.elements()), carried.missed,
        reached(carried.plan, carried.events, carried.entries), carried.recoveries, carried.restarts,
        round(seconds, 3),
    )  # fmt: skip


class Broken(AssertionError):
    """The record of a plan shows what must not be."""


def held(trial: Trial) -> None:
    """:class:`Broken` when something failed that nobody knew of. What proved nothing is no failure of a campaign."""
    if trial.new:
        raise Broken("; ".join(f"{one.check}: {one.message} ({one.detail[:400]})" for one in trial.new))


def _proved_nothing(carried: Carried) -> str:
    """A plan that was to break something, and broke nothing, is no proof."""
    if carried.plan.operations < len(carried.plan.steps) and not carried.hits:
        return "none of the plan's faults hit anything"
    return ""
