"""Actors after a restart: who is loaded, who is declared dead, and who goes on where it stood.

Source: contract section 3.3.
"""

from __future__ import annotations

from typing import Any

from harness.wire import ids
from harness.wire import messages as m
from reference_gcs.core import actor_death, actor_owners, actor_scheduling, layout
from reference_gcs.core import effects as fx
from reference_gcs.core.actor import Actor, Phase
from reference_gcs.core.actor_rows import death_cause, is_restartable
from reference_gcs.core.happenings import NodeGone, NodeReturned, on
from reference_gcs.core.state import Gcs, then

STATES = m.ActorTableData
ASK_RETRY = 0.5  # seconds until an unreachable raylet is asked again
NOT_LOADED = (
    "The actor is dead because the GCS could not load it during initialization: its job has finished, "
    "the detached actor it descends from is dead, or its task spec is lost."
)
Rows = dict[bytes, m.ActorTableData]
Specs = dict[bytes, m.TaskSpec]


def load(gcs: Gcs, rows: Rows, specs: Specs, barrier: int) -> None:
    """Take over the loadable; store the others as DEAD (the port waits behind ``barrier``)."""
    for actor_id, row in rows.items():
        spec = specs.get(actor_id)
        finished = row.state == STATES.DEAD and not is_restartable(row)
        if not finished and spec is not None and _loadable(gcs, spec, rows):
            _take_over(gcs, row, spec)
            continue
        if row.state != STATES.DEAD:
            _declare_dead(gcs, row, barrier)
        gcs.actors.dead[actor_id] = row
        if spec is not None:
            gcs.write(fx.Delete(layout.ACTOR_TASK_SPEC, (actor_id,)), gcs.hold(barrier))


def _loadable(gcs: Gcs, spec: m.TaskSpec, rows: Rows) -> bool:
    creation, root = spec.actor_creation_task_spec, spec.root_detached_actor_id
    if creation.is_detached or root == creation.actor_id:
        return True
    if not ids.is_nil(root):
        return root in rows and rows[root].state != STATES.DEAD
    job = gcs.jobs.rows.get(spec.job_id)
    return job is not None and not job.is_dead


def _declare_dead(gcs: Gcs, row: m.ActorTableData, barrier: int) -> None:
    row.death_cause.CopyFrom(death_cause(row, m.ActorDiedErrorContext.OWNER_DIED, NOT_LOADED))
    row.state = STATES.DEAD
    row.end_time = row.timestamp = gcs.now_ms()
    gcs.write(fx.Put(layout.ACTOR, row.actor_id, row.SerializeToString()), gcs.hold(barrier))


def _take_over(gcs: Gcs, row: m.ActorTableData, spec: m.TaskSpec) -> None:
    shown = m.ActorTableData()
    shown.CopyFrom(row)
    actor = Actor(row, spec, _phase_of(row), shown)
    gcs.actors.live[row.actor_id] = actor
    if row.name:
        gcs.actors.names[actor.name] = row.actor_id


def _phase_of(row: m.ActorTableData) -> Phase:
    if row.state in (STATES.PENDING_CREATION, STATES.RESTARTING):
        return Phase.SEEKING if ids.is_nil(row.address.worker_id) else Phase.CREATING
    fixed = {STATES.ALIVE: Phase.ALIVE, STATES.DEAD: Phase.DEAD}
    return fixed.get(row.state, Phase.REGISTERED)


def resume(gcs: Gcs) -> None:
    """Every alive node learns which workers count; then each actor goes on where it stood."""
    for node_id in gcs.nodes.alive:
        _release_unused(gcs, node_id, workers_in_use(gcs, node_id), None)
    for actor in list(gcs.actors.live.values()):
        _resume(gcs, actor)
    for actor in list(gcs.actors.live.values()):
        actor_owners.watch(gcs, actor)


def workers_in_use(gcs: Gcs, node_id: bytes) -> list[bytes]:
    """The stored workers of loaded actors on a node."""
    return [
        actor.row.address.worker_id
        for actor in gcs.actors.live.values()
        if actor.row.address.node_id == node_id
        and not ids.is_nil(actor.row.address.worker_id)
        and actor.phase is not Phase.DEAD
    ]


def _resume(gcs: Gcs, actor: Actor) -> None:
    where = actor.row.address
    if actor.phase in (Phase.CREATING, Phase.ALIVE) and where.node_id not in gcs.nodes.alive:
        gone = gcs.nodes.dead.get(where.node_id, m.GcsNodeInfo(node_id=where.node_id))
        actor_death.lose_node(gcs, actor, gone)
    elif actor.phase is Phase.CREATING:
        actor_scheduling.push(gcs, actor.actor_id, actor.life, None)
    elif actor.phase is Phase.SEEKING:
        actor_scheduling.seek(gcs, actor)


def _release_unused(gcs: Gcs, node_id: bytes, in_use: list[bytes], _outcome: Any) -> None:
    """Asked until answered, one call at a time: a late second one would kill fresh workers."""
    node = gcs.nodes.alive.get(node_id)
    if node is not None:
        request = m.ReleaseUnusedActorWorkersRequest(worker_ids_in_use=in_use)
        released = then(_released, node_id, in_use)
        gcs.send_to_node(node, "ReleaseUnusedActorWorkers", request, released)


def _released(gcs: Gcs, node_id: bytes, in_use: list[bytes], reply: Any) -> None:
    if reply is None:
        gcs.after(ASK_RETRY, then(_release_unused, node_id, in_use))
    else:
        gcs.gates.workers.pop(node_id, None)


@on(NodeReturned)
def _node_returned(gcs: Gcs, returned: NodeReturned) -> None:
    """Its workers' actors were ended or created elsewhere when it died."""
    gcs.gates.workers[returned.node_id] = gcs.now
    _release_unused(gcs, returned.node_id, workers_in_use(gcs, returned.node_id), None)


@on(NodeGone)
def _node_gone(gcs: Gcs, gone: NodeGone) -> None:
    gcs.gates.workers.pop(gone.node_id, None)
