"""How many recoveries a second fuzzing makes on real processes, against a bare loop of starts and kills.

A restart is a start of the GCS in a plan, whether it came to serve, which makes it a recovery, or was killed on
the way: as with crash points.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path

from harness.bench.cycle import rounds
from harness.fuzz.grammar import Size
from harness.fuzz.real.hunt import Hunt, run
from harness.fuzz.real.working import Workers
from harness.process.guard import GUARD
from harness.target.base import Target

AIM = 0.7


def figures(target: Target, gcs: str, jobs: int, size: Size, seconds: float = 40.0) -> dict[str, float]:
    """Bare cycles a second (before and after), recoveries a second of a campaign, and their ratio; ``jobs`` at once."""
    with Workers(gcs, jobs) as workers:
        run(Hunt(0, target.name), workers, plans=jobs)  # each worker builds its cluster
        before = floor(target, jobs, seconds / 4)
        hunt = Hunt(1, target.name)
        run(hunt, workers, seconds, size=size)
        after = floor(target, jobs, seconds / 4)
    bare = (before + after) / 2
    return {
        "bare cycles a second": bare,
        "plans a second": hunt.plans / hunt.seconds,
        "recoveries a second": hunt.rate,
        "restarts a second": hunt.restarts / hunt.seconds,
        "recoveries' share of the bare floor": hunt.rate / bare,
        "restarts' share of the bare floor": hunt.restarts / hunt.seconds / bare,
    }


def floor(target: Target, jobs: int, seconds: float) -> float:
    """Start, first answer and kill, a second, in ``jobs`` loops at once, each on a Redis of its own."""
    directory = GUARD.directory("bench-")
    counts = [0] * jobs
    cycles = [rounds(target, directory / str(number)) for number in range(jobs)]
    end = time.monotonic() + seconds

    def loop(number: int) -> None:
        while time.monotonic() < end:
            cycles[number][0]()
            counts[number] += 1

    threads = [threading.Thread(target=loop, args=(number,)) for number in range(jobs)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        for _, _, ended in cycles:
            ended()
        GUARD.remove(Path(directory))
    return sum(counts) / seconds
