"""The mutating requests of the contract, one flow each, and pairs of requests that contradict each other."""

from __future__ import annotations

from collections.abc import Mapping

from harness.check import view
from harness.cluster import Cluster
from harness.crashpoint.act import Requests
from harness.crashpoint.flow import GHOSTS, PLAIN, Flow, Prepare
from harness.driver import specs
from harness.traffic import mutations
from harness.traffic.mutations import MUTATIONS, fresh
from harness.wire import ids
from harness.wire import messages as m


def _of_mutation(prepare: mutations.Prepare) -> Prepare:
    def prepared(cluster: Cluster) -> Requests:
        mutation = prepare(cluster)
        return Requests(cluster, [(mutation.method, mutation.request)], mutation.shows)

    return prepared


def _next_job_id(cluster: Cluster) -> Requests:
    return Requests(cluster, [("GetNextJobID", m.GetNextJobIDRequest())])


def _overwrite(cluster: Cluster) -> Requests:
    key = fresh("overwritten").encode()
    cluster.driver.put(key, b"old")
    request = m.InternalKVPutRequest(key=key, value=b"new", namespace=b"gauntlet", overwrite=True)

    def shows() -> str:
        found = cluster.driver.get(key)
        return "" if found == b"new" else f"the value is {found!r}"

    return Requests(cluster, [("InternalKVPut", request)], shows)


def _kill_to_restart(cluster: Cluster) -> Requests:
    actor = cluster.driver.create_actor(name=fresh("killed"), max_restarts=-1)
    request = m.KillActorViaGcsRequest(actor_id=actor, force_kill=True, no_restart=False)
    return Requests(cluster, [("KillActorViaGcs", request)], lambda: restarted(cluster, actor))


def _restart_for_lineage(cluster: Cluster) -> Requests:
    actor = cluster.driver.create_actor(name=fresh("rebuilt"), max_restarts=-1)
    gone = m.ReportActorOutOfScopeRequest(actor_id=actor, num_restarts_due_to_lineage_reconstruction=0)
    cluster.driver.gcs.checked("ReportActorOutOfScope", gone)
    request = m.RestartActorForLineageReconstructionRequest(
        actor_id=actor, num_restarts_due_to_lineage_reconstruction=1
    )
    asked = [("RestartActorForLineageReconstruction", request)]
    return Requests(cluster, asked, lambda: restarted(cluster, actor))


def restarted(cluster: Cluster, actor: bytes) -> str:
    """'' when the actor is alive again, in one process, after a restart."""
    row = view.actor(cluster.driver.actor(actor))
    workers = len(cluster.workers_of(actor))
    right = row.state == "ALIVE" and row.restarts > 0 and workers == 1
    return "" if right else f"the actor is {row.state}, with {row.restarts} restarts and {workers} workers"


def _same_name(cluster: Cluster) -> Requests:
    name = fresh("contested")
    rivals = [cluster.driver.actor_spec(name=name) for _ in range(2)]
    asked = [("RegisterActor", cluster.driver.registration(spec)) for spec in rivals]

    def shows() -> str:
        found = cluster.driver.actor_named(name).actor_id
        known = found in [spec.actor_id for spec in rivals]
        return "" if known else f"the name leads to {found.hex() or 'nothing'}"

    return Requests(cluster, asked, shows)


def _put_against_put(cluster: Cluster) -> Requests:
    key, values = fresh("contested").encode(), [b"one", b"other"]
    asked = [
        (
            "InternalKVPut",
            m.InternalKVPutRequest(key=key, value=value, namespace=b"gauntlet", overwrite=False),
        )
        for value in values
    ]

    def shows() -> str:
        found = cluster.driver.get(key)
        return "" if found in values else f"the value is {found!r}"

    return Requests(cluster, asked, shows)


