"""``gauntlet compare``: plans carried out on several targets, one beside the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from rich.console import Console

from harness.backend.choosing import prepared
from harness.errors import EnvironmentProblem
from harness.fuzz.brisk import brisk
from harness.fuzz.differing.compare import Difference, differences
from harness.fuzz.differing.final import Final, outcome_of
from harness.fuzz.grammar import Chance, Size
from harness.fuzz.grammar import plan as drawn
from harness.fuzz.plan import Plan, Weather, read
from harness.fuzz.real.stage import Stage
from harness.process.guard import GUARD
from harness.target.parse import parse_target

CALM = Size(operations=(4, 12), kills=(0, 1), faults=(0, 1), ladders=(0,))
"""Of plans in which most calls have ended before the next one is made."""
LULL = 0.4
"""Seconds between two steps of a plan that is drawn for comparison."""
AGAIN = 3
"""How often a plan is run on each side before what differs counts: no run of one may be like any of the other."""
Run = Callable[[Plan], Final]


@dataclass(frozen=True)
class Compared:
    """``found``: what differs between the first target and the one named so."""

    plan: Plan
    left: str
    right: str
    found: tuple[Difference, ...]


def compare(
    file: Path | None,
    seed: int,
    plans: int,
    specs: Sequence[str],
    below: Path,
    again: int = AGAIN,
    store: str = "redis",
    backend: str | None = None,
    words: Mapping[str, str] = MappingProxyType({}),
) -> int:
    """Print what differs; 0 when nothing does, else 1. Plans that show it are written to the folder ``below``.

    ``words``: what guarantees say, by id; ``store`` and ``backend``: of each target's clusters.

    EnvironmentProblem for fewer than two targets, one that does not exist, or a file that is no plan.
    """
    if len(specs) < 2:
        raise EnvironmentProblem("compare takes two targets or more: --gcs reference --gcs ray==2.60.0")
    if plans < 1 or again < 1:
        raise EnvironmentProblem("--plans and --times must be 1 or more")
    targets = [parse_target(spec) for spec in specs]
    choices = [prepared(target, backend, store) for target in targets]
    wanted = [_plan_in(file)] if file is not None else [calm(seed, number) for number in range(plans)]
    console, differing = Console(), 0
    with ExitStack() as ending:
        sides: list[tuple[str, Run]] = []
        for target, choice in zip(targets, choices, strict=True):
            stage = Stage(target, GUARD.directory("gauntlet-compare-"), choice)
            ending.callback(stage.close)
            sides.append((target.name, _on(stage)))
        for number, plan in enumerate(wanted):
            found = [one for one in compared(plan, sides, again) if one.found]
            differing += bool(found)
            _show(console, number, plan, found, below, words)
    agree = len(wanted) - differing
    _say(
        console, f"{agree} of {len(wanted)} plans come to the same on {', '.join(name for name, _ in sides)}"
    )
    return 1 if differing else 0


def compared(plan: Plan, sides: Sequence[tuple[str, Run]], again: int = AGAIN) -> Iterator[Compared]:
    """What differs between the first side and each of the others, in every one of ``again`` runs of each."""
    (left, first), *others = sides
    ours = [first(plan)]
    for right, run in others:
        theirs = [run(plan)]
        found = lasting(ours, theirs)
        while found and len(theirs) < again:
            theirs.append(run(plan))
            if len(ours) < len(theirs):
                ours.append(first(plan))
            found = lasting(ours, theirs)
        yield Compared(plan, left, right, tuple(found))


def lasting(ours: Sequence[Final], theirs: Sequence[Final]) -> list[Difference]:
    """What differs between each of ``ours`` and each of ``theirs``."""
    pairs = [differences(one, other) for one in ours for other in theirs]
    keys = set.intersection(*({(one.guarantee, one.key) for one in pair} for pair in pairs))
    return [one for one in pairs[0] if (one.guarantee, one.key) in keys]


def calm(seed: int, number: int, size: Size = CALM) -> Plan:
    """The plan of that number in the comparison of that seed."""
    plan = brisk(drawn(Chance(seed * 1_000_003 + number), size))
    steps = tuple(replace(step, pause=max(step.pause, LULL)) for step in plan.steps)
    return replace(plan, steps=steps, reconnect_limit=Plan().reconnect_limit, weather=Weather())


def _on(stage: Stage) -> Run:
    def run(plan: Plan) -> Final:
        carried = stage.carry_out(plan)
        return outcome_of(carried.events, carried.entries)

    return run


def _plan_in(file: Path) -> Plan:
    try:
        return read(file.read_text())
    except (OSError, UnicodeDecodeError) as problem:
        raise EnvironmentProblem(f"{file} cannot be read: {problem}") from problem


def _show(
    console: Console,
    number: int,
    plan: Plan,
    found: Sequence[Compared],
    below: Path,
    words: Mapping[str, str],
) -> None:
    if not found:
        return
    below.mkdir(parents=True, exist_ok=True)
    path = below / f"plan-{plan.digest}.json"
    path.write_text(plan.text())
    _say(console, f"plan {number}, {len(plan.steps)} steps: {path}")
    for one in found:
        _say(console, f"  {one.left} and {one.right}:")
        for guarantee in dict.fromkeys(difference.guarantee for difference in one.found):
            _say(
                console, f"    {guarantee}: {words[guarantee]}" if guarantee in words else f"    {guarantee}"
            )
            for difference in one.found:
                if difference.guarantee == guarantee:
                    here, there = difference.left, difference.right
                    _say(console, f"      {difference.key}: {here} ({one.left}), {there} ({one.right})")


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
