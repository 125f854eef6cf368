"""Reading a GCS's tables into a View that can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc
from google.protobuf.message import Message

from harness.check import view
from harness.check.view import View
from harness.driver.client import GcsClient, Refused
from harness.wire import messages as m


def look(gcs: GcsClient, kv_namespace: bytes = b"gauntlet", within: float = 30.0) -> View:
    """What ``gcs`` says now of everything that it keeps; KV of one namespace of keys."""
    return _view(gcs, _asked(gcs, [*_TABLES, _keys(kv_namespace)], within), kv_namespace, within)


def look_at_all(
    gcs: GcsClient, within: float, kv_namespace: bytes = b"gauntlet"
) -> tuple[View, dict[str, dict[str, float]]]:
    """:func:`look` and :func:`available`, as quickly as it goes."""
    *tables, resources = _asked(gcs, [*_TABLES, _keys(kv_namespace), _AVAILABLE], within)
    return _view(gcs, tables, kv_namespace, within), _amounts(resources)


Ask = tuple[str, Message]
_TABLES: tuple[Ask, ...] = (
    ("GetClusterId", m.GetClusterIdRequest()),
    ("GetAllNodeInfo", m.GetAllNodeInfoRequest()),
    (
        "GetAllJobInfo",
        m.GetAllJobInfoRequest(skip_submission_job_info_field=True, skip_is_running_tasks_field=True),
    ),
    ("GetAllActorInfo", m.GetAllActorInfoRequest()),
    ("GetAllPlacementGroup", m.GetAllPlacementGroupRequest()),
    ("ListNamedActors", m.ListNamedActorsRequest(all_namespaces=True)),
)
_AVAILABLE: Ask = ("GetAllAvailableResources", m.GetAllAvailableResourcesRequest())


def _keys(namespace: bytes) -> Ask:
    return ("InternalKVKeys", m.InternalKVKeysRequest(namespace=namespace))


def _asked(gcs: GcsClient, asks: Sequence[Ask], within: float) -> list[Any]:
    """The replies to ``asks``, which go out at once; where the GCS was away, as Ray's client asks again.

    The cluster id is asked for without claiming one, and an error of Ray's is Refused.
    """
    begun = [gcs.begin(name, request, within, _claim(name)) for name, request in asks]
    replies = []
    for (name, request), call in zip(asks, begun, strict=True):
        try:
            reply = call.result()
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise
            reply = gcs.control(name, request, within, cluster_id=_claim(name))
        if reply.status.code:
            raise Refused(name, reply.status)
        replies.append(reply)
    return replies


def _claim(name: str) -> str | None:
    return None if name == "GetClusterId" else "own"


def _view(gcs: GcsClient, replies: Sequence[Any], kv_namespace: bytes, within: float) -> View:
    cluster, nodes, jobs, actors, groups, named, keys = replies
    return View(
        cluster_id=cluster.cluster_id.hex(),
        nodes={row.node_id.hex(): view.node(row) for row in nodes.node_info_list},
        jobs={row.job_id.hex(): view.job(row) for row in jobs.job_info_list},
        actors={row.actor_id.hex(): view.actor(row) for row in actors.actor_table_data},
        names=_names(gcs, named, within),
        groups={row.placement_group_id.hex(): view.group(row) for row in groups.placement_group_table_data},
        kv=_key_values(gcs, keys.results, kv_namespace, within),
    )


def _names(gcs: GcsClient, listed: m.ListNamedActorsReply, within: float) -> dict[str, str]:
    named = listed.named_actors_list
    asks: list[Ask] = [
        ("GetNamedActorInfo", m.GetNamedActorInfoRequest(name=one.name, ray_namespace=one.ray_namespace))
        for one in named
    ]
    rows = _asked(gcs, asks, within)
    return {
        f"{one.ray_namespace}/{one.name}": row.actor_table_data.actor_id.hex()
        for one, row in zip(named, rows, strict=True)
    }


def _key_values(gcs: GcsClient, keys: Sequence[bytes], namespace: bytes, within: float) -> dict[str, str]:
    if not keys:
        return {}
    found = gcs.checked(
        "InternalKVMultiGet", m.InternalKVMultiGetRequest(keys=keys, namespace=namespace), within
    )
    return {one.key.hex(): one.value.hex() for one in found.results}


def available(gcs: GcsClient, within: float = 30.0) -> dict[str, dict[str, float]]:
    """Available resources by node id (hex), as the GCS sees them."""
    return _amounts(gcs.checked(*_AVAILABLE, within))


def _amounts(reply: m.GetAllAvailableResourcesReply) -> dict[str, dict[str, float]]:
    return {one.node_id.hex(): dict(one.resources_available) for one in reply.resources_list}


def totals(gcs: GcsClient, within: float = 30.0) -> dict[str, dict[str, float]]:
    """Total resources by node id (hex), as the GCS sees them."""
    reply = gcs.checked("GetAllTotalResources", m.GetAllTotalResourcesRequest(), within)
    return {one.node_id.hex(): dict(one.resources_total) for one in reply.resources_list}


def node_death(gcs: GcsClient, node: bytes, within: float = 30.0) -> m.NodeDeathInfo | None:
    """Why a node is DEAD; None when it is not."""
    nodes = gcs.checked("GetAllNodeInfo", m.GetAllNodeInfoRequest(), within).node_info_list
    dead = [one for one in nodes if one.node_id == node and one.state == m.GcsNodeInfo.DEAD]
    return dead[0].death_info if dead else None


def node_states(gcs: GcsClient, within: float = 30.0) -> dict[str, str]:
    """ALIVE or DEAD by node id (hex)."""
    nodes = gcs.checked("GetAllNodeInfo", m.GetAllNodeInfoRequest(), within).node_info_list
    return {row.node_id.hex(): m.GcsNodeInfo.GcsNodeState.Name(row.state) for row in nodes}
