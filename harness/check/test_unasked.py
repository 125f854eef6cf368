"""What begins unasked and ends for no reason is told; what was asked for, or lost what it lived by, is not."""

from __future__ import annotations

from typing import Any

import pytest

from harness.check.ruling import Finding
from harness.check.tale import Tale, tale
from harness.check.unasked import unasked

JOB = "01000000"
ACTOR, ROOT = "a1" * 12 + JOB, "a2" * 12 + JOB
GROUP = "b1" * 14 + JOB
OWNER, WORKER = JOB + "ff" * 24, "d1" * 28
NODE, HOME = "0a" * 28, "0b" * 28
Row = dict[str, Any]


def spec(actor: str = ACTOR, detached: bool = False, root: str = "", **more: Any) -> Row:
    creation = {"actor_id": actor, "is_detached": detached}
    owner = {"worker_id": OWNER, "node_id": HOME}
    return {
        "task_spec": {
            "job_id": JOB,
            "caller_address": owner,
            "actor_creation_task_spec": creation,
            "root_detached_actor_id": root,
            **more,
        }
    }


def living(**facts: Any) -> Tale:
    """A job, a node, and an actor that was registered and created."""
    told = tale().event("raylet", "joins", {}, NODE).write("NODE", NODE, {"state": "ALIVE"})
    told.call("AddJob", {"data": {"job_id": JOB, "driver_address": {"worker_id": OWNER, "node_id": HOME}}})
    told.call("RegisterActor", spec(**facts)).call("CreateActor", spec(**facts))
    told.event("worker", "actor", {"worker": WORKER, "pid": 1, "actor": ACTOR}, NODE)
    return told.write("ACTOR", ACTOR, {"state": "ALIVE", "address": {"worker_id": WORKER, "node_id": NODE}})


def died(told: Tale) -> Tale:
    return told.write("ACTOR", ACTOR, {"state": "DEAD"})


def given_up(told: Tale) -> Tale:
    return told.write("NODE", NODE, {"state": "DEAD"})


def registered() -> Tale:
    return tale().call("AddJob", {"data": {"job_id": JOB}}).call("RegisterActor", spec())


def finished(told: Tale) -> Tale:
    return told.call("MarkJobFinished", {"job_id": JOB})


LEASE = {"fields": {"lease_spec": {"actor_id": ACTOR}}}
PUSH = {"fields": {"task_spec": {"actor_creation_task_spec": {"actor_id": ACTOR}}}}
UNASKED = "an actor was created though nobody had asked for that"
BROKEN = {
    "an actor dies": (died(living()), "an actor is DEAD for no reason"),
    "an actor whose owner was out of reach": (
        died(living().event("raylet", "disconnected", {}, HOME)),
        "an actor is DEAD for no reason",
    ),
    "a detached actor ends with its job": (
        died(finished(living(detached=True))),
        "a detached actor is DEAD for no reason",
    ),
    "a detached actor's child ends with its job": (
        died(finished(living(root=ROOT))),
        "an actor is DEAD for no reason",
    ),
    "a node is given up": (given_up(living()), "a node is DEAD for no reason"),
    "a node is given up long after a fault": (
        given_up(living().event("note", "nobody heard", {"method": "Check"}, NODE).event("note", "-", at=99.0)),
        "a node is DEAD for no reason",
    ),
    "a lease for an actor that was only registered": (
        registered().event("order", "RequestWorkerLease", LEASE, NODE),
        UNASKED,
    ),
    "a creation task of such a one": (registered().event("order", "PushTask", PUSH, NODE), UNASKED),
    "such a one is published as on its way": (
        registered().message("GCS_ACTOR_CHANNEL", ACTOR, {"state": "PENDING_CREATION"}),
        UNASKED,
    ),
    "it is asked for only later": (
        registered().event("order", "RequestWorkerLease", LEASE, NODE).call("CreateActor", spec()),
        UNASKED,
    ),
}  # fmt: skip
IN_GROUP = {
    "scheduling_strategy": {"placement_group_scheduling_strategy": {"placement_group_id": GROUP}},
}
FINE = {
    "it lives": living(),
    "killed": died(living().call("KillActorViaGcs", {"actor_id": ACTOR})),
    "out of scope": died(living().call("ReportActorOutOfScope", {"actor_id": ACTOR})),
    "its job is finished": died(finished(living())),
    "its owner left": died(living().event("note", "owner left", {"worker": OWNER}, HOME)),
    "its owner's node is dead": died(living().write("NODE", HOME, {"state": "DEAD"})),
    "its worker exited": died(living().event("worker", "exited", {"worker": WORKER}, NODE)),
    "its node was killed": given_up(died(living().event("raylet", "killed", {}, NODE))),
    "its root is dead": died(living(root=ROOT).call("KillActorViaGcs", {"actor_id": ROOT})),
    "its group was never made": died(living(**IN_GROUP)),
    "its creation was refused": died(living().event("order", "PushTask", {**PUSH, "script": "refuse"}, NODE)),
    "a node that was cut off": given_up(living().event("raylet", "disconnected", {}, NODE)),
    "a node whose probes were lost": given_up(
        living().event("note", "nobody heard", {"method": "Check"}, NODE)
    ),
    "a node that says goodbye": given_up(living().call("UnregisterNode", {"node_id": NODE})),
    "an actor without a job": tale().call("RegisterActor", spec()).write("ACTOR", ACTOR, {"state": "DEAD"}),
    "a reconstruction": died(registered().call("ReportActorOutOfScope", {"actor_id": ACTOR}))
    .call("RestartActorForLineageReconstruction", {"actor_id": ACTOR})
    .event("order", "RequestWorkerLease", LEASE, NODE),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_nobody_asked_for_is_told(name: str) -> None:
    told, signature = BROKEN[name]
    assert [one.signature for one in unasked(told.story()).violations] == [signature]


@pytest.mark.parametrize("name", FINE)
def test_what_has_a_reason_is_fine(name: str) -> None:
    ruling = unasked(FINE[name].story())
    assert ruling.violations == ()
    assert ruling.finding is Finding.HELD


def test_a_reader_has_seen_an_actor_begin_when_it_is_answered_and_not_when_it_asks() -> None:
    reading = registered().begin("GetAllActorInfo", {}, id="read")
    began = {"actor_table_data": [{"actor_id": ACTOR, "state": "PENDING_CREATION"}]}
    told = reading.call("CreateActor", spec()).end("read", began)
    assert not unasked(told.story()).violations
    told = registered().call("GetAllActorInfo", {}, began)
    assert [one.signature for one in unasked(told.story()).violations] == [UNASKED]


def test_of_two_gcs_neither_is_judged() -> None:
    assert unasked(died(living()).event("gcs", "started", {"life": 0}, "rival").story()).idle
