"""The part of a reply that two GCSs of one plan should agree on. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness.fuzz.differing.labels import label

Reply = Mapping[str, Any]


def _values(reply: Reply) -> Any:
    return sorted([one.get("key", ""), one.get("value", "")] for one in reply.get("results", []))


def _flags(name: str) -> Callable[[Reply], Any]:
    return lambda reply: [bool(one) for one in reply.get(name, [])]


def _plain(name: str, default: Any) -> Callable[[Reply], Any]:
    return lambda reply: reply.get(name, default)


def actor(row: Reply) -> Any:
    """Of an actor's row: how it stands, with ALIVE and what leads there as one."""
    state = row.get("state", "")
    return {
        "actor": label(row.get("actor_id", "")),
        "state": standing(state),
        "name": row.get("name", ""),
        "restarts": int(row.get("num_restarts", 0)),
        "why dead": cause(row.get("death_cause", {})) if state == "DEAD" else "",
    }


def standing(state: str) -> str:
    """An actor's state, or a group's, without what merely comes sooner or later."""
    if state in ("PENDING_CREATION", "ALIVE", "RESTARTING"):
        return "being created, or ALIVE"
    return "waiting for its bundles, or CREATED" if state in GROUP_STANDS else state


GROUP_STANDS = frozenset({"PENDING", "PREPARED", "CREATED", "RESCHEDULING"})


def cause(row: Reply) -> str:
    """The kind of a death cause, with its reason."""
    kind = next((name for name in sorted(row) if name.endswith(("context", "exception"))), "")
    reason = row.get(kind, {}).get("reason", "") if isinstance(row.get(kind), Mapping) else ""
    return f"{kind} {reason}".strip()


def group(row: Reply) -> Any:
    return {
        "group": label(row.get("placement_group_id", "")),
        "state": standing(row.get("state", "")),
        "name": row.get("name", ""),
    }


def _rows(name: str, of: Callable[[Reply], Any], id_: str) -> Callable[[Reply], Any]:
    """Of a table: each row of the plan's things, by name."""

    def read(reply: Reply) -> Any:
        return {label(row[id_]): of(row) for row in reply.get(name, []) if label(row.get(id_, ""))}

    return read


def _one(name: str, of: Callable[[Reply], Any]) -> Callable[[Reply], Any]:
    return lambda reply: of(reply[name]) if reply.get(name) else None


def _names(reply: Reply) -> Any:
    return sorted(
        f"{one.get('ray_namespace', '')}/{one.get('name', '')}" for one in reply.get("named_actors_list", [])
    )


_COMPARED: Mapping[str, Callable[[Reply], Any]] = {
    "InternalKVPut": _plain("added", False),
    "InternalKVGet": _plain("value", ""),
    "InternalKVMultiGet": _values,
    "InternalKVExists": _plain("exists", False),
    "InternalKVDel": _plain("deleted_num", 0),
    "GetAllJobInfo": _rows("job_info_list", lambda row: bool(row.get("is_dead")), "job_id"),
    "GetActorInfo": _one("actor_table_data", actor),
    "GetNamedActorInfo": _one("actor_table_data", actor),
    "GetAllActorInfo": _rows("actor_table_data", actor, "actor_id"),
    "ListNamedActors": _names,
    "GetPlacementGroup": _one("placement_group_table_data", group),
    "GetNamedPlacementGroup": _one("placement_group_table_data", group),
    "GetAllPlacementGroup": _rows("placement_group_table_data", group, "placement_group_id"),
    "GetAllNodeInfo": _rows("node_info_list", lambda row: row.get("state", ""), "node_id"),
    "CheckAlive": _flags("raylet_alive"),
    "GetWorkerInfo": _one("worker_table_data", lambda row: bool(row.get("is_alive"))),
}


def compared(method: str, reply: Reply) -> Any:
    """What of a reply of ``method`` is compared; None where it is its outcome alone."""
    read = _COMPARED.get(method)
    return read(reply) if read is not None and "$cut" not in reply else None
