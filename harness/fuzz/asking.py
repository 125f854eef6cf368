"""An operation as the requests that carry it: the RPC and its message. Pure, the same for every engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.driver import specs
from harness.driver.listener import SERVICES
from harness.fuzz import names
from harness.fuzz import operations as op
from harness.fuzz.actor_asks import ASKS as ACTOR_ASKS
from harness.fuzz.requests import Ask as Ask
from harness.fuzz.requests import Owners, ask, at_most
from harness.fuzz.requests import found as found
from harness.wire import ids
from harness.wire import messages as m


def asks(what: op.Operation, owners: Owners) -> list[Ask]:
    """The requests of ``what``, each to be sent when the one before was acknowledged.

    None for what is no request: UnregisterNode is a raylet's, and Subscribe goes on for ever. None for a drain,
    which names a node of the engine and a time of its clock: :func:`drain`.
    """
    return _ASKS[type(what)](what, owners)


def drain(what: op.DrainNode, node: bytes, now: float) -> Ask:
    """The request that ``node`` drains, asked at ``now`` (Unix seconds)."""
    autoscaler = m.autoscaler
    idle, taken = autoscaler.DRAIN_NODE_REASON_IDLE_TERMINATION, autoscaler.DRAIN_NODE_REASON_PREEMPTION
    return ask(
        "AutoscalerStateService.DrainNode",
        node_id=node,
        reason=idle if what.idle else taken,
        reason_message="drained by a plan",
        deadline_timestamp_ms=int((now + what.deadline) * 1000),
    )


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
        return what.job
    if isinstance(what, op.StartActor):
        return names.job_of(what.actor)
    return names.job_of(what.group) if isinstance(what, op.StartGroup) else None


def _bytes(text: str) -> bytes:
    return text.encode()


def _add_job(what: op.AddJob, owners: Owners) -> list[Ask]:
    return [ask("AddJob", data=specs.job(owners(what.job), 100 + what.job))]


def _report(what: op.ReportWorker, _owners: Owners) -> list[Ask]:
    worker = names.made_up("stranger", what.worker, ids.UNIQUE)
    where = m.Address(node_id=names.node_id(0), worker_id=worker)
    failure = m.WorkerTableData(worker_address=where, exit_type=m.SYSTEM_ERROR, exit_detail="gone")
    return [ask("ReportWorkerFailure", worker_failure=failure)]


def _read(what: op.Read, _owners: Owners) -> list[Ask]:
    namespace, keys = _bytes(what.namespace), [_bytes(key) for key in what.keys]
    if what.how == "MultiGet":
        return [ask("InternalKVMultiGet", keys=keys, namespace=namespace)]
    if what.how == "Exists":
        return [ask("InternalKVExists", key=keys[0] if keys else b"", namespace=namespace)]
    return [ask("InternalKVKeys", prefix=keys[0] if keys else b"", namespace=namespace)]


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
        return [ask("CheckAlive", node_ids=[names.node_id(one) for one in what.nodes])]
    name, request = ask(_NODES[what.how], **at_most(what.limit if what.how in _LISTINGS else -1))
    listing: Any = request
    if what.how in _LISTINGS and what.state:
        listing.state_filter = m.GcsNodeInfo.GcsNodeState.Value(what.state)
    if what.how == "info" and what.of >= 0:
        listing.node_selectors.add(node_id=names.node_id(what.of))
        listing.node_selectors.add(node_ip_address="192.0.2.1")
    elif what.how == "liveness" and what.of >= 0:
        listing.node_ids.append(names.node_id(what.of))
    return [(name, request)]


def _list_jobs(what: op.ListJobs, _owners: Owners) -> list[Ask]:
    one = {"job_or_submission_id": names.job_id(what.of).hex()} if what.of >= 0 else {}
    return [
        ask(
            "GetAllJobInfo",
            skip_submission_job_info_field=True,
            skip_is_running_tasks_field=not what.survey,
            **one,
            **at_most(what.limit),
        )
    ]


def _publish(what: op.Publish, _owners: Owners) -> list[Ask]:
    error = m.ErrorTableData(error_message=what.text)
    one = m.PubMessage(channel_type=m.RAY_ERROR_INFO_CHANNEL, key_id=b"e", error_info_message=error)
    return [ask("ObservabilityPubSubService.GcsPublish", pub_messages=[one])]


def _get_workers(what: op.GetWorkers, _owners: Owners) -> list[Ask]:
    if what.every:
        filters = m.GetAllWorkerInfoRequest.Filters(is_alive=True) if what.alive else None
        return [ask("GetAllWorkerInfo", filters=filters, **at_most(what.limit))]
    return [ask("GetWorkerInfo", worker_id=names.driver_id(what.job))]


_ASKS: dict[type[Any], Callable[[Any, Owners], list[Ask]]] = {
    **ACTOR_ASKS,
    op.AddJob: _add_job,
    op.FinishJob: lambda what, _: [ask("MarkJobFinished", job_id=names.job_id(what.job))],
    op.NextJobId: lambda _what, _: [ask("GetNextJobID")],
    op.ListJobs: _list_jobs,
    op.Put: lambda what, _: [
        ask(
            "InternalKVPut",
            key=_bytes(what.key),
            value=_bytes(what.value) * what.copies,
            overwrite=what.overwrite,
            namespace=_bytes(what.namespace),
        )
    ],
    op.Get: lambda what, _: [ask("InternalKVGet", key=_bytes(what.key), namespace=_bytes(what.namespace))],
    op.Read: _read,
    op.Delete: lambda what, _: [
        ask(
            "InternalKVDel",
            key=_bytes(what.key),
            del_by_prefix=what.prefix,
            namespace=_bytes(what.namespace),
        )
    ],
    op.AddWorker: lambda what, owners: [
        ask("AddWorkerInfo", worker_data=specs.worker(owners(what.job), 100 + what.job))
    ],
    op.GetWorkers: _get_workers,
    op.ReportWorker: _report,
    op.Subscribe: lambda _what, _: [],
    op.Publish: _publish,
    op.GetNodes: _get_nodes,
    op.UnregisterNode: lambda _what, _: [],
    op.DrainNode: lambda _what, _: [],
    op.Intrude: lambda what, _: [
        ask(
            "InternalKVPut", key=_bytes(what.key), value=b"an intruder", overwrite=True, namespace=b"gauntlet"
        )
    ],
}
