"""How actors end: a restart while the budget lasts, else DEAD; and what must be told then.

Order in both: the row is stored, then the news is published, then the raylet is told, then
callers are answered.
"""

from __future__ import annotations

from typing import Any

from harness.wire import ids
from harness.wire import messages as m
from harness.wire.status import Code
from reference_gcs.core import actor_scheduling, layout, pubsub
from reference_gcs.core import effects as fx
from reference_gcs.core.actor import Actor, Phase
from reference_gcs.core.actor_orders import order_kill
from reference_gcs.core.actor_rows import death_cause, delta, is_restartable, restarts_left
from reference_gcs.core.happenings import ActorGone, CreationFailed, JobFinished, NodeGone, WorkerGone, on
from reference_gcs.core.state import NOTHING, Gcs, Then, run_all, then

Reason = m.ActorDiedErrorContext
STATES = m.ActorTableData
NO_RESTART_EXITS = (m.INTENDED_USER_EXIT, m.USER_ERROR)


# -- the worker or its node died -----------------------------------------------------------------


@on(WorkerGone)
def _worker_gone(gcs: Gcs, gone: WorkerGone) -> None:
    worker_id = gone.row.worker_address.worker_id
    for actor in list(gcs.actors.live.values()):
        if actor.row.address.worker_id == worker_id and runs(actor):
            wish = not gone.row.HasField("exit_type") or gone.row.exit_type not in NO_RESTART_EXITS
            text = gone.row.exit_detail or "The actor's worker process died."
            cause = death_cause(actor.row, Reason.WORKER_DIED, text)
            if gone.row.HasField("creation_task_exception"):
                cause = m.ActorDeathCause(creation_task_failure_context=gone.row.creation_task_exception)
            free = actor.row.preempted and actor.phase is Phase.ALIVE
            restart_or_die(gcs, actor, cause, wish, gcs.hold(gone.barrier), free)


@on(CreationFailed)
def _creation_failed(gcs: Gcs, failed: CreationFailed) -> None:
    actor = gcs.actors.live[failed.actor_id]
    restart_or_die(gcs, actor, failed.cause, failed.may_restart, NOTHING)


def runs(actor: Actor) -> bool:
    """It has a worker, or is about to."""
    return actor.phase in (Phase.CREATING, Phase.ALIVE)


@on(NodeGone)
def _node_gone(gcs: Gcs, gone: NodeGone) -> None:
    for actor in list(gcs.actors.live.values()):
        if runs(actor) and actor.row.address.node_id == gone.node_id:
            lose_node(gcs, actor, gone.row)
        elif actor.phase is Phase.LEASING and actor.lease_node == gone.node_id:
            actor_scheduling.lease_lost(gcs, actor)


def lose_node(gcs: Gcs, actor: Actor, node: m.GcsNodeInfo) -> None:
    """The actor's node is DEAD. A preempted node's actors restart for free."""
    text = f"The actor died because its node has died. {node.death_info.reason_message}"
    cause = death_cause(actor.row, Reason.NODE_DIED, text, node.death_info)
    preempted = node.death_info.reason == m.NodeDeathInfo.AUTOSCALER_DRAIN_PREEMPTED
    actor.row.preempted = actor.row.preempted or preempted
    restart_or_die(gcs, actor, cause, True, NOTHING, actor.row.preempted)


def preempt(gcs: Gcs, node_id: bytes, barrier: int) -> None:
    """The node is being taken away: its actors are marked, so that whatever ends them there costs no restart."""
    for actor in list(gcs.actors.live.values()):
        if actor.phase is Phase.ALIVE and actor.row.address.node_id == node_id and not actor.row.preempted:
            actor.row.preempted = True
            row = _copy(actor.row)
            after = then(_preempted, actor.actor_id, actor.life, row, gcs.hold(barrier))
            gcs.write(fx.Put(layout.ACTOR, row.actor_id, row.SerializeToString()), after)


def _preempted(
    gcs: Gcs, actor_id: bytes, life: int, row: m.ActorTableData, done: Then, _outcome: Any
) -> None:
    actor = gcs.actors.live.get(actor_id)
    if actor is not None and actor.life == life:
        show(gcs, actor, row)
    done.run(gcs, None)


