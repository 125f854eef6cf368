"""Two phases for a group's bundles: Prepare everywhere, store PREPARED, Commit everywhere, store CREATED.

Whatever was prepared for an attempt that came to nothing is given back, and a node from which a
group's bundles are still being given back is not used for that group. Nor is one that owes an answer to
Prepare: it is no longer waited for after a while, but may prepare as late as it likes.
"""

from __future__ import annotations

from typing import Any

from harness.wire import ids
from harness.wire import messages as m
from reference_gcs.core import effects as fx
from reference_gcs.core import layout, placing
from reference_gcs.core.happenings import NodeGone, NodeJoined, on
from reference_gcs.core.placement_group import Group, GroupPhase
from reference_gcs.core.state import Gcs, Then, then

STATES = m.PlacementGroupTableData
RETRY = 1.0  # seconds until an unreachable raylet is asked again


def store(gcs: Gcs, group: Group, stored: Then) -> None:
    gcs.write(fx.Put(layout.PLACEMENT_GROUP, group.group_id, group.row.SerializeToString()), stored)


def show(group: Group) -> None:
    """The row as it is now is stored: readers may see it."""
    group.shown = m.PlacementGroupTableData()
    group.shown.CopyFrom(group.row)


def _current(gcs: Gcs, group_id: bytes, life: int) -> Group | None:
    group = gcs.groups.live.get(group_id)
    return group if group is not None and group.life == life else None


# -- prepare -------------------------------------------------------------------------------------


def schedule(gcs: Gcs, group: Group) -> None:
    """Find nodes for the bundles that have none, or look again a little later."""
    group.life += 1
    group.phase = GroupPhase.WAITING
    plan = None if placing.bundles_gated(gcs) else placing.for_bundles(gcs, group)
    if plan is None:
        _schedule_later(gcs, group)
    else:
        _prepare(gcs, group, plan)


def _schedule_later(gcs: Gcs, group: Group) -> None:
    shortest = gcs.config.seconds("gcs_create_placement_group_retry_min_interval_ms")
    longest = gcs.config.seconds("gcs_create_placement_group_retry_max_interval_ms")
    growth = float(gcs.config.get("gcs_create_placement_group_retry_multiplier"))
    group.retry_after = min(max(shortest, group.retry_after * growth), longest)
    gcs.after(group.retry_after, then(_schedule_again, group.group_id, group.life))


def _schedule_again(gcs: Gcs, group_id: bytes, life: int, _outcome: Any) -> None:
    group = _current(gcs, group_id, life)
    if group is not None and group.phase is GroupPhase.WAITING:
        schedule(gcs, group)


def _prepare(gcs: Gcs, group: Group, plan: dict[int, bytes]) -> None:
    group.phase = GroupPhase.PREPARING
    group.plan = plan
    group.failed = set()
    group.preparing = {}
    timeout = gcs.config.seconds("gauntlet_prepare_timeout_ms")
    for node_id in sorted(set(plan.values())):
        specs = _planned(group, node_id)
        request = m.PrepareBundleResourcesRequest(bundle_specs=specs)
        prepared = then(_prepared, group.group_id, group.life, node_id, specs)
        node = gcs.nodes.alive[node_id]
        group.preparing[node_id] = gcs.send_to_node(node, "PrepareBundleResources", request, prepared)
        gcs.after(timeout, then(_overdue, group.group_id, group.life, node_id))


def _planned(group: Group, node_id: bytes) -> list[m.Bundle]:
    """The bundles that the plan puts on a node, each naming its node."""
    found = []
    for bundle in group.row.bundles:
        if group.plan.get(bundle.bundle_id.bundle_index) == node_id:
            one = m.Bundle()
            one.CopyFrom(bundle)
            one.node_id = node_id
            found.append(one)
    return found


def _prepared(
    gcs: Gcs,
    group_id: bytes,
    life: int,
    node_id: bytes,
    specs: list[m.Bundle],
    reply: m.PrepareBundleResourcesReply | None,
) -> None:
    group = _current(gcs, group_id, life)
    refused = reply is not None and not reply.success
    if group is None or group.phase is not GroupPhase.PREPARING or node_id not in group.preparing:
        if not refused:
            give_back(gcs, group_id, node_id, specs)
        _no_longer_owed(gcs, group_id, life, node_id)
        return
    del group.preparing[node_id]
    if reply is None or refused:
        group.failed.add(node_id)
    if reply is None:
        give_back(gcs, group_id, node_id, specs)
    _go_on(gcs, group)


