"""What one manager tells the others, so that none has to know them all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from harness.wire import messages as m


@dataclass(frozen=True, slots=True)
class NodeJoined:
    """The node's ALIVE row is stored."""

    node_id: bytes


@dataclass(frozen=True, slots=True)
class NodeReturned:
    """A node that was dead is about to join again, perhaps with what it had held before."""

    node_id: bytes


@dataclass(frozen=True, slots=True)
class NodeGone:
    """The node's DEAD row is stored."""

    node_id: bytes
    row: m.GcsNodeInfo


@dataclass(frozen=True, slots=True)
class NodeSilent:
    """The health check gave a node up; it is not yet dead."""

    node_id: bytes


@dataclass(frozen=True, slots=True)
class JobFinished:
    """The job's is_dead row is stored."""

    job_id: bytes


@dataclass(frozen=True, slots=True)
class WorkerGone:
    """A worker died. Writes that follow from it hold ``barrier``; the report is acked behind it."""

    row: m.WorkerTableData
    barrier: int


@dataclass(frozen=True, slots=True)
class OwnerGone:
    """A worker that owned actors turned out to be dead, without a report."""

    worker_id: bytes


@dataclass(frozen=True, slots=True)
class CreationFailed:
    """An actor will not get (or keep) a worker: ``cause``. ``may_restart``: try another if the budget allows."""

    actor_id: bytes
    cause: m.ActorDeathCause
    may_restart: bool


@dataclass(frozen=True, slots=True)
class ActorGone:
    """An actor's DEAD row is stored."""

    actor_id: bytes
    row: m.ActorTableData


@dataclass(frozen=True, slots=True)
class GroupGone:
    """A placement group's REMOVED row is stored."""

    group_id: bytes


Happening = (
    NodeJoined
    | NodeReturned
    | NodeGone
    | NodeSilent
    | JobFinished
    | WorkerGone
    | OwnerGone
    | CreationFailed
    | ActorGone
    | GroupGone
)
Listener = TypeVar("Listener", bound=Callable[..., None])

LISTENERS: dict[type, list[Callable[..., None]]] = {}


def on(kind: type[Any]) -> Callable[[Listener], Listener]:
    """Decorator: call this with ``(gcs, happening)`` whenever a ``kind`` happens."""

    def register(listener: Listener) -> Listener:
        LISTENERS.setdefault(kind, []).append(listener)
        return listener

    return register
