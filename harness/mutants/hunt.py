"""One mutant against the simulator alone: how many plans pass, seed by seed, until a check sees it.

A plan in which the function never runs that a mutant replaces is the sound reference's plan, byte for byte: the
sound one goes first and says which functions run where, and each mutant gets only the plans that can show it.
"""

from __future__ import annotations

import gc
import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from harness.fuzz.grammar import Chance, plan
from harness.fuzz.plan import Plan
from harness.fuzz.sim.world import simulate
from harness.fuzz.verdict import Judged, judged_world
from harness.mutants.choosing import SOUND, target_of
from harness.mutants.trial import COLUMNS
from reference_gcs.mutants.catalogue import MUTANTS, Mutant, named

CORE = "reference_gcs.core"
NOT_SIMULATED = "reference_gcs.core.layout"
"""Keys of Redis, for which only the shell's store asks."""
COLLECT_EVERY = 20
"""Plans between two collections of garbage: a world is one great knot of references."""
LONGEST_S = 60.0
"""For one plan, which takes a few hundredths of a second."""


class TooLong(BaseException):
    """A plan does not come to its end. No Exception: a world would take it for one of its GCS's."""


Numbers = Mapping[int, Sequence[int]]
"""Seed -> the numbers of its plans, from 0."""


@dataclass(frozen=True)
class Find:
    """A campaign that found it. ``plans``: how many were seen, the failing one included; ``checks``: who said so."""

    seed: int
    plans: int
    checks: tuple[str, ...]


@dataclass(frozen=True)
class Scouted:
    """The sound reference on the plans of one seed. ``ran``: for each plan the functions that ran, of those that
    mutants replace; ``find``: its first failure; ``vague``: plans of which no check could say anything for certain."""

    seed: int
    ran: tuple[frozenset[str], ...]
    find: Find | None
    vague: int
    seconds: float


@dataclass(frozen=True)
class Hunt:
    """One campaign for each of ``seeds`` against one target, of at most ``budget`` plans, ended by its first failure.

    ``finds``: the campaigns that failed. ``reached``: in how many plans of all campaigns, were they not ended, the
    function runs that the mutant replaces. ``vague``: of those carried out, how many proved nothing. In seconds.
    """

    target: str
    seeds: tuple[int, ...]
    budget: int
    finds: tuple[Find, ...] = ()
    reached: int = 0
    vague: int = 0
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
    return "" if carried else function_of(mutant).removeprefix("reference_gcs.")


def function_of(mutant: Mutant) -> str:
    """The full name of what it replaces."""
    return f"{mutant.original.__module__}.{mutant.original.__qualname__}"


def drawn(seed: int, number: int) -> Plan:
    """The plan of that number, from 0, in a campaign of that seed."""
    return plan(Chance(seed * 1_000_003 + number))


def scout(seeds: Sequence[int], budget: int) -> list[Scouted]:
    """All plans of these campaigns on the sound reference. Plants counters in this process, for good."""
    ran: set[str] = set()
    for one in {function_of(one): one for one in MUTANTS.values() if not elsewhere(one)}.values():
        _count(one, ran)
    return [_scouted(seed, budget, ran) for seed in seeds]


def _count(mutant: Mutant, ran: set[str]) -> None:
    function = function_of(mutant)

    def counted(original: Any, *arguments: Any, **words: Any) -> Any:
        ran.add(function)
        return original(*arguments, **words)

    replace(mutant, instead=counted).plant()


def _scouted(seed: int, budget: int, ran: set[str]) -> Scouted:
    began, found, find, vague = time.monotonic(), [], None, 0
    with _rare_collections() as collect:
        for number in range(budget):
            ran.clear()
            ruling = _carried_out(seed, number)
            found.append(frozenset(ran))
            vague += _vague(ruling)
            if ruling.broken and find is None:
                find = _find(seed, number, ruling)
            collect(number)
    return Scouted(seed, tuple(found), find, vague, time.monotonic() - began)


def sound(scouted: Sequence[Scouted], budget: int) -> Hunt:
    """What the plans say of the sound reference."""
    finds = tuple(one.find for one in scouted if one.find is not None)
    seeds = tuple(one.seed for one in scouted)
    vague, seconds = sum(one.vague for one in scouted), sum(one.seconds for one in scouted)
    return Hunt(SOUND, seeds, budget, finds, len(seeds) * budget, vague, seconds)


def showing(mutant: Mutant, scouted: Sequence[Scouted]) -> dict[int, list[int]]:
    """Seed -> the numbers of the plans in which what the mutant replaces runs."""
    function = function_of(mutant)
    return {one.seed: [number for number, ran in enumerate(one.ran) if function in ran] for one in scouted}


def hunt(name: str, numbers: Numbers, budget: int) -> Hunt:
    """Spoil this process with the mutant ``name``, for good, and try it with the plans of ``numbers``."""
    named(name).plant()
    began, vague = time.monotonic(), 0
    finds: list[Find] = []
    with _rare_collections() as collect:
        for seed, count, number in _each(numbers):
            if finds and finds[-1].seed == seed:
                continue
            ruling = _carried_out(seed, number)
            vague += _vague(ruling)
            if ruling.broken:
                finds.append(_find(seed, number, ruling))
            collect(count)
    reached = sum(len(some) for some in numbers.values())
    seconds = time.monotonic() - began
    return Hunt(target_of(named(name)), tuple(numbers), budget, tuple(finds), reached, vague, seconds)


def _each(numbers: Numbers) -> Iterator[tuple[int, int, int]]:
    for seed, some in numbers.items():
        yield from ((seed, count, number) for count, number in enumerate(some))


def _carried_out(seed: int, number: int) -> Judged:
    """:class:`TooLong` for a plan whose target makes work without end."""

    def too_long(*_: object) -> None:
        raise TooLong(f"plan {number} of seed {seed} takes more than {LONGEST_S:g} s")

    signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, LONGEST_S)
    try:
        return judged_world(simulate(drawn(seed, number)))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)


def _find(seed: int, number: int, ruling: Judged) -> Find:
    said = {check for check, _signature in ruling.kinds}
    return Find(seed, number + 1, tuple(one for one in COLUMNS if one in said))


def _vague(ruling: Judged) -> bool:
    return not ruling.broken and not ruling.held


@contextmanager
def _rare_collections() -> Iterator[Any]:
    """Collect garbage only when told to, every so many plans."""
    gc.disable()
    try:
        yield lambda count: count % COLLECT_EVERY or gc.collect()
    finally:
        gc.enable()
