"""Survival, blocking and raylets over hand-made stories: each bad one has a near twin that is accepted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.check.over_history import survival
from harness.check.ruling import Finding
from harness.check.tale import Tale, tale

JOB = "01000000"
ACTOR, GROUP, OWNER = "a1" * 12 + JOB, "b1" * 14 + JOB, JOB + "ff" * 24
NODE, OTHER, WORKER = "c1" * 28, "c2" * 28, "d1" * 28


def creation(detached: bool = False) -> dict[str, Any]:
    return {
        "task_spec": {
            "job_id": JOB,
            "caller_address": {"worker_id": OWNER, "node_id": OTHER},
            "actor_creation_task_spec": {"actor_id": ACTOR, "is_detached": detached},
        }
    }


def populated(detached: bool = False, acknowledged: bool = True) -> Tale:
    """An actor on NODE, and a group of one bundle there."""
    made = tale().begin("CreateActor", creation(detached), id="create")
    made.event("worker", "started", {"worker": WORKER, "pid": 9, "actor": ""}, NODE)
    made.event("worker", "actor", {"worker": WORKER, "pid": 9, "actor": ACTOR, "incarnation": 1}, NODE)
    if acknowledged:
        made.end("create", {"actor_address": {"worker_id": WORKER, "node_id": NODE}})
    made.call("CreatePlacementGroup", {"placement_group_spec": {"placement_group_id": GROUP, "creator_job_id": JOB}})  # fmt: skip
    made.event("bundle", "committed", {"group": GROUP, "index": 0}, NODE)
    return made.call("WaitPlacementGroupUntilReady", {"placement_group_id": GROUP})


def told(what: str, node: str = NODE, **fields: Any) -> Callable[[Tale], object]:
    return lambda on: on.event("order", what, {"fields": fields, "outcome": "received"}, node, id="order")


BUNDLE = {"bundle_id": {"placement_group_id": GROUP}}
HARMS = [
    told("KillLocalActor", worker_id=WORKER, intended_actor_id=ACTOR),
    told("ReleaseUnusedActorWorkers", worker_ids_in_use=[]),
    told("ReleaseUnusedBundles", bundles_in_use=[]),
    told("RemovePlacementGroupBundles", bundle_specs=[BUNDLE]),
    told("ShutdownRaylet"),
]


@pytest.mark.parametrize("harm", HARMS)
def test_an_order_after_an_outage_that_ends_what_lived_is_told(harm: Callable[[Tale], object]) -> None:
    story = populated().restart()
    harm(story)
    ruling = survival(story.story())
    assert ruling.finding is Finding.BROKEN
    assert all("order" in one.events for one in ruling.violations)


@pytest.mark.parametrize(
    "order",
    [
        told("ReleaseUnusedActorWorkers", worker_ids_in_use=[WORKER]),
        told("ReleaseUnusedBundles", bundles_in_use=[BUNDLE]),
        told("ReleaseUnusedActorWorkers", node=OTHER),
        told("KillLocalActor", worker_id="d2" * 28, intended_actor_id="a2" * 16),
    ],
)
def test_an_order_that_ends_nothing_is_accepted(order: Callable[[Tale], object]) -> None:
    story = populated().restart()
    order(story)
    assert survival(story.story()).finding is Finding.HELD


def asked(method: str, **request: Any) -> Callable[[Tale], object]:
    return lambda on: on.begin(method, request, id="ask")


def heads(on: Tale, *nodes: str) -> None:
    for node in nodes:
        on.call("RegisterNode", {"node_info": {"node_id": node, "is_head_node": True}}, id=f"head-{node}")


REASONS = [
    asked("KillActorViaGcs", actor_id=ACTOR),
    asked("ReportActorOutOfScope", actor_id=ACTOR),
    asked("MarkJobFinished", job_id=JOB),
    asked("ReportWorkerFailure", worker_failure={"worker_address": {"worker_id": OWNER}}),
    asked("UnregisterNode", node_id=OTHER),
    asked("DrainNode", drain_node_data=[{"node_id": NODE}]),
    lambda on: heads(on, NODE, OTHER),
    lambda on: on.event("note", "owner left", {"worker": OWNER}, OTHER),
    lambda on: on.event("note", "ref dropped", {"actor": ACTOR}, OTHER),
    lambda on: on.event("note", "unreachable", {}, NODE),
    lambda on: on.event("raylet", "killed", {"why": "by the scenario"}, OTHER),
    lambda on: on.event("worker", "exited", {"worker": WORKER, "pid": 9, "actor": ACTOR}, NODE),
    lambda on: on.event("message", "GCS_NODE_INFO_CHANNEL", {"key": NODE, "payload": {"state": "DEAD"}}, "x"),
    lambda on: on.event("store", "tampered", {"why": "for a test"}),
    lambda on: on.event("gcs", "started", {"life": 0}, "rival"),
    lambda on: on.write("NODE", NODE, {"node_id": NODE, "state": "DEAD"}),
]


@pytest.mark.parametrize("reason", REASONS)
@pytest.mark.parametrize("before", [True, False], ids=["before the outage", "in the outage"])
def test_what_had_a_reason_to_end_is_no_loss(reason: Callable[[Tale], object], before: bool) -> None:
    story = populated()
    if before:
        reason(story)
    story.restart()
    if not before:
        reason(story)
    HARMS[0](story)
    assert survival(story.story()).finding is not Finding.BROKEN


def test_an_actor_in_creation_may_be_released_and_a_detached_one_outlives_its_job() -> None:
    story = populated(acknowledged=False).restart()
    HARMS[0](story)
    assert survival(story.story()).finding is Finding.HELD
    story = populated(detached=True).restart().begin("MarkJobFinished", {"job_id": JOB})
    HARMS[0](story)
    assert survival(story.story()).finding is Finding.BROKEN


def test_what_the_ledger_shows_alive_must_live_though_nobody_was_told() -> None:
    row = {"actor_id": ACTOR, "state": "ALIVE", "address": {"worker_id": WORKER, "node_id": NODE}}
    for applied, finding in ((True, Finding.BROKEN), (False, Finding.HELD)):
        story = populated(acknowledged=False).write("ACTOR", ACTOR, row, applied=applied).restart()
        HARMS[0](story)
        assert survival(story.story()).finding is finding


def test_an_order_long_after_the_recovery_is_for_other_checks() -> None:
    story = populated().restart().event("note", "later", at=60.0)
    HARMS[0](story)
    assert survival(story.story()).finding is Finding.HELD


def cut_off(end: str, at: float | None = None) -> Tale:
    story = populated().event("gcs", "disconnected", {"life": 0}, "gcs")
    return story.event("gcs", end, {"life": 0}, "gcs", at)


def test_what_ran_while_the_gcs_was_cut_off_lives_on() -> None:
    story = cut_off("connected")
    HARMS[0](story)
    assert survival(story.story()).finding is Finding.BROKEN
    story = cut_off("connected").event("note", "later", at=60.0)
    HARMS[0](story)
    assert survival(story.story()).finding is not Finding.BROKEN


def test_a_node_that_was_cut_off_may_be_given_up() -> None:
    story = populated().event("raylet", "disconnected", {}, NODE).restart()
    HARMS[0](story)
    assert survival(story.story()).finding is not Finding.BROKEN


def watched(value: int, checksum: str = "ab", pid: int = 9) -> Tale:
    pulse = {"who": f"actor {ACTOR}", "pid": 9, "value": 3, "incarnation": 1}
    stood = {"workers": {WORKER: NODE}, "bundles": {f"{GROUP}:0": NODE}, "objects": {"e1" * 28: "ab"}}
    story = populated().event("watch", "begin", {**stood, "pulses": [pulse]}, id="begin")
    end = {
        "begin": "begin",
        "objects": {"e1" * 28: checksum},
        "pulses": [{**pulse, "value": value, "pid": pid}],
    }
    return story.event("watch", "end", end, id="end")


def test_a_watch_is_judged_by_its_signs_of_life_and_objects() -> None:
    assert survival(watched(4).story()).finding is Finding.HELD
    for story in (watched(3), watched(4, "cd"), watched(4, pid=10)):
        ruling = survival(story.story())
        assert ruling.finding is Finding.BROKEN
        assert ruling.violations[0].events == ("begin", "end")


def test_a_watch_forgives_what_somebody_else_ended() -> None:
    story = watched(3)
    story.event("worker", "exited", {"worker": WORKER, "pid": 9, "actor": ACTOR}, NODE, at=story.now - 0.5)
    assert survival(story.story()).finding is Finding.HELD


def test_an_order_in_a_watch_is_told_once_though_it_ends_twice() -> None:
    story = watched(4)
    HARMS[0](story)
    story.event("watch", "end", story.events[-2].facts)
    assert len(survival(story.story()).violations) == 1
