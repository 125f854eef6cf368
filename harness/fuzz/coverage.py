"""Which lines and branches of the reference's core a simulated campaign reaches: ``python -m harness.fuzz.coverage``.

What is measured must not have been imported before, so this runs in a process of its own.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.errors import EnvironmentProblem

CORE = "reference_gcs/core"
AIM = 95.0
"""Percent of lines and branches, together, that a campaign should reach."""
UNREACHABLE = ["if TYPE_CHECKING:"]


@dataclass(frozen=True)
class File:
    """``lines``: those that were never reached; ``branches``: jumps that never happened, as (from, to); to is
    negative where a function ends."""

    name: str
    percent: float
    lines: tuple[int, ...]
    branches: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Reached:
    """``percent`` of all lines and branches, ``of_branches`` of the branches alone; files with gaps, by name."""

    plans: int
    percent: float
    of_branches: float
    files: tuple[File, ...]


def measure(seed: int, plans: int | None, seconds: float) -> Reached:
    """A campaign of so many plans, or seconds. EnvironmentProblem without the ``coverage`` package."""
    try:
        import coverage
    except ImportError as problem:
        raise EnvironmentProblem("coverage is not installed: pip install coverage") from problem
    if CORE.replace("/", ".") in sys.modules:
        raise EnvironmentProblem("the core was imported before it could be measured")
    tool = coverage.Coverage(data_file=None, branch=True, include=[f"*/{CORE}/*"], omit=["*/test_*"])
    for pattern in UNREACHABLE:
        tool.exclude(pattern)
    tool.start()
    try:
        from harness.fuzz import campaign

        found = campaign.run(seed, seconds, plans, stop_at_failure=False)
    finally:
        tool.stop()
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "coverage.json"
        tool.json_report(outfile=str(path))
        return read(json.loads(path.read_text()), found.plans)


def read(told: dict[str, Any], plans: int) -> Reached:
    """What a JSON report of the ``coverage`` package says."""
    total = told["totals"]
    files = (_file(name, one) for name, one in sorted(told["files"].items()))
    return Reached(
        plans,
        total["percent_covered"],
        100.0 * total["covered_branches"] / max(total["num_branches"], 1),
        tuple(one for one in files if one.lines or one.branches),
    )


def _file(name: str, told: dict[str, Any]) -> File:
    lines = tuple(told["missing_lines"])
    branches = tuple(
        (start, end) for start, end in told["missing_branches"] if start not in lines and end not in lines
    )
    name = f"{CORE}/{name.rpartition(f'{CORE}/')[2]}"
    return File(name, told["summary"]["percent_covered"], lines, branches)


def spans(lines: Sequence[int]) -> str:
    """Line numbers for people: ``3, 7-9``."""
    found: list[list[int]] = []
    for one in lines:
        if found and found[-1][1] == one - 1:
            found[-1][1] = one
        else:
            found.append([one, one])
    return ", ".join(f"{first}-{last}" if first != last else str(first) for first, last in found)


def shown(reached: Reached) -> str:
    """The figures, and every gap by file."""
    rows = [
        f"{reached.plans} plans reach {reached.percent:.1f} % of the lines and branches of {CORE},"
        f" {reached.of_branches:.1f} % of the branches (aim: {AIM:g} %)"
    ]
    for one in reached.files:
        jumps = ", ".join(f"{start}->{end if end > 0 else 'end'}" for start, end in one.branches)
        gaps = "; ".join(part for part in (spans(one.lines), jumps) if part)
        rows.append(f"  {one.percent:5.1f} %  {one.name}: {gaps}")
    return "\n".join(rows)


def main(
    plans: Annotated[
        int | None, typer.Option(help="how many plans; default: as many as there is time for")
    ] = None,
    minutes: Annotated[float, typer.Option(help="how long, at the most")] = 1.0,
    seed: Annotated[int, typer.Option(help="the same seed draws the same plans")] = 0,
) -> None:
    """Branch coverage of the reference's core by a simulated campaign, and what was never reached."""
    try:
        print(shown(measure(seed, plans, minutes * 60)))
    except EnvironmentProblem as problem:
        print(problem, file=sys.stderr)
        raise typer.Exit(3) from problem


if __name__ == "__main__":
    typer.run(main)
