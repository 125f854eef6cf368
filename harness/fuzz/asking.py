"""An operation as the requests that carry it: the RPC and its message. Pure, the same for every engine."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from google.protobuf.message import Message

from harness.driver import specs
from harness.driver.listener import SERVICES
from harness.driver.specs import ActorSpec, Owner
from harness.fuzz import names
from harness.fuzz import operations as op
from harness.fuzz.nonsense import ID_LENGTHS as ID_LENGTHS
from harness.fuzz.nonsense import spoil
from harness.wire import ids, rpc
from harness.wire import messages as m

Ask = tuple[str, Message]
"""``Service.Method`` and its request."""
Owners = Callable[[int], Owner]
"""The driver of a job, as an engine placed it."""


EMPTY_LABEL_SELECTOR = b"\xda\x02\x00"
"""TaskSpec's field 43, which our protos leave out and a GCS must pass on, as it lies on the wire."""


def asks(what: op.Operation, owners: Owners) -> list[Ask]:
    """The requests of ``what``, each to be sent when the one before was acknowledged.

    None for what is no request: UnregisterNode is a raylet's, and Subscribe goes on for ever.
    """
    return _ASKS[type(what)](what, owners)


def subscription(what: op.Subscribe, subscriber: bytes) -> Ask:
    """The command with which ``subscriber`` subscribes."""
    service, channel = SERVICES[what.channel]
    key = names.actor_id(what.actor) if what.actor >= 0 and what.channel == "ACTOR" else b""
    command = m.Command(channel_type=channel, key_id=key, subscribe_message=m.SubMessage())
    request = m.GcsSubscriberCommandBatchRequest(subscriber_id=subscriber, commands=[command])
    return f"{service}.GcsSubscriberCommandBatch", request


def poll(what: op.Subscribe, subscriber: bytes, publisher: bytes, processed: int) -> Ask:
    """A long poll of that subscription."""
    request = m.GcsSubscriberPollRequest(
        subscriber_id=subscriber, publisher_id=publisher, max_processed_sequence_id=processed
    )
    return f"{SERVICES[what.channel][0]}.GcsSubscriberPoll", request


def job_of(what: op.Operation) -> int | None:
    """The job whose driver ``what`` concerns; None: none."""
    if isinstance(what, op.AddJob | op.FinishJob | op.AddWorker):
        return max(what.job, 0)
    if isinstance(what, op.StartActor):
        return names.job_of(what.actor)
    return names.job_of(what.group) if isinstance(what, op.StartGroup) else None


def _bytes(text: str) -> bytes:
    return text.encode()


def _add_job(what: op.AddJob, owners: Owners) -> list[Ask]:
    data = specs.job(owners(max(what.job, 0)), 100 + what.job)
    data.job_id = names.job_id(what.job)
    return [_ask("AddJob", data=data)]


def _start_actor(what: op.StartActor, owners: Owners) -> list[Ask]:
    spec = ActorSpec(
        actor_id=names.actor_id(what.actor),
        name=what.name,
        ray_namespace=what.namespace,
        detached=what.detached,
        max_restarts=what.restarts,
        resources={"CPU": what.cpus} if what.cpus else {},
        placement_group=names.group_id(what.group) if what.group >= 0 else b"",
        bundle_index=what.bundle,
        creator_actor=names.actor_id(what.owner) if what.owner >= 0 else b"",
        root_detached_actor=names.actor_id(what.root) if what.root >= 0 and not what.detached else b"",
    )
    task = specs.actor_task(owners(names.job_of(what.actor)), spec)
    if what.node >= 0 and what.group < 0:
        where = m.NodeAffinitySchedulingStrategy(node_id=names.node_id(what.node), soft=what.soft)
        task.scheduling_strategy.CopyFrom(m.SchedulingStrategy(node_affinity_scheduling_strategy=where))
    if what.labelled:
        task.labels["made by"] = "gauntlet"
        task.MergeFromString(EMPTY_LABEL_SELECTOR)
    register = _ask("RegisterActor", task_spec=task)
    if what.resolved:
        task.depth += 1
    create = _ask("CreateActor", task_spec=task)
    return {"register": [register], "create": [create]}.get(what.only, [register, create])


