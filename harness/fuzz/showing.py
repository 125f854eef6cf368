"""A simulated campaign on the terminal: a line that changes while it runs, and what it came to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import monotonic

from rich.console import Console

from harness.errors import EnvironmentProblem
from harness.fuzz import campaign as campaigns
from harness.fuzz.campaign import Campaign
from harness.fuzz.plan import Plan
from harness.fuzz.sim.world import simulate
from harness.fuzz.sometimes import SOMETIMES
from harness.fuzz.verdict import judged_world
from reference_gcs.mutants.catalogue import UnknownMutant, named

EVERY_S = 0.5
Replay = Callable[[Plan, frozenset[tuple[str, str]]], str]
"""A plan and what fails in it, each as (check, signature) -> a sentence."""


def sim(
    seconds: float, seed: int, below: Path, mutant: str | None = None, replay: Replay | None = None
) -> int:
    """``gauntlet sim``: its exit status. EnvironmentProblem for a ``mutant`` that does not exist, or no time.

    ``replay``: says of the plan of a failure what comes of it elsewhere.
    """
    if seconds <= 0:
        raise EnvironmentProblem("--minutes must be more than 0")
    console = Console()
    if mutant is not None:
        _plant(mutant)
    found = campaigns.run(seed, seconds, show=_Live(console))
    console.print(_counts(found), highlight=False, soft_wrap=True)
    for name in SOMETIMES:
        count = found.conditions[name]
        console.print(f"  {count:>8}  {name}" if count else f"     never  {name}", highlight=False)
    if found.vague:
        console.print(f"{found.vague} plans proved nothing: {found.why_vague}", highlight=False)
    if found.first is None:
        return found.status
    console.print(f"plan {found.failed_after} failed; looking for the shortest one", highlight=False)
    shortest = campaigns.shortened(found) or found.first
    path = campaigns.saved(shortest, below)
    console.print(campaigns.failure_of(simulate(shortest)), markup=False, highlight=False, soft_wrap=True)
    console.print(f"{len(shortest.steps)} steps: {path}", markup=False, highlight=False, soft_wrap=True)
    if replay is not None:
        console.print(
            replay(shortest, judged_world(simulate(shortest)).kinds),
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    return found.status


def _plant(mutant: str) -> None:
    """Spoil the reference in this process."""
    try:
        named(mutant).plant()
    except UnknownMutant as problem:
        raise EnvironmentProblem(str(problem)) from problem


class _Live:
    """Shows the counts in place on a terminal; on anything else not at all."""

    def __init__(self, console: Console) -> None:
        self._console, self._next = console, 0.0

    def __call__(self, campaign: Campaign) -> None:
        if self._console.is_terminal and monotonic() >= self._next:
            self._next = monotonic() + EVERY_S
            self._console.print(_counts(campaign), end="\r", highlight=False, soft_wrap=True)


def _counts(campaign: Campaign) -> str:
    operations, faults = campaign.coverage(faults=False), campaign.coverage(faults=True)
    failures: dict[str, int] = {}
    for (check, _), count in campaign.failures.items():
        failures[check] = failures.get(check, 0) + count
    failed = ", ".join(f"{check} {count}" for check, count in sorted(failures.items())) or "none"
    return (
        f"seed {campaign.seed}: {campaign.plans} plans, {campaign.recoveries} recoveries"
        f" ({campaign.rate:.0f}/s simulated), operations {operations[0]}/{operations[1]},"
        f" faults {faults[0]}/{faults[1]}, failures: {failed}"
    )
