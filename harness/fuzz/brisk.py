"""Plans for real time: what takes minutes of a simulated clock takes a second or two of a real one. Pure."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from harness.fuzz.faults import CutStore, KillGcs, KillNode, StallStore, TerminateGcs
from harness.fuzz.grammar import Size
from harness.fuzz.operations import Operation
from harness.fuzz.plan import QUICK, Plan, Step, Weather

TENTH = 0.1
LONGEST_PAUSE, LONGEST_OUTAGE, LONGEST_FAULT = 0.1, 0.15, 1.2
USUAL_LIMIT = 60.0
IN_ORDER, CUT = 0.1, 0.5
"""Of the kills without a ladder, and of the stalls of a store."""

BRISK = Size(operations=(4, 40), kills=(2, 12), faults=(0, 6))
"""The size of plans whose time goes into recoveries, not into waiting."""
LADDERS = Size(operations=(4, 40), kills=(2, 8), faults=(0, 6), ladders=(8, 16, 24))
"""Each kill goes on through the lives that follow: most recoveries a second, of fewer states than :data:`BRISK` has."""


def brisk(plan: Plan) -> Plan:
    """The same plan without long pauses, its outages a tenth as long, and none longer than a second or so.

    Short pauses stay: real workers take their time to start. Only a plan whose raylets have a short
    reconnect limit (a tenth of it, too) keeps outages that reach it. The weather is the network's own:
    requests are still sent twice, but nothing is delayed or lost on purpose. Some kills and stalls are
    what only a real process can tell from them: an order to end, and connections that the store closes.
    Where raylets end without a word, the GCS looks after them often: the last look waits until it has noticed.
    """
    chance = Random(plan.seed)
    studied = plan.reconnect_limit < USUAL_LIMIT
    limit = plan.reconnect_limit * TENTH if studied else plan.reconnect_limit
    longest = max(LONGEST_OUTAGE, limit * 1.5) if studied else LONGEST_OUTAGE
    return replace(
        plan,
        steps=tuple(_brisk(_otherwise(step, chance), longest) for step in plan.steps),
        reconnect_limit=limit,
        weather=Weather(duplication=plan.weather.duplication),
        health=QUICK if studied or any(isinstance(one.do, KillNode) for one in plan.steps) else plan.health,
    )


def _otherwise(step: Step, chance: Random) -> Step:
    do = step.do
    if isinstance(do, KillGcs) and not do.recoveries and chance.random() < IN_ORDER:
        return replace(step, do=TerminateGcs(do.down))
    if isinstance(do, StallStore) and chance.random() < CUT:
        return replace(step, do=CutStore())
    return step


def _brisk(step: Step, outage: float) -> Step:
    do: Any = step.do
    bounds = {"down": outage, "seconds": max(LONGEST_FAULT, outage)}
    if not isinstance(do, Operation):
        do = replace(
            do,
            **{name: _tenth(getattr(do, name), most) for name, most in bounds.items() if hasattr(do, name)},
        )
    return replace(step, pause=min(step.pause, LONGEST_PAUSE), do=do)


def _tenth(seconds: float, most: float) -> float:
    return round(min(seconds * TENTH, most), 6)
