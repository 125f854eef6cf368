"""Resource views: what each node has, as its syncer stream last told; relayed to all others."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import DecodeError

from harness.wire import ids
from harness.wire import messages as m
from reference_gcs.core import effects as fx
from reference_gcs.core import health
from reference_gcs.core.happenings import NodeGone, NodeJoined, on
from reference_gcs.core.serving import serves
from reference_gcs.core.state import Gcs, then
from reference_gcs.core.tables import View

EPSILON = 1e-9


def stream_opened(gcs: Gcs, stream: int, node_id: bytes) -> None:
    """A node's second stream replaces its first. A newcomer gets the current view of the others."""
    if len(node_id) != ids.UNIQUE:
        gcs.effects.append(fx.StreamClose(stream))
        return
    earlier = gcs.views.streams.get(node_id)
    if earlier is not None:
        stream_closed(gcs, earlier)
        gcs.effects.append(fx.StreamClose(earlier))
    gcs.views.streams[node_id] = stream
    gcs.views.stream_nodes[stream] = node_id
    current = [message for (origin, _type), message in gcs.views.latest.items() if origin != node_id]
    if current:
        gcs.effects.append(fx.StreamSend(stream, m.RaySyncMessageBatch(messages=current)))


def stream_closed(gcs: Gcs, stream: int) -> None:
    node_id = gcs.views.stream_nodes.pop(stream, None)
    if node_id is not None and gcs.views.streams.get(node_id) == stream:
        del gcs.views.streams[node_id]


def stream_message(gcs: Gcs, stream: int, batch: m.RaySyncMessageBatch) -> None:
    """Take what is newer than what we have; a node speaks only for itself."""
    node_id = gcs.views.stream_nodes.get(stream)
    if node_id is None:
        return
    fresh = [one for one in batch.messages if one.node_id == node_id and _take(gcs, one)]
    if not fresh:
        return
    health.proof_of_life(gcs, node_id)
    for other_id, other in gcs.views.streams.items():
        if other_id != node_id:
            gcs.effects.append(fx.StreamSend(other, m.RaySyncMessageBatch(messages=fresh)))


def _take(gcs: Gcs, message: m.RaySyncMessage) -> bool:
    """True if ``message`` is news; a stale version is dropped."""
    key = (message.node_id, message.message_type)
    known = gcs.views.latest.get(key)
    if known is not None and known.version >= message.version:
        return False
    if message.message_type == m.RESOURCE_VIEW:
        try:
            reported = m.ResourceViewSyncMessage.FromString(message.sync_message)
        except DecodeError:
            return False
        view = gcs.views.of.get(message.node_id)
        if view is not None:
            _apply(view, reported)
    gcs.views.latest[key] = message
    return True


def _apply(view: View, reported: m.ResourceViewSyncMessage) -> None:
    view.total = dict(reported.resources_total)
    view.available = dict(reported.resources_available)
    view.reported = reported


@on(NodeJoined)
def _node_joined(gcs: Gcs, joined: NodeJoined) -> None:
    seed(gcs, gcs.nodes.alive[joined.node_id])
    latest = gcs.views.latest.get((joined.node_id, m.RESOURCE_VIEW))
    if latest is not None:
        _apply(gcs.views.of[joined.node_id], m.ResourceViewSyncMessage.FromString(latest.sync_message))


def seed(gcs: Gcs, node: m.GcsNodeInfo) -> None:
    """Until its first message all that a node has is available; start asking for its load."""
    total = dict(node.resources_total)
    known = node.node_id in gcs.views.of
    gcs.views.of[node.node_id] = View(total, dict(total))
    if not known:
        _ask_load_later(gcs, node.node_id)


@on(NodeGone)
def _node_gone(gcs: Gcs, gone: NodeGone) -> None:
    gcs.views.of.pop(gone.node_id, None)
    for key in [key for key in gcs.views.latest if key[0] == gone.node_id]:
        del gcs.views.latest[key]
    stream = gcs.views.streams.get(gone.node_id)
    if stream is not None:
        stream_closed(gcs, stream)
        gcs.effects.append(fx.StreamClose(stream))


def _ask_load_later(gcs: Gcs, node_id: bytes) -> None:
    pause = gcs.config.seconds("gcs_pull_resource_loads_period_milliseconds")
    if pause > 0:
        gcs.after(pause, then(_ask_load, node_id))


def _ask_load(gcs: Gcs, node_id: bytes, _outcome: Any) -> None:
    node = gcs.nodes.alive.get(node_id)
    if node is not None:
        request = m.GetResourceLoadRequest()
        gcs.send_to_node(node, "GetResourceLoad", request, then(_load_told, node_id), 10.0)


def _load_told(gcs: Gcs, node_id: bytes, reply: m.GetResourceLoadReply | None) -> None:
    view = gcs.views.of.get(node_id)
    if view is not None:
        if reply is not None:
            view.load = dict(reply.resources.resource_load)
        _ask_load_later(gcs, node_id)


def fits(room: dict[str, float], wanted: dict[str, float]) -> bool:
    """True if ``room`` holds every wanted quantity."""
    return all(room.get(name, 0.0) + EPSILON >= amount for name, amount in wanted.items())


def take(room: dict[str, float], wanted: dict[str, float]) -> None:
    """Subtract ``wanted`` from ``room``."""
    for name, amount in wanted.items():
        room[name] = room.get(name, 0.0) - amount


@serves("NodeResourceInfoGcsService.GetAllAvailableResources")
def get_all_available(gcs: Gcs, call: int, _request: m.GetAllAvailableResourcesRequest) -> None:
    reply = m.GetAllAvailableResourcesReply()
    for node_id, view in gcs.views.of.items():
        reply.resources_list.add(node_id=node_id, resources_available=view.available)
    gcs.reply(call, reply)


@serves("NodeResourceInfoGcsService.GetAllTotalResources")
def get_all_total(gcs: Gcs, call: int, _request: m.GetAllTotalResourcesRequest) -> None:
    reply = m.GetAllTotalResourcesReply()
    for node_id, view in gcs.views.of.items():
        reply.resources_list.add(node_id=node_id, resources_total=view.total)
    gcs.reply(call, reply)


@serves("NodeResourceInfoGcsService.GetAllResourceUsage")
def get_all_usage(gcs: Gcs, call: int, _request: m.GetAllResourceUsageRequest) -> None:
    reply = m.GetAllResourceUsageReply()
    for node_id, view in gcs.views.of.items():
        node = gcs.nodes.alive[node_id]
        one = reply.resource_usage_data.batch.add(
            node_id=node_id,
            resources_available=view.available,
            resources_total=view.total,
            resource_load=view.load,
            node_manager_address=node.node_manager_address,
            labels=node.labels,
        )
        if view.reported is not None:
            one.object_pulls_queued = view.reported.object_pulls_queued
            one.idle_duration_ms = view.reported.idle_duration_ms
            one.is_draining = view.reported.is_draining
            one.draining_deadline_timestamp_ms = view.reported.draining_deadline_timestamp_ms
    gcs.reply(call, reply)
