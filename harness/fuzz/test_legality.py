"""Every drawn plan asks for what a client may ask for where it stands, and each rule of that is needed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from harness.driver.specs import Owner
from harness.fuzz import asking, grammar, legality, names
from harness.fuzz import faults as fault
from harness.fuzz import operations as op
from harness.fuzz.brisk import brisk
from harness.fuzz.draw import plans
from harness.fuzz.grammar import Chance, Size, plan
from harness.fuzz.legality import RULES, Known, complaint, violations
from harness.fuzz.plan import Plan, Step
from harness.fuzz.shrink import shrink
from harness.fuzz.substitute import legal
from harness.wire import ids

LENGTHS = {
    "node_id": ids.UNIQUE, "worker_id": ids.UNIQUE, "job_id": ids.JOB, "actor_id": ids.ACTOR,
    "placement_group_id": ids.PLACEMENT_GROUP,
}  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(plans())
def test_what_is_drawn_is_legal(drawn: Plan) -> None:
    assert violations(drawn) == []
    assert violations(brisk(drawn)) == []


def test_plans_of_many_seeds_are_legal_without_their_faults_too() -> None:
    for seed in range(400):
        drawn = plan(Chance(seed))
        kept = (*op.OPERATIONS, fault.AddNode)  # a node that joins breaks nothing, and has a number
        calm = replace(drawn, steps=tuple(one for one in drawn.steps if isinstance(one.do, kept)))
        assert violations(drawn) == violations(calm) == []


def owner(job: int) -> Owner:
    return Owner(names.job_id(job), names.driver_id(job), names.node_id(0), "127.0.0.1", 1)


def test_ids_in_drawn_requests_are_well_formed() -> None:
    for seed in range(100):
        for step in plan(Chance(seed)).steps:
            asks = [] if isinstance(step.do, fault.Fault) else asking.asks(step.do, owner)
            fields = [one for _, request in asks for one in request.ListFields()]
            for field, value in fields:
                assert field.name not in LENGTHS or len(value) == LENGTHS[field.name], (step.do, field.name)


@pytest.mark.parametrize("kind", RULES, ids=lambda kind: kind.__name__)
def test_without_a_rule_something_illegal_is_drawn(
    kind: type[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The grammar forgets one rule; the checker does not."""
    rule = RULES[kind]
    monkeypatch.setattr(legality, "RULES", {one: known for one, known in RULES.items() if one is not kind})
    drawn = [plan(Chance(seed)) for seed in range(400)]
    monkeypatch.setattr(legality, "RULES", {**legality.RULES, kind: rule})
    found = [why for one in drawn for why in violations(one)]
    assert any(f", {kind.__name__}: " in why for why in found)


def test_without_any_rule_what_ends_once_is_asked_for_several_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grammar, "legal", lambda drawn: drawn)
    drawn = [plan(Chance(seed)) for seed in range(100)]
    assert any("it is sent once" in why for one in drawn for why in violations(one))


def test_what_is_made_legal_has_as_many_steps_and_stays_as_it_is() -> None:
    for seed in range(50):
        drawn = plan(Chance(seed), Size((20, 20)))
        assert len(drawn.steps) >= 20
        assert legal(drawn) == drawn


def test_jobs_that_are_used_are_there_from_the_start_or_added() -> None:
    assert legal(Plan(steps=(Step(op.StartGroup(1)),))).jobs == 2
    added = Plan(steps=(Step(op.AddJob(1)), Step(op.StartGroup(1))))
    assert legal(added) == added


def test_of_a_legal_plan_nothing_illegal_is_left() -> None:
    whole = Plan(steps=(Step(op.AddJob(2)), Step(op.StartActor(2)), Step(op.Put())), jobs=1)
    asked: list[Plan] = []

    def fails(candidate: Plan) -> bool:
        asked.append(candidate)
        return any(isinstance(one.do, op.StartActor) for one in candidate.steps)

    shortest = shrink(whole, fails)
    assert len(asked) > 3
    assert [violations(one) for one in asked] == [[]] * len(asked)
    assert [type(one.do) for one in shortest.steps if isinstance(one.do, op.StartActor)]


def test_a_dead_driver_asks_for_nothing() -> None:
    known = Known.before(Plan(nodes=(4.0, 4.0), jobs=2))
    known.take(Step(fault.KillDriver(0)))
    known.take(Step(fault.KillNode(1)))
    for job in (0, 1):
        assert complaint(known, Step(op.StartGroup(job)))
        assert complaint(known, Step(op.AddWorker(job)))
