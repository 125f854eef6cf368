"""What crash points cost, against the bare restart of the target."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from harness.bench.cycle import rounds
from harness.process.guard import GUARD
from harness.target.base import Target
from harness.target.parse import parse_target

SCENARIO = "scenarios/test_crash_points.py"
LOOPS = 2


def floor(target: Target, seconds: float = 10.0) -> float:
    """Bare starts a second: :data:`LOOPS` loops side by side that start it, wait until it serves, and kill it."""
    place = GUARD.directory("bench-")
    made = [rounds(target, place / str(number)) for number in range(LOOPS)]
    end = time.monotonic() + seconds

    def loop(cycle: Callable[[], None]) -> int:
        count = 0
        while time.monotonic() < end:
            cycle()
            count += 1
        return count

    try:
        with ThreadPoolExecutor(LOOPS) as pool:
            return sum(pool.map(loop, [bare for bare, _, _ in made])) / seconds
    finally:
        for _, _, finish in made:
            finish()
        GUARD.remove(place)


def run(gcs: str, jobs: int, only: Sequence[str] = ()) -> dict[str, Any]:
    """All crash points in a process of its own: its wall seconds, and ``result.json``'s scenarios."""
    with tempfile.TemporaryDirectory() as runs:
        began = time.perf_counter()
        command = [sys.executable, "-m", "pytest", "-q", SCENARIO, "--crash-points=all", "--gcs", gcs]
        command += ["-n", str(jobs), "--run-dir", runs, *(f"--only={one}" for one in only)]
        root = Path(__file__).parents[2]
        subprocess.run(command, cwd=root, stdout=subprocess.DEVNULL, check=False)
        seconds = time.perf_counter() - began
        result = json.loads((Path(runs) / "latest" / "result.json").read_text())
    return {"seconds": seconds, "scenarios": result["scenarios"]}


def figures(gcs: str, jobs: int, only: Sequence[str] = ()) -> dict[str, float]:
    """Number of points, wall seconds, points and restarts a second, and the restarts' share of the bare floor.

    A restart is a start of the GCS in a point, whether it served or was killed on the way.
    """
    target = parse_target(gcs)
    target.prepare()
    bare = floor(target)
    measured = run(gcs, jobs, only)
    points = [one["point"] for one in measured["scenarios"] if one.get("point")]
    killed = sum(point.get("killed", 0) for point in points)
    restarts = killed + sum(one["recoveries"] for one in measured["scenarios"])
    found = {
        "points": float(len(points)),
        "wall seconds": measured["seconds"],
        "points a second": len(points) / measured["seconds"],
        "restarts": float(restarts),
        "restarts a second": restarts / measured["seconds"],
        "bare restarts a second": bare,
        "share of the bare floor": restarts / measured["seconds"] / bare,
    }
    verdicts = Counter(one["verdict"] for one in measured["scenarios"])
    return found | {verdict: float(count) for verdict, count in verdicts.items()}
