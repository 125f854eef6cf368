"""One mutant against the simulator alone: how many plans pass, seed by seed, until a check sees it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from harness.fuzz import campaign
from harness.mutants.choosing import target_of
from harness.mutants.trial import COLUMNS
from reference_gcs.mutants.catalogue import Mutant, named

CORE = "reference_gcs.core"
NOT_SIMULATED = "reference_gcs.core.layout"
"""Keys of Redis, for which only the shell's store asks."""


@dataclass(frozen=True)
class Find:
    """A campaign that found it. ``plans``: how many were seen, the failing one included; ``checks``: who said so."""

    seed: int
    plans: int
    checks: tuple[str, ...]


@dataclass(frozen=True)
class Hunt:
    """One campaign for each of ``seeds`` against one target, of at most ``budget`` plans, ended by its first failure.

    ``finds``: the campaigns that failed. ``plans``: of all campaigns. ``vague``: plans of which no check could say
    anything for certain. ``called``: how often the function ran that the mutant replaces. Time in seconds.
    """

    target: str
    seeds: tuple[int, ...]
    budget: int
    finds: tuple[Find, ...] = ()
    plans: int = 0
    vague: int = 0
    called: int = 0
    seconds: float = 0.0
    problem: str = ""

    @property
    def killed(self) -> bool:
        return bool(self.finds)

    @property
    def median(self) -> float:
        """Plans until it is found, over the seeds; infinite when most campaigns did not find it."""
        missed = len(self.seeds) - len(self.finds)
        return median([*(float(one.plans) for one in self.finds), *[float("inf")] * missed])

    @property
    def checks(self) -> dict[str, int]:
        """Who saw it first, and in how many campaigns, the most frequent first."""
        counts = Counter(check for find in self.finds for check in find.checks)
        return dict(sorted(counts.items(), key=lambda one: (-one[1], COLUMNS.index(one[0]))))


def elsewhere(mutant: Mutant) -> str:
    """What the mutant spoils, when that is no part of what is simulated; '' for one that the simulator carries."""
    module = mutant.original.__module__
    carried = module.startswith(f"{CORE}.") and module != NOT_SIMULATED
    return "" if carried else f"{module.removeprefix('reference_gcs.')}.{mutant.original.__qualname__}"


def hunt(name: str, seeds: Sequence[int], budget: int) -> Hunt:
    """Spoil this process with the mutant ``name``, for good ('': leave it sound), and try it with every seed."""
    calls = _planted(named(name)) if name else Counter()
    began = time.monotonic()
    campaigns = [campaign.run(seed, plans=budget) for seed in seeds]
    finds = tuple(
        Find(one.seed, one.failed_after, _ordered({check for check, _signature in one.failures}))
        for one in campaigns
        if one.failed_after is not None
    )
    return Hunt(
        target_of(named(name) if name else None),
        tuple(seeds),
        budget,
        finds,
        sum(one.plans for one in campaigns),
        sum(one.vague for one in campaigns),
        calls.total(),
        time.monotonic() - began,
    )


def _planted(mutant: Mutant) -> Counter[str]:
    """Plant it so that its calls are counted."""
    calls: Counter[str] = Counter()

    def counted(*arguments: Any, **words: Any) -> Any:
        calls[mutant.name] += 1
        return mutant.instead(*arguments, **words)

    replace(mutant, instead=counted).plant()
    return calls


def _ordered(checks: set[str]) -> tuple[str, ...]:
    return tuple(one for one in COLUMNS if one in checks)