def _start_group(what: op.StartGroup, owners: Owners) -> list[Ask]:
    bundles = [{"CPU": cpus} for cpus in what.bundles]
    owner = owners(names.job_of(what.group))
    spec = specs.placement_group(
        owner, names.group_id(what.group), bundles, what.strategy, what.name, what.detached
    )
    return [_ask("CreatePlacementGroup", placement_group_spec=spec)]


def _report(what: op.ReportWorker, _owners: Owners) -> list[Ask]:
    worker = names.made_up("stranger", what.worker, ids.UNIQUE)
    where = m.Address(node_id=names.node_id(0), worker_id=worker)
    failure = m.WorkerTableData(worker_address=where, exit_type=m.SYSTEM_ERROR, exit_detail="gone")
    return [_ask("ReportWorkerFailure", worker_failure=failure)]


def _read(what: op.Read, _owners: Owners) -> list[Ask]:
    namespace, keys = _bytes(what.namespace), [_bytes(key) for key in what.keys]
    if what.how == "MultiGet":
        return [_ask("InternalKVMultiGet", keys=keys, namespace=namespace)]
    if what.how == "Exists":
        return [_ask("InternalKVExists", key=keys[0] if keys else b"", namespace=namespace)]
    return [_ask("InternalKVKeys", prefix=keys[0] if keys else b"", namespace=namespace)]


_LISTINGS = ("info", "liveness")
_NODES = {
    "info": "GetAllNodeInfo",
    "liveness": "GetAllNodeAddressAndLiveness",
    "available": "GetAllAvailableResources",
    "total": "GetAllTotalResources",
    "usage": "GetAllResourceUsage",
}


def _get_nodes(what: op.GetNodes, _owners: Owners) -> list[Ask]:
    if what.how == "alive":
        return [_ask("CheckAlive", node_ids=[names.node_id(0), names.node_id(-1)])]
    name, request = _ask(_NODES[what.how], **_at_most(what.limit if what.how in _LISTINGS else -1))
    listing: Any = request
    if what.how in _LISTINGS and what.state:
        listing.state_filter = m.GcsNodeInfo.GcsNodeState.Value(what.state)
    if what.how == "info" and what.of >= 0:
        listing.node_selectors.add(node_id=names.node_id(what.of))
        listing.node_selectors.add(node_ip_address="192.0.2.1")
    elif what.how == "liveness" and what.of >= 0:
        listing.node_ids.append(names.node_id(what.of))
    return [(name, request)]


def _at_most(limit: int) -> dict[str, int]:
    return {"limit": limit} if limit >= 0 else {}


def _list_jobs(what: op.ListJobs, _owners: Owners) -> list[Ask]:
    one = {"job_or_submission_id": names.job_id(what.of).hex()} if what.of >= 0 else {}
    return [
        _ask(
            "GetAllJobInfo",
            skip_submission_job_info_field=True,
            skip_is_running_tasks_field=not what.survey,
            **one,
            **_at_most(what.limit),
        )
    ]


def _list_actors(what: op.ListActors, _owners: Owners) -> list[Ask]:
    if what.named:
        everywhere = {"ray_namespace": what.state} if what.state else {"all_namespaces": True}
        return [_ask("ListNamedActors", **everywhere)]
    name, request = _ask("GetAllActorInfo", **_at_most(what.limit))
    filters: Any = request.filters  # type: ignore[attr-defined]
    if what.state:
        filters.state = m.ActorTableData.ActorState.Value(what.state)
    if what.of >= 0:
        filters.job_id = names.job_id(what.of)
    return [(name, request)]


def _publish(what: op.Publish, _owners: Owners) -> list[Ask]:
    error = m.ErrorTableData(error_message=what.text)
    one = m.PubMessage(channel_type=m.RAY_ERROR_INFO_CHANNEL, key_id=b"e", error_info_message=error)
    return [_ask("ObservabilityPubSubService.GcsPublish", pub_messages=[one])]


