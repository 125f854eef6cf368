"""Placement groups: placed by strategy, moved off dead nodes, removed for good."""

from __future__ import annotations

import pytest

from harness.wire import messages as m
from reference_gcs.core import effects as fx
from reference_gcs.world import NEVER, NODE, World, group_spec, node, populated

GROUP = m.PlacementGroupTableData


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


def test_a_group_removed_while_its_bundles_are_committed_gives_each_back_once() -> None:
    world = populated()
    world.behaviours["CommitBundleResources"] = lambda _send: NEVER
    world.ask("CreatePlacementGroup", placement_group_spec=group_spec(1, count=2))
    world.ask("RemovePlacementGroup", placement_group_id=group_spec(1).placement_group_id)
    (order,) = world.orders("RemovePlacementGroupBundles")
    assert [one.bundle_id.bundle_index for one in order.bundle_specs] == [0, 1]


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


def test_a_raylet_that_prepares_after_all_have_stopped_waiting_gives_back_what_it_prepared() -> None:
    world = populated()
    world.behaviours["PrepareBundleResources"] = lambda _send: NEVER
    world.ask("CreatePlacementGroup", placement_group_spec=group_spec(1))
    (prepare,) = [one for one in world.unanswered if one.method.endswith("PrepareBundleResources")]
    world.wait(15)
    world.ask("RemovePlacementGroup", placement_group_id=group_spec(1).placement_group_id)
    before = len(world.orders("RemovePlacementGroupBundles"))
    world.answer(prepare, m.PrepareBundleResourcesReply(success=True))
    released = world.orders("RemovePlacementGroupBundles")[before:]
    assert [len(one.bundle_specs) for one in released] == [2]


def test_a_node_that_owes_an_answer_is_not_used_until_it_gives_it() -> None:
    world = populated()
    world.behaviours["PrepareBundleResources"] = lambda _send: NEVER
    world.ask("CreatePlacementGroup", placement_group_spec=group_spec(1))
    (prepare,) = [one for one in world.unanswered if one.method.endswith("PrepareBundleResources")]
    del world.behaviours["PrepareBundleResources"]
    world.wait(15)
    assert len(world.orders("PrepareBundleResources")) == 1
    world.answer(prepare, m.PrepareBundleResourcesReply(success=True))
    world.wait(15)
    shown = world.ask("GetPlacementGroup", placement_group_id=group_spec(1).placement_group_id)
    assert shown.placement_group_table_data.state == GROUP.CREATED
    assert len(world.orders("PrepareBundleResources")) == 2


def test_a_late_answer_does_not_take_the_bundles_of_the_next_attempt() -> None:
    """Two nodes are lost one after the other, while both spares are slow to prepare."""
    world = populated()
    first, second, third, fourth = (bytes([one]) * 28 for one in b"NMKL")
    world.ask("RegisterNode", node_info=node(second))
    world.ask("CreatePlacementGroup", placement_group_spec=group_spec(1, strategy=m.STRICT_SPREAD))
    for spare in (third, fourth):
        world.ask("RegisterNode", node_info=node(spare))
    world.behaviours["PrepareBundleResources"] = lambda _send: NEVER
    world.ask("UnregisterNode", node_id=first)
    world.wait(0.1)
    (slow,) = [one for one in world.unanswered if one.method.endswith("PrepareBundleResources")]
    del world.behaviours["PrepareBundleResources"]
    world.ask("UnregisterNode", node_id=second)
    world.wait(3)
    assert not [one for one in prepared_after(world, slow) if one.port == slow.port]
    world.answer(slow, m.PrepareBundleResourcesReply(success=True))
    world.wait(30)
    shown = world.ask("GetPlacementGroup", placement_group_id=group_spec(1).placement_group_id)
    row = shown.placement_group_table_data
    assert row.state == GROUP.CREATED and {one.node_id for one in row.bundles} == {third, fourth}
    for port in (third[0], fourth[0]):
        last = [one.method for one in world.sent if one.port == port and "Bundle" in one.method][-1]
        assert last.endswith("CommitBundleResources")


def prepared_after(world: World, send: fx.Send) -> list[fx.Send]:
    later = world.sent[world.sent.index(send) + 1 :]
    return [one for one in later if one.method.endswith("PrepareBundleResources")]


@pytest.mark.parametrize(
    ("strategy", "spread"), [(m.PACK, 1), (m.SPREAD, 2), (m.STRICT_PACK, 1), (m.STRICT_SPREAD, 2)]
)
def test_strategies(strategy: int, spread: int) -> None:
    world = populated()
    world.ask("RegisterNode", node_info=node(b"M" * 28))
    world.ask("CreatePlacementGroup", placement_group_spec=group_spec(1, strategy=strategy))
    shown = world.ask("GetPlacementGroup", placement_group_id=group_spec(1).placement_group_id)
    assert len({one.node_id for one in shown.placement_group_table_data.bundles}) == spread
