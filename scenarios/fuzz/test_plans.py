"""What nobody thought of: plans drawn by Hypothesis, carried out, and judged by every check of the record."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, note

from harness.fuzz.brisk import BRISK, brisk
from harness.fuzz.draw import plans
from harness.fuzz.grammar import Size
from harness.fuzz.plan import Plan
from harness.fuzz.real.judging import Trial, held

LADDERS = Size(operations=(3, 12), kills=(3, 8), faults=(0, 2))

pytestmark = [
    pytest.mark.needs(backend="loopback", why="plans are carried out on one warm cluster of processes"),
    pytest.mark.timeout(0),  # as long as the profile's number of plans takes
]
Fuzzed = Callable[[Plan], Trial]
Saved = Callable[[Plan], Path]


@pytest.mark.promise("1", "2", "3", "4", "7")
@given(plan=plans(BRISK).map(brisk))
def test_whatever_happens_every_guarantee_holds(fuzzed: Fuzzed, saved: Saved, plan: Plan) -> None:
    note(f"gauntlet replay {saved(plan)}")
    held(fuzzed(plan))


@pytest.mark.promise("1", "2", "7")
@given(plan=plans(LADDERS).map(brisk))
def test_recoveries_that_are_killed_again_and_again_lose_nothing(
    fuzzed: Fuzzed, saved: Saved, plan: Plan
) -> None:
    note(f"gauntlet replay {saved(plan)}")
    held(fuzzed(plan))
