"""The clauses that a pure core can show in a few lines each."""

from __future__ import annotations

import copy

import pytest

from harness.wire import messages as m
from harness.wire.status import Code
from reference_gcs.core import config, layout
from reference_gcs.core import effects as fx
from reference_gcs.core import events as ev
from reference_gcs.world import (
    JOB,
    NEVER,
    NODE,
    OWNER,
    World,
    actor_id,
    actor_spec,
    group_spec,
    node,
    populated,
)

ACTOR = m.ActorTableData
GROUP = m.PlacementGroupTableData


def _created(world: World, number: int = 1, **spec: object) -> bytes:
    """A live actor; its worker's id."""
    task = actor_spec(number, **spec)  # type: ignore[arg-type]
    assert world.ask("RegisterActor", task_spec=task).status.code == Code.OK
    return bytes(world.ask("CreateActor", task_spec=task).actor_address.worker_id)


def _state(world: World, number: int = 1) -> int:
    return int(world.ask("GetActorInfo", actor_id=actor_id(number)).actor_table_data.state)


def _fail_worker(world: World, worker_id: bytes) -> int:
    where = m.Address(node_id=NODE, worker_id=worker_id)
    return world.call("ReportWorkerFailure", worker_failure=m.WorkerTableData(worker_address=where))


def test_the_cluster_id_outlives_restarts() -> None:
    world = World()
    first = world.ask("GetClusterId").cluster_id
    world.start()
    assert len(first) == 28 and world.ask("GetClusterId").cluster_id == first


def test_a_wrong_cluster_id_is_refused_without_effect() -> None:
    world = World()
    request = m.RegisterNodeRequest(node_info=node())
    world.feed(ev.Request(900, "NodeInfoGcsService.RegisterNode", request, cluster_id="00" * 28))
    refused = world.replies[900]
    assert isinstance(refused, fx.Reject) and refused.code == "UNAUTHENTICATED"
    assert not world.ask("GetAllNodeInfo").node_info_list


@pytest.mark.parametrize("bad", [b"x", b"x" * 27, b"x" * 29, b"", b"\xff" * 28])
def test_a_malformed_node_id_is_refused(bad: bytes) -> None:
    refused = World().ask("RegisterNode", node_info=node(bad))
    assert isinstance(refused, fx.Reject) and refused.code == "INVALID_ARGUMENT"


def test_a_reply_waits_for_the_store() -> None:
    world = populated()
    world.hold_store = True
    call = world.call("RegisterActor", task_spec=actor_spec(1, "x"))
    repeat = world.call("RegisterActor", task_spec=actor_spec(1, "x"))
    rival = world.call("RegisterActor", task_spec=actor_spec(2, "x"))
    assert not {call, repeat, rival} & set(world.replies)
    assert not world.ask("GetActorInfo", actor_id=actor_id(1)).HasField("actor_table_data")
    assert world.ask("GetNamedActorInfo", name="x", ray_namespace="n").status.code == Code.NOT_FOUND
    world.release_store()
    assert world.replies[call].status.code == Code.OK  # type: ignore[union-attr]
    assert world.replies[repeat].status.code == Code.OK  # type: ignore[union-attr]
    assert world.replies[rival].status.code == Code.ALREADY_EXISTS  # type: ignore[union-attr]


def test_a_restarted_gcs_leaves_a_live_actor_alone() -> None:
    world = populated()
    worker = _created(world)
    world.start()
    assert _state(world) == ACTOR.ALIVE
    assert not world.orders("PushTask") and not world.orders("KillLocalActor")
    assert [list(one.worker_ids_in_use) for one in world.orders("ReleaseUnusedActorWorkers")] == [[worker]]


def test_max_restarts_is_honoured_across_restarts() -> None:
    world = populated()
    for _ in range(2):
        worker = _created(world, restarts=2)
        _fail_worker(world, worker)
        assert _state(world) == ACTOR.ALIVE
        world.start()
    _fail_worker(world, _created(world, restarts=2))
    assert _state(world) == ACTOR.DEAD


def test_a_repeated_failure_report_costs_one_restart() -> None:
    world = populated()
    worker = _created(world, restarts=5)
    world.hold_store = True
    first, second = _fail_worker(world, worker), _fail_worker(world, worker)
    assert not {first, second} & set(world.replies)
    world.release_store()
    _fail_worker(world, worker)
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
    assert not world.orders("RequestWorkerLease") and _state(world) == ACTOR.ALIVE


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
    assert _state(world) == ACTOR.ALIVE