def _get_workers(what: op.GetWorkers, _owners: Owners) -> list[Ask]:
    if what.every:
        filters = m.GetAllWorkerInfoRequest.Filters(is_alive=True) if what.alive else None
        return [_ask("GetAllWorkerInfo", filters=filters, **_at_most(what.limit))]
    return [_ask("GetWorkerInfo", worker_id=names.driver_id(what.job))]


def _nonsense(what: op.Nonsense, _owners: Owners) -> list[Ask]:
    name, request = _ask(what.method)
    spoil(request, what.odd)
    return [(name, request)]


@cache
def found(name: str) -> rpc.Method:
    """The method of that name, looked for once."""
    return rpc.method(name)


def _ask(method: str, /, **fields: Any) -> Ask:
    one = found(method)
    return one.full_name, one.request(**fields)


_ASKS: dict[type[Any], Callable[[Any, Owners], list[Ask]]] = {
    op.AddJob: _add_job,
    op.FinishJob: lambda what, _: [_ask("MarkJobFinished", job_id=names.job_id(what.job))],
    op.NextJobId: lambda _what, _: [_ask("GetNextJobID")],
    op.ListJobs: _list_jobs,
    op.StartActor: _start_actor,
    op.KillActor: lambda what, _: [
        _ask(
            "KillActorViaGcs",
            actor_id=names.actor_id(what.actor),
            force_kill=True,
            no_restart=not what.restart,
        )
    ],
    op.ForgetActor: lambda what, _: [_ask("ReportActorOutOfScope", actor_id=names.actor_id(what.actor))],
    op.ReviveActor: lambda what, _: [
        _ask(
            "RestartActorForLineageReconstruction",
            actor_id=names.actor_id(what.actor),
            num_restarts_due_to_lineage_reconstruction=what.restarts,
        )
    ],
    op.GetActor: lambda what, _: [_ask("GetActorInfo", actor_id=names.actor_id(what.actor))],
    op.GetNamedActor: lambda what, _: [
        _ask("GetNamedActorInfo", name=what.name, ray_namespace=what.namespace)
    ],
    op.ListActors: _list_actors,
    op.StartGroup: _start_group,
    op.RemoveGroup: lambda what, _: [
        _ask("RemovePlacementGroup", placement_group_id=names.group_id(what.group))
    ],
    op.WaitGroup: lambda what, _: [
        _ask("WaitPlacementGroupUntilReady", placement_group_id=names.group_id(what.group))
    ],
    op.GetGroup: lambda what, _: [_ask("GetPlacementGroup", placement_group_id=names.group_id(what.group))],
    op.GetNamedGroup: lambda what, _: [_ask("GetNamedPlacementGroup", name=what.name)],
    op.ListGroups: lambda what, _: [_ask("GetAllPlacementGroup", **_at_most(what.limit))],
    op.Put: lambda what, _: [
        _ask(
            "InternalKVPut",
            key=_bytes(what.key),
            value=_bytes(what.value) * what.copies,
            overwrite=what.overwrite,
            namespace=_bytes(what.namespace),
        )
    ],
    op.Get: lambda what, _: [_ask("InternalKVGet", key=_bytes(what.key), namespace=_bytes(what.namespace))],
    op.Read: _read,
    op.Delete: lambda what, _: [
        _ask(
            "InternalKVDel",
            key=_bytes(what.key),
            del_by_prefix=what.prefix,
            namespace=_bytes(what.namespace),
        )
    ],
    op.AddWorker: lambda what, owners: [
        _ask("AddWorkerInfo", worker_data=specs.worker(owners(max(what.job, 0)), 100 + what.job))
    ],
    op.GetWorkers: _get_workers,
    op.ReportWorker: _report,
    op.Subscribe: lambda _what, _: [],
    op.Publish: _publish,
    op.GetNodes: _get_nodes,
    op.UnregisterNode: lambda _what, _: [],
    op.Nonsense: _nonsense,
}
