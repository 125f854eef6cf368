"""An operation as the requests that carry it: the RPC and its message. Pure, the same for every engine."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from harness.driver import specs
from harness.driver.listener import SERVICES
from harness.driver.specs import ActorSpec, Owner
from harness.fuzz import names
from harness.fuzz import operations as op
from harness.wire import ids, rpc
from harness.wire import messages as m

Ask = tuple[str, Message]
"""``Service.Method`` and its request."""
Owners = Callable[[int], Owner]
"""The driver of a job, as an engine placed it."""


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
    )
    task = specs.actor_task(owners(names.job_of(what.actor)), spec)
    register, create = _ask("RegisterActor", task_spec=task), _ask("CreateActor", task_spec=task)
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
    return [_ask(_NODES[what.how])]


def _publish(what: op.Publish, _owners: Owners) -> list[Ask]:
    error = m.ErrorTableData(error_message=what.text)
    one = m.PubMessage(channel_type=m.RAY_ERROR_INFO_CHANNEL, key_id=b"e", error_info_message=error)
    return [_ask("ObservabilityPubSubService.GcsPublish", pub_messages=[one])]


def _get_workers(what: op.GetWorkers, _owners: Owners) -> list[Ask]:
    if what.every:
        return [_ask("GetAllWorkerInfo")]
    return [_ask("GetWorkerInfo", worker_id=names.driver_id(what.job))]


def _nonsense(what: op.Nonsense, _owners: Owners) -> list[Ask]:
    name, request = _ask(what.method)
    _fill(request, what.odd)
    return [(name, request)]


ID_LENGTHS = {
    "node_id": ids.UNIQUE, "worker_id": ids.UNIQUE, "job_id": ids.JOB, "creator_job_id": ids.JOB,
    "actor_id": ids.ACTOR, "placement_group_id": ids.PLACEMENT_GROUP, "subscriber_id": ids.UNIQUE,
}  # fmt: skip


def _fill(message: Any, odd: int, depth: int = 0) -> None:
    """Every id of ``message``, also in the messages within it, becomes odd."""
    for one in message.DESCRIPTOR.fields:
        if one.is_repeated:
            continue
        if one.type == FieldDescriptor.TYPE_BYTES and one.name in ID_LENGTHS:
            setattr(message, one.name, names.odd_id(odd, ID_LENGTHS[one.name]))
        elif one.message_type is not None and depth < 3 and one.name != "scheduling_strategy":
            getattr(message, one.name).SetInParent()
            _fill(getattr(message, one.name), odd, depth + 1)


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
    op.ListJobs: lambda _what, _: [
        _ask("GetAllJobInfo", skip_submission_job_info_field=True, skip_is_running_tasks_field=True)
    ],
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
    op.ListActors: lambda what, _: [
        _ask("ListNamedActors", all_namespaces=True) if what.named else _ask("GetAllActorInfo")
    ],
    op.StartGroup: _start_group,
    op.RemoveGroup: lambda what, _: [
        _ask("RemovePlacementGroup", placement_group_id=names.group_id(what.group))
    ],
    op.WaitGroup: lambda what, _: [
        _ask("WaitPlacementGroupUntilReady", placement_group_id=names.group_id(what.group))
    ],
    op.GetGroup: lambda what, _: [_ask("GetPlacementGroup", placement_group_id=names.group_id(what.group))],
    op.GetNamedGroup: lambda what, _: [_ask("GetNamedPlacementGroup", name=what.name)],
    op.ListGroups: lambda _what, _: [_ask("GetAllPlacementGroup")],
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
