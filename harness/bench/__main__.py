"""What the harness costs, measured in one run: ``make bench``, or ``python -m harness.bench --help``.

The machine is noisy, so speeds are compared as ratios of medians of interleaved rounds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from harness.bench import containers, crashpoints, cycle, fuzzing, judging, proxy, simulator
from harness.container.engine import reachable
from harness.fuzz.brisk import BRISK, LADDERS
from harness.process.grpc_log import errors_only
from harness.target.base import Target
from harness.target.parse import parse_target

PARTS = ("cycle", "raylets", "proxy", "judge", "simulator", "fuzz", "containers", "suite", "crashpoints")
RATE_SECONDS = 20.0
WITHOUT_TARGET = ("judge", "simulator")
app = typer.Typer(add_completion=False)


def show(title: str, figures: dict[str, float]) -> None:
    """Print a table of figures."""
    table = Table("figure", "value", title=title)
    for name, value in figures.items():
        table.add_row(name, f"{value:.2f}" if isinstance(value, float) else str(value))
    Console().print(table)


@app.command()
def main(
    gcs: Annotated[str, typer.Option(help="the GCS to measure with")] = "ray==2.60.0",
    cycles: Annotated[int, typer.Option(help="rounds of the cycle comparison")] = 40,
    counts: Annotated[str, typer.Option(help="numbers of raylets in one process")] = "10,100,1000",
    jobs: Annotated[int, typer.Option(help="parallel workers of suite and crash points")] = 4,
    sim_minutes: Annotated[float, typer.Option(help="length of the campaign whose memory is watched")] = 0.5,
    only: Annotated[str, typer.Option(help=f"one of {', '.join(PARTS)}; all when empty")] = "",
) -> None:
    """Cycle ratio, fake raylets, the proxy, judging, the simulator, containers, the whole suite, and all crash points."""
    if only and only not in PARTS:
        raise typer.BadParameter(f"{only!r} is none of {', '.join(PARTS)}")
    target = parse_target(gcs)
    if only not in WITHOUT_TARGET:
        target.prepare()
    parts: dict[str, Callable[[], None]] = {
        "cycle": lambda: show(
            f"one kill-restart-verify cycle, {gcs}, ms (at most {cycle.CYCLE_LIMIT} times)",
            cycle.cycle_ratio(target, cycles),
        ),
        "raylets": lambda: _raylets(target, [int(one) for one in counts.split(",")]),
        "proxy": lambda: show(
            f"the proxy before Redis, {gcs} (puts: at most {proxy.LIMIT} times)", proxy.proxy_cost(target)
        ),
        "judge": lambda: show("judging a record, in seconds of processor time", judging.judging()),
        "simulator": lambda: _simulator(sim_minutes * 60),
        "fuzz": lambda: _fuzzing(target, gcs, jobs),
        "containers": lambda: _containers(target, needed=bool(only)),
        "suite": lambda: show(f"the whole suite, {gcs}, -n {jobs}", cycle.suite(gcs, jobs)),
        "crashpoints": lambda: show(f"all crash points, {gcs}, -n {jobs}", crashpoints.figures(gcs, jobs)),
    }
    assert parts.keys() == set(PARTS)
    for name in [only] if only else PARTS:
        parts[name]()


def _raylets(target: Target, counts: Sequence[int]) -> None:
    for count in counts:
        show(f"{count} idle fake raylets in one process, {target.name}", cycle.raylets(target, count))


def _fuzzing(target: Target, gcs: str, jobs: int) -> None:
    for name, size in (("as usual", BRISK), ("with --ladders", LADDERS)):
        title = (
            f"fuzzing {gcs} {name}, {jobs} plans at once, against as many bare loops (aim: {fuzzing.AIM:g})"
        )
        show(title, fuzzing.figures(target, gcs, jobs, size))


def _simulator(seconds: float) -> None:
    crashes = "plans of at least 30 operations and 3 crashes"
    for name, size in (("with ladders of kills", simulator.LADDERS), ("as usual", simulator.SINGLE)):
        title = f"simulated on one core, {crashes}, {name} (aim: {simulator.RATE:g} a second)"
        show(title, simulator.rates(RATE_SECONDS, size))
    show(f"memory of a campaign of {seconds:g} s", simulator.memory(seconds))


def _containers(target: Target, needed: bool) -> None:
    if (why := reachable()) is not None:
        print(f"containers: left out: {why}")
        if needed:
            raise typer.Exit(3)
        return
    title = f"containers against processes, {target.name}, s (start: at most {containers.LIMIT_SECONDS:g})"
    show(title, containers.containers(target, rounds=5))


if __name__ == "__main__":
    errors_only()
    app()
