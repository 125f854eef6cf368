"""Actors: created once, restarted as often as allowed, left alone by a restart, ended with what they hang on."""

from __future__ import annotations

import pytest
from google.protobuf.unknown_fields import UnknownFieldSet

from harness.wire import messages as m
from harness.wire.status import Code
from reference_gcs.core import effects as fx
from reference_gcs.core import layout, wire_copy
from reference_gcs.world import (
    JOB,
    NEVER,
    NODE,
    World,
    actor_id,
    actor_spec,
    created,
    fail_worker,
    populated,
    state_of,
)

ACTOR = m.ActorTableData


def _created_then_restarting(world: World) -> bytes:
    del world.behaviours["RequestWorkerLease"]
    worker = created(world, restarts=1)
    world.behaviours["RequestWorkerLease"] = lambda _send: NEVER
    fail_worker(world, worker)
    return worker


def test_a_restarted_gcs_leaves_a_live_actor_alone() -> None:
    world = populated()
    worker = created(world)
    world.start()
    assert state_of(world) == ACTOR.ALIVE
    assert not world.orders("PushTask") and not world.orders("KillLocalActor")
    assert [list(one.worker_ids_in_use) for one in world.orders("ReleaseUnusedActorWorkers")] == [[worker]]


def test_max_restarts_is_honoured_across_restarts() -> None:
    world = populated()
    for _ in range(2):
        worker = created(world, restarts=2)
        fail_worker(world, worker)
        assert state_of(world) == ACTOR.ALIVE
        world.start()
    fail_worker(world, created(world, restarts=2))
    assert state_of(world) == ACTOR.DEAD


def test_a_repeated_failure_report_costs_one_restart() -> None:
    world = populated()
    worker = created(world, restarts=5)
    world.hold_store = True
    first, second = fail_worker(world, worker), fail_worker(world, worker)
    assert not {first, second} & set(world.replies)
    world.release_store()
    fail_worker(world, worker)
    assert {first, second} <= set(world.replies)
    row = world.ask("GetActorInfo", actor_id=actor_id(1)).actor_table_data
    assert (row.state, row.num_restarts) == (ACTOR.ALIVE, 1)


def test_a_creation_goes_on_with_the_stored_worker() -> None:
    world = populated()
    world.behaviours["PushTask"] = lambda _send: NEVER
    world.ask("RegisterActor", task_spec=actor_spec())
    world.call("CreateActor", task_spec=actor_spec())
    worker = world.orders("PushTask")[0].intended_worker_id
    del world.behaviours["PushTask"]
    world.start()
    assert [one.intended_worker_id for one in world.orders("PushTask")] == [worker]
    assert not world.orders("RequestWorkerLease") and state_of(world) == ACTOR.ALIVE


def test_no_lease_before_unused_workers_are_released() -> None:
    world = populated()
    world.behaviours["RequestWorkerLease"] = lambda _send: NEVER
    worker = _created_then_restarting(world)
    assert worker
    world.behaviours["ReleaseUnusedActorWorkers"] = lambda _send: NEVER
    del world.behaviours["RequestWorkerLease"]
    world.start()
    world.wait(2)
    assert not world.orders("RequestWorkerLease")
    (release,) = [one for one in world.unanswered if one.method.endswith("ReleaseUnusedActorWorkers")]
    world.answer(release, m.ReleaseUnusedActorWorkersReply())
    world.wait(1)
    assert state_of(world) == ACTOR.ALIVE


def test_an_owner_out_of_reach_does_not_end_its_actors_but_a_dead_one_does() -> None:
    world = populated()
    world.behaviours["WaitForActorRefDeleted"] = lambda _send: None
    world.behaviours["IsLocalWorkerDead"] = lambda _send: m.IsLocalWorkerDeadReply(is_dead=False)
    created(world)
    world.wait(5)
    assert state_of(world) == ACTOR.ALIVE
    world.behaviours["IsLocalWorkerDead"] = lambda _send: m.IsLocalWorkerDeadReply(is_dead=True)
    world.wait(3)
    assert state_of(world) == ACTOR.DEAD


