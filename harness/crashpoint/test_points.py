from __future__ import annotations

import itertools

import pytest

from harness.crashpoint.flows import FLOWS, chosen, flow_named
from harness.crashpoint.plugin import Plan
from harness.crashpoint.points import (
    KILLS,
    MODES,
    RETRYING,
    NoSuchPoint,
    Point,
    Step,
    enumerate_points,
    parse,
    points_of,
    sample,
    step_at,
    steps_of,
)
from harness.crashpoint.stand import tables_changed
from harness.wire.dialect import dialect

STEPS = steps_of([("HSET ACTOR_TASK_SPEC", True), ("HSET ACTOR", True)])


def test_steps_number_the_occurrences_of_each_label() -> None:
    found = steps_of([("HGET JOB", False), ("HSET JOB", True), ("HSET ACTOR", True), ("HSET JOB", True)])
    assert found[0] == Step("HGET JOB", 1, False)
    assert [step.occurrence for step in found] == [1, 1, 1, 2]


def test_a_flow_has_each_mode_at_each_step_and_a_ladder_from_each_kill_that_differs() -> None:
    found = points_of("RegisterActor", STEPS, asks=True)
    assert len({point.id for point in found}) == len(found) == 2 * len(MODES) + 3
    assert [point.id for point in found if point.ladder] == [
        "RegisterActor:1:kill-before+recovery",
        "RegisterActor:2:kill-before+recovery",
        "RegisterActor:2:kill-after+recovery",
    ]


def test_where_no_client_asks_none_asks_again() -> None:
    found = enumerate_points({"asked": STEPS, "befallen": STEPS}, {"asked": True, "befallen": False})
    assert {point.flow for point in found if point.mode == RETRYING} == {"asked"}


def test_a_flow_that_could_not_be_discovered_has_a_point_to_say_so() -> None:
    assert [point.id for point in enumerate_points({}, {"AddJob": True})] == ["AddJob:first:kill-before"]


@pytest.mark.parametrize(
    "point",
    [*points_of("RegisterActor", STEPS, True), *points_of("recovery", STEPS, False), *sample(FLOWS)],
    ids=lambda point: point.id,
)
def test_an_id_says_all_of_its_point(point: Point) -> None:
    assert parse(point.id) == point
    assert parse(f" {point.id} ") == point


@pytest.mark.parametrize(
    "text",
    ["", "RegisterActor", "RegisterActor:2", "RegisterActor:0:kill-before", "RegisterActor:2:slap",
     "RegisterActor:two:cut", "RegisterActor:2:cut+recovery", "a b:1:cut", "RegisterActor:2:kill-before+twice"],
)  # fmt: skip
def test_what_is_no_point_is_told_how_one_is_named(text: str) -> None:
    with pytest.raises(NoSuchPoint, match="no crash point"):
        parse(text)


def test_a_point_finds_its_step() -> None:
    steps = [Step("HGET JOB", 1, False), Step("HSET JOB", 1, True)]
    assert step_at(parse("MarkJobFinished:1:cut"), steps).label == "HGET JOB"
    assert step_at(parse("MarkJobFinished:first:cut"), steps).label == "HSET JOB"
    with pytest.raises(NoSuchPoint, match="causes 2 store commands"):
        step_at(parse("MarkJobFinished:3:cut"), steps)
    with pytest.raises(NoSuchPoint, match="writes nothing"):
        step_at(parse("MarkJobFinished:first:cut"), steps[:1])


def test_a_plan_survives_the_way_to_a_worker() -> None:
    plan = Plan(points_of("RegisterActor", STEPS, True), {"RegisterActor": STEPS})
    assert Plan.of(plan.text()) == plan


def test_the_sample_kills_before_and_after() -> None:
    assert [point.id for point in sample(["AddJob"])] == [f"AddJob:first:{mode}" for mode in KILLS]


def test_flows_are_chosen_by_rpc_form_or_name() -> None:
    speaks = dialect()
    kv = {flow.name for flow in chosen(speaks, ["InternalKVPut"])}
    assert kv == {
        "InternalKVPut", "InternalKVPut+no-overwrite", "InternalKVPut+overwrite", "InternalKVPut+put",
    }  # fmt: skip
    assert [flow.name for flow in chosen(speaks, ["actor-restart"])] == ["flow.actor-restart"]
    assert [flow.name for flow in chosen(speaks, ["InternalKVPut+put"])] == ["InternalKVPut+put"]
    with pytest.raises(NoSuchPoint, match="neither an RPC nor a flow"):
        chosen(speaks, ["Nonsense"])
    with pytest.raises(NoSuchPoint, match="there is no flow"):
        flow_named("Nonsense")


def test_flows_of_one_kind_of_stand_stand_together_and_old_releases_lack_some() -> None:
    kinds = [flow.kind for flow in chosen(dialect())]
    assert sum(one != other for one, other in itertools.pairwise(kinds)) == len(set(kinds)) - 1
    lineage = "RestartActorForLineageReconstruction"
    assert lineage in {flow.name for flow in chosen(dialect("2.60.0"))}
    assert lineage not in {flow.name for flow in chosen(dialect("2.40.0"))}


def test_changed_tables_are_those_in_which_a_row_differs() -> None:
    before = {"JOB": {b"1": b"a"}, "NODE": {b"n": b"x"}}
    assert tables_changed(before, before) == []
    assert tables_changed(before, {**before, "JOB": {b"1": b"b"}, "KV": {b"k": b"v"}}) == ["JOB", "KV"]
