"""What a GCS says of its cluster at one moment, as values that can be compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from harness.wire import messages as m


@dataclass(frozen=True)
class Node:
    state: str
    address: str
    port: int
    total: Mapping[str, float]
    head: bool


@dataclass(frozen=True)
class Job:
    dead: bool
    entrypoint: str


@dataclass(frozen=True)
class Actor:
    state: str
    name: str
    worker: str
    node: str
    pid: int
    restarts: int
    max_restarts: int
    detached: bool


@dataclass(frozen=True)
class Group:
    state: str
    name: str
    nodes: tuple[str, ...]
    """The node of each bundle, '' where it has none."""


@dataclass(frozen=True)
class View:
    """The tables by id (hex), without what may rightly differ between two looks (times, statistics)."""

    cluster_id: str
    nodes: Mapping[str, Node] = field(default_factory=dict)
    jobs: Mapping[str, Job] = field(default_factory=dict)
    actors: Mapping[str, Actor] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    """``namespace/name`` of each named actor -> actor id."""
    groups: Mapping[str, Group] = field(default_factory=dict)
    kv: Mapping[str, str] = field(default_factory=dict)


TABLES = ("nodes", "jobs", "actors", "names", "groups", "kv")


def node(row: m.GcsNodeInfo) -> Node:
    state = m.GcsNodeInfo.GcsNodeState.Name(row.state)
    return Node(
        state, row.node_manager_address, row.node_manager_port, dict(row.resources_total), row.is_head_node
    )


def job(row: m.JobTableData) -> Job:
    return Job(row.is_dead, row.entrypoint)


def actor(row: m.ActorTableData) -> Actor:
    return Actor(
        state=m.ActorTableData.ActorState.Name(row.state),
        name=f"{row.ray_namespace}/{row.name}" if row.name else "",
        worker=row.address.worker_id.hex() if row.state == m.ActorTableData.ALIVE else "",
        node=row.address.node_id.hex() if row.state == m.ActorTableData.ALIVE else "",
        pid=row.pid if row.state == m.ActorTableData.ALIVE else 0,
        restarts=row.num_restarts,
        max_restarts=row.max_restarts,
        detached=row.is_detached,
    )


def group(row: m.PlacementGroupTableData) -> Group:
    return Group(
        state=m.PlacementGroupTableData.PlacementGroupState.Name(row.state),
        name=row.name,
        nodes=tuple(bundle.node_id.hex() for bundle in row.bundles),
    )


def differences(before: View, after: View, tables: Iterable[str] = TABLES) -> list[str]:
    """What of ``before`` is missing, changed or new in ``after``, a sentence each."""
    found = []
    if before.cluster_id != after.cluster_id:
        found.append(f"cluster id: was {before.cluster_id}, is {after.cluster_id}")
    for table in tables:
        was, now = getattr(before, table), getattr(after, table)
        for key in sorted({*was, *now}):
            if key not in now:
                found.append(f"{table} {key}: lost (was {was[key]})")
            elif key not in was:
                found.append(f"{table} {key}: appeared ({now[key]})")
            elif was[key] != now[key]:
                found.append(f"{table} {key}: was {was[key]}, is {now[key]}")
    return found