def test_a_late_worker_of_a_killed_actor_is_not_left_over() -> None:
    world = populated()
    world.behaviours["RequestWorkerLease"] = lambda _send: NEVER
    world.ask("RegisterActor", task_spec=actor_spec())
    create = world.call("CreateActor", task_spec=actor_spec())
    world.ask("KillActorViaGcs", actor_id=actor_id(1), no_restart=True)
    assert world.replies[create].status.code == Code.SCHEDULING_CANCELLED  # type: ignore[union-attr]
    assert len(world.orders("CancelWorkerLease")) == 1
    (lease,) = [one for one in world.unanswered if one.method.endswith("RequestWorkerLease")]
    where = m.Address(node_id=NODE, worker_id=b"L" * 28)
    world.answer(lease, m.RequestWorkerLeaseReply(worker_address=where))
    assert [one.worker_id for one in world.orders("KillLocalActor")] == [b"L" * 28]
    assert not world.orders("PushTask")


@pytest.mark.parametrize("restarts", [0, 3])
def test_what_a_constructor_raised_comes_from_the_report_of_its_worker(restarts: int) -> None:
    world = populated()
    said = m.PushTaskReply(worker_exiting=True, is_application_error=True, task_execution_error="in words")
    world.behaviours["PushTask"] = lambda _send: said
    spec = actor_spec(restarts=restarts)
    world.ask("RegisterActor", task_spec=spec)
    create = world.call("CreateActor", task_spec=spec)
    world.wait(10)
    assert create not in world.replies and len(world.orders("PushTask")) == 1
    raised = m.RayException(serialized_exception=b"pickled", formatted_exception_string="formatted")
    where = m.Address(node_id=NODE, worker_id=world.orders("PushTask")[0].intended_worker_id)
    row = m.WorkerTableData(worker_address=where, exit_type=m.USER_ERROR, creation_task_exception=raised)
    world.ask("ReportWorkerFailure", worker_failure=row)
    reply = world.replies[create]
    assert reply.status.code == Code.CREATION_TASK_ERROR  # type: ignore[union-attr]
    assert reply.death_cause.creation_task_failure_context == raised  # type: ignore[union-attr]
    stored = m.ActorTableData.FromString(world.tables[layout.ACTOR][actor_id(1)])
    assert stored.state == ACTOR.DEAD and stored.death_cause.creation_task_failure_context == raised


def test_fields_that_our_protos_leave_out_come_back_from_the_store() -> None:
    """A real driver sends these; the row has of them what is not empty."""
    world = populated()
    spec = actor_spec(restarts=1)
    unknown = wire_copy.map_entry(33, "k", "v") + wire_copy.map_entry(42, "", "") + b"\xda\x02\x00"
    spec.MergeFromString(unknown)
    world.ask("RegisterActor", task_spec=spec)
    worker = world.ask("CreateActor", task_spec=spec).actor_address.worker_id
    world.start()
    fail_worker(world, worker)
    stored = m.TaskSpec.FromString(world.tables[layout.ACTOR_TASK_SPEC][actor_id(1)])
    assert stored.attempt_number == 1
    assert world.orders("PushTask")[0].task_spec == stored
    numbers = [one.field_number for one in UnknownFieldSet(stored)]  # type: ignore[attr-defined]
    assert numbers == [33, 42, 43]
    row = m.ActorTableData.FromString(world.tables[layout.ACTOR][actor_id(1)])
    assert [one.field_number for one in UnknownFieldSet(row)] == [34]  # type: ignore[attr-defined]


def test_out_of_scope_and_back_by_lineage() -> None:
    world = populated()
    created(world, restarts=3)
    report = {"actor_id": actor_id(1), "num_restarts_due_to_lineage_reconstruction": 0}
    world.ask("ReportActorOutOfScope", **report)
    assert state_of(world) == ACTOR.DEAD
    world.start()
    back = {"actor_id": actor_id(1), "num_restarts_due_to_lineage_reconstruction": 1}
    for _ in range(2):
        assert world.ask("RestartActorForLineageReconstruction", **back).status.code == Code.OK
    world.ask("ReportActorOutOfScope", **report)  # stale: from before the reconstruction
    row = world.ask("GetActorInfo", actor_id=actor_id(1)).actor_table_data
    assert (row.state, row.num_restarts) == (ACTOR.ALIVE, 1)


