"""Brisk plans: the same steps, in a second or two."""

from __future__ import annotations

from collections import Counter

import pytest

from harness.fuzz.brisk import BRISK, LONGEST_FAULT, LONGEST_PAUSE, brisk
from harness.fuzz.faults import CutNode, CutStore, KillGcs, KillNode, StallStore, TerminateGcs
from harness.fuzz.grammar import Chance, plan
from harness.fuzz.operations import Put
from harness.fuzz.plan import QUICK, Health, Plan, Step


@pytest.mark.parametrize("seed", range(20))
def test_the_steps_stay_and_take_a_second_or_two(seed: int) -> None:
    drawn = plan(Chance(seed), BRISK)
    found = brisk(drawn)
    kinds = [(type(one.do), type(other.do)) for one, other in zip(found.steps, drawn.steps, strict=True)]
    others = {TerminateGcs: KillGcs, CutStore: StallStore}
    assert all(others.get(one, one) is other or one is other for one, other in kinds)
    assert found == brisk(drawn)
    assert all(one.pause <= LONGEST_PAUSE for one in found.steps)
    assert all(getattr(one.do, "seconds", 0.0) <= max(LONGEST_FAULT, 1.8) for one in found.steps)
    assert (found.weather.delay, found.weather.loss, found.weather.store) == (0.0, 0.0, 0.0)


def test_some_kills_are_orders_to_end_and_some_stalls_are_cuts() -> None:
    plans = [plan(Chance(seed), BRISK) for seed in range(60)]
    before = Counter(type(step.do) for one in plans for step in one.steps)
    after = Counter(type(step.do) for one in plans for step in brisk(one).steps)
    for kind, other in ((KillGcs, TerminateGcs), (StallStore, CutStore)):
        assert after[kind] + after[other] == before[kind]
        assert after[kind] and after[other]
    ladder = Plan(tuple(Step(KillGcs(recoveries=(1,))) for _ in range(60)))
    assert {type(one.do) for one in brisk(ladder).steps} == {KillGcs}, "an order to end has no ladder"


def test_a_plan_that_studies_the_limit_keeps_outages_that_reach_it() -> None:
    steps = (Step(KillGcs(down=40.0), 25.0), Step(CutNode(0, 12.0)), Step(Put("k", "v")))
    studied = brisk(Plan(steps, reconnect_limit=12.0))
    assert studied.reconnect_limit == pytest.approx(1.2)
    assert studied.steps[0].do.down > studied.reconnect_limit  # type: ignore[union-attr]
    assert studied.steps[1].do.seconds == pytest.approx(1.2)  # type: ignore[union-attr]
    usual = brisk(Plan(steps))
    assert usual.reconnect_limit == 60.0
    assert usual.steps[0].do.down < 1.0  # type: ignore[union-attr]


def test_where_raylets_end_without_a_word_the_gcs_looks_after_them_often() -> None:
    put = Step(Put("k", "v"))
    assert brisk(Plan((Step(KillNode(0)), put))).health == QUICK
    assert brisk(Plan((put,), reconnect_limit=12.0)).health == QUICK
    assert brisk(Plan((put,))).health == Health()
