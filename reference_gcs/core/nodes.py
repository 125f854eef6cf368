"""Nodes: registration, retirement, listing. A node is seen as its stored row says, never ahead of it."""

from __future__ import annotations

from typing import Any

from harness.wire import messages as m
from harness.wire.status import Code
from reference_gcs.core import drain, layout, pubsub
from reference_gcs.core import effects as fx
from reference_gcs.core.happenings import NodeGone, NodeJoined, NodeReturned, NodeSilent, on
from reference_gcs.core.serving import serves
from reference_gcs.core.state import Gcs, then

ALIVE, DEAD = m.GcsNodeInfo.ALIVE, m.GcsNodeInfo.DEAD


@serves("NodeInfoGcsService.GetClusterId")
def get_cluster_id(gcs: Gcs, call: int, _request: m.GetClusterIdRequest) -> None:
    gcs.reply(call, m.GetClusterIdReply(cluster_id=gcs.cluster_id))


@serves("NodeInfoGcsService.RegisterNode", "node_info.node_id")
def register_node(gcs: Gcs, call: int, request: m.RegisterNodeRequest) -> None:
    """Acked once stored. A repeat joins the write on its way, or finds the node there."""
    info = request.node_info
    if info.node_id in gcs.nodes.registering:
        gcs.nodes.registering[info.node_id].append(call)
        return
    info.state = ALIVE
    if gcs.nodes.alive.get(info.node_id) == info and info.node_id not in gcs.nodes.retiring:
        gcs.reply(call, m.RegisterNodeReply())
        return
    gcs.nodes.registering[info.node_id] = [call]
    if info.is_head_node:
        _retire_other_heads(gcs, info.node_id)
    put = fx.Put(layout.NODE, info.node_id, info.SerializeToString())
    gcs.write(put, then(_registered, info))


def _retire_other_heads(gcs: Gcs, node_id: bytes) -> None:
    """Asked for before the new head's own row, so that the store never shows two heads."""
    for other in list(gcs.nodes.alive.values()):
        if other.is_head_node and other.node_id != node_id:
            reason = m.NodeDeathInfo(
                reason=m.NodeDeathInfo.UNEXPECTED_TERMINATION, reason_message="a new head node registered"
            )
            retire(gcs, other.node_id, reason)


def _registered(gcs: Gcs, info: m.GcsNodeInfo, _outcome: Any) -> None:
    was_dead = gcs.nodes.dead.pop(info.node_id, None) is not None
    gcs.nodes.alive[info.node_id] = info
    if info.is_head_node:  # of two that asked at once, neither was there yet when the other did
        _retire_other_heads(gcs, info.node_id)
    publish(gcs, info)
    if was_dead:
        gcs.happen(NodeReturned(info.node_id))
    gcs.happen(NodeJoined(info.node_id))
    for call in gcs.nodes.registering.pop(info.node_id):
        gcs.reply(call, m.RegisterNodeReply())


@serves("NodeInfoGcsService.UnregisterNode", "node_id")
def unregister_node(gcs: Gcs, call: int, request: m.UnregisterNodeRequest) -> None:
    if request.node_id in gcs.nodes.alive:
        retire(gcs, request.node_id, request.node_death_info, call)
    elif request.node_id in gcs.nodes.dead:
        gcs.reply(call, m.UnregisterNodeReply())
    else:
        gcs.fail(call, m.UnregisterNodeReply(), Code.NOT_FOUND, "no such node")


@on(NodeSilent)
def give_up(gcs: Gcs, silent: NodeSilent) -> None:
    """Declare a node dead that the health check lost."""
    retire(gcs, silent.node_id, drain.death_of(gcs, silent.node_id))


def retire(gcs: Gcs, node_id: bytes, reason: m.NodeDeathInfo, call: int | None = None) -> None:
    """Store an alive node as DEAD, then tell everyone, then ack ``call``."""
    calls = [] if call is None else [call]
    if node_id in gcs.nodes.retiring:
        gcs.nodes.retiring[node_id] += calls
        return
    gcs.nodes.retiring[node_id] = calls
    row = m.GcsNodeInfo()
    row.CopyFrom(gcs.nodes.alive[node_id])
    row.state = DEAD
    row.end_time_ms = gcs.now_ms()
    row.death_info.CopyFrom(reason)
    gcs.write(fx.Put(layout.NODE, node_id, row.SerializeToString()), then(_retired, row))