def _overdue(gcs: Gcs, group_id: bytes, life: int, node_id: bytes, _outcome: Any) -> None:
    """The attempt goes on without a node that has not answered."""
    group = _current(gcs, group_id, life)
    if group is None or group.phase is not GroupPhase.PREPARING or node_id not in group.preparing:
        return
    del group.preparing[node_id]
    group.failed.add(node_id)
    _owes(group, node_id)
    _go_on(gcs, group)


def _owes(group: Group, node_id: bytes) -> None:
    """This attempt is over for a node that has not answered Prepare."""
    group.owing.add((group.life, node_id))
    group.dirty[node_id] = group.dirty.get(node_id, 0) + 1


def _no_longer_owed(gcs: Gcs, group_id: bytes, life: int, node_id: bytes) -> None:
    group = gcs.groups.live.get(group_id)
    if group is not None and (life, node_id) in group.owing:
        group.owing.remove((life, node_id))
        _forget_dirt(gcs, group_id, node_id)


def _go_on(gcs: Gcs, group: Group) -> None:
    """Once all have answered, or are waited for no longer."""
    if group.preparing:
        return
    if group.failed:
        _abandon_plan(gcs, group)
        _schedule_later(gcs, group)
    else:
        _store_prepared(gcs, group)


def _abandon_plan(gcs: Gcs, group: Group) -> None:
    """Give back what was prepared. What may yet be is given back when its node has answered.

    Given back at once, it could be prepared after that, and the late answer would take it from the next attempt.
    """
    for node_id in sorted(set(group.plan.values()) - group.failed - set(group.preparing)):
        give_back(gcs, group.group_id, node_id, _planned(group, node_id))
    for node_id in group.preparing:
        _owes(group, node_id)
    group.preparing = {}
    group.plan = {}
    group.phase = GroupPhase.WAITING


def _store_prepared(gcs: Gcs, group: Group) -> None:
    for bundle in group.row.bundles:
        bundle.node_id = group.plan.get(bundle.bundle_id.bundle_index, bundle.node_id)
    group.phase = GroupPhase.STORING
    group.row.state = STATES.PREPARED
    store(gcs, group, then(_prepared_stored, group.group_id, group.life))


# -- commit --------------------------------------------------------------------------------------


def _prepared_stored(gcs: Gcs, group_id: bytes, life: int, _outcome: Any) -> None:
    group = _current(gcs, group_id, life)
    if group is not None:
        show(group)
        commit(gcs, group)


def commit(gcs: Gcs, group: Group) -> None:
    """Tell every node of a stored PREPARED group; bundles committed earlier bear the repetition."""
    group.phase = GroupPhase.COMMITTING
    group.committing = {bundle.node_id for bundle in group.row.bundles}
    for node_id in sorted(group.committing):
        _commit_on(gcs, group.group_id, group.life, node_id, None)


def _commit_on(gcs: Gcs, group_id: bytes, life: int, node_id: bytes, _outcome: Any) -> None:
    group, node = _current(gcs, group_id, life), gcs.nodes.alive.get(node_id)
    if group is None or node is None:
        return  # a dead node's bundles are placed anew when its death is told
    request = m.CommitBundleResourcesRequest(bundle_specs=group.bundles_on(node_id))
    gcs.send_to_node(node, "CommitBundleResources", request, then(_committed, group_id, life, node_id))


def _committed(
    gcs: Gcs, group_id: bytes, life: int, node_id: bytes, reply: m.CommitBundleResourcesReply | None
) -> None:
    group = _current(gcs, group_id, life)
    if group is None:
        return
    if reply is None:
        gcs.after(RETRY, then(_commit_on, group_id, life, node_id))
        return
    group.committing.discard(node_id)
    if not group.committing:
        group.plan = {}
        group.phase = GroupPhase.STORING
        group.row.state = STATES.CREATED
        group.row.placement_group_final_bundle_placement_timestamp_ms = gcs.now_ms()
        store(gcs, group, then(_created_stored, group_id, life))


