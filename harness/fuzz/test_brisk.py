"""Brisk plans: the same steps, in a second or two."""

from __future__ import annotations

import pytest

from harness.fuzz.brisk import BRISK, LONGEST_FAULT, LONGEST_PAUSE, brisk
from harness.fuzz.faults import CutNode, KillGcs
from harness.fuzz.grammar import Chance, plan
from harness.fuzz.operations import Put
from harness.fuzz.plan import Plan, Step


@pytest.mark.parametrize("seed", range(20))
def test_the_steps_stay_and_take_a_second_or_two(seed: int) -> None:
    drawn = plan(Chance(seed), BRISK)
    found = brisk(drawn)
    assert [type(one.do) for one in found.steps] == [type(one.do) for one in drawn.steps]
    assert all(one.pause <= LONGEST_PAUSE for one in found.steps)
    assert all(getattr(one.do, "seconds", 0.0) <= max(LONGEST_FAULT, 1.8) for one in found.steps)
    assert (found.weather.delay, found.weather.loss, found.weather.store) == (0.0, 0.0, 0.0)


def test_a_plan_that_studies_the_limit_keeps_outages_that_reach_it() -> None:
    steps = (Step(KillGcs(down=40.0), 25.0), Step(CutNode(0, 12.0)), Step(Put("k", "v")))
    studied = brisk(Plan(steps, reconnect_limit=12.0))
    assert studied.reconnect_limit == pytest.approx(1.2)
    assert studied.steps[0].do.down > studied.reconnect_limit  # type: ignore[union-attr]
    assert studied.steps[1].do.seconds == pytest.approx(1.2)  # type: ignore[union-attr]
    usual = brisk(Plan(steps))
    assert usual.reconnect_limit == 60.0
    assert usual.steps[0].do.down < 1.0  # type: ignore[union-attr]