def restart_or_die(
    gcs: Gcs, actor: Actor, cause: m.ActorDeathCause, wish: bool, when_stored: Then, preempted: bool = False
) -> None:
    """Restart within the budget if the death was not wished for; else die of ``cause``.

    ``preempted``: it ends with its node, or on one that is being taken away, which costs nothing of the budget.
    """
    free = preempted and actor.row.max_restarts != 0
    if wish and free:
        actor.row.num_restarts_due_to_node_preemption += 1
    if wish and (free or restarts_left(actor.row)):
        restart(gcs, actor, "", when_stored)
    else:
        die(gcs, actor, cause, when_stored)


def restart(gcs: Gcs, actor: Actor, _why: str, when_stored: Then | None) -> None:
    """Store RESTARTING with one more restart spent, then look for a new worker."""
    actor.new_life()
    actor_scheduling.drop_work(gcs, actor)
    old = actor.row.address
    if not ids.is_nil(old.worker_id):
        actor.row.previous_incarnations.add(worker_id=old.worker_id, node_id=old.node_id)
    actor.phase = Phase.RESTARTING
    row = actor.row
    row.state = STATES.RESTARTING
    row.num_restarts += 1
    row.ClearField("death_cause")
    actor_scheduling.clear_worker(row)
    actor.spec.attempt_number += 1
    row.timestamp = gcs.now_ms()
    barrier = gcs.barrier(then(_restart_stored, actor.actor_id, actor.life, _copy(row), when_stored))
    gcs.write(fx.Put(layout.ACTOR, row.actor_id, row.SerializeToString()), gcs.hold(barrier))
    put = fx.Put(layout.ACTOR_TASK_SPEC, row.actor_id, actor.spec.SerializeToString())
    gcs.write(put, gcs.hold(barrier))
    gcs.release(barrier)


def _restart_stored(
    gcs: Gcs, actor_id: bytes, life: int, row: m.ActorTableData, when_stored: Then | None, _outcome: Any
) -> None:
    actor = gcs.actors.live.get(actor_id)
    if actor is not None:
        show(gcs, actor, row)
        for call in actor.restart_calls:
            gcs.reply(call, m.RestartActorForLineageReconstructionReply())
        actor.restart_calls.clear()
        if actor.life == life:
            actor.phase = Phase.SEEKING
            actor_scheduling.seek(gcs, actor)
    if when_stored is not None:
        when_stored.run(gcs, None)


def show(gcs: Gcs, actor: Actor, row: m.ActorTableData) -> None:
    """``row`` is stored: readers see it, subscribers hear of it."""
    actor.shown = row
    pubsub.publish(gcs, m.GCS_ACTOR_CHANNEL, actor.actor_id, actor_message=delta(row))


def _copy(row: m.ActorTableData) -> m.ActorTableData:
    copied = m.ActorTableData()
    copied.CopyFrom(row)
    return copied


# -- the end -------------------------------------------------------------------------------------


def destroy(
    gcs: Gcs,
    actor: Actor,
    reason: m.ActorDiedErrorContext.Reason,
    text: str,
    when_stored: Then = NOTHING,
) -> None:
    """End an actor for good because of ``reason``."""
    die(gcs, actor, death_cause(actor.row, reason, text), when_stored)


