"""Draining: a node is asked to take nothing new and to leave; the raylet decides, the GCS keeps away from it.

Nothing of a drain is stored. After a restart the node's resource view tells of it: that it drains, and until when.
"""

from __future__ import annotations

from typing import Any

from harness.wire import messages as m
from reference_gcs.core import actor_death
from reference_gcs.core import effects as fx
from reference_gcs.core.happenings import NodeGone, on
from reference_gcs.core.serving import serves
from reference_gcs.core.state import Gcs, then

PREEMPTION = m.autoscaler.DRAIN_NODE_REASON_PREEMPTION
SILENT = "health check failed due to missing too many heartbeats"
LOST = "preempted: its drain's deadline had passed"


@serves("AutoscalerStateService.DrainNode", "node_id")
def drain_node(gcs: Gcs, call: int, request: m.autoscaler.DrainNodeRequest) -> None:
    """Answered as the raylet answers. A node that is dead or unknown is as good as drained, as in Ray."""
    node = gcs.nodes.alive.get(request.node_id)
    if request.deadline_timestamp_ms < 0:
        gcs.reject(call, "INVALID_ARGUMENT", "the deadline of a drain is not negative")
    elif node is None or request.node_id in gcs.nodes.retiring:
        _answer(gcs, call, m.autoscaler.DrainNodeReply(is_accepted=True))
    else:
        order = m.DrainRayletRequest(
            reason=request.reason,
            reason_message=request.reason_message,
            deadline_timestamp_ms=request.deadline_timestamp_ms,
        )
        gcs.send_to_node(node, "DrainRaylet", order, then(_decided, call, request))


def _answer(gcs: Gcs, call: int, reply: m.autoscaler.DrainNodeReply) -> None:
    gcs.effects.append(fx.Reply(call, reply))  # of all replies the only one without a status


def _decided(
    gcs: Gcs, call: int, request: m.autoscaler.DrainNodeRequest, reply: m.DrainRayletReply | None
) -> None:
    if reply is None and request.node_id in gcs.nodes.alive:
        gcs.reject(call, "UNAVAILABLE", "the raylet could not be asked")
    elif reply is None:
        _answer(gcs, call, m.autoscaler.DrainNodeReply(is_accepted=True))
    elif not reply.is_accepted:
        refusal = m.autoscaler.DrainNodeReply(rejection_reason_message=reply.rejection_reason_message)
        _answer(gcs, call, refusal)
    else:
        _accepted(gcs, call, request)


def _accepted(gcs: Gcs, call: int, request: m.autoscaler.DrainNodeRequest) -> None:
    """The first request that a raylet accepts counts; acked once its actors are stored as preempted."""
    barrier = gcs.barrier(then(_marked, call))
    if request.node_id in gcs.nodes.alive:
        gcs.nodes.draining.setdefault(request.node_id, request)
        if request.reason == PREEMPTION:
            actor_death.preempt(gcs, request.node_id, barrier)
    gcs.release(barrier)


def _marked(gcs: Gcs, call: int, _outcome: Any) -> None:
    _answer(gcs, call, m.autoscaler.DrainNodeReply(is_accepted=True))


@serves("NodeInfoGcsService.DrainNode")
def drain_nodes(gcs: Gcs, call: int, request: m.DrainNodeRequest) -> None:
    """The older word, which ends nodes in order: each is told to shut down, and nobody waits for it."""
    reply = m.DrainNodeReply()
    for one in request.drain_node_data:
        node = gcs.nodes.alive.get(one.node_id)
        if node is not None:
            gcs.send_to_node(
                node, "ShutdownRaylet", m.ShutdownRayletRequest(graceful=True), then(_shut, one.node_id)
            )
        reply.drain_node_status.add(node_id=one.node_id)
    gcs.reply(call, reply)


def _shut(_gcs: Gcs, _node_id: bytes, _reply: m.ShutdownRayletReply | None) -> None:
    """The node says goodbye itself, or the health check finds it gone."""


@serves("NodeResourceInfoGcsService.GetDrainingNodes")
def get_draining_nodes(gcs: Gcs, call: int, _request: m.GetDrainingNodesRequest) -> None:
    reply = m.GetDrainingNodesReply()
    for node_id in gcs.nodes.alive:
        until = deadline(gcs, node_id)
        if until is not None:
            reply.draining_nodes.add(node_id=node_id, draining_deadline_timestamp_ms=until)
    gcs.reply(call, reply)


def deadline(gcs: Gcs, node_id: bytes) -> int | None:
    """Until when the node drains (Unix ms; 0: without end); None when it does not."""
    request = gcs.nodes.draining.get(node_id)
    if request is not None:
        return int(request.deadline_timestamp_ms)
    view = gcs.views.of.get(node_id)
    if view is None or view.reported is None or not view.reported.is_draining:
        return None
    return int(view.reported.draining_deadline_timestamp_ms)


def death_of(gcs: Gcs, node_id: bytes) -> m.NodeDeathInfo:
    """Why a node died of which nothing is heard any more: as preempted, if that was due.

    Only a preemption outlasts the moment in which it was accepted: an idle node leaves at once. So a node
    whose view says that it drains is being preempted, although the request itself was lost with an earlier GCS.
    """
    until, request = deadline(gcs, node_id), gcs.nodes.draining.get(node_id)
    preempted = request is None or request.reason == PREEMPTION
    if until and preempted and gcs.now_ms() > until:
        text = request.reason_message if request is not None else LOST
        return m.NodeDeathInfo(reason=m.NodeDeathInfo.AUTOSCALER_DRAIN_PREEMPTED, reason_message=text)
    return m.NodeDeathInfo(reason=m.NodeDeathInfo.UNEXPECTED_TERMINATION, reason_message=SILENT)


@on(NodeGone)
def _node_gone(gcs: Gcs, gone: NodeGone) -> None:
    gcs.nodes.draining.pop(gone.node_id, None)
