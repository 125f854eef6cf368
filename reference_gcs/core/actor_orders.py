"""Orders to raylets to kill an actor's worker."""

from __future__ import annotations

from typing import Any

from harness.wire import ids
from harness.wire import messages as m
from reference_gcs.core.actor import Actor
from reference_gcs.core.state import NOTHING, Gcs, Then, then

KILL_RETRY = 1.0  # seconds until an unreachable raylet is told again
KILL_PATIENCE = 5.0  # seconds that a raylet has to answer


def order_kill(gcs: Gcs, actor: Actor, force: bool, told: Then) -> None:
    """Tell the raylet of the actor's worker to kill it; ``told`` runs when that is settled."""
    where = actor.row.address
    if ids.is_nil(where.worker_id) or where.node_id not in gcs.nodes.alive:
        told.run(gcs, None)
        return
    request = m.KillLocalActorRequest(
        intended_actor_id=actor.actor_id, worker_id=where.worker_id, force_kill=force
    )
    if actor.row.HasField("death_cause"):
        request.death_cause.CopyFrom(actor.row.death_cause)
    send_kill(gcs, where.node_id, request, told, None)


def send_kill(gcs: Gcs, node_id: bytes, request: m.KillLocalActorRequest, told: Then, _outcome: Any) -> None:
    """Repeat the order until the raylet answers or its node is dead. It bears repetition."""
    node = gcs.nodes.alive.get(node_id)
    if node is None:
        told.run(gcs, None)
        return
    after = then(_kill_sent, node_id, request, told)
    gcs.send_to_node(node, "KillLocalActor", request, after, KILL_PATIENCE)


def _kill_sent(gcs: Gcs, node_id: bytes, request: m.KillLocalActorRequest, told: Then, reply: Any) -> None:
    told.run(gcs, None)
    if reply is None:
        gcs.after(KILL_RETRY, then(send_kill, node_id, request, NOTHING))
