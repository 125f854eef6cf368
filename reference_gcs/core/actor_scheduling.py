"""From "wanted" to "alive": a node, a lease, the creation task.

A worker is leased from the owner's node if that can hold the actor, else from another that can
(contract, section 13). The row with the worker's address is stored before the creation task is
pushed, so that a restart goes on with the same worker instead of leasing a second one.
"""

from __future__ import annotations

from typing import Any

from harness.wire import ids
from harness.wire import messages as m
from reference_gcs.core import effects as fx
from reference_gcs.core import layout, placing, pubsub
from reference_gcs.core.actor import Actor, Phase
from reference_gcs.core.actor_rows import death_cause, delta, lease_spec
from reference_gcs.core.happenings import CreationFailed
from reference_gcs.core.state import NOTHING, Gcs, then

STATES = m.ActorTableData
LEASE = m.RequestWorkerLeaseReply
ASK_TIMEOUT = 5.0
FATAL_LEASE_FAILURES = {
    LEASE.SCHEDULING_CANCELLED_PLACEMENT_GROUP_REMOVED: "its placement group was removed",
    LEASE.SCHEDULING_CANCELLED_RUNTIME_ENV_SETUP_FAILED: "its runtime environment could not be set up",
    LEASE.SCHEDULING_CANCELLED_UNSCHEDULABLE: "no node can ever hold it",
    LEASE.SCHEDULING_CANCELLED_WORKER_STARTUP_FAILED: "its worker could not be started",
}


def _current(gcs: Gcs, actor_id: bytes, life: int, *phases: Phase) -> Actor | None:
    """The actor, if it is still in the life and phase in which something was begun."""
    actor = gcs.actors.live.get(actor_id)
    if actor is None or actor.life != life or actor.phase not in phases:
        return None
    return actor


# -- finding a node ------------------------------------------------------------------------------


def seek(gcs: Gcs, actor: Actor) -> None:
    """Ask a raylet for a worker, or look again a little later."""
    place = placing.for_actor(gcs, actor)
    if isinstance(place, placing.Never):
        _unschedulable(gcs, actor, place.why)
    elif place is None:
        _seek_later(gcs, actor)
    else:
        _lease(gcs, actor, place, False)


def _seek_later(gcs: Gcs, actor: Actor) -> None:
    actor.phase = Phase.SEEKING
    pause = gcs.config.seconds("gcs_lease_worker_retry_interval_ms")
    gcs.after(pause, then(_seek_again, actor.actor_id, actor.life))


def _seek_again(gcs: Gcs, actor_id: bytes, life: int, _outcome: Any) -> None:
    actor = _current(gcs, actor_id, life, Phase.SEEKING)
    if actor is not None:
        seek(gcs, actor)


def _unschedulable(gcs: Gcs, actor: Actor, why: str) -> None:
    context = m.ActorUnschedulableContext(error_message=f"The actor cannot be scheduled: {why}.")
    _fail(gcs, actor, m.ActorDeathCause(actor_unschedulable_context=context))


def _fail(gcs: Gcs, actor: Actor, cause: m.ActorDeathCause, may_restart: bool = False) -> None:
    gcs.happen(CreationFailed(actor.actor_id, cause, may_restart))


# -- the lease -----------------------------------------------------------------------------------


def _lease(gcs: Gcs, actor: Actor, node: m.GcsNodeInfo, spilled: bool) -> None:
    """Request a worker. A repeat to the same node keeps its lease id: it must not lease a second."""
    if actor.lease_node != node.node_id or not actor.lease_id:
        actor.lease_id = gcs.random.randbytes(ids.LEASE)
        actor.lease_node = node.node_id
    actor.phase = Phase.LEASING
    request = m.RequestWorkerLeaseRequest(
        lease_spec=lease_spec(actor.spec, actor.lease_id), grant_or_reject=spilled
    )
    answered = then(_leased, actor.actor_id, actor.life, node.node_id, actor.lease_id)
    actor.lease_send = gcs.send_to_node(node, "RequestWorkerLease", request, answered)