REPORT = {"actor_id": actor_id(1), "num_restarts_due_to_lineage_reconstruction": 0}
REVIVE = {"actor_id": actor_id(1), "num_restarts_due_to_lineage_reconstruction": 1}
LAST_WORDS = (
    ("MarkJobFinished", {"job_id": JOB}),
    ("UnregisterNode", {"node_id": NODE}),
    ("KillActorViaGcs", {"actor_id": actor_id(1), "no_restart": True}),
)


@pytest.mark.parametrize("again", [False, True], ids=["at once", "after a restart"])
@pytest.mark.parametrize(("name", "fields"), LAST_WORDS, ids=[name for name, _ in LAST_WORDS])
def test_out_of_scope_it_may_still_end_for_good(name: str, fields: dict[str, bytes], again: bool) -> None:
    world = populated()
    created(world, restarts=3)
    world.ask("ReportActorOutOfScope", **REPORT)
    if again:
        world.start()
    killed = len(world.orders("KillLocalActor"))
    assert world.ask(name, **fields).status.code == Code.OK
    assert world.ask("RestartActorForLineageReconstruction", **REVIVE).status.code == Code.INVALID
    assert state_of(world) == ACTOR.DEAD and actor_id(1) not in world.tables[layout.ACTOR_TASK_SPEC]
    assert len(world.orders("KillLocalActor")) == killed, "its worker is gone already"


def test_its_owner_ends_while_it_is_being_stored_as_out_of_scope() -> None:
    world = populated()
    created(world, restarts=3)
    world.hold_store = True
    report = world.call("ReportActorOutOfScope", **REPORT)
    kill = world.call("KillActorViaGcs", actor_id=actor_id(1), no_restart=True)
    assert not {report, kill} & set(world.replies)
    world.release_store()
    assert {report, kill} <= set(world.replies)
    assert world.ask("RestartActorForLineageReconstruction", **REVIVE).status.code == Code.INVALID


def test_a_revival_is_acked_once_it_is_stored_even_if_a_kill_comes_between() -> None:
    world = populated()
    created(world, restarts=3)
    world.ask("ReportActorOutOfScope", **REPORT)
    world.hold_store = True
    revive = world.call("RestartActorForLineageReconstruction", **REVIVE)
    kill = world.call("KillActorViaGcs", actor_id=actor_id(1), no_restart=True)
    again = world.call("RestartActorForLineageReconstruction", **REVIVE)
    assert not {revive, kill, again} & set(world.replies)
    world.release_store()
    assert {revive, kill, again} <= set(world.replies) and state_of(world) == ACTOR.DEAD


def test_an_actor_that_nobody_knows_is_out_of_scope_already() -> None:
    assert populated().ask("ReportActorOutOfScope", actor_id=actor_id(1)).status.code == Code.OK


def test_an_overlapping_kill_is_acked_once_dead_is_stored_and_frees_the_name() -> None:
    world = populated()
    created(world, 1, name="x")
    world.hold_store = True
    kills = [world.call("KillActorViaGcs", actor_id=actor_id(1), no_restart=True) for _ in range(2)]
    successor = world.call("RegisterActor", task_spec=actor_spec(2, "x"))
    assert not {*kills, successor} & set(world.replies)
    assert not world.orders("KillLocalActor") and state_of(world) == ACTOR.ALIVE
    world.release_store()
    assert {*kills, successor} <= set(world.replies) and state_of(world) == ACTOR.DEAD
    assert len(world.orders("KillLocalActor")) == 1
    assert world.replies[successor].status.code == Code.OK  # type: ignore[union-attr]


def test_a_task_spec_goes_once_its_actor_is_stored_as_dead() -> None:
    world = populated()
    created(world)
    world.hold_store = True
    world.call("KillActorViaGcs", actor_id=actor_id(1), no_restart=True)
    assert [type(command) for _, command in world.held] == [fx.Put]
    world.release_store()
    assert actor_id(1) not in world.tables[layout.ACTOR_TASK_SPEC]


def test_an_actor_torn_in_the_store_is_declared_dead() -> None:
    world = populated()
    created(world)
    world.tables[layout.ACTOR_TASK_SPEC].clear()
    world.start()
    assert world.open and state_of(world) == ACTOR.DEAD