def _created_then_restarting(world: World) -> bytes:
    del world.behaviours["RequestWorkerLease"]
    worker = _created(world, restarts=1)
    world.behaviours["RequestWorkerLease"] = lambda _send: NEVER
    _fail_worker(world, worker)
    return worker


def test_a_mute_raylet_does_not_block_groups_for_ever() -> None:
    world = populated()
    world.ask("RegisterNode", node_info=node(b"M" * 28))
    world.ask("CreatePlacementGroup", placement_group_spec=group_spec(2))
    world.behaviours["ReleaseUnusedBundles"] = lambda send: (
        NEVER if not world.orders("ReleaseUnusedBundles")[1:] else m.ReleaseUnusedBundlesReply()
    )
    world.start()
    world.ask("CreatePlacementGroup", placement_group_spec=group_spec(1))
    world.wait(2)
    assert not world.orders("PrepareBundleResources")
    world.wait(15)
    shown = world.ask("GetPlacementGroup", placement_group_id=group_spec(1).placement_group_id)
    assert shown.placement_group_table_data.state == GROUP.CREATED


def test_an_owner_out_of_reach_does_not_end_its_actors_but_a_dead_one_does() -> None:
    world = populated()
    world.behaviours["WaitForActorRefDeleted"] = lambda _send: None
    world.behaviours["IsLocalWorkerDead"] = lambda _send: m.IsLocalWorkerDeadReply(is_dead=False)
    _created(world)
    world.wait(5)
    assert _state(world) == ACTOR.ALIVE
    world.behaviours["IsLocalWorkerDead"] = lambda _send: m.IsLocalWorkerDeadReply(is_dead=True)
    world.wait(3)
    assert _state(world) == ACTOR.DEAD


def test_a_group_removed_while_its_bundles_are_committed_gives_each_back_once() -> None:
    world = populated()
    world.behaviours["CommitBundleResources"] = lambda _send: NEVER
    world.ask("CreatePlacementGroup", placement_group_spec=group_spec(1, count=2))
    world.ask("RemovePlacementGroup", placement_group_id=group_spec(1).placement_group_id)
    (order,) = world.orders("RemovePlacementGroupBundles")
    assert [one.bundle_id.bundle_index for one in order.bundle_specs] == [0, 1]


def test_a_dead_node_that_joins_again_gives_up_what_it_had_held() -> None:
    world = populated()
    world.ask("RegisterNode", node_info=node(b"M" * 28))
    world.ask("UnregisterNode", node_id=b"M" * 28)
    world.ask("RegisterNode", node_info=node(b"M" * 28))
    for name in ("ReleaseUnusedBundles", "ReleaseUnusedActorWorkers"):
        assert len(world.orders(name)) == 1, name
    world.ask("RegisterNode", node_info=node(b"L" * 28))
    assert len(world.orders("ReleaseUnusedBundles")) == 1


def test_a_finished_job_takes_its_actors_and_groups_along_but_not_the_detached() -> None:
    world = populated()
    _created(world, 1)
    _created(world, 2, detached=True)
    world.ask("CreatePlacementGroup", placement_group_spec=group_spec(1))
    world.ask("MarkJobFinished", job_id=JOB)
    group = world.ask("GetPlacementGroup", placement_group_id=group_spec(1).placement_group_id)
    assert (_state(world, 1), _state(world, 2)) == (ACTOR.DEAD, ACTOR.ALIVE)
    assert group.placement_group_table_data.state == GROUP.REMOVED


def test_a_silent_node_dies_after_seventeen_seconds() -> None:
    world = populated()
    _created(world, restarts=0)
    world.behaviours["Check"] = lambda _send: None
    world.start()
    world.wait(16.9)
    assert world.ask("CheckAlive", node_ids=[NODE]).raylet_alive[0]
    world.wait(0.2)
    assert not world.ask("CheckAlive", node_ids=[NODE]).raylet_alive[0]
    assert _state(world) == ACTOR.DEAD


def test_a_prefix_without_namespace_stays_out_of_the_namespaces() -> None:
    world = World()
    cluster = world.ask("GetClusterId").cluster_id
    world.ask("InternalKVPut", key=b"k", value=b"v")
    world.ask("InternalKVDel", key=b"", del_by_prefix=True)
    assert not world.ask("InternalKVKeys", prefix=b"").results
    world.start()
    assert world.ask("GetClusterId").cluster_id == cluster


