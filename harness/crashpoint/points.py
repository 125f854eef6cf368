"""Points: which store command of which flow, and what befalls the GCS there. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

MODES = ("kill-before", "kill-after", "swallow", "stall-retry-kill", "delay", "error", "cut")
RETRYING = "stall-retry-kill"
KILLS = ("kill-before", "kill-after")
LADDER = "+recovery"
RECOVERY = "recovery"
FIRST = "first"
"""Stands for the number of a flow's first write, which a sample leaves to be found when it runs."""

_ID = re.compile(r"(?P<flow>[^:\s]+):(?P<unit>\d+|first):(?P<mode>[a-z-]+)(?P<ladder>\+recovery)?")


@dataclass(frozen=True)
class Step:
    """One store command (or transaction) of a flow: the ``occurrence``-th (from 1) labelled ``label``."""

    label: str
    occurrence: int
    writes: bool


@dataclass(frozen=True)
class Point:
    """``unit`` numbers the flow's steps from 1; 0 stands for its first write.

    ``ladder``: the recovery is killed as well, and the recovery of that one, at each of its commands.
    """

    flow: str
    unit: int
    mode: str
    ladder: bool = False

    @property
    def id(self) -> str:
        """``RegisterActor:2:kill-before``, with ``+recovery`` for a ladder."""
        return f"{self.flow}:{self.unit or FIRST}:{self.mode}{LADDER if self.ladder else ''}"


class NoSuchPoint(ValueError):
    """The text names no point; the message says how one is named, or what there is."""


def parse(text: str) -> Point:
    """The inverse of :attr:`Point.id`."""
    found = _ID.fullmatch(text.strip())
    if found is None or found["mode"] not in MODES or found["unit"] == "0":
        raise NoSuchPoint(
            f"{text!r} is no crash point; one is FLOW:NUMBER:MODE, like RegisterActor:2:kill-before, "
            f"with a mode of {', '.join(MODES)}, and {LADDER} at the end for crashes of the recovery"
        )
    if found["ladder"] and found["mode"] not in KILLS:
        raise NoSuchPoint(f"{text!r} is no crash point: {LADDER} goes with {' and '.join(KILLS)} only")
    unit = 0 if found["unit"] == FIRST else int(found["unit"])
    return Point(found["flow"], unit, found["mode"], found["ladder"] is not None)


def steps_of(units: Iterable[tuple[str, bool]]) -> list[Step]:
    """Steps from what was seen of a flow: (label, whether it writes), in order."""
    seen: Counter[str] = Counter()
    found = []
    for label, writes in units:
        seen[label] += 1
        found.append(Step(label, seen[label], writes))
    return found


def points_of(flow: str, steps: Sequence[Step], asks: bool) -> list[Point]:
    """Every point of a flow: each mode at each step, and a ladder for each step's kill.

    ``asks``: whether a client asks, who could ask again. A kill after one command is, to the
    recovery, the kill before the next, so that one ladder starts at each step and one after the last.
    """
    modes = [mode for mode in MODES if asks or mode != RETRYING]
    found = [Point(flow, unit, mode) for unit in range(1, len(steps) + 1) for mode in modes]
    found += [Point(flow, unit, KILLS[0], ladder=True) for unit in range(1, len(steps) + 1)]
    if steps and flow != RECOVERY:
        found.append(Point(flow, len(steps), KILLS[1], ladder=True))
    return found


def enumerate_points(steps: Mapping[str, Sequence[Step]], asks: Mapping[str, bool]) -> list[Point]:
    """The points of all flows in ``asks`` (flow -> whether a client asks for it), by their ``steps``.

    A flow without any, because it could not be discovered, has one, which will say why.
    """
    found: list[Point] = []
    for flow, asked in asks.items():
        found += points_of(flow, steps[flow], asked) if flow in steps else sample([flow])[:1]
    return found


def sample(flows: Iterable[str]) -> list[Point]:
    """A short selection that no discovery need precede: each flow's first write, killed before and after."""
    return [Point(flow, 0, mode) for flow in flows for mode in KILLS]


def step_at(point: Point, steps: Sequence[Step]) -> Step:
    """The step at which ``point`` lies; NoSuchPoint when the flow has none such."""
    if point.unit == 0:
        first = next((step for step in steps if step.writes), None)
        if first is None:
            raise NoSuchPoint(f"{point.flow} writes nothing to the store")
        return first
    if point.unit > len(steps):
        raise NoSuchPoint(f"{point.id}: {point.flow} causes {len(steps)} store commands")
    return steps[point.unit - 1]
