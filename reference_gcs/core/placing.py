"""Which node: for an actor's worker, and for the bundles of a placement group. Decides, changes nothing."""

from __future__ import annotations

from dataclasses import dataclass

from harness.wire import ids
from harness.wire import messages as m
from reference_gcs.core.actor import Actor
from reference_gcs.core.actor_rows import placement_group_of
from reference_gcs.core.drain import deadline
from reference_gcs.core.placement_group import Group, GroupPhase
from reference_gcs.core.resources import fits, take
from reference_gcs.core.state import Gcs


@dataclass(frozen=True)
class Never:
    """No node will ever do."""

    why: str


Room = dict[bytes, dict[str, float]]
Place = m.GcsNodeInfo | Never | None


def may_lease(gcs: Gcs, node_id: bytes) -> bool:
    """A node that owes its ReleaseUnusedActorWorkers answer would kill a fresh worker."""
    return node_id not in gcs.gates.workers


def _stubborn(gcs: Gcs, gates: dict[bytes, float], node_id: bytes) -> bool:
    """True if the node has owed its answer for so long that others go ahead without it."""
    return gcs.now - gates.get(node_id, gcs.now) >= gcs.config.seconds("gauntlet_release_patience_ms")


# -- actors --------------------------------------------------------------------------------------


def for_actor(gcs: Gcs, actor: Actor) -> Place:
    """The node to ask for a worker; None: ask again later."""
    group_id = placement_group_of(actor.spec)
    strategy = actor.spec.scheduling_strategy
    if group_id:
        place = _in_group(gcs, group_id, strategy.placement_group_scheduling_strategy)
    elif strategy.HasField("node_affinity_scheduling_strategy"):
        place = _by_affinity(gcs, actor, strategy.node_affinity_scheduling_strategy)
    else:
        place = _anywhere(gcs, actor)
    if isinstance(place, m.GcsNodeInfo) and not may_lease(gcs, place.node_id):
        return None
    return place


def _in_group(gcs: Gcs, group_id: bytes, strategy: m.PlacementGroupSchedulingStrategy) -> Place:
    group = gcs.groups.live.get(group_id)
    if group is None:
        return Never("its placement group was removed or never created")
    if group.phase is not GroupPhase.CREATED:
        return None
    index = strategy.placement_group_bundle_index
    bundles = [one for one in group.row.bundles if index < 0 or one.bundle_id.bundle_index == index]
    if not bundles:
        return Never(f"its placement group has no bundle {index}")
    places = {bundle.node_id for bundle in bundles}
    nodes = [gcs.nodes.alive[place] for place in sorted(places) if place in gcs.nodes.alive]
    return gcs.random.choice(nodes) if nodes else None


def _by_affinity(gcs: Gcs, actor: Actor, strategy: m.NodeAffinitySchedulingStrategy) -> Place:
    node = gcs.nodes.alive.get(strategy.node_id)
    if node is not None:
        return node
    return _anywhere(gcs, actor) if strategy.soft else Never("the node it must run on is dead or unknown")


def _anywhere(gcs: Gcs, actor: Actor) -> Place:
    """The owner's node if it has room; else one that has; else one that could have."""
    wanted = dict(actor.spec.required_resources)
    home = actor.row.owner_address.node_id
    candidates = [
        one
        for one in gcs.nodes.alive
        if not _stubborn(gcs, gcs.gates.workers, one) and deadline(gcs, one) is None
    ]
    views = gcs.views.of
    for room in (
        {one: views[one].available for one in candidates},
        {one: views[one].total for one in candidates},
    ):
        able = sorted(one for one in candidates if fits(room[one], wanted))
        if able:
            return gcs.nodes.alive[home if home in able else gcs.random.choice(able)]
    return gcs.nodes.alive.get(home)


# -- bundles -------------------------------------------------------------------------------------


def bundles_gated(gcs: Gcs) -> bool:
    """No Prepare while a node still owes its ReleaseUnusedBundles answer, unless it is stubborn."""
    return any(not _stubborn(gcs, gcs.gates.bundles, node_id) for node_id in gcs.gates.bundles)


def for_bundles(gcs: Gcs, group: Group) -> dict[int, bytes] | None:
    """A node for each bundle that has none, by bundle index; None if they do not all fit now."""
    room = _room_for(gcs, group)
    todo = [bundle for bundle in group.row.bundles if ids.is_nil(bundle.node_id)]
    used = {bundle.node_id for bundle in group.row.bundles if not ids.is_nil(bundle.node_id)}
    strategy = group.row.strategy
    if strategy == m.STRICT_PACK:
        return _on_one(room, todo, used, group.row.soft_target_node_id)
    todo.sort(key=lambda bundle: -sum(bundle.unit_resources.values()))
    plan: dict[int, bytes] = {}
    for bundle in todo:
        node_id = _one_for(room, dict(bundle.unit_resources), strategy, used)
        if node_id is None:
            return None
        take(room[node_id], dict(bundle.unit_resources))
        used.add(node_id)
        plan[bundle.bundle_id.bundle_index] = node_id
    return plan


def _room_for(gcs: Gcs, group: Group) -> Room:
    """What nodes have left, less what groups under way will take.

    Left out: nodes that owe an answer, nodes from which this group is still being released.
    """
    room = {
        node_id: dict(view.available)
        for node_id, view in sorted(gcs.views.of.items())
        if node_id not in gcs.gates.bundles and node_id not in group.dirty and _usable(gcs, node_id)
    }
    for other in gcs.groups.live.values():
        for bundle in other.row.bundles if other is not group else ():
            node_id = other.plan.get(bundle.bundle_id.bundle_index)
            if node_id in room:
                take(room[node_id], dict(bundle.unit_resources))
    return room


def _usable(gcs: Gcs, node_id: bytes) -> bool:
    draining = deadline(gcs, node_id) is not None
    return node_id in gcs.nodes.alive and node_id not in gcs.nodes.retiring and not draining


def _on_one(room: Room, todo: list[m.Bundle], used: set[bytes], target: bytes) -> dict[int, bytes] | None:
    wanted: dict[str, float] = {}
    for bundle in todo:
        for name, amount in bundle.unit_resources.items():
            wanted[name] = wanted.get(name, 0.0) + amount
    able = [node_id for node_id in room if fits(room[node_id], wanted) and (not used or node_id in used)]
    if not able:
        return None
    chosen = target if target in able else able[0]
    return {bundle.bundle_id.bundle_index: chosen for bundle in todo}


def _one_for(room: Room, wanted: dict[str, float], strategy: int, used: set[bytes]) -> bytes | None:
    """PACK prefers nodes in use, SPREAD those that are not; STRICT_SPREAD takes no other."""
    able = [node_id for node_id in room if fits(room[node_id], wanted)]
    if strategy == m.STRICT_SPREAD:
        able = [node_id for node_id in able if node_id not in used]
    if not able:
        return None
    fresh = strategy in (m.SPREAD, m.STRICT_SPREAD)
    return min(able, key=lambda node_id: ((node_id in used) == fresh, -room[node_id].get("CPU", 0.0)))
