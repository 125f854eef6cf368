"""Actors: registration and creation as their owners ask for them."""

from __future__ import annotations

from typing import Any

from harness.wire import ids
from harness.wire import messages as m
from harness.wire.status import Code
from reference_gcs.core import actor_death, actor_owners, actor_scheduling, layout, pubsub
from reference_gcs.core import effects as fx
from reference_gcs.core.actor import Actor, Phase
from reference_gcs.core.actor_rows import is_restartable, new_row
from reference_gcs.core.happenings import ActorGone, on
from reference_gcs.core.serving import serves
from reference_gcs.core.state import Gcs, then

STATES = m.ActorTableData
ACTOR_ID = "task_spec.actor_creation_task_spec.actor_id"


@serves("ActorInfoGcsService.RegisterActor", ACTOR_ID, "task_spec.job_id")
def register_actor(gcs: Gcs, call: int, request: m.RegisterActorRequest) -> None:
    """Acked once both rows are stored; until then nobody can find the actor or its name."""
    spec = request.task_spec
    actor_id = spec.actor_creation_task_spec.actor_id
    known = gcs.actors.live.get(actor_id)
    if known is not None and known.phase is Phase.REGISTERING:
        known.register_calls.append(call)
    elif known is not None or actor_id in gcs.actors.dead:
        gcs.reply(call, m.RegisterActorReply())  # a late repeat must not bring it back
    elif not could_load(gcs, spec):
        text = "the actor's job, or the detached actor it descends from, does not exist"
        gcs.fail(call, m.RegisterActorReply(), Code.NOT_FOUND, text)
    else:
        _claim_name(gcs, call, request)


def could_load(gcs: Gcs, spec: m.TaskSpec) -> bool:
    """Would a restart load this actor? One that it would not must not be acked either.

    Source: contract section 3.3. Detached: always; below a detached one: while that one is not
    dead; else: while its job runs.
    """
    creation = spec.actor_creation_task_spec
    root = spec.root_detached_actor_id
    if creation.is_detached or root == creation.actor_id:
        return True
    if not ids.is_nil(root):
        return root in gcs.actors.live
    job = gcs.jobs.rows.get(spec.job_id)
    return job is not None and not job.is_dead and spec.job_id not in gcs.jobs.finishing


def _claim_name(gcs: Gcs, call: int, request: m.RegisterActorRequest) -> None:
    """A taken name is refused, but only once it is settled that its holder is there to stay."""
    row = new_row(request.task_spec, _namespace_of(gcs, request.task_spec))
    name = (row.ray_namespace, row.name)
    holder = gcs.actors.live.get(gcs.actors.names.get(name, b"")) if row.name else None
    if holder is None:
        _store(gcs, call, row, request.task_spec)
    elif holder.phase in (Phase.REGISTERING, Phase.DYING):
        gcs.actors.name_waiters.setdefault(name, []).append((call, request))
    else:
        text = f"an actor with name {row.name!r} already exists in namespace {row.ray_namespace!r}"
        gcs.fail(call, m.RegisterActorReply(), Code.ALREADY_EXISTS, text)


def _namespace_of(gcs: Gcs, spec: m.TaskSpec) -> str:
    job = gcs.jobs.rows.get(spec.job_id)
    own = spec.actor_creation_task_spec.ray_namespace
    return own or (job.config.ray_namespace if job is not None else "")


def _store(gcs: Gcs, call: int, row: m.ActorTableData, spec: m.TaskSpec) -> None:
    actor = Actor(row, spec, Phase.REGISTERING, register_calls=[call])
    gcs.actors.live[row.actor_id] = actor
    if row.name:
        gcs.actors.names[actor.name] = row.actor_id
    barrier = gcs.barrier(then(_registered, row.actor_id))
    put = fx.Put(layout.ACTOR_TASK_SPEC, row.actor_id, spec.SerializeToString())
    gcs.write(put, gcs.hold(barrier))
    gcs.write(fx.Put(layout.ACTOR, row.actor_id, row.SerializeToString()), gcs.hold(barrier))
    gcs.release(barrier)


def _registered(gcs: Gcs, actor_id: bytes, _outcome: Any) -> None:
    actor = gcs.actors.live[actor_id]
    actor.phase = Phase.REGISTERED
    actor.shown = m.ActorTableData()
    actor.shown.CopyFrom(actor.row)
    pubsub.publish(gcs, m.GCS_ACTOR_CHANNEL, actor_id, actor_message=actor.shown)
    for call in actor.register_calls:
        gcs.reply(call, m.RegisterActorReply())
    actor.register_calls.clear()
    actor_owners.watch(gcs, actor)
    if actor.phase is Phase.REGISTERED and not could_load(gcs, actor.spec):
        actor_death.end_with_job(gcs, actor)
    settle_name(gcs, actor.name)


