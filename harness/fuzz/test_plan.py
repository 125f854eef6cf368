"""A plan is a value: JSON both ways, one digest, and the same whatever it is drawn from."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings

from harness.cluster.control_plane import PATIENT_HEALTH, QUICK_HEALTH
from harness.errors import EnvironmentProblem
from harness.fuzz.brisk import brisk
from harness.fuzz.draw import plans
from harness.fuzz.faults import BRISK_ONLY, FAULTS, CrashGcs, KillGcs
from harness.fuzz.grammar import Chance, Size, plan
from harness.fuzz.operations import OPERATIONS, GetActor, Put, StartActor
from harness.fuzz.plan import QUICK, Health, Plan, Step, consistent, plan_of, read
from harness.fuzz.shrink import shrink


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(plans(Size((1, 6), (0, 2), (0, 2))))
def test_what_hypothesis_draws_survives_json(drawn: Plan) -> None:
    assert read(drawn.text()) == drawn
    assert plan_of(json.loads(json.dumps(drawn.data()))).digest == drawn.digest


def test_the_same_seed_draws_the_same_plan_and_another_one_another() -> None:
    assert plan(Chance(7)) == plan(Chance(7))
    assert plan(Chance(7)).digest != plan(Chance(8)).digest


def test_a_drawn_plan_is_of_the_size_that_was_asked_for() -> None:
    size = Size(operations=(30, 45), kills=(3, 5), faults=(0, 6))
    for seed in range(50):
        drawn = plan(Chance(seed), size)
        assert 30 <= drawn.operations <= 45
        assert drawn.kills >= 3


def test_campaigns_draw_every_kind_of_step() -> None:
    plans = [plan(Chance(seed)) for seed in range(200)]
    drawn = {type(step.do) for one in plans for step in one.steps}
    assert drawn == {*OPERATIONS, *FAULTS} - {*BRISK_ONLY}
    assert {type(step.do) for one in plans for step in brisk(one).steps} == {*OPERATIONS, *FAULTS}


def test_each_plan_has_its_own_choice_of_kinds() -> None:
    kinds = [len({type(step.do) for step in plan(Chance(seed), Size((40, 40))).steps}) for seed in range(30)]
    assert min(kinds) < 18 < max(kinds)


def test_an_actor_has_the_name_of_its_first_mention() -> None:
    drawn = Plan(steps=(Step(StartActor(1, name="a")), Step(StartActor(1, name="b")), Step(StartActor(2))))
    made = [step.do for step in consistent(drawn).steps if isinstance(step.do, StartActor)]
    assert [(one.name, one.only) for one in made] == [("a", ""), ("a", "create"), ("", "")]


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": 9}', Plan().text().replace('"steps": [', '"stairs": [')]
)
def test_what_is_no_plan_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(EnvironmentProblem, match="this is no plan"):
        read(text)


def test_shrinking_finds_the_shortest_plan_and_asks_about_each_once() -> None:
    drawn = plan(Chance(3), Size((20, 20), (2, 2), (3, 3)))
    culprits = (Step(Put(copies=1000), 2.0, times=3), Step(KillGcs(down=5.0, recoveries=(4, 9))))
    whole = Plan(
        steps=(*drawn.steps[:9], culprits[0], *drawn.steps[9:], culprits[1]), nodes=(1.0, 1.0), seed=4
    )
    asked: list[str] = []

    def fails(candidate: Plan) -> bool:
        asked.append(candidate.digest)
        puts = [one for one in candidate.steps if isinstance(one.do, Put) and one.do.copies >= 10]
        return bool(puts) and any(isinstance(one.do, KillGcs) for one in candidate.steps)

    shortest = shrink(whole, fails)
    assert len(asked) == len(set(asked))
    kinds = [type(one.do) for one in shortest.steps]
    assert sorted(kind.__name__ for kind in kinds) == ["KillGcs", "Put"]
    assert (shortest.nodes, shortest.seed, shortest.weather) == ((1.0,), 0, Plan().weather)
    assert KillGcs() in [one.do for one in shortest.steps]
    assert 10 <= max(one.do.copies for one in shortest.steps if isinstance(one.do, Put)) < 20


def test_kills_count_those_within_recoveries() -> None:
    assert Plan(steps=(Step(CrashGcs(recoveries=(1, 2))), Step(GetActor()), Step(KillGcs()))).kills == 4


def test_a_plan_saved_before_there_were_health_settings_has_rays_own() -> None:
    before = Plan(steps=(Step(GetActor()),)).data()
    assert "health" not in before
    assert plan_of(before).health == Health()
    assert plan_of(Plan(health=QUICK).data()).health == QUICK


def test_health_settings_are_rays_by_default() -> None:
    assert Health().settings() == PATIENT_HEALTH
    assert QUICK.settings() == QUICK_HEALTH
    assert {plan(Chance(seed)).health for seed in range(20)} == {Health(), QUICK}