def _leased(
    gcs: Gcs,
    actor_id: bytes,
    life: int,
    node_id: bytes,
    lease_id: bytes,
    reply: m.RequestWorkerLeaseReply | None,
) -> None:
    actor = _current(gcs, actor_id, life, Phase.LEASING)
    if actor is None or actor.lease_id != lease_id:
        _return_late_worker(gcs, actor_id, node_id, reply)
        return
    actor.lease_send = None
    if reply is None:
        _seek_later(gcs, actor)  # unreachable just now, or soon to be declared dead
        return
    if reply.worker_address.worker_id:
        _granted(gcs, actor, reply)
        return
    actor.lease_id = b""
    if reply.failure_type in FATAL_LEASE_FAILURES:
        _lease_failed(gcs, actor, reply)
    elif reply.retry_at_raylet_address.node_id in gcs.nodes.alive:
        _spill(gcs, actor, gcs.nodes.alive[reply.retry_at_raylet_address.node_id])
    else:
        _seek_later(gcs, actor)


def _spill(gcs: Gcs, actor: Actor, node: m.GcsNodeInfo) -> None:
    if placing.may_lease(gcs, node.node_id):
        _lease(gcs, actor, node, True)
    else:
        _seek_later(gcs, actor)


def _lease_failed(gcs: Gcs, actor: Actor, reply: m.RequestWorkerLeaseReply) -> None:
    text = reply.scheduling_failure_message
    if reply.failure_type == LEASE.SCHEDULING_CANCELLED_RUNTIME_ENV_SETUP_FAILED:
        context = m.RuntimeEnvFailedContext(error_message=text)
        _fail(gcs, actor, m.ActorDeathCause(runtime_env_failed_context=context))
    else:
        _unschedulable(gcs, actor, f"{FATAL_LEASE_FAILURES[reply.failure_type]} {text}".strip())


def _return_late_worker(
    gcs: Gcs, actor_id: bytes, node_id: bytes, reply: m.RequestWorkerLeaseReply | None
) -> None:
    """A worker came for an actor that no longer wants it: it must not live on unused."""
    node = gcs.nodes.alive.get(node_id)
    if reply is None or not reply.worker_address.worker_id or node is None:
        return
    worker_id = reply.worker_address.worker_id
    request = m.KillLocalActorRequest(intended_actor_id=actor_id, worker_id=worker_id, force_kill=True)
    gcs.send_to_node(node, "KillLocalActor", request, NOTHING, ASK_TIMEOUT)


def lease_lost(gcs: Gcs, actor: Actor) -> None:
    """The node that was asked for a worker is dead: ask another."""
    actor.new_life()
    if actor.lease_send is not None:
        gcs.cancel_send(actor.lease_send)
        actor.lease_send = None
    actor.lease_id = b""
    actor.phase = Phase.SEEKING
    seek(gcs, actor)


def drop_work(gcs: Gcs, actor: Actor) -> None:
    """Stop what is going on for the actor: its lease is cancelled, its creation no longer awaited.

    The lease call itself stays open: if a worker comes all the same, it must be returned.
    """
    if actor.phase is Phase.LEASING or actor.lease_send is not None:
        node = gcs.nodes.alive.get(actor.lease_node)
        if node is not None:
            request = m.CancelWorkerLeaseRequest(lease_id=actor.lease_id)
            gcs.send_to_node(node, "CancelWorkerLease", request, NOTHING, ASK_TIMEOUT)
    actor.lease_send = None
    actor.lease_id = b""
    if actor.push_send is not None:
        gcs.cancel_send(actor.push_send)
        actor.push_send = None


# -- creation ------------------------------------------------------------------------------------


def _granted(gcs: Gcs, actor: Actor, reply: m.RequestWorkerLeaseReply) -> None:
    row = actor.row
    actor.phase = Phase.CREATING
    row.address.CopyFrom(reply.worker_address)
    row.node_id = reply.worker_address.node_id
    row.pid = reply.worker_pid
    del row.resource_mapping[:]
    row.resource_mapping.extend(reply.resource_mapping)
    if row.address.node_id not in gcs.nodes.alive:
        clear_worker(row)  # granted by a node that died meanwhile; nothing is stored yet
        actor.lease_id = b""
        _seek_later(gcs, actor)
        return
    put = fx.Put(layout.ACTOR, row.actor_id, row.SerializeToString())
    gcs.write(put, then(_address_stored, row.actor_id, actor.life))


