"""What the checks say of a plan that was carried out on real processes, in the light of what its target is known to break."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from harness.check import one_writer, process
from harness.check.registry import CHECKS
from harness.expectations import ANYWHERE, Expectation, Failure
from harness.fuzz.plan import Plan
from harness.fuzz.real.reached import reached
from harness.fuzz.real.stage import Carried
from harness.history.event import Event
from harness.judge import conclude, rulings_of
from harness.report.verdict import Verdict

Kind = tuple[str, str]
"""A check and its signature: what makes two failures the same."""
SOMETIMES_ONLY = "1 of 5"


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
        return frozenset((one.check, one.message) for one in self.new)


def known_anywhere(entries: Iterable[Expectation]) -> tuple[Expectation, ...]:
    """What a target is known to break in some case, it may break in any plan, too, and need not."""
    found = (replace(one, scenario=ANYWHERE, reproduced=SOMETIMES_ONLY, fatal=False) for one in entries)
    return tuple({(one.check, one.messages): one for one in found}.values())


def of_two_writers(known: Iterable[Expectation], events: Iterable[Event]) -> tuple[Expectation, ...]:
    """What follows where a second GCS came to one that is known to let two write: anything but an end of its process.

    Nothing for a target that keeps the other out, or a record without a second GCS.
    """
    unfenced = next((one for one in known if one.check == one_writer.NAME), None)
    if unfenced is None or not any(one.kind == "gcs" and one.who == "rival" for one in events):
        return ()
    told = "two GCS write, and neither is kept from it"
    others = (name for name in CHECKS if name != process.NAME)
    return tuple(replace(unfenced, check=name, message="*", sentence=told) for name in others)


def judge(carried: Carried, known: Iterable[Expectation] = ()) -> Trial:
    """All checks over one record; ``known``: see :func:`known_anywhere`."""
    rulings = rulings_of(carried.events, carried.entries)
    known = (*known, *of_two_writers(known, carried.events))
    found = conclude(ANYWHERE, carried.own, _proved_nothing(carried), rulings, known)
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
