"""Every request that changes what a GCS keeps: the request, and how its effect shows.

A mutation is prepared on a running cluster, which gives the exact request; the same bytes can
then be sent once, twice at once, later, or across a restart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from google.protobuf.message import Message

from harness.check import view
from harness.cluster import Cluster
from harness.driver import look, specs
from harness.driver.specs import Owner
from harness.wire import ids
from harness.wire import messages as m


@dataclass(frozen=True)
class Mutation:
    """A request ready to be sent. ``shows`` asks the GCS: '' when the effect is there, else what is."""

    method: str
    request: Message
    shows: Callable[[], str]
    again_is_ok: bool = True
    """Whether the contract promises OK to a repetition, not just any answer."""


Prepare = Callable[[Cluster], Mutation]


def fresh(what: str) -> str:
    """A name that no other mutation has, so that one cluster can bear many."""
    return f"{what}-{ids.unique_id().hex()[:8]}"


def _expect(wanted: object, seen: object) -> str:
    return "" if wanted == seen else f"wanted {wanted}, seen {seen}"


def register_node(cluster: Cluster) -> Mutation:
    node = ids.unique_id()
    row = m.GcsNodeInfo(
        node_id=node,
        node_manager_address=cluster.head.address,
        node_manager_port=cluster.head.port,
        object_manager_port=1,
        resources_total={"CPU": 1.0},
        state=m.GcsNodeInfo.ALIVE,
    )
    return Mutation(
        "RegisterNode",
        m.RegisterNodeRequest(node_info=row),
        lambda: _expect("ALIVE", look.node_states(cluster.driver.gcs).get(node.hex())),
    )


def unregister_node(cluster: Cluster) -> Mutation:
    registered = register_node(cluster)
    cluster.driver.gcs.checked(registered.method, registered.request)
    node = registered.request.node_info.node_id  # type: ignore[attr-defined]
    death = m.NodeDeathInfo(reason=m.NodeDeathInfo.EXPECTED_TERMINATION, reason_message="leaves")
    return Mutation(
        "UnregisterNode",
        m.UnregisterNodeRequest(node_id=node, node_death_info=death),
        lambda: _expect("DEAD", look.node_states(cluster.driver.gcs).get(node.hex())),
    )


def add_job(cluster: Cluster) -> Mutation:
    job = ids.job_id(cluster.driver.next_job_id())
    owner = replace(cluster.driver.owner, job=job, worker_id=ids.driver_worker_id(job))
    return Mutation(
        "AddJob",
        m.AddJobRequest(data=specs.job(owner, driver_pid=1)),
        lambda: _expect(False, _job_dead(cluster, job)),
    )


def finish_job(cluster: Cluster) -> Mutation:
    job = cluster.add_driver().job
    return Mutation(
        "MarkJobFinished",
        m.MarkJobFinishedRequest(job_id=job),
        lambda: _expect(True, _job_dead(cluster, job)),
    )


def register_actor(cluster: Cluster) -> Mutation:
    spec = cluster.driver.actor_spec(name=fresh("registered"))

    def shows() -> str:
        row = cluster.driver.actor(spec.actor_id)
        return _expect(spec.actor_id, row.actor_id) or _expect(
            spec.actor_id, cluster.driver.actor_named(spec.name).actor_id
        )

    task = specs.actor_task(cluster.driver.owner, spec)
    return Mutation("RegisterActor", m.RegisterActorRequest(task_spec=task), shows)


def create_actor(cluster: Cluster) -> Mutation:
    spec = cluster.driver.actor_spec(name=fresh("created"), max_restarts=1)
    cluster.driver.register_actor(spec)

    def shows() -> str:
        row = view.actor(cluster.driver.actor(spec.actor_id))
        living = [worker.worker_id.hex() for worker in cluster.workers_of(spec.actor_id)]
        return _expect(("ALIVE", 0, [row.worker]), (row.state, row.restarts, living))

    task = specs.actor_task(cluster.driver.owner, spec)
    return Mutation("CreateActor", m.CreateActorRequest(task_spec=task), shows)


def kill_actor(cluster: Cluster) -> Mutation:
    actor = cluster.driver.create_actor(name=fresh("killed"), max_restarts=5)
    request = m.KillActorViaGcsRequest(actor_id=actor, force_kill=True, no_restart=True)
    return Mutation(
        "KillActorViaGcs",
        request,
        lambda: _expect("DEAD", view.actor(cluster.driver.actor(actor)).state),
        again_is_ok=False,
    )


def actor_out_of_scope(cluster: Cluster) -> Mutation:
    actor = cluster.driver.create_actor(name=fresh("unreferenced"))
    return Mutation(
        "ReportActorOutOfScope",
        m.ReportActorOutOfScopeRequest(actor_id=actor),
        lambda: _expect("DEAD", view.actor(cluster.driver.actor(actor)).state),
    )


def create_placement_group(cluster: Cluster) -> Mutation:
    group = ids.placement_group_id(cluster.driver.job)
    spec = specs.placement_group(cluster.driver.owner, group, [{"CPU": 1.0}], name=fresh("created"))

    def shows() -> str:
        cluster.driver.wait_placement_group(group, within=10)
        return _expect("CREATED", view.group(cluster.driver.placement_group(group)).state)

    return Mutation("CreatePlacementGroup", m.CreatePlacementGroupRequest(placement_group_spec=spec), shows)


def remove_placement_group(cluster: Cluster) -> Mutation:
    group = cluster.driver.create_placement_group(name=fresh("removed"))
    return Mutation(
        "RemovePlacementGroup",
        m.RemovePlacementGroupRequest(placement_group_id=group),
        lambda: _expect("REMOVED", view.group(cluster.driver.placement_group(group)).state),
    )


def put(cluster: Cluster) -> Mutation:
    key = fresh("put").encode()
    request = m.InternalKVPutRequest(key=key, value=b"value", namespace=b"gauntlet", overwrite=True)
    return Mutation("InternalKVPut", request, lambda: _expect(b"value", cluster.driver.get(key)))


def put_without_overwrite(cluster: Cluster) -> Mutation:
    key = fresh("first").encode()
    request = m.InternalKVPutRequest(key=key, value=b"first", namespace=b"gauntlet", overwrite=False)
    return Mutation("InternalKVPut", request, lambda: _expect(b"first", cluster.driver.get(key)))


def delete(cluster: Cluster) -> Mutation:
    key = fresh("deleted").encode()
    cluster.driver.put(key, b"value")
    request = m.InternalKVDelRequest(key=key, namespace=b"gauntlet")
    return Mutation("InternalKVDel", request, lambda: _expect(None, cluster.driver.get(key)))


def delete_by_prefix(cluster: Cluster) -> Mutation:
    prefix = fresh("prefixed").encode() + b"-"
    for number in range(5):
        cluster.driver.put(prefix + b"%d" % number, b"value")
    request = m.InternalKVDelRequest(key=prefix, namespace=b"gauntlet", del_by_prefix=True)
    return Mutation("InternalKVDel", request, lambda: _expect([], cluster.driver.keys(prefix)))


def add_worker(cluster: Cluster) -> Mutation:
    owner = Owner(
        cluster.driver.job, ids.unique_id(), cluster.head.node_id, cluster.head.address, cluster.head.port
    )
    row = specs.worker(owner, pid=1, kind=m.WORKER)
    return Mutation(
        "AddWorkerInfo",
        m.AddWorkerInfoRequest(worker_data=row),
        lambda: _expect(True, _worker_alive(cluster, owner)),
    )


def report_worker_failure(cluster: Cluster) -> Mutation:
    owner = Owner(
        cluster.driver.job, ids.unique_id(), cluster.head.node_id, cluster.head.address, cluster.head.port
    )
    row = specs.worker(owner, pid=1, kind=m.WORKER)
    cluster.driver.gcs.checked("AddWorkerInfo", m.AddWorkerInfoRequest(worker_data=row))
    failed = m.WorkerTableData(worker_address=owner.address(), worker_type=m.WORKER, exit_type=m.SYSTEM_ERROR)
    return Mutation(
        "ReportWorkerFailure",
        m.ReportWorkerFailureRequest(worker_failure=failed),
        lambda: _expect(False, _worker_alive(cluster, owner)),
    )


def _job_dead(cluster: Cluster, job: bytes) -> bool | None:
    found = cluster.look().jobs.get(job.hex())
    return found.dead if found else None


def _worker_alive(cluster: Cluster, owner: Owner) -> bool | None:
    request = m.GetWorkerInfoRequest(worker_id=owner.worker_id)
    row = cluster.driver.gcs.control("GetWorkerInfo", request).worker_table_data
    return row.is_alive if row.worker_address.worker_id else None


MUTATIONS: dict[str, tuple[Prepare, tuple[str, ...]]] = {
    "register_node": (register_node, ("D1", "I4")),
    "unregister_node": (unregister_node, ("D11",)),
    "add_job": (add_job, ("D3",)),
    "finish_job": (finish_job, ("D9",)),
    "register_actor": (register_actor, ("D4", "I1")),
    "create_actor": (create_actor, ("D5", "I2")),
    "kill_actor": (kill_actor, ("D10",)),
    "actor_out_of_scope": (actor_out_of_scope, ("D12",)),
    "create_placement_group": (create_placement_group, ("D6", "I3")),
    "remove_placement_group": (remove_placement_group, ("D7", "I7")),
    "put": (put, ("D8",)),
    "put_without_overwrite": (put_without_overwrite, ("D8",)),
    "delete": (delete, ("D8",)),
    "delete_by_prefix": (delete_by_prefix, ("D8",)),
    "add_worker": (add_worker, ("D12",)),
    "report_worker_failure": (report_worker_failure, ("D12",)),
}
"""Name -> how to prepare it, and the contract's clauses about it."""