def test_a_driver_dies_with_its_node() -> None:
    world = populated()
    job = m.JobTableData(job_id=b"\x09\0\0\0", driver_address=m.Address(node_id=NODE))
    world.ask("AddJob", data=job)
    world.ask("UnregisterNode", node_id=NODE)
    dead = {row.job_id: row.is_dead for row in world.ask("GetAllJobInfo").job_info_list}
    assert dead == {JOB: False, job.job_id: True}


def test_bundles_of_a_dead_node_move() -> None:
    world = populated()
    world.ask("CreatePlacementGroup", placement_group_spec=group_spec(1))
    world.ask("RegisterNode", node_info=node(b"M" * 28))
    world.ask("UnregisterNode", node_id=NODE)
    world.wait(3)
    shown = world.ask("GetPlacementGroup", placement_group_id=group_spec(1).placement_group_id)
    row = shown.placement_group_table_data
    assert row.state == GROUP.CREATED and {one.node_id for one in row.bundles} == {b"M" * 28}


def test_a_removal_while_prepare_is_out_gives_the_bundles_back() -> None:
    world = populated()
    world.behaviours["PrepareBundleResources"] = lambda _send: NEVER
    world.ask("CreatePlacementGroup", placement_group_spec=group_spec(1))
    world.ask("RemovePlacementGroup", placement_group_id=group_spec(1).placement_group_id)
    (prepare,) = [one for one in world.unanswered if one.method.endswith("PrepareBundleResources")]
    before = len(world.orders("RemovePlacementGroupBundles"))
    world.answer(prepare, m.PrepareBundleResourcesReply(success=True))
    released = world.orders("RemovePlacementGroupBundles")[before:]
    assert [len(one.bundle_specs) for one in released] == [2]
    assert not world.orders("CommitBundleResources")


@pytest.mark.parametrize(
    ("strategy", "spread"), [(m.PACK, 1), (m.SPREAD, 2), (m.STRICT_PACK, 1), (m.STRICT_SPREAD, 2)]
)
def test_strategies(strategy: int, spread: int) -> None:
    world = populated()
    world.ask("RegisterNode", node_info=node(b"M" * 28))
    world.ask("CreatePlacementGroup", placement_group_spec=group_spec(1, strategy=strategy))
    shown = world.ask("GetPlacementGroup", placement_group_id=group_spec(1).placement_group_id)
    assert len({one.node_id for one in shown.placement_group_table_data.bundles}) == spread


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


def test_out_of_scope_and_back_by_lineage() -> None:
    world = populated()
    _created(world, restarts=3)
    report = {"actor_id": actor_id(1), "num_restarts_due_to_lineage_reconstruction": 0}
    world.ask("ReportActorOutOfScope", **report)
    assert _state(world) == ACTOR.DEAD
    world.start()
    back = {"actor_id": actor_id(1), "num_restarts_due_to_lineage_reconstruction": 1}
    for _ in range(2):
        assert world.ask("RestartActorForLineageReconstruction", **back).status.code == Code.OK
    world.ask("ReportActorOutOfScope", **report)  # stale: from before the reconstruction
    row = world.ask("GetActorInfo", actor_id=actor_id(1)).actor_table_data
    assert (row.state, row.num_restarts) == (ACTOR.ALIVE, 1)


def test_a_new_head_retires_the_old() -> None:
    world = populated()
    world.ask("RegisterNode", node_info=node(b"H" * 28, head=True))
    assert list(world.ask("CheckAlive", node_ids=[NODE, b"H" * 28]).raylet_alive) == [False, True]


def test_notify_is_repeated_until_heard() -> None:
    world = populated()
    world.behaviours["NotifyGCSRestart"] = lambda _send: None
    world.start()
    world.wait(2)
    del world.behaviours["NotifyGCSRestart"]
    world.wait(2)
    tried = len(world.orders("NotifyGCSRestart"))
    world.wait(5)
    assert tried > 2 and len(world.orders("NotifyGCSRestart")) == tried


