"""``gauntlet fuzz`` and ``gauntlet replay``: on the terminal, and in a folder of their own."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from rich.console import Console

from harness.errors import EnvironmentProblem
from harness.expectations import knowledge_for
from harness.fuzz.brisk import BRISK
from harness.fuzz.grammar import Size
from harness.fuzz.plan import read
from harness.fuzz.real.hunt import (
    AGAIN,
    MOST_SHRUNK,
    Hunt,
    again,
    checked,
    folder_of,
    follow_up,
    run,
    worst_first,
)
from harness.fuzz.real.judging import Kind, Trial
from harness.fuzz.real.reached import CONDITIONS
from harness.fuzz.real.working import PLAN, Workers, fitting
from harness.report import causes
from harness.report.verdict import Verdict
from harness.target.parse import parse_target

EVERY_S = 0.5
CAMPAIGN = "campaign.json"
FIRST = "first-seen"
"""Below it, the records of runs that failed in a new way, before anybody has looked for a shorter plan."""


def fuzz(
    spec: str,
    seconds: float,
    plans: int | None,
    seed: int,
    asked: str | None,
    expectations: str | None,
    shrinking: float,
    runs: Path,
    size: Size = BRISK,
    backend: str | None = None,
    store: str = "redis",
) -> int:
    """``gauntlet fuzz``: its exit status. EnvironmentProblem for a bad option, or a target that cannot be run.

    ``shrinking``: seconds for each new failure; 0: none is made shorter or counted.
    """
    checked(plans, seconds)
    target = parse_target(spec).name
    known = knowledge_for(target, expectations)
    hunt, console = Hunt(seed, target), Console()
    name = re.sub(r"[^A-Za-z0-9.+]+", "-", target)[:60]
    place = runs / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-fuzz-{name}"
    with Workers(spec, fitting(asked), known, place / FIRST, backend, store) as workers:
        _warn(console, workers)
        run(hunt, workers, seconds, plans, size, _Live(console))
        _say(console, _counts(hunt))
        _conditions(console, hunt)
        _say(console, "\n".join(causes.lines(causes.seen(hunt.failures))))
        _follow_ups(console, hunt, workers, shrinking, place)
    if hunt.found:
        (place / CAMPAIGN).write_text(json.dumps(as_data(hunt, place), indent=1))
        _say(console, f"written: {place}")
    return hunt.status


def _follow_ups(console: Console, hunt: Hunt, workers: Workers, seconds: float, place: Path) -> None:
    """Each new failure, shortened, counted and written down."""
    for number, found in enumerate(worst_first(hunt.found)):
        if number < MOST_SHRUNK and seconds > 0 and not hunt.hurried:
            _say(console, f"{found}: seen in {found.count} plans; looking for a shorter one")
            follow_up(found, workers, seconds)
        home = place / folder_of(found)
        if hunt.hurried:
            home.mkdir(parents=True, exist_ok=True)
            (home / PLAN).write_text(found.plan.text())
        else:
            again(found.plan, workers, 1, home)
        often = f", fails {found.fails} of {AGAIN} times" if found.fails is not None else ""
        _say(console, f"{found}\n    {found.detail[:400]}")
        _say(
            console, f"    first in plan {found.number}; {len(found.plan.steps)} steps{often}: {home / PLAN}"
        )
        if found.record is not None:
            _say(console, f"    the record of the run in which it was first seen: {found.record}")


def as_data(hunt: Hunt, place: Path) -> dict[str, object]:
    """``campaign.json``."""
    return {
        "target": hunt.target,
        "seed": hunt.seed,
        "plans": hunt.plans,
        "recoveries": hunt.recoveries,
        "seconds": round(hunt.seconds, 1),
        "reached": dict(hunt.reached),
        "never": hunt.never,
        "causes": causes.as_data(causes.seen(hunt.failures)),
        "known": [{"check": check, "message": words, "plans": n} for (check, words), n in hunt.known.items()],
        "found": [
            {
                "check": found.kind[0],
                "message": found.kind[1],
                "detail": found.detail,
                "plans": found.count,
                "first": found.number,
                "fails": None if found.fails is None else f"{found.fails} of {AGAIN}",
                "steps": len(found.plan.steps),
                "plan": f"{folder_of(found)}/{PLAN}",
                "first seen": f"{FIRST}/{found.record.name}" if found.record is not None else None,
            }
            for found in worst_first(hunt.found)
        ],
    }


def replay(
    file: Path,
    spec: str,
    times: int,
    asked: str | None,
    expectations: str | None,
    keep: Path | None,
    backend: str | None = None,
    store: str = "redis",
) -> int:
    """``gauntlet replay``: its exit status. EnvironmentProblem for no plan, a bad option, or no target."""
    try:
        plan = read(file.read_text())
    except (OSError, UnicodeDecodeError) as problem:
        raise EnvironmentProblem(f"{file} cannot be read: {problem}") from problem
    if times <= 0:
        raise EnvironmentProblem("--times must be more than 0")
    target = parse_target(spec).name
    known = knowledge_for(target, expectations)
    console = Console()
    with Workers(spec, min(fitting(asked), times), known, None, backend, store) as workers:
        _warn(console, workers)
        trials = again(plan, workers, times, keep)
    for number, one in enumerate(trials, 1):
        said = f"{one.reason} " if one.reason else ""
        _say(
            console, f"{number}: {one.verdict.value} {said}({one.recoveries} recoveries, {one.seconds:.1f} s)"
        )
    found = causes.seen(one.failures for one in trials)
    for cause in sorted(found, key=lambda one: -one.cases):
        _say(console, f"{cause.cases} of {times}: {cause.cause} ({cause.standing})")
    _say(console, causes.lines(found)[0])
    if keep is not None:
        _say(console, f"the first run's record: {keep}")
    return _status(trials)


def _status(trials: list[Trial]) -> int:
    if any(one.new for one in trials):
        return 1
    return 2 if any(one.verdict is Verdict.INCONCLUSIVE for one in trials) else 0


class _Live:
    """Shows the counts in place on a terminal; on anything else a line a minute. And each new failure, once."""

    def __init__(self, console: Console) -> None:
        self._console, self._next = console, 0.0
        self._told: set[Kind] = set()

    def __call__(self, hunt: Hunt) -> None:
        for kind, found in hunt.found.items():
            if kind not in self._told:
                self._told.add(kind)
                _say(self._console, f"new in plan {found.number}: {found}: {found.record}")
        if monotonic() < self._next:
            return
        self._next = monotonic() + (EVERY_S if self._console.is_terminal else 60.0)
        end = "\r" if self._console.is_terminal else "\n"
        self._console.print(_counts(hunt), end=end, highlight=False, markup=False, soft_wrap=True)


def _warn(console: Console, workers: Workers) -> None:
    if not workers.choice.breakable:
        _say(
            console, "the store is not ours: what plans would do to it (stall, kill, cut it off) is left out"
        )
    if said := workers.choice.caution():
        _say(console, said)


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def _counts(hunt: Hunt) -> str:
    operations, faults = hunt.coverage(faults=False), hunt.coverage(faults=True)
    return (
        f"seed {hunt.seed}: {hunt.plans} plans, {hunt.recoveries} recoveries ({hunt.rate:.1f}/s),"
        f" operations {operations[0]}/{operations[1]}, faults {faults[0]}/{faults[1]},"
        f" new failures: {_by_check({one: it.count for one, it in hunt.found.items()})};"
        f" known: {_by_check(hunt.known)}"
    )


def _by_check(counts: Counter[tuple[str, str]] | dict[tuple[str, str], int]) -> str:
    checks: Counter[str] = Counter()
    for (check, _), count in counts.items():
        checks[check] += count
    return ", ".join(f"{check} {count}" for check, count in sorted(checks.items())) or "none"


def _conditions(console: Console, hunt: Hunt) -> None:
    for name in CONDITIONS:
        count = hunt.reached[name]
        _say(console, f"  {count:>8}  {name}" if count else f"     never  {name}")
    broken = ", ".join(f"{what} {count}" for what, count in hunt.hits.most_common()) or "nothing"
    _say(console, f"broken: {broken}; {hunt.missed} strikes were armed and never came")
    for reason, count in hunt.vague.most_common(5):
        _say(console, f"{count} plans proved nothing: {reason}")
    for (check, words), count in hunt.known.most_common():
        _say(console, f"known, in {count} plans: {check}: {words}")