def settle_name(gcs: Gcs, name: tuple[str, str]) -> None:
    """The holder of ``name`` came to stay or went: ask again for those who waited."""
    for call, request in gcs.actors.name_waiters.pop(name, []):
        register_actor(gcs, call, request)


@on(ActorGone)
def _holder_gone(gcs: Gcs, gone: ActorGone) -> None:
    settle_name(gcs, (gone.row.ray_namespace, gone.row.name))


@serves("ActorInfoGcsService.CreateActor", ACTOR_ID)
def create_actor(gcs: Gcs, call: int, request: m.CreateActorRequest) -> None:
    """Acked when the actor is ALIVE (or will never be); a repeat waits along or gets the address."""
    actor_id = request.task_spec.actor_creation_task_spec.actor_id
    actor = gcs.actors.live.get(actor_id)
    if actor is None or actor.phase in (Phase.REGISTERING, Phase.DEAD):
        reply = m.CreateActorReply()
        dead = gcs.actors.dead.get(actor_id)
        if dead is not None:
            reply.death_cause.CopyFrom(dead.death_cause)
        gcs.fail(call, reply, Code.INVALID, "the actor is not registered, or dead")
    elif actor.phase is Phase.ALIVE and _is_shown_alive(actor):
        gcs.reply(call, m.CreateActorReply(actor_address=actor.row.address))
    else:
        actor.create_calls.append(call)
        if actor.phase is Phase.REGISTERED:
            _begin(gcs, actor, request.task_spec)


def _is_shown_alive(actor: Actor) -> bool:
    return actor.shown is not None and actor.shown.state == STATES.ALIVE


def _begin(gcs: Gcs, actor: Actor, spec: m.TaskSpec) -> None:
    """The owner resolved the dependencies: what it sends now may differ from what it registered.

    A changed spec is stored, for a restart must push the resolved one; PENDING_CREATION itself
    is only shown (contract, section 2.5).
    """
    changed = spec.SerializeToString()
    actor.row.state = STATES.PENDING_CREATION
    actor.phase = Phase.SEEKING
    if spec != actor.spec:
        actor.spec = spec
        put = fx.Put(layout.ACTOR_TASK_SPEC, actor.actor_id, changed)
        gcs.write(put, then(_pending, actor.actor_id, actor.life))
    else:
        _pending(gcs, actor.actor_id, actor.life, None)


def _pending(gcs: Gcs, actor_id: bytes, life: int, _outcome: Any) -> None:
    actor = gcs.actors.live.get(actor_id)
    if actor is None or actor.life != life or actor.shown is None:
        return
    actor.shown.state = STATES.PENDING_CREATION
    pubsub.publish(gcs, m.GCS_ACTOR_CHANNEL, actor_id, actor_message=actor.shown)
    actor_scheduling.seek(gcs, actor)


@serves("ActorInfoGcsService.RestartActorForLineageReconstruction", "actor_id")
def restart_for_lineage(gcs: Gcs, call: int, request: m.RestartActorForLineageReconstructionRequest) -> None:
    """Brings back an actor that died out of scope; ``num_restarts…`` tells a repeat from news."""
    reply = m.RestartActorForLineageReconstructionReply()
    actor = gcs.actors.live.get(request.actor_id)
    if actor is None or actor.phase is Phase.REGISTERING:
        gcs.fail(call, reply, Code.INVALID, "the actor is permanently dead, or was never registered")
    elif actor.row.num_restarts_due_to_lineage_reconstruction >= (
        request.num_restarts_due_to_lineage_reconstruction
    ):
        # Not stored yet, even if something else has begun to end it.
        if actor.phase is Phase.RESTARTING or actor.restart_calls:
            actor.restart_calls.append(call)
        else:
            gcs.reply(call, reply)
    elif actor.phase is Phase.DYING and is_restartable(actor.row):
        actor.when_dead.append(then(_ask_restart_again, call, request))
    elif actor.phase is not Phase.DEAD:
        gcs.fail(call, reply, Code.INVALID, "the actor is not dead")
    else:
        actor.restart_calls.append(call)
        actor.row.num_restarts_due_to_lineage_reconstruction += 1
        actor_death.restart(gcs, actor, "lineage reconstruction", None)


def _ask_restart_again(
    gcs: Gcs, call: int, request: m.RestartActorForLineageReconstructionRequest, _outcome: Any
) -> None:
    restart_for_lineage(gcs, call, request)
