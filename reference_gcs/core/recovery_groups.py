"""Placement groups after a restart: raylets keep exactly the stored bundles, the rest is done again."""

from __future__ import annotations

from typing import Any

from harness.wire import ids
from harness.wire import messages as m
from reference_gcs.core import bundles, placement_groups
from reference_gcs.core.happenings import NodeGone, NodeReturned, on
from reference_gcs.core.placement_group import Group, GroupPhase
from reference_gcs.core.state import Gcs, then

STATES = m.PlacementGroupTableData
PLACED = (STATES.PREPARED, STATES.CREATED, STATES.RESCHEDULING)
ASK_RETRY = 0.5  # seconds until an unreachable raylet is asked again


def load(gcs: Gcs, rows: dict[bytes, m.PlacementGroupTableData]) -> None:
    for group_id, row in rows.items():
        if row.state == STATES.REMOVED:
            gcs.groups.removed[group_id] = row
            continue
        group = Group(row, GroupPhase.CREATED if row.state == STATES.CREATED else GroupPhase.WAITING)
        if row.state == STATES.PENDING:
            for bundle in row.bundles:
                bundle.ClearField("node_id")
        bundles.show(group)
        gcs.groups.live[group_id] = group
        if row.name:
            gcs.groups.names[group.name] = group_id


def resume(gcs: Gcs) -> None:
    """Every alive node learns which bundles count; then each group goes on where it stood."""
    for node_id in gcs.nodes.alive:
        _release_unused(gcs, node_id, bundles_in_use(gcs, node_id), None)
    for group in list(gcs.groups.live.values()):
        placement_groups.end_if_over(gcs, group)
        if group.phase is not GroupPhase.REMOVING:
            _resume(gcs, group)


def bundles_in_use(gcs: Gcs, node_id: bytes) -> list[m.Bundle]:
    """The stored bundles of PREPARED, CREATED and RESCHEDULING groups that lie on a node."""
    groups = [group for group in gcs.groups.live.values() if group.row.state in PLACED]
    return [bundle for group in groups for bundle in group.bundles_on(node_id)]


def _resume(gcs: Gcs, group: Group) -> None:
    homes = {bundle.node_id for bundle in group.row.bundles if not ids.is_nil(bundle.node_id)}
    gone = homes - set(gcs.nodes.alive)
    if gone:
        for bundle in group.row.bundles:
            if bundle.node_id in gone and bundle.node_id != min(gone):
                bundle.ClearField("node_id")
        bundles.lose_node(gcs, group, min(gone))
    elif group.row.state == STATES.PREPARED:
        bundles.commit(gcs, group)
    elif group.row.state != STATES.CREATED:
        bundles.schedule(gcs, group)


def _release_unused(gcs: Gcs, node_id: bytes, in_use: list[m.Bundle], _outcome: Any) -> None:
    """Asked until answered, one call at a time: a late second one would sweep what is new."""
    node = gcs.nodes.alive.get(node_id)
    if node is not None:
        request = m.ReleaseUnusedBundlesRequest(bundles_in_use=in_use)
        gcs.send_to_node(node, "ReleaseUnusedBundles", request, then(_released, node_id, in_use))


def _released(gcs: Gcs, node_id: bytes, in_use: list[m.Bundle], reply: Any) -> None:
    if reply is None:
        gcs.after(ASK_RETRY, then(_release_unused, node_id, in_use))
    else:
        gcs.gates.bundles.pop(node_id, None)


@on(NodeReturned)
def _node_returned(gcs: Gcs, returned: NodeReturned) -> None:
    """What it held was given to others when it died."""
    gcs.gates.bundles[returned.node_id] = gcs.now
    _release_unused(gcs, returned.node_id, bundles_in_use(gcs, returned.node_id), None)


@on(NodeGone)
def _node_gone(gcs: Gcs, gone: NodeGone) -> None:
    gcs.gates.bundles.pop(gone.node_id, None)
