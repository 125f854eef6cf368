"""From Boot to an open port: load every table, repair what a crash tore, send the recovery orders.

Source: contract section 3. The port opens only after all tables are loaded, the repairs are
stored and every order is on its way.
"""

from __future__ import annotations

from typing import Any, TypeVar

from google.protobuf.message import DecodeError, Message

from harness.wire import ids
from harness.wire import messages as m
from reference_gcs.core import effects as fx
from reference_gcs.core import (
    health,
    jobs,
    layout,
    nodes,
    pubsub,
    recovery_actors,
    recovery_groups,
    resources,
)
from reference_gcs.core.events import Boot
from reference_gcs.core.state import Gcs, then

Row = TypeVar("Row", bound=Message)
NOTIFY_RETRY = 0.5  # seconds until an unreachable raylet is told again
AUTOSCALER_V2_FIELD = b"@namespace___autoscaler:__autoscaler_v2_enabled"


def boot(gcs: Gcs, event: Boot) -> None:
    barrier = gcs.barrier(then(_loaded))
    gcs.write(fx.Put(layout.KV, layout.PID_FIELD, str(event.pid).encode()), gcs.hold(barrier))
    for table in layout.LOADED:
        gcs.hold(barrier)
        gcs.read(fx.Scan(table), then(_table_read, table, barrier))
    gcs.hold(barrier)
    gcs.read(fx.Get(layout.KV, layout.CLUSTER_ID_FIELD), then(_cluster_id_read, barrier))
    gcs.release(barrier)


def _table_read(gcs: Gcs, table: str, barrier: int, rows: dict[bytes, bytes]) -> None:
    gcs.loaded[table] = rows
    gcs.release(barrier)


def _cluster_id_read(gcs: Gcs, barrier: int, value: bytes | None) -> None:
    """A namespace's first GCS makes its id up; if another was faster, that one's counts."""
    if value is None:
        put = fx.PutIfAbsent(layout.KV, layout.CLUSTER_ID_FIELD, gcs.random.randbytes(ids.UNIQUE))
        gcs.write(put, then(_cluster_id_claimed, barrier))
    else:
        gcs.cluster_id = value
        gcs.release(barrier)


def _cluster_id_claimed(gcs: Gcs, barrier: int, _outcome: Any) -> None:
    gcs.read(fx.Get(layout.KV, layout.CLUSTER_ID_FIELD), then(_cluster_id_read, barrier))


def rows(gcs: Gcs, table: str, kind: type[Row]) -> dict[bytes, Row]:
    """A loaded table's rows; one that cannot be read is logged and left alone in the store."""
    found = {}
    for key, value in gcs.loaded.get(table, {}).items():
        try:
            found[key] = kind.FromString(value)
        except DecodeError:
            gcs.log(f"the row {key.hex()} of {table} is damaged; ignored")
    return found


def _loaded(gcs: Gcs, _outcome: Any) -> None:
    """All tables are in memory: take them over in the order in which they build on each other."""
    pubsub.start(gcs)
    gcs.jobs.rows = rows(gcs, layout.JOB, m.JobTableData)
    gcs.workers.rows = rows(gcs, layout.WORKERS, m.WorkerTableData)
    barrier = gcs.barrier(then(_recovered))
    _load_nodes(gcs)
    actors = rows(gcs, layout.ACTOR, m.ActorTableData)
    specs = rows(gcs, layout.ACTOR_TASK_SPEC, m.TaskSpec)
    groups = rows(gcs, layout.PLACEMENT_GROUP, m.PlacementGroupTableData)
    gcs.loaded.clear()
    recovery_actors.load(gcs, actors, specs, barrier)
    recovery_groups.load(gcs, groups)
    recovery_groups.resume(gcs)
    recovery_actors.resume(gcs)
    _finish_lost_jobs(gcs)
    gcs.write(fx.PutIfAbsent(layout.KV, AUTOSCALER_V2_FIELD, b"0"), gcs.hold(barrier))
    gcs.release(barrier)


def _finish_lost_jobs(gcs: Gcs) -> None:
    """A crash between a node's death and the end of its drivers' jobs left these behind."""
    for row in list(gcs.jobs.rows.values()):
        if not row.is_dead and row.driver_address.node_id in gcs.nodes.dead:
            jobs.finish(gcs, row, [])


def _recovered(gcs: Gcs, _outcome: Any) -> None:
    gcs.serving = True
    gcs.effects.append(fx.OpenPort())


def _load_nodes(gcs: Gcs) -> None:
    """ALIVE nodes are told of the restart, watched and given all their resources back."""
    for node_id, row in rows(gcs, layout.NODE, m.GcsNodeInfo).items():
        if row.state != m.GcsNodeInfo.ALIVE:
            nodes.remember_dead(gcs, row)
            continue
        gcs.nodes.alive[node_id] = row
        resources.seed(gcs, row)
        health.watch(gcs, node_id)
        gcs.gates.workers[node_id] = gcs.gates.bundles[node_id] = gcs.now
        _notify(gcs, node_id, None)


def _notify(gcs: Gcs, node_id: bytes, _outcome: Any) -> None:
    """Tell a raylet of the restart until it has heard, or is dead."""
    node = gcs.nodes.alive.get(node_id)
    if node is not None:
        gcs.send_to_node(node, "NotifyGCSRestart", m.NotifyGCSRestartRequest(), then(_notified, node_id))


def _notified(gcs: Gcs, node_id: bytes, reply: m.NotifyGCSRestartReply | None) -> None:
    if reply is None:
        gcs.after(NOTIFY_RETRY, then(_notify, node_id))
