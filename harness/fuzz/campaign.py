"""A simulated campaign: plans are drawn, carried out and judged until time is up; the first failure is shrunk."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, process_time

from harness.fuzz.faults import BRISK_ONLY, FAULTS
from harness.fuzz.grammar import USUAL, Chance, Size, plan
from harness.fuzz.plan import KINDS, Plan
from harness.fuzz.shrink import shrink
from harness.fuzz.sim.world import World, forget, simulate
from harness.fuzz.sometimes import SOMETIMES
from harness.fuzz.verdict import Judged, judged_world

Show = Callable[["Campaign"], None]
SHRINKING_S = 120.0
COLLECT_EVERY = 20
"""Plans between two collections of garbage."""


@dataclass
class Campaign:
    """What a campaign has come to. Times in seconds of processor time, those of collections in ``simulating``.

    ``failures``: check and signature -> in how many plans; ``first``: the plan that failed first, ``shortest``:
    the same failure's shortest plan, both None when all held. ``vague``: plans of which nothing could be said.
    """

    seed: int
    plans: int = 0
    recoveries: int = 0
    kills: int = 0
    simulating: float = 0.0
    judging: float = 0.0
    vague: int = 0
    why_vague: str = ""
    kinds: Counter[str] = field(default_factory=Counter)
    conditions: Counter[str] = field(default_factory=Counter)
    failures: Counter[tuple[str, str]] = field(default_factory=Counter)
    first: Plan | None = None
    shortest: Plan | None = None
    failed_after: int | None = None

    @property
    def status(self) -> int:
        """The exit status: 0 held, 1 broken, 2 inconclusive."""
        if self.failures:
            return 1
        return 2 if self.vague or not self.plans else 0

    @property
    def rate(self) -> float:
        """Recoveries in a second of simulation."""
        return self.recoveries / self.simulating if self.simulating else 0.0

    @property
    def never(self) -> list[str]:
        """The conditions that no plan reached."""
        return [one for one in SOMETIMES if not self.conditions[one]]

    def coverage(self, faults: bool) -> tuple[int, int]:
        """How many kinds of operations (or faults) were carried out, and how many there are."""
        kinds = [
            name for name, kind in KINDS.items() if (kind in FAULTS) is faults and kind not in BRISK_ONLY
        ]
        return sum(bool(self.kinds[name]) for name in kinds), len(kinds)


def run(
    seed: int,
    seconds: float = float("inf"),
    plans: int | None = None,
    size: Size = USUAL,
    show: Show = lambda _campaign: None,
    stop_at_failure: bool = True,
) -> Campaign:
    """Draw, simulate and judge until time is up or so many ``plans`` were seen; the same seed, the same plans."""
    campaign = Campaign(seed)
    end = monotonic() + seconds
    with _rare_collections() as collect:
        _search(campaign, end, plans, size, show, stop_at_failure, collect)
    return campaign


def _search(
    campaign: Campaign,
    end: float,
    plans: int | None,
    size: Size,
    show: Show,
    stop_at_failure: bool,
    collect: Callable[[], object],
) -> None:
    while monotonic() < end and (plans is None or campaign.plans < plans):
        drawn = plan(Chance(campaign.seed * 1_000_003 + campaign.plans), size)
        ruling = _carry_out(campaign, drawn)
        show(campaign)
        if ruling.broken and campaign.first is None:
            campaign.first, campaign.failed_after = drawn, campaign.plans
            if stop_at_failure:
                return
        if campaign.plans % COLLECT_EVERY == 0:
            begun = process_time()
            collect()
            campaign.simulating += process_time() - begun


@contextmanager
def _rare_collections() -> Iterator[Callable[[], object]]:
    """A world is one great knot of references: looking for garbage while it runs took a third of the time."""
    enabled = gc.isenabled()
    gc.disable()
    gc.freeze()  # what was there before is no garbage of ours
    try:
        yield gc.collect
    finally:
        gc.unfreeze()
        if enabled:
            gc.enable()
        gc.collect()


def _carry_out(campaign: Campaign, drawn: Plan) -> Judged:
    begun = process_time()
    world = simulate(drawn)
    simulated = process_time()
    ruling = judged_world(world)
    judged = process_time()
    campaign.plans += 1
    campaign.recoveries += world.recoveries
    campaign.kills += world.kills
    campaign.judging += judged - simulated
    campaign.kinds.update(type(step.do).__name__ for step in drawn.steps)
    campaign.conditions.update(world.conditions)
    campaign.failures.update(ruling.kinds)
    forget(world)
    campaign.simulating += simulated - begun + process_time() - judged
    if not ruling.broken and not ruling.held:
        campaign.vague += 1
        campaign.why_vague = ruling.conclusion.reason
    return ruling


def shortened(campaign: Campaign, within: float = SHRINKING_S) -> Plan | None:
    """The shortest plan that fails as the first failure did; None when there was none. Takes ``within`` at most."""
    if campaign.first is None:
        return None
    wanted = judged_world(simulate(campaign.first)).kinds
    end = monotonic() + within

    def fails(candidate: Plan) -> bool:
        return monotonic() < end and not wanted.isdisjoint(judged_world(simulate(candidate)).kinds)

    campaign.shortest = shrink(campaign.first, fails)
    return campaign.shortest


def saved(shortest: Plan, below: Path) -> Path:
    """Write a plan into a file named by its digest; its path."""
    below.mkdir(parents=True, exist_ok=True)
    path = below / f"sim-{shortest.digest}.json"
    path.write_text(shortest.text())
    return path


def failure_of(world: World) -> str:
    """The first thing that broke, as a sentence with its details; empty when all held."""
    found = judged_world(world).conclusion
    return "; ".join(f"{one.check}: {one.message} ({one.detail})" for one in found.failures[:1])
