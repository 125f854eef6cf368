"""Requests about things that do not exist, and about keys that nobody may have: answered by an error or by nothing. Pure.

An allow-list, measured on the gcs_server of Ray 2.40.0, 2.49.2, 2.55.1, 2.56.1, 2.59.0 and 2.60.0: each answers
every one of these so and lives on. A method that a release does not have is an error, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf.message import Message

from harness.wire import ids
from harness.wire import messages as m

NOTHING_YET = "nothing yet"
UNKNOWN = "unknown"
RESERVED = "reserved key"
_JOB = ids.job_id(77)
_SPACE = b"gauntlet"
_KEY = b"nothing"
_RESERVED_KEY = b"@namespace_gauntlet:k"


def _stranger() -> m.WorkerTableData:
    where = m.Address(node_id=ids.unique_id(), worker_id=ids.unique_id(), ip_address="127.0.0.1", port=1)
    return m.WorkerTableData(worker_address=where, worker_type=m.WORKER, exit_type=m.SYSTEM_ERROR)


def _node_selector() -> m.GetAllNodeInfoRequest.NodeSelector:
    return m.GetAllNodeInfoRequest.NodeSelector(node_id=ids.unique_id())


LISTINGS: tuple[type[Message], ...] = (
    m.GetAllJobInfoRequest, m.GetAllActorInfoRequest, m.ListNamedActorsRequest, m.GetAllWorkerInfoRequest,
    m.GetAllPlacementGroupRequest, m.GetAllAvailableResourcesRequest, m.GetAllTotalResourcesRequest,
    m.GetAllResourceUsageRequest, m.GetAllNodeInfoRequest, m.GetAllNodeAddressAndLivenessRequest,
    m.CheckAliveRequest, m.InternalKVMultiGetRequest, m.GetNamedActorInfoRequest, m.GetNamedPlacementGroupRequest,
    m.InternalKVGetRequest, m.InternalKVExistsRequest,
)  # fmt: skip
"""Reads that are sent empty, of a cluster in which nothing is yet."""

READS: Mapping[str, Callable[[], Message]] = {
    "GetActorInfo": lambda: m.GetActorInfoRequest(actor_id=ids.actor_id(_JOB)),
    "GetNamedActorInfo": lambda: m.GetNamedActorInfoRequest(name="nobody", ray_namespace="n"),
    "ListNamedActors": lambda: m.ListNamedActorsRequest(ray_namespace="nowhere"),
    "GetAllActorInfo": lambda: m.GetAllActorInfoRequest(filters=m.GetAllActorInfoRequest.Filters(job_id=_JOB)),
    "GetAllJobInfo": lambda: m.GetAllJobInfoRequest(job_or_submission_id=_JOB.hex()),
    "GetWorkerInfo": lambda: m.GetWorkerInfoRequest(worker_id=ids.unique_id()),
    "GetPlacementGroup": lambda: m.GetPlacementGroupRequest(placement_group_id=ids.placement_group_id(_JOB)),
    "GetNamedPlacementGroup": lambda: m.GetNamedPlacementGroupRequest(name="nobody", ray_namespace="n"),
    "GetAllNodeInfo": lambda: m.GetAllNodeInfoRequest(node_selectors=[_node_selector()]),
    "GetAllNodeAddressAndLiveness": lambda: m.GetAllNodeAddressAndLivenessRequest(node_ids=[ids.unique_id()]),
    "CheckAlive": lambda: m.CheckAliveRequest(node_ids=[ids.unique_id()]),
    "InternalKVGet": lambda: m.InternalKVGetRequest(key=_KEY, namespace=_SPACE),
    "InternalKVMultiGet": lambda: m.InternalKVMultiGetRequest(keys=[_KEY], namespace=_SPACE),
    "InternalKVExists": lambda: m.InternalKVExistsRequest(key=_KEY, namespace=_SPACE),
    "InternalKVKeys": lambda: m.InternalKVKeysRequest(prefix=_KEY, namespace=_SPACE),
}  # fmt: skip
"""Of one thing each, with an id or a name of which there is none."""

ENDINGS: Mapping[str, Callable[[], Message]] = {
    "KillActorViaGcs": lambda: m.KillActorViaGcsRequest(actor_id=ids.actor_id(_JOB), force_kill=True, no_restart=True),
    "ReportActorOutOfScope": lambda: m.ReportActorOutOfScopeRequest(actor_id=ids.actor_id(_JOB)),
    "RemovePlacementGroup": lambda: m.RemovePlacementGroupRequest(placement_group_id=ids.placement_group_id(_JOB)),
    "MarkJobFinished": lambda: m.MarkJobFinishedRequest(job_id=_JOB),
    "ReportWorkerFailure": lambda: m.ReportWorkerFailureRequest(worker_failure=_stranger()),
    "InternalKVDel": lambda: m.InternalKVDelRequest(key=_KEY, namespace=_SPACE),
}  # fmt: skip
"""Ends of things that there are not."""

REFUSED: Mapping[str, Callable[[], Message]] = {
    "InternalKVGet": lambda: m.InternalKVGetRequest(key=_RESERVED_KEY, namespace=_SPACE),
    "InternalKVMultiGet": lambda: m.InternalKVMultiGetRequest(keys=[_RESERVED_KEY], namespace=_SPACE),
    "InternalKVPut": lambda: m.InternalKVPutRequest(key=_RESERVED_KEY, value=b"v", namespace=_SPACE),
    "InternalKVKeys": lambda: m.InternalKVKeysRequest(prefix=_RESERVED_KEY, namespace=_SPACE),
    "InternalKVDel": lambda: m.InternalKVDelRequest(key=_RESERVED_KEY, namespace=_SPACE),
}  # fmt: skip
"""Keys that are kept for the GCS itself."""

REQUESTS: Mapping[tuple[str, str], Callable[[], Message]] = {
    **{(kind.DESCRIPTOR.name.removesuffix("Request"), NOTHING_YET): kind for kind in LISTINGS},
    **{(name, UNKNOWN): make for name, make in {**READS, **ENDINGS}.items()},
    **{(name, RESERVED): make for name, make in REFUSED.items()},
}
"""A method and what its request is about -> how to make that request, with ids that are new each time."""


def found(reply: Any) -> str:
    """What ``reply`` shows all the same: its first field with rows, a row, or a count; '' when it says no or nothing.

    A CheckAlive that says of every node that it does not live has found nothing.
    """
    if reply.status.code:
        return ""
    for field, value in reply.ListFields():
        if field.name in _SAID_ALWAYS:
            continue
        shown = value.ByteSize() if isinstance(value, Message) else value
        if any(value) if field.is_repeated else shown:
            return f"{field.name}: {value}"
    return ""


_SAID_ALWAYS = frozenset({"status", "ray_version", "is_leader"})