def clear_worker(row: m.ActorTableData) -> None:
    """No worker: nil ids in the address, as real releases store it."""
    row.address.CopyFrom(m.Address(node_id=ids.NIL_NODE, worker_id=ids.NIL_WORKER))
    row.ClearField("node_id")
    row.ClearField("resource_mapping")
    row.pid = 0


def _address_stored(gcs: Gcs, actor_id: bytes, life: int, _outcome: Any) -> None:
    actor = _current(gcs, actor_id, life, Phase.CREATING)
    if actor is not None:
        push(gcs, actor_id, life, None)


def push(gcs: Gcs, actor_id: bytes, life: int, _outcome: Any) -> None:
    """Send the creation task to the actor's worker; its address is stored by now."""
    actor = _current(gcs, actor_id, life, Phase.CREATING)
    if actor is None:
        return
    where = actor.row.address
    request = m.PushTaskRequest(
        intended_worker_id=where.worker_id,
        task_spec=actor.spec,
        sequence_number=-1,
        client_processed_up_to=-1,
        resource_mapping=actor.row.resource_mapping,
    )
    pushed = then(_pushed, actor_id, life)
    actor.push_send = gcs.send(where.ip_address, where.port, "CoreWorkerService.PushTask", request, pushed)


def _pushed(gcs: Gcs, actor_id: bytes, life: int, reply: m.PushTaskReply | None) -> None:
    actor = _current(gcs, actor_id, life, Phase.CREATING)
    if actor is None:
        return
    actor.push_send = None
    if reply is None:
        _ask_after_worker(gcs, actor)
    elif reply.worker_exiting:
        return  # why, its raylet reports: with the exception as the owner can read it
    elif reply.is_application_error:
        failure = m.RayException(formatted_exception_string=reply.task_execution_error)
        cause = m.ActorDeathCause(creation_task_failure_context=failure)
        _fail(gcs, actor, cause)
    else:
        _created(gcs, actor, reply)


def _ask_after_worker(gcs: Gcs, actor: Actor) -> None:
    """The worker could not be reached. Only its raylet knows whether it is dead."""
    node = gcs.nodes.alive.get(actor.row.address.node_id)
    if node is None:
        return  # the node's death takes care of the actor
    request = m.IsLocalWorkerDeadRequest(worker_id=actor.row.address.worker_id)
    told = then(_worker_told, actor.actor_id, actor.life)
    gcs.send_to_node(node, "IsLocalWorkerDead", request, told, ASK_TIMEOUT)


def _worker_told(gcs: Gcs, actor_id: bytes, life: int, reply: m.IsLocalWorkerDeadReply | None) -> None:
    actor = _current(gcs, actor_id, life, Phase.CREATING)
    if actor is None:
        return
    if reply is not None and reply.is_dead:
        text = "The actor's worker process died while it was being created."
        cause = death_cause(actor.row, m.ActorDiedErrorContext.WORKER_DIED, text)
        _fail(gcs, actor, cause, may_restart=True)
    else:
        pause = gcs.config.seconds("gcs_create_actor_retry_interval_ms")
        gcs.after(pause, then(push, actor_id, life))


def _created(gcs: Gcs, actor: Actor, reply: m.PushTaskReply) -> None:
    row = actor.row
    actor.phase = Phase.ALIVE
    row.state = STATES.ALIVE
    row.timestamp = gcs.now_ms()
    row.start_time = row.start_time or gcs.now_ms()
    row.repr_name = reply.actor_repr_name
    row.preempted = False
    stored = m.ActorTableData()
    stored.CopyFrom(row)
    put = fx.Put(layout.ACTOR, row.actor_id, row.SerializeToString())
    gcs.write(put, then(_alive_stored, row.actor_id, actor.life, stored))


def _alive_stored(gcs: Gcs, actor_id: bytes, life: int, row: m.ActorTableData, _outcome: Any) -> None:
    actor = _current(gcs, actor_id, life, Phase.ALIVE)
    if actor is None:
        return
    actor.shown = row
    pubsub.publish(gcs, m.GCS_ACTOR_CHANNEL, actor_id, actor_message=delta(row))
    for call in actor.create_calls:
        gcs.reply(call, m.CreateActorReply(actor_address=row.address))
    actor.create_calls.clear()