def _retired(gcs: Gcs, row: m.GcsNodeInfo, _outcome: Any) -> None:
    gcs.nodes.alive.pop(row.node_id, None)
    remember_dead(gcs, row)
    removed = m.GcsNodeInfo(
        node_id=row.node_id, state=DEAD, end_time_ms=row.end_time_ms, death_info=row.death_info
    )
    publish(gcs, removed)
    gcs.happen(NodeGone(row.node_id, row))
    for call in gcs.nodes.retiring.pop(row.node_id):
        gcs.reply(call, m.UnregisterNodeReply())
    gcs.effects.append(fx.Disconnect(row.node_manager_address, row.node_manager_port))


def remember_dead(gcs: Gcs, row: m.GcsNodeInfo) -> None:
    """Keep a DEAD row for listings; the oldest go first when there are too many."""
    gcs.nodes.dead[row.node_id] = row
    while len(gcs.nodes.dead) > gcs.config.get("maximum_gcs_dead_node_cached_count"):
        del gcs.nodes.dead[next(iter(gcs.nodes.dead))]


def publish(gcs: Gcs, row: m.GcsNodeInfo) -> None:
    pubsub.publish(gcs, m.GCS_NODE_INFO_CHANNEL, row.node_id, node_info_message=row)
    brief = brief_of(row)
    channel = m.GCS_NODE_ADDRESS_AND_LIVENESS_CHANNEL
    pubsub.publish(gcs, channel, row.node_id, node_address_and_liveness_message=brief)


def brief_of(row: m.GcsNodeInfo) -> m.GcsNodeAddressAndLiveness:
    """A node's row, cut down to where it is and whether it lives."""
    brief = m.GcsNodeAddressAndLiveness(
        node_id=row.node_id,
        node_manager_address=row.node_manager_address,
        node_manager_port=row.node_manager_port,
        object_manager_port=row.object_manager_port,
        state=row.state,
    )
    if row.HasField("death_info"):
        brief.death_info.CopyFrom(row.death_info)
    return brief


@serves("NodeInfoGcsService.CheckAlive")
def check_alive(gcs: Gcs, call: int, request: m.CheckAliveRequest) -> None:
    """One bool per asked id, in order: clients check the length."""
    alive = [node_id in gcs.nodes.alive for node_id in request.node_ids]
    gcs.reply(call, m.CheckAliveReply(ray_version="2.60.0", raylet_alive=alive, is_leader=True))


@serves("NodeInfoGcsService.GetAllNodeInfo")
def get_all_node_info(gcs: Gcs, call: int, request: m.GetAllNodeInfoRequest) -> None:
    """As in Ray (seen on 2.60.0 and 2.49.2), a limit of 0 or less is none, and what it leaves out counts as filtered."""
    rows = [*gcs.nodes.alive.values(), *gcs.nodes.dead.values()]
    reply = m.GetAllNodeInfoReply(total=len(rows))
    for row in rows:
        if not _selected(row, request):
            reply.num_filtered += 1
        elif request.limit <= 0 or len(reply.node_info_list) < request.limit:
            reply.node_info_list.append(row)
        else:
            reply.num_filtered += 1
    gcs.reply(call, reply)


def _selected(row: m.GcsNodeInfo, request: m.GetAllNodeInfoRequest) -> bool:
    if request.HasField("state_filter") and row.state != request.state_filter:
        return False
    return not request.node_selectors or any(_matches(row, one) for one in request.node_selectors)


def _matches(row: m.GcsNodeInfo, selector: m.GetAllNodeInfoRequest.NodeSelector) -> bool:
    which = selector.WhichOneof("node_selector")
    if which is None:
        return False
    field = "node_manager_address" if which == "node_ip_address" else which
    return bool(getattr(row, field) == getattr(selector, which))


@serves("NodeInfoGcsService.GetAllNodeAddressAndLiveness")
def get_all_node_address_and_liveness(
    gcs: Gcs, call: int, request: m.GetAllNodeAddressAndLivenessRequest
) -> None:
    wanted = set(request.node_ids)
    reply = m.GetAllNodeAddressAndLivenessReply()
    for row in (*gcs.nodes.alive.values(), *gcs.nodes.dead.values()):
        if wanted and row.node_id not in wanted:
            continue
        if request.HasField("state_filter") and row.state != request.state_filter:
            continue
        if 0 < request.limit <= len(reply.node_info_list):
            break
        reply.node_info_list.append(brief_of(row))
    gcs.reply(call, reply)