def _create_against_remove(cluster: Cluster) -> Requests:
    group = ids.placement_group_id(cluster.driver.job)
    spec = specs.placement_group(cluster.driver.owner, group, [{"CPU": 1.0}], name=fresh("contested"))

    def shows() -> str:
        """Either order is right, so either end is; half-way is not."""
        state = view.group(cluster.driver.placement_group(group)).state
        return "" if state in ("REMOVED", "CREATED") else f"the group is {state}"

    return Requests(
        cluster,
        [
            ("CreatePlacementGroup", m.CreatePlacementGroupRequest(placement_group_spec=spec)),
            ("RemovePlacementGroup", m.RemovePlacementGroupRequest(placement_group_id=group)),
        ],
        shows,
    )


def _kill_against_create(cluster: Cluster) -> Requests:
    spec = cluster.driver.actor_spec(name=fresh("contested"))
    cluster.driver.register_actor(spec)
    task = specs.actor_task(cluster.driver.owner, spec)

    def shows() -> str:
        row = view.actor(cluster.driver.actor(spec.actor_id))
        workers = len(cluster.workers_of(spec.actor_id))
        return (
            "" if row.state == "DEAD" and not workers else f"the actor is {row.state} with {workers} workers"
        )

    kill = m.KillActorViaGcsRequest(actor_id=spec.actor_id, force_kill=True, no_restart=True)
    return Requests(
        cluster, [("CreateActor", m.CreateActorRequest(task_spec=task)), ("KillActorViaGcs", kill)], shows
    )


def _finish_against_register(cluster: Cluster) -> Requests:
    other = cluster.add_driver()
    spec = other.actor_spec(name=fresh("late"))

    def shows() -> str:
        job = cluster.look().jobs.get(other.job.hex())
        return "" if job and job.dead else f"the job is {job}"

    return Requests(
        cluster,
        [
            ("MarkJobFinished", m.MarkJobFinishedRequest(job_id=other.job)),
            ("RegisterActor", other.registration(spec)),
        ],
        shows,
    )


# Name of a mutation -> name of its flow, and the kind of stand.
_FLOWS: Mapping[str, tuple[str, str]] = {
    "register_node": ("RegisterNode", GHOSTS),
    "unregister_node": ("UnregisterNode", GHOSTS),
    "add_job": ("AddJob", PLAIN),
    "finish_job": ("MarkJobFinished", PLAIN),
    "register_actor": ("RegisterActor", PLAIN),
    "create_actor": ("CreateActor", PLAIN),
    "kill_actor": ("KillActorViaGcs", PLAIN),
    "actor_out_of_scope": ("ReportActorOutOfScope", PLAIN),
    "create_placement_group": ("CreatePlacementGroup", PLAIN),
    "remove_placement_group": ("RemovePlacementGroup", PLAIN),
    "put": ("InternalKVPut", PLAIN),
    "put_without_overwrite": ("InternalKVPut+no-overwrite", PLAIN),
    "delete": ("InternalKVDel", PLAIN),
    "delete_by_prefix": ("InternalKVDel+by-prefix", PLAIN),
    "add_worker": ("AddWorkerInfo", PLAIN),
    "report_worker_failure": ("ReportWorkerFailure", PLAIN),
}


def _flow(name: str, prepare: Prepare, kind: str = PLAIN, since: str = "") -> Flow:
    return Flow(name, prepare, kind, since=since)


SINGLE: tuple[Flow, ...] = (
    *(_flow(_FLOWS[name][0], _of_mutation(one), _FLOWS[name][1]) for name, (one, _) in MUTATIONS.items()),
    _flow("GetNextJobID", _next_job_id),
    _flow("InternalKVPut+overwrite", _overwrite),
    _flow("KillActorViaGcs+may-restart", _kill_to_restart),
    _flow("RestartActorForLineageReconstruction", _restart_for_lineage, since="2.42"),
)
"""Every mutating RPC, in each of its forms."""

CONFLICTS: tuple[Flow, ...] = (
    Flow("RegisterActor+same-name", _same_name, races=True),
    Flow("InternalKVPut+put", _put_against_put, races=True),
    Flow("CreatePlacementGroup+remove", _create_against_remove, races=True),
    Flow("CreateActor+kill", _kill_against_create, races=True),
    Flow("MarkJobFinished+register", _finish_against_register, races=True),
)
"""Two requests at once that contradict each other."""
