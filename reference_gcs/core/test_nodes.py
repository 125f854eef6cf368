"""Nodes, workers and jobs: who joins, who is dead, and what that takes along."""

from __future__ import annotations

from harness.wire import messages as m
from reference_gcs.core import layout
from reference_gcs.world import (
    JOB,
    NODE,
    actor_id,
    created,
    fail_worker,
    group_spec,
    node,
    populated,
    state_of,
)

ACTOR = m.ActorTableData
GROUP = m.PlacementGroupTableData


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
    created(world, 1)
    created(world, 2, detached=True)
    world.ask("CreatePlacementGroup", placement_group_spec=group_spec(1))
    world.ask("MarkJobFinished", job_id=JOB)
    group = world.ask("GetPlacementGroup", placement_group_id=group_spec(1).placement_group_id)
    assert (state_of(world, 1), state_of(world, 2)) == (ACTOR.DEAD, ACTOR.ALIVE)
    assert group.placement_group_table_data.state == GROUP.REMOVED


def test_a_silent_node_dies_after_seventeen_seconds() -> None:
    world = populated()
    created(world, restarts=0)
    world.behaviours["Check"] = lambda _send: None
    world.start()
    world.wait(16.9)
    assert world.ask("CheckAlive", node_ids=[NODE]).raylet_alive[0]
    world.wait(0.2)
    assert not world.ask("CheckAlive", node_ids=[NODE]).raylet_alive[0]
    assert state_of(world) == ACTOR.DEAD


def test_a_driver_dies_with_its_node() -> None:
    world = populated()
    job = m.JobTableData(job_id=b"\x09\0\0\0", driver_address=m.Address(node_id=NODE))
    world.ask("AddJob", data=job)
    world.ask("UnregisterNode", node_id=NODE)
    dead = {row.job_id: row.is_dead for row in world.ask("GetAllJobInfo").job_info_list}
    assert dead == {JOB: False, job.job_id: True}


def test_a_new_head_retires_the_old() -> None:
    world = populated()
    world.ask("RegisterNode", node_info=node(b"H" * 28, head=True))
    assert list(world.ask("CheckAlive", node_ids=[NODE, b"H" * 28]).raylet_alive) == [False, True]


def test_of_two_heads_that_register_at_once_one_stays() -> None:
    world = populated()
    world.hold_store = True
    for head in (b"H", b"I"):
        world.call("NodeInfoGcsService.RegisterNode", node_info=node(head * 28, head=True))
    world.release_store()
    alive = world.ask("CheckAlive", node_ids=[NODE, b"H" * 28, b"I" * 28]).raylet_alive
    assert list(alive) == [False, False, True]


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


def test_actors_and_groups_on_a_node_whose_death_was_stored_go_on_elsewhere() -> None:
    """The crash came between the node's DEAD row and those of what ran there."""
    world = populated()
    created(world, 1, restarts=1, detached=True)
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


def test_a_worker_whose_death_is_being_stored_is_not_added_again() -> None:
    world, worker = populated(), b"w" * 28
    row = m.WorkerTableData(is_alive=True, worker_address=m.Address(node_id=NODE, worker_id=worker))
    world.ask("AddWorkerInfo", worker_data=row)
    world.hold_store = True
    died = fail_worker(world, worker)
    late = world.call("AddWorkerInfo", worker_data=row)
    assert not {died, late} & set(world.replies)
    world.release_store()
    assert {died, late} <= set(world.replies)
    world.start()
    assert [one.is_alive for one in world.ask("GetAllWorkerInfo").worker_table_data] == [False]
