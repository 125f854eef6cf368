"""A campaign on real processes: plans until time is up, then each new failure again, as short as it goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from harness.errors import EnvironmentProblem
from harness.expectations import Failure
from harness.fuzz.brisk import BRISK, brisk
from harness.fuzz.faults import FAULTS
from harness.fuzz.grammar import Chance, Size
from harness.fuzz.grammar import plan as drawn
from harness.fuzz.plan import KINDS, Plan
from harness.fuzz.real.judging import Kind, Trial, kind_of
from harness.fuzz.real.reached import CONDITIONS
from harness.fuzz.real.working import Terminated, Workers
from harness.fuzz.shrink import shrink
from harness.report.verdict import Verdict

AGAIN = 5
"""How often a failure is run again, to say how often it fails."""
TRIES = 2
"""How often a shorter plan is tried before it counts as one that holds."""
MOST_SHRUNK = 5
"""New failures that are shrunk; of the others the first plan is kept as it is."""


@dataclass
class Found:
    """A new failure. ``plan``: where it was first seen, later the shortest; ``fails``: of :data:`AGAIN` runs.

    ``record``: the folder with the record of the run in which it was first seen.
    """

    kind: Kind
    detail: str
    plan: Plan
    number: int
    count: int = 1
    fails: int | None = None
    record: Path | None = None
    known_of: str = ""
    """The nearest release that is known for it."""

    def __str__(self) -> str:
        neighbour = f" (known of {self.known_of})" if self.known_of else ""
        return f"{': '.join(self.kind)}{neighbour}"


@dataclass
class Hunt:
    """What a campaign has come to. ``seconds``: of the wall clock; ``failures``: of each plan; ``known``: the causes
    that were known, with the number of plans.

    ``interrupted``: it was ended from outside; ``hurried``: by somebody who does not wait for shorter plans.
    """

    seed: int
    target: str
    plans: int = 0
    recoveries: int = 0
    restarts: int = 0
    seconds: float = 0.0
    held: int = 0
    vague: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    hits: Counter[str] = field(default_factory=Counter)
    missed: int = 0
    reached: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[Failure, ...]] = field(default_factory=list)
    known: Counter[Kind] = field(default_factory=Counter)
    found: dict[Kind, Found] = field(default_factory=dict)
    interrupted: bool = False
    hurried: bool = False

    @property
    def status(self) -> int:
        """The exit status: 0 held, 1 broken, 2 inconclusive."""
        if self.found:
            return 1
        return 0 if self.held or self.known else 2

    @property
    def rate(self) -> float:
        """Recoveries a second."""
        return self.recoveries / self.seconds if self.seconds else 0.0

    @property
    def never(self) -> list[str]:
        return [one for one in CONDITIONS if not self.reached[one]]

    def coverage(self, faults: bool) -> tuple[int, int]:
        """How many kinds of operations (or faults) were carried out, and how many there are."""
        kinds = [name for name, kind in KINDS.items() if (kind in FAULTS) is faults]
        return sum(bool(self.kinds[name]) for name in kinds), len(kinds)

    def take(self, trial: Trial, number: int) -> None:
        """Count what came of plan ``number``."""
        self.plans += 1
        self.recoveries += trial.recoveries
        self.restarts += trial.restarts
        self.held += trial.verdict is Verdict.HELD
        if trial.verdict is Verdict.INCONCLUSIVE:
            self.vague[trial.reason] += 1
        self.kinds.update(type(step.do).__name__ for step in trial.plan.steps)
        self.hits.update(trial.hits)
        self.missed += trial.missed
        self.reached.update(trial.reached)
        self.failures.append(trial.failures)
        self.known.update({kind_of(one) for one in trial.failures if one.known})
        for kind, one in {kind_of(one): one for one in reversed(trial.new)}.items():
            if kind in self.found:
                self.found[kind].count += 1
            else:
                self.found[kind] = Found(
                    kind, one.detail, trial.plan, number, record=trial.record, known_of=one.known_of
                )


Show = Callable[[Hunt], None]


def run(
    hunt: Hunt,
    workers: Workers,
    seconds: float = float("inf"),
    plans: int | None = None,
    size: Size = BRISK,
    show: Show = lambda _hunt: None,
    until_found: bool = False,
) -> None:
    """Draw, carry out and judge until time is up or so many ``plans`` were seen; Ctrl-C or SIGTERM ends it early.

    The same seed draws the same plans, in the same order. ``until_found``: nothing is begun after a new failure.
    """
    began = monotonic()
    under_way: dict[Future[Trial], int] = {}
    number = 0
    try:
        while True:
            more = monotonic() - began < seconds and not (until_found and hunt.found)
            while more and len(under_way) < workers.count and (plans is None or number < plans):
                under_way[workers.carry_out(plan_of(hunt.seed, number, size))] = number
                number += 1
            if not under_way:
                return
            for ended in wait(under_way, return_when=FIRST_COMPLETED).done:
                hunt.take(ended.result(), under_way.pop(ended))
            hunt.seconds = monotonic() - began
            show(hunt)
    except KeyboardInterrupt as end:
        hunt.seconds = monotonic() - began
        hunt.interrupted, hunt.hurried = True, isinstance(end, Terminated)


def plan_of(seed: int, number: int, size: Size = BRISK) -> Plan:
    """The plan of that number of a campaign."""
    return brisk(drawn(Chance(seed * 1_000_003 + number), size))


def follow_up(found: Found, workers: Workers, seconds: float) -> None:
    """Look for the shortest plan that fails so, and count how often that one fails."""
    end = monotonic() + seconds

    def fails(candidate: Plan) -> bool:
        if monotonic() >= end:
            return False
        tries = [workers.carry_out(candidate) for _ in range(TRIES)]
        return any(found.kind in one.result().kinds for one in tries)

    found.plan = shrink(found.plan, fails)
    found.fails = sum(found.kind in one.kinds for one in again(found.plan, workers, AGAIN))


def again(plan: Plan, workers: Workers, times: int, keep: Path | None = None) -> list[Trial]:
    """The same plan so many times; the record of the first goes to ``keep``."""
    runs = [workers.carry_out(plan, keep if number == 0 else None) for number in range(times)]
    return [one.result() for one in runs]


def worst_first(found: dict[Kind, Found]) -> list[Found]:
    """The new failures: those first that no other release is known for, and of each those that were seen most often."""
    return sorted(found.values(), key=lambda one: (bool(one.known_of), -one.count, one.number))


def folder_of(found: Found) -> str:
    """A folder's name: the check, and the plan's digest."""
    return f"{found.kind[0].replace(' ', '-').replace(',', '')}-{found.plan.digest}"


def checked(plans: int | None, seconds: float) -> None:
    """EnvironmentProblem for a campaign of nothing."""
    if seconds <= 0 or (plans is not None and plans <= 0):
        raise EnvironmentProblem("a campaign needs time and plans: --minutes and --plans must be more than 0")
