"""What the acknowledgement of each request promises: which rows, and what must be in them. Pure.

Source: sections 2.4 and 12 (D1 to D13) of the contract.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.check.promise import (
    Promise,
    Row,
    Test,
    absent,
    dead,
    dead_or_absent,
    job_dead,
    kv_key,
    present,
    removed,
    state_in,
    value_of,
    worker_dead,
    worker_of,
)
from harness.check.story import Call
from harness.wire import ids, layout


def known(method: str) -> bool:
    """Whether there is an entry for ``method``; without one nothing can be said of it."""
    return method in EFFECTS


def promises(call: Call) -> Sequence[Promise]:
    """What ``call`` promises once it is acknowledged (of one that is not: what it may bring about).

    Nothing for a request with ids of a wrong length, or one too long to have been recorded.
    KeyError for a method that is not :func:`known`.
    """
    if "$cut" in call.request or "$undecodable" in call.request:
        return ()
    return EFFECTS[call.method](call)


def _one(
    table: str, key: str, length: int, met: Test, kept: Test | None = None, **more: Any
) -> list[Promise]:
    return [Promise(table, key, met, kept or met, **more)] if len(key) == 2 * length else []


def _register_node(call: Call) -> list[Promise]:
    """The node may die later, and the GCS may then declare it DEAD."""
    node = call.request.get("node_info", {}).get("node_id", "")
    return _one("NODE", node, ids.UNIQUE, state_in("ALIVE"), present)


def _unregister_node(call: Call) -> list[Promise]:
    return _one("NODE", call.request.get("node_id", ""), ids.UNIQUE, dead_or_absent)


def _next_job_id(call: Call) -> list[Promise]:
    number = call.reply.get("job_id", 0)

    def counted(row: Row | None) -> bool:
        return row is not None and int(row.get("value") or 0) >= number

    return [Promise(layout.COUNTER, "", counted, counted)] if call.outcome == "ok" else []


def _add_job(call: Call) -> list[Promise]:
    return _one("JOB", call.request.get("data", {}).get("job_id", ""), ids.JOB, present)


def _finish_job(call: Call) -> list[Promise]:
    """An unknown job is OK without a row: its driver may have died before AddJob."""
    return _one("JOB", call.request.get("job_id", ""), ids.JOB, job_dead)


def created_actor(call: Call) -> str:
    """The id of the actor in a RegisterActor or CreateActor."""
    return str(call.request.get("task_spec", {}).get("actor_creation_task_spec", {}).get("actor_id", ""))


def _register_actor(call: Call) -> list[Promise]:
    """A late repeat finds the actor in any state; of a DEAD one the task spec is gone."""
    actor = created_actor(call)
    unless = ("ACTOR", actor, dead)
    return [
        *_one("ACTOR_TASK_SPEC", actor, ids.ACTOR, present, lambda _: True, unless=unless),
        *_one("ACTOR", actor, ids.ACTOR, present),
    ]


def _create_actor(call: Call) -> list[Promise]:
    """ALIVE at the address that the reply gives; another one needs a restart."""
    worker = worker_of({"address": call.reply.get("actor_address")})

    def met(row: Row | None) -> bool:
        return row is not None and row.get("state") == "ALIVE" and worker in ("", worker_of(row))

    def kept(row: Row | None) -> bool:
        if row is None or row.get("state") != "ALIVE":
            return state_in("RESTARTING", "DEAD")(row)
        return met(row) or bool(row.get("num_restarts"))

    return _one("ACTOR", created_actor(call), ids.ACTOR, met, kept)


def _kill_actor(call: Call) -> list[Promise]:
    """Without ``no_restart`` the order goes to the worker, and no row is promised."""
    if not call.request.get("no_restart"):
        return []
    return _one("ACTOR", call.request.get("actor_id", ""), ids.ACTOR, dead_or_absent)


RESTART_FOR_LINEAGE = "RestartActorForLineageReconstruction"
_LINEAGE = "num_restarts_due_to_lineage_reconstruction"


def _out_of_scope(call: Call) -> list[Promise]:
    """A report from before the last reconstruction is stale, and changes nothing."""
    counted = call.request.get(_LINEAGE, 0)

    def met(row: Row | None) -> bool:
        return row is None or dead(row) or row.get(_LINEAGE, 0) > counted

    actor = call.request.get("actor_id", "")
    return _one("ACTOR", actor, ids.ACTOR, met, yields_to=frozenset({RESTART_FOR_LINEAGE}))


def _restart_for_lineage(call: Call) -> list[Promise]:
    counted = call.request.get(_LINEAGE, 0)

    def met(row: Row | None) -> bool:
        return row is not None and row.get(_LINEAGE, 0) >= counted

    return _one("ACTOR", call.request.get("actor_id", ""), ids.ACTOR, met, present)


def _create_group(call: Call) -> list[Promise]:
    group = call.request.get("placement_group_spec", {}).get("placement_group_id", "")
    return _one("PLACEMENT_GROUP", group, ids.PLACEMENT_GROUP, present)


def _remove_group(call: Call) -> list[Promise]:
    """An unknown group is OK without a row."""
    return _one("PLACEMENT_GROUP", call.request.get("placement_group_id", ""), ids.PLACEMENT_GROUP, removed)


def _drain_node(_call: Call) -> list[Promise]:
    """Nothing of a drain is stored: the node itself says goodbye, or fails."""
    return []


def _kv_put(call: Call) -> list[Promise]:
    """Without ``overwrite`` a key that was there stays as it is, and the reply does not say ``added``."""
    key = kv_key(call.request.get("namespace", ""), call.request.get("key", ""))
    if key is None:
        return []
    value = value_of({"value": call.request.get("value", "")})
    if call.outcome == "ok" and not call.request.get("overwrite") and not call.reply.get("added"):
        return [Promise(layout.KV, key, present, present)]

    def holds(row: Row | None) -> bool:
        return value_of(row) == value

    return [Promise(layout.KV, key, holds, holds)]


def _kv_del(call: Call) -> list[Promise]:
    """A prefix without namespace does not reach into the namespaces."""
    key = kv_key(call.request.get("namespace", ""), call.request.get("key", ""))
    if key is None:
        return []
    by_prefix = bool(call.request.get("del_by_prefix"))
    return [Promise(layout.KV, key, absent, absent, prefix=by_prefix)]


def _add_worker(call: Call) -> list[Promise]:
    worker = call.request.get("worker_data", {}).get("worker_address", {}).get("worker_id", "")
    return _one("WORKERS", worker, ids.UNIQUE, present)


def failed_worker(call: Call) -> str:
    """The id of the worker in a ReportWorkerFailure."""
    return str(call.request.get("worker_failure", {}).get("worker_address", {}).get("worker_id", ""))


def _worker_failed(call: Call) -> list[Promise]:
    """The rows of the actors that it takes along are told by :func:`without_worker`."""
    return _one("WORKERS", failed_worker(call), ids.UNIQUE, worker_dead, present)


def without_worker(worker: str) -> Test:
    """An actor's row after the failure of ``worker`` was acknowledged."""
    return lambda row: row is None or dead(row) or worker_of(row) != worker


EFFECTS: Mapping[str, Callable[[Call], Sequence[Promise]]] = {
    "RegisterNode": _register_node,
    "UnregisterNode": _unregister_node,
    "DrainNode": _drain_node,
    "GetNextJobID": _next_job_id,
    "AddJob": _add_job,
    "MarkJobFinished": _finish_job,
    "RegisterActor": _register_actor,
    "CreateActor": _create_actor,
    "KillActorViaGcs": _kill_actor,
    "ReportActorOutOfScope": _out_of_scope,
    RESTART_FOR_LINEAGE: _restart_for_lineage,
    "CreatePlacementGroup": _create_group,
    "RemovePlacementGroup": _remove_group,
    "InternalKVPut": _kv_put,
    "InternalKVDel": _kv_del,
    "AddWorkerInfo": _add_worker,
    "ReportWorkerFailure": _worker_failed,
}
"""By bare name: every request that changes a table."""