def die(gcs: Gcs, actor: Actor, cause: m.ActorDeathCause, when_stored: Then) -> None:
    """Store DEAD, then drop the task spec and tell everyone; ``when_stored`` runs last.

    The spec goes once the row is stored: a store that refuses the one may well take the other.

    An actor that is dying already only gains one more to tell; one that is not yet registered
    is looked at again when it is (its owner and job are checked then). Out of scope it may be brought
    back, until it ends in another way.
    """
    final = cause.actor_died_error_context.reason != Reason.OUT_OF_SCOPE
    dead = actor.phase is Phase.DEAD
    if actor.phase is Phase.REGISTERING or (dead and not final):
        when_stored.run(gcs, None)
        return
    if actor.phase is Phase.DYING:
        again = final and is_restartable(actor.row)
        later = then(_die_for_good, actor.actor_id, cause, when_stored) if again else when_stored
        actor.when_dead.append(later)
        return
    actor.when_dead.append(when_stored)
    actor.new_life()
    actor.phase = Phase.DYING
    if actor.owner_poll is not None:
        gcs.cancel_send(actor.owner_poll)
        actor.owner_poll = None
    actor_scheduling.drop_work(gcs, actor)
    row = actor.row
    row.state = STATES.DEAD
    row.death_cause.CopyFrom(cause)
    now = gcs.now_ms()
    row.timestamp = now
    if not dead:
        row.end_time = now
    put = fx.Put(layout.ACTOR, row.actor_id, row.SerializeToString())
    gcs.write(put, then(_dead_stored, actor.actor_id, dead))


def _die_for_good(
    gcs: Gcs, actor_id: bytes, cause: m.ActorDeathCause, when_stored: Then, _outcome: Any
) -> None:
    actor = gcs.actors.live.get(actor_id)
    if actor is None:
        when_stored.run(gcs, None)
    else:
        die(gcs, actor, cause, when_stored)


def _dead_stored(gcs: Gcs, actor_id: bytes, before: bool, _outcome: Any) -> None:
    """``before``: it was DEAD, and is now for good."""
    actor = gcs.actors.live[actor_id]
    show(gcs, actor, _copy(actor.row))
    if not before:
        order_kill(gcs, actor, True, NOTHING)
    if is_restartable(actor.row):
        actor.phase = Phase.DEAD
    else:
        _bury(gcs, actor)
        gcs.write(fx.Delete(layout.ACTOR_TASK_SPEC, (actor_id,)), NOTHING)
    _answer_creators(gcs, actor)
    for call in actor.restart_calls:
        reply = m.RestartActorForLineageReconstructionReply()
        gcs.fail(call, reply, Code.INVALID, "the actor is permanently dead")
    actor.restart_calls.clear()
    gcs.happen(ActorGone(actor_id, actor.row))
    run_all(gcs, actor.when_dead)


def _bury(gcs: Gcs, actor: Actor) -> None:
    """Out of the living, into the cache of dead rows; the name is free again."""
    del gcs.actors.live[actor.actor_id]
    remember_dead(gcs, actor.row)
    owned = gcs.actors.owned.get(actor.row.owner_address.worker_id, set())
    owned.discard(actor.actor_id)
    if not owned:
        gcs.actors.owned.pop(actor.row.owner_address.worker_id, None)
    if gcs.actors.names.get(actor.name) == actor.actor_id:
        del gcs.actors.names[actor.name]


def remember_dead(gcs: Gcs, row: m.ActorTableData) -> None:
    gcs.actors.dead[row.actor_id] = row
    while len(gcs.actors.dead) > gcs.config.get("maximum_gcs_destroyed_actor_cached_count"):
        del gcs.actors.dead[next(iter(gcs.actors.dead))]


def _answer_creators(gcs: Gcs, actor: Actor) -> None:
    cause = actor.row.death_cause
    code, text = Code.SCHEDULING_CANCELLED, "Actor creation cancelled."
    if cause.HasField("creation_task_failure_context"):
        code = Code.CREATION_TASK_ERROR
        text = cause.creation_task_failure_context.formatted_exception_string
    for call in actor.create_calls:
        gcs.fail(call, m.CreateActorReply(death_cause=cause), code, text)
    actor.create_calls.clear()


@on(JobFinished)
def _job_finished(gcs: Gcs, finished: JobFinished) -> None:
    """A job's actors end with it, unless they are detached or descend from a detached one."""
    for actor in list(gcs.actors.live.values()):
        rooted = actor.row.is_detached or not ids.is_nil(actor.spec.root_detached_actor_id)
        if actor.row.job_id == finished.job_id and not rooted:
            end_with_job(gcs, actor)


def end_with_job(gcs: Gcs, actor: Actor) -> None:
    text = "The actor is dead because its job has finished."
    destroy(gcs, actor, Reason.OWNER_DIED, text)
