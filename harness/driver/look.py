"""Reading a GCS's tables into a View that can be compared."""

from __future__ import annotations

from harness.check import view
from harness.check.view import View
from harness.driver.client import GcsClient
from harness.wire import messages as m


def look(gcs: GcsClient, kv_namespace: bytes = b"gauntlet", within: float = 30.0) -> View:
    """What ``gcs`` says now of everything that it keeps; KV of one namespace of keys."""
    nodes = gcs.checked("GetAllNodeInfo", m.GetAllNodeInfoRequest(), within).node_info_list
    jobs = gcs.checked(
        "GetAllJobInfo",
        m.GetAllJobInfoRequest(skip_submission_job_info_field=True, skip_is_running_tasks_field=True),
        within,
    ).job_info_list
    actors = gcs.checked("GetAllActorInfo", m.GetAllActorInfoRequest(), within).actor_table_data
    groups = gcs.checked(
        "GetAllPlacementGroup", m.GetAllPlacementGroupRequest(), within
    ).placement_group_table_data
    return View(
        cluster_id=gcs.ask_cluster_id(within).hex(),
        nodes={row.node_id.hex(): view.node(row) for row in nodes},
        jobs={row.job_id.hex(): view.job(row) for row in jobs},
        actors={row.actor_id.hex(): view.actor(row) for row in actors},
        names=_names(gcs, within),
        groups={row.placement_group_id.hex(): view.group(row) for row in groups},
        kv=_key_values(gcs, kv_namespace, within),
    )


def _names(gcs: GcsClient, within: float) -> dict[str, str]:
    names = {}
    listed = gcs.checked("ListNamedActors", m.ListNamedActorsRequest(all_namespaces=True), within)
    for one in listed.named_actors_list:
        request = m.GetNamedActorInfoRequest(name=one.name, ray_namespace=one.ray_namespace)
        row = gcs.checked("GetNamedActorInfo", request, within).actor_table_data
        names[f"{one.ray_namespace}/{one.name}"] = row.actor_id.hex()
    return names


def _key_values(gcs: GcsClient, namespace: bytes, within: float) -> dict[str, str]:
    keys = gcs.checked("InternalKVKeys", m.InternalKVKeysRequest(namespace=namespace), within).results
    if not keys:
        return {}
    found = gcs.checked(
        "InternalKVMultiGet", m.InternalKVMultiGetRequest(keys=keys, namespace=namespace), within
    )
    return {one.key.hex(): one.value.hex() for one in found.results}


def available(gcs: GcsClient, within: float = 30.0) -> dict[str, dict[str, float]]:
    """Available resources by node id (hex), as the GCS sees them."""
    reply = gcs.checked("GetAllAvailableResources", m.GetAllAvailableResourcesRequest(), within)
    return {one.node_id.hex(): dict(one.resources_available) for one in reply.resources_list}


def totals(gcs: GcsClient, within: float = 30.0) -> dict[str, dict[str, float]]:
    """Total resources by node id (hex), as the GCS sees them."""
    reply = gcs.checked("GetAllTotalResources", m.GetAllTotalResourcesRequest(), within)
    return {one.node_id.hex(): dict(one.resources_total) for one in reply.resources_list}


def node_states(gcs: GcsClient, within: float = 30.0) -> dict[str, str]:
    """ALIVE or DEAD by node id (hex)."""
    nodes = gcs.checked("GetAllNodeInfo", m.GetAllNodeInfoRequest(), within).node_info_list
    return {row.node_id.hex(): m.GcsNodeInfo.GcsNodeState.Name(row.state) for row in nodes}
