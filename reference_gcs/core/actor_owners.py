"""Owners: an actor that is not detached lives no longer than its owner, or its owner's wish.

The GCS keeps one WaitForActorRefDeleted open per owned actor. When that call fails, the owner
may be dead or merely out of reach: its raylet knows, and only its word (or the node's death)
ends the actor.
"""

from __future__ import annotations

from typing import Any

from harness.wire import ids
from harness.wire import messages as m
from reference_gcs.core import actor_death
from reference_gcs.core.actor import Actor, Phase
from reference_gcs.core.happenings import NodeGone, OwnerGone, WorkerGone, on
from reference_gcs.core.state import Gcs, Then, nothing, then

ASK_AFTER = 1.0  # seconds between a failed poll and the next question
ASK_TIMEOUT = 5.0


def watch(gcs: Gcs, actor: Actor) -> None:
    """Begin to watch a registered actor's owner; a dead owner ends the actor at once."""
    owner = actor.row.owner_address
    if actor.row.is_detached or ids.is_nil(owner.worker_id):
        return
    gcs.actors.owned.setdefault(owner.worker_id, set()).add(actor.actor_id)
    known = gcs.workers.rows.get(owner.worker_id)
    if (known is not None and not known.is_alive) or owner.node_id in gcs.nodes.dead:
        _end(gcs, actor, Then(nothing))
    else:
        _poll(gcs, actor.actor_id, None)


def _poll(gcs: Gcs, actor_id: bytes, _outcome: Any) -> None:
    actor = _watched(gcs, actor_id)
    if actor is None or actor.owner_poll is not None:
        return
    owner = actor.row.owner_address
    if not owner.port:
        return
    request = m.WaitForActorRefDeletedRequest(intended_worker_id=owner.worker_id, actor_id=actor_id)
    method = "CoreWorkerService.WaitForActorRefDeleted"
    actor.owner_poll = gcs.send(owner.ip_address, owner.port, method, request, then(_polled, actor_id))


def _watched(gcs: Gcs, actor_id: bytes) -> Actor | None:
    actor = gcs.actors.live.get(actor_id)
    if actor is None or actor.phase in (Phase.DYING, Phase.DEAD):
        return None
    return actor


def _polled(gcs: Gcs, actor_id: bytes, reply: m.WaitForActorRefDeletedReply | None) -> None:
    actor = _watched(gcs, actor_id)
    if actor is None:
        return
    actor.owner_poll = None
    if reply is None:
        gcs.after(ASK_AFTER, then(_ask_raylet, actor_id))
    else:
        text = "The actor is dead because all references to the actor were removed."
        actor_death.destroy(gcs, actor, m.ActorDiedErrorContext.REF_DELETED, text)


def _ask_raylet(gcs: Gcs, actor_id: bytes, _outcome: Any) -> None:
    actor = _watched(gcs, actor_id)
    if actor is None:
        return
    owner = actor.row.owner_address
    node = gcs.nodes.alive.get(owner.node_id)
    if node is None:
        _poll(gcs, actor_id, None)
        return
    request = m.IsLocalWorkerDeadRequest(worker_id=owner.worker_id)
    told = then(_told, actor_id)
    gcs.send_to_node(node, "IsLocalWorkerDead", request, told, ASK_TIMEOUT)


def _told(gcs: Gcs, actor_id: bytes, reply: m.IsLocalWorkerDeadReply | None) -> None:
    actor = _watched(gcs, actor_id)
    if actor is None:
        return
    if reply is not None and reply.is_dead:
        gcs.happen(OwnerGone(actor.row.owner_address.worker_id))
    else:
        _poll(gcs, actor_id, None)


@on(OwnerGone)
def _owner_gone(gcs: Gcs, gone: OwnerGone) -> None:
    for actor in _owned_by(gcs, gone.worker_id):
        _end(gcs, actor, Then(nothing))


@on(WorkerGone)
def _worker_gone(gcs: Gcs, gone: WorkerGone) -> None:
    for actor in _owned_by(gcs, gone.row.worker_address.worker_id):
        _end(gcs, actor, gcs.hold(gone.barrier))


@on(NodeGone)
def _node_gone(gcs: Gcs, gone: NodeGone) -> None:
    for worker_id in list(gcs.actors.owned):
        for actor in _owned_by(gcs, worker_id):
            if actor.row.owner_address.node_id == gone.node_id:
                _end(gcs, actor, Then(nothing))


def _owned_by(gcs: Gcs, worker_id: bytes) -> list[Actor]:
    owned = (gcs.actors.live.get(actor_id) for actor_id in sorted(gcs.actors.owned.get(worker_id, ())))
    return [actor for actor in owned if actor is not None]


def _end(gcs: Gcs, actor: Actor, when_stored: Then) -> None:
    text = "The actor is dead because its owner has died."
    actor_death.destroy(gcs, actor, m.ActorDiedErrorContext.OWNER_DIED, text, when_stored)
