"""A crash between any two effects: what was acknowledged is there after a reload."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.wire import messages as m
from harness.wire.status import Code
from reference_gcs.core import effects as fx
from reference_gcs.world import (
    JOB,
    NODE,
    Crashed,
    World,
    actor_id,
    actor_spec,
    group_spec,
    node,
    populated,
)

Step = tuple[str, dict[str, Any]]
STEPS: list[Step] = [
    ("RegisterNode", {"node_info": node(b"M" * 28)}),
    ("UnregisterNode", {"node_id": b"M" * 28}),
    ("AddJob", {"data": m.JobTableData(job_id=b"\x02\0\0\0")}),
    ("MarkJobFinished", {"job_id": b"\x02\0\0\0"}),
    ("RegisterActor", {"task_spec": actor_spec(1, "one", restarts=1)}),
    ("CreateActor", {"task_spec": actor_spec(1, "one", restarts=1)}),
    ("KillActorViaGcs", {"actor_id": actor_id(1), "no_restart": True}),
    ("RegisterActor", {"task_spec": actor_spec(2, "one")}),
    ("CreateActor", {"task_spec": actor_spec(2, "one")}),
    ("CreatePlacementGroup", {"placement_group_spec": group_spec(1)}),
    ("RemovePlacementGroup", {"placement_group_id": group_spec(1).placement_group_id}),
    ("InternalKVPut", {"key": b"k", "value": b"v", "overwrite": False}),
    ("GetNextJobID", {}),
]


def _acked(world: World, call: int) -> bool:
    reply = world.replies.get(call)
    return reply is not None and not isinstance(reply, fx.Reject) and reply.status.code == Code.OK  # type: ignore[attr-defined]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(0, len(STEPS) - 1), min_size=1, max_size=14), st.integers(0, 120))
def test_what_was_acked_is_there_after_a_crash(picks: list[int], budget: int) -> None:
    world = populated()
    world.budget = budget
    acked: list[int] = []
    numbers: list[int] = []
    begun: set[int] = set()
    for pick in picks:
        name, fields = STEPS[pick]
        begun.add(pick)
        call = world.calls + 1
        with suppress(Crashed):
            world.call(name, **fields)
        if _acked(world, call):
            acked.append(pick)
            if name == "GetNextJobID":
                numbers.append(world.replies[call].job_id)  # type: ignore[union-attr]
        if world.budget == 0:
            break
    world.start()
    assert world.open
    for pick in acked:
        _holds(world, pick, begun)
    assert len(set(numbers)) == len(numbers)
    assert world.ask("GetNextJobID").job_id not in numbers


def _holds(world: World, pick: int, begun: set[int]) -> None:
    name, fields = STEPS[pick]
    if name == "RegisterNode":
        alive = world.ask("CheckAlive", node_ids=[b"M" * 28]).raylet_alive[0]
        assert alive or 1 in begun
    elif name == "AddJob":
        assert any(row.job_id == fields["data"].job_id for row in world.ask("GetAllJobInfo").job_info_list)
    elif name in ("RegisterActor", "CreateActor"):
        known = fields["task_spec"].actor_creation_task_spec.actor_id
        row = world.ask("GetActorInfo", actor_id=known).actor_table_data
        assert row.actor_id == known
        if name == "CreateActor" and not (known == actor_id(1) and 6 in begun):
            assert row.state == m.ActorTableData.ALIVE
            assert not world.orders("PushTask") or known not in str(world.orders("PushTask"))
    elif name == "KillActorViaGcs":
        assert world.ask("GetActorInfo", actor_id=actor_id(1)).actor_table_data.state == m.ActorTableData.DEAD
    elif name == "CreatePlacementGroup":
        group_id = fields["placement_group_spec"].placement_group_id
        assert world.ask("GetPlacementGroup", placement_group_id=group_id).HasField(
            "placement_group_table_data"
        )
    elif name == "InternalKVPut":
        assert world.ask("InternalKVGet", key=b"k").value == b"v"


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 60))
def test_a_group_is_created_or_removed_whatever_the_crash_point(budget: int) -> None:
    world = populated()
    world.budget = budget
    group_id = group_spec(1).placement_group_id
    call = world.calls + 1
    with suppress(Crashed):
        world.call("CreatePlacementGroup", placement_group_spec=group_spec(1))
    acked = call in world.replies
    world.start()
    world.wait(5)
    row = world.ask("GetPlacementGroup", placement_group_id=group_id)
    if acked or row.HasField("placement_group_table_data"):
        assert row.placement_group_table_data.state == m.PlacementGroupTableData.CREATED
        assert {bundle.node_id for bundle in row.placement_group_table_data.bundles} == {NODE}


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 60))
def test_a_removal_is_never_undone(budget: int) -> None:
    world = populated()
    group_id = group_spec(1).placement_group_id
    world.ask("CreatePlacementGroup", placement_group_spec=group_spec(1))
    world.budget = budget
    call = world.calls + 1
    with suppress(Crashed):
        world.call("RemovePlacementGroup", placement_group_id=group_id)
    released = bool(world.orders("RemovePlacementGroupBundles"))
    acked = call in world.replies
    world.start()
    world.wait(5)
    row = world.ask("GetPlacementGroup", placement_group_id=group_id).placement_group_table_data
    if acked or released:
        assert row.state == m.PlacementGroupTableData.REMOVED
    assert row.creator_job_id == JOB