def test_a_second_poll_releases_the_first_and_unacked_messages_stay() -> None:
    world = World()
    channel = m.Command(channel_type=m.GCS_JOB_CHANNEL, subscribe_message=m.SubMessage())
    world.ask(
        "ControlPlanePubSubGcsService.GcsSubscriberCommandBatch", subscriber_id=OWNER, commands=[channel]
    )
    poll = "ControlPlanePubSubGcsService.GcsSubscriberPoll"
    first = world.call(poll, subscriber_id=OWNER)
    second = world.call(poll, subscriber_id=OWNER)
    assert not world.replies[first].pub_messages  # type: ignore[union-attr]
    world.ask("AddJob", data=m.JobTableData(job_id=JOB))
    told = world.replies[second]
    again = world.ask(poll, subscriber_id=OWNER)
    assert told.pub_messages == again.pub_messages  # type: ignore[union-attr]
    last = again.pub_messages[-1].sequence_id
    acked = world.call(
        poll, subscriber_id=OWNER, publisher_id=again.publisher_id, max_processed_sequence_id=last
    )
    assert acked not in world.replies


def test_a_store_that_fails_ends_the_process_without_an_ack() -> None:
    world = World()
    world.hold_store = True
    call = world.call("InternalKVPut", key=b"k", value=b"v")
    world.feed(ev.StoreFailed(world.held[0][0], "gone"))
    assert world.exited is not None and call not in world.replies


def test_the_state_can_be_copied() -> None:
    world = populated()
    _created(world)
    twin = copy.deepcopy(world.gcs)
    _fail_worker(world, _created(world))
    assert twin.actors.live[actor_id(1)].row.state == ACTOR.ALIVE


def test_layout() -> None:
    assert layout.redis_key("", "KV") == b"RAY@KV"
    assert layout.kv_field(b"n", b"k") == b"@namespace_n:k" and layout.kv_field(b"", b"k") == b"k"


def test_config_from_list_and_environment() -> None:
    settled = config.settle('{"health_check_period_ms": 1}', {"RAY_health_check_period_ms": "7"})
    assert settled.seconds("health_check_period_ms") == 0.007
    with pytest.raises(ValueError, match="@"):
        config.settle('{"external_storage_namespace": "a@b"}', {})


def test_the_same_events_give_the_same_effects() -> None:
    def run() -> list[str]:
        world = populated()
        for number in range(5):
            _created(world, number, restarts=1)
        world.ask("UnregisterNode", node_id=NODE)
        return [str(one) for one in world.sent]

    assert run() == run()


def test_an_overlapping_kill_is_acked_once_dead_is_stored_and_frees_the_name() -> None:
    world = populated()
    _created(world, 1, name="x")
    world.hold_store = True
    kills = [world.call("KillActorViaGcs", actor_id=actor_id(1), no_restart=True) for _ in range(2)]
    successor = world.call("RegisterActor", task_spec=actor_spec(2, "x"))
    assert not {*kills, successor} & set(world.replies)
    assert not world.orders("KillLocalActor") and _state(world) == ACTOR.ALIVE
    world.release_store()
    assert {*kills, successor} <= set(world.replies) and _state(world) == ACTOR.DEAD
    assert len(world.orders("KillLocalActor")) == 1
    assert world.replies[successor].status.code == Code.OK  # type: ignore[union-attr]


def test_an_actor_torn_in_the_store_is_declared_dead() -> None:
    world = populated()
    _created(world)
    world.tables[layout.ACTOR_TASK_SPEC].clear()
    world.start()
    assert world.open and _state(world) == ACTOR.DEAD


def test_actors_and_groups_on_a_node_whose_death_was_stored_go_on_elsewhere() -> None:
    """The crash came between the node's DEAD row and those of what ran there."""
    world = populated()
    _created(world, 1, restarts=1, detached=True)
    world.ask("CreatePlacementGroup", placement_group_spec=group_spec(1))
    world.ask("RegisterNode", node_info=node(b"M" * 28))
    row = m.GcsNodeInfo.FromString(world.tables[layout.NODE][NODE])
    row.state = m.GcsNodeInfo.DEAD
    world.tables[layout.NODE][NODE] = row.SerializeToString()
    world.start()
    world.wait(2)
    shown = world.ask("GetPlacementGroup", placement_group_id=group_spec(1).placement_group_id)
    assert {one.node_id for one in shown.placement_group_table_data.bundles} == {b"M" * 28}
    assert world.ask("GetActorInfo", actor_id=actor_id(1)).actor_table_data.num_restarts == 1


def test_a_damaged_row_does_not_keep_the_port_closed() -> None:
    world = populated()
    world.tables[layout.ACTOR] = {actor_id(7): b"\xff\xff"}
    world.start()
    assert world.open and world.tables[layout.ACTOR]
