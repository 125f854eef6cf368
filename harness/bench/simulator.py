"""How fast plans are simulated and judged on one core, and whether a long campaign keeps its memory.

Rates are per second of processor time. A machine that others use is slower even so, which the yardstick shows:
compare two runs by their ratio to it.
"""

from __future__ import annotations

import heapq
import time

import psutil

from harness.fuzz import campaign as campaigns
from harness.fuzz.campaign import Campaign
from harness.fuzz.grammar import Size

LADDERS = Size(operations=(30, 40), kills=(3, 6), faults=(0, 8), ladders=(20, 25, 30))
"""Kills that go on through the lives that follow, most of them within or shortly after a recovery."""
SINGLE = Size(operations=(30, 40), kills=(3, 6), faults=(0, 8))
RATE = 1000.0
"""Recoveries a second that are aimed at."""
TENTHS = 10
STEPS = 50_000


def rates(seconds: float, size: Size, seed: int = 1) -> dict[str, float]:
    """A campaign of plans of that ``size`` for so many seconds: what a plan has, and recoveries a second."""
    before, begun = yardstick(), time.process_time()
    found = campaigns.run(seed, seconds, size=size, stop_at_failure=False)
    spent = time.process_time() - begun
    return {
        **_of_a_plan(found),
        "recoveries/s, simulated": found.rate,
        "recoveries/s, drawn, simulated and judged": found.recoveries / spent,
        "yardstick, million steps/s": (before + yardstick()) / 2,
    }


def memory(seconds: float, seed: int = 2) -> dict[str, float]:
    """Resident MB before a campaign of usual plans, and after each tenth of it."""
    process = psutil.Process()
    begun = time.monotonic()
    figures = {"resident MB before": _megabytes(process)}

    def look(_campaign: Campaign) -> None:
        tenth = int((time.monotonic() - begun) / seconds * TENTHS)
        if 0 < tenth < TENTHS:
            figures.setdefault(f"resident MB after {tenth}/{TENTHS}", _megabytes(process))

    found = campaigns.run(seed, seconds, show=look, stop_at_failure=False)
    figures[f"resident MB after {TENTHS}/{TENTHS}"] = _megabytes(process)
    return {"plans": float(found.plans), **figures}


def yardstick() -> float:
    """Million steps of a fixed piece of plain Python in a second of processor time."""
    began, heap, seen = time.process_time(), [0], dict[int, int]()
    for number in range(STEPS):
        heapq.heappush(heap, number * 7919 % 1009)
        seen[number % 997] = heapq.heappop(heap)
    return STEPS / (time.process_time() - began) / 1e6


def _of_a_plan(found: Campaign) -> dict[str, float]:
    plans = max(found.plans, 1)
    return {
        "plans": float(found.plans),
        "plans that failed": float(sum(found.failures.values())),
        "kills in a plan": found.kills / plans,
        "recoveries in a plan": found.recoveries / plans,
    }


def _megabytes(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 1e6