def _created_stored(gcs: Gcs, group_id: bytes, life: int, _outcome: Any) -> None:
    group = _current(gcs, group_id, life)
    if group is None:
        return
    group.phase = GroupPhase.CREATED
    group.retry_after = 0.0
    show(group)
    for call in gcs.groups.waiters.pop(group_id, []):
        gcs.reply(call, m.WaitPlacementGroupUntilReadyReply())


# -- giving back ---------------------------------------------------------------------------------


def give_back(gcs: Gcs, group_id: bytes, node_id: bytes, specs: list[m.Bundle]) -> None:
    """Have a raylet drop bundles of an attempt that came to nothing, until it says so or is dead."""
    if node_id not in gcs.nodes.alive:
        return
    group = gcs.groups.live.get(group_id)
    if group is not None:
        group.dirty[node_id] = group.dirty.get(node_id, 0) + 1
    _give_back(gcs, group_id, node_id, specs, None)


def give_back_all(gcs: Gcs, group: Group) -> None:
    """A removed group: release every bundle that was placed or planned."""
    for node_id in sorted({bundle.node_id for bundle in group.row.bundles} | set(group.plan.values())):
        if not ids.is_nil(node_id):
            placed = group.bundles_on(node_id)
            indices = {bundle.bundle_id.bundle_index for bundle in placed}
            planned = [one for one in _planned(group, node_id) if one.bundle_id.bundle_index not in indices]
            _give_back(gcs, group.group_id, node_id, placed + planned, None)


def _give_back(gcs: Gcs, group_id: bytes, node_id: bytes, specs: list[m.Bundle], _outcome: Any) -> None:
    node = gcs.nodes.alive.get(node_id)
    if node is None:
        _forget_dirt(gcs, group_id, node_id)
        return
    request = m.RemovePlacementGroupBundlesRequest(placement_group_id=group_id, bundle_specs=specs)
    given = then(_given_back, group_id, node_id, specs)
    gcs.send_to_node(node, "RemovePlacementGroupBundles", request, given)


def _given_back(gcs: Gcs, group_id: bytes, node_id: bytes, specs: list[m.Bundle], reply: Any) -> None:
    if reply is None:
        gcs.after(RETRY, then(_give_back, group_id, node_id, specs))
    else:
        _forget_dirt(gcs, group_id, node_id)


def _forget_dirt(gcs: Gcs, group_id: bytes, node_id: bytes) -> None:
    group = gcs.groups.live.get(group_id)
    if group is None or node_id not in group.dirty:
        return
    group.dirty[node_id] -= 1
    if group.dirty[node_id] <= 0:
        del group.dirty[node_id]


# -- nodes come and go ---------------------------------------------------------------------------


@on(NodeGone)
def _node_gone(gcs: Gcs, gone: NodeGone) -> None:
    for group in list(gcs.groups.live.values()):
        lose_node(gcs, group, gone.node_id)


def lose_node(gcs: Gcs, group: Group, node_id: bytes) -> None:
    """Bundles of a dead node need another: store RESCHEDULING without them, then place them."""
    if group.phase in (GroupPhase.REMOVING, GroupPhase.CREATING):
        return
    lost = group.bundles_on(node_id)
    if not lost and node_id not in group.plan.values():
        return
    if group.phase is GroupPhase.PREPARING:
        _abandon_plan(gcs, group)
    group.life += 1
    group.plan = {}
    if not lost:
        schedule(gcs, group)
        return
    for bundle in lost:
        bundle.ClearField("node_id")
    group.phase = GroupPhase.STORING
    group.row.state = STATES.RESCHEDULING
    store(gcs, group, then(_rescheduling_stored, group.group_id, group.life))


def _rescheduling_stored(gcs: Gcs, group_id: bytes, life: int, _outcome: Any) -> None:
    group = _current(gcs, group_id, life)
    if group is not None:
        show(group)
        schedule(gcs, group)


@on(NodeJoined)
def _node_joined(gcs: Gcs, _joined: NodeJoined) -> None:
    for group in list(gcs.groups.live.values()):
        if group.phase is GroupPhase.WAITING:
            group.retry_after = 0.0
            schedule(gcs, group)
