"""Draining: what the raylet says decides; nothing new goes where a node drains; it dies of what it drained for."""

from __future__ import annotations

from typing import Any

import pytest

from harness.wire import messages as m
from reference_gcs.core import effects as fx
from reference_gcs.core import events as ev
from reference_gcs.core import layout
from reference_gcs.world import NODE, World, actor_id, created, group_spec, node, populated

ACTOR = m.ActorTableData
DRAIN = "AutoscalerStateService.DrainNode"
IDLE = m.autoscaler.DRAIN_NODE_REASON_IDLE_TERMINATION
PREEMPTION = m.autoscaler.DRAIN_NODE_REASON_PREEMPTION


def draining(accepts: bool = True) -> World:
    world = populated()
    reply = m.DrainRayletReply(is_accepted=accepts, rejection_reason_message="" if accepts else "busy")
    world.behaviours["DrainRaylet"] = lambda _send: reply
    return world


def drain(world: World, reason: Any = PREEMPTION, seconds: float = 10.0) -> m.autoscaler.DrainNodeReply:
    deadline = int((world.now + seconds) * 1000)
    reply: m.autoscaler.DrainNodeReply = world.ask(
        DRAIN, node_id=NODE, reason=reason, reason_message="taken", deadline_timestamp_ms=deadline
    )
    return reply


def test_the_raylet_is_asked_in_the_same_words_and_its_refusal_is_passed_on() -> None:
    world = draining(accepts=False)
    created(world, 1)
    reply = drain(world, IDLE)
    assert (reply.is_accepted, reply.rejection_reason_message) == (False, "busy")
    (order,) = world.orders("DrainRaylet")
    assert (order.reason, order.reason_message) == (IDLE, "taken")
    assert not world.ask("GetDrainingNodes").draining_nodes
    row = ACTOR.FromString(world.tables[layout.ACTOR][actor_id(1)])
    assert not row.preempted


def test_an_accepted_drain_keeps_bundles_and_actors_away() -> None:
    world = draining()
    assert drain(world).is_accepted
    (one,) = world.ask("GetDrainingNodes").draining_nodes
    assert one.node_id == NODE
    world.ask("CreatePlacementGroup", placement_group_spec=group_spec(1))
    assert not world.orders("PrepareBundleResources")
    world.ask("RegisterNode", node_info=node(b"M" * 28))
    world.wait(5.0)
    assert {bundle.node_id for bundle in stored_group(world).bundles} == {b"M" * 28}


def stored_group(world: World) -> m.PlacementGroupTableData:
    (row,) = world.tables[layout.PLACEMENT_GROUP].values()
    return m.PlacementGroupTableData.FromString(row)


def test_the_actors_of_a_preempted_node_are_stored_as_preempted_before_the_answer() -> None:
    world = draining()
    created(world, 1)
    assert drain(world).is_accepted
    assert ACTOR.FromString(world.tables[layout.ACTOR][actor_id(1)]).preempted


@pytest.mark.parametrize(
    ("seconds", "reason"),
    [
        (1.0, m.NodeDeathInfo.AUTOSCALER_DRAIN_PREEMPTED),
        (100.0, m.NodeDeathInfo.UNEXPECTED_TERMINATION),
    ],
    ids=["after the deadline", "before the deadline"],
)
@pytest.mark.parametrize("restarted", [False, True], ids=["no restart", "restarted"])
def test_a_node_that_falls_silent_died_as_preempted_if_that_was_due(
    seconds: float, reason: int, restarted: bool
) -> None:
    world = draining()
    assert drain(world, seconds=seconds).is_accepted
    if restarted:
        until = world.orders("DrainRaylet")[0].deadline_timestamp_ms
        world.start()
        view = m.ResourceViewSyncMessage(is_draining=True, draining_deadline_timestamp_ms=until)
        tell(world, view)
        assert world.ask("GetDrainingNodes").draining_nodes[0].draining_deadline_timestamp_ms == until
    world.behaviours["Check"] = lambda _send: None
    world.wait(40.0)
    assert m.GcsNodeInfo.FromString(world.tables[layout.NODE][NODE]).death_info.reason == reason


def tell(world: World, view: m.ResourceViewSyncMessage) -> None:
    message = m.RaySyncMessage(
        version=1, message_type=m.RESOURCE_VIEW, node_id=NODE, sync_message=view.SerializeToString()
    )
    world.feed(ev.StreamOpened(1, NODE, None, None))
    world.feed(ev.StreamMessage(1, m.RaySyncMessageBatch(messages=[message])))


def test_a_node_that_is_not_there_is_as_good_as_drained() -> None:
    world = draining()
    assert world.ask(DRAIN, node_id=b"M" * 28, reason=IDLE).is_accepted
    assert not world.orders("DrainRaylet")


def test_the_older_word_tells_each_node_to_shut_down() -> None:
    world = draining()
    reply = world.ask("NodeInfoGcsService.DrainNode", drain_node_data=[m.DrainNodeData(node_id=NODE)])
    assert [one.node_id for one in reply.drain_node_status] == [NODE]
    assert world.orders("ShutdownRaylet") == [m.ShutdownRayletRequest(graceful=True)]
    assert not any(isinstance(one, fx.Exit) for one in world.gcs.effects)
