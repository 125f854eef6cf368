"""What a raylet shows of itself, and the tasks and actors that run there. Synchronous.

Tasks and actors are asked at their own worker process, past the host and the GCS.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.raylet.asking import Line
from harness.raylet.books import BundleKey


@dataclass(frozen=True)
class Order:
    """One call that the raylet, a worker or an owner of it received.

    ``outcome``: received, answered, refused (a gRPC error), caller gone. ``fields``: the request's set fields, bytes as
    bytes, nested messages as dicts. ``worker_id``: whose port was called; empty for the raylet's.
    """

    seq: int
    time: float
    node_id: bytes
    method: str
    outcome: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    worker_id: bytes = b""
    script: str | None = None

    @property
    def bundles(self) -> set[BundleKey]:
        """The bundles that the order names."""
        specs = [*self.fields.get("bundle_specs", ()), *self.fields.get("bundles_in_use", ())]
        specs += [self.fields["bundle_spec"]] if "bundle_spec" in self.fields else []
        return {
            (one["bundle_id"]["placement_group_id"], one["bundle_id"].get("bundle_index", 0)) for one in specs
        }

    @property
    def workers(self) -> set[bytes]:
        """The worker ids that the order lists."""
        one = self.fields.get("worker_id")
        return {*self.fields.get("worker_ids_in_use", ()), *([one] if one else [])}

    @property
    def actor_id(self) -> bytes | None:
        """The actor that the order is about, if it names one."""
        task = self.fields.get("task_spec") or self.fields.get("resource_spec") or {}
        nested = task.get("actor_creation_task_spec", {}).get("actor_id")
        lease = self.fields.get("lease_spec", {}).get("actor_id")
        return nested or lease or self.fields.get("intended_actor_id") or self.fields.get("actor_id")


@dataclass(frozen=True)
class Heard:
    """One message of a subscription. ``summary``: the payload's plain fields that are set."""

    seq: int
    time: float
    channel: str
    publisher_id: bytes
    sequence_id: int
    key_id: bytes
    type: str | None
    summary: Mapping[str, Any]


@dataclass(frozen=True)
class Call:
    """One call that the raylet made. ``outcome``: sent, parked, answered or a gRPC code's name."""

    seq: int
    time: float
    method: str
    tries: int
    outcome: str


@dataclass(frozen=True)
class Worker:
    """A worker process as it was when asked for; ``ready``: known to the GCS, if it registers itself."""

    worker_id: bytes
    pid: int
    address: str
    task_port: int
    grpc_port: int
    alive: bool
    ready: bool
    actor_id: bytes | None
    lease_id: bytes | None
    exit_detail: str
    told_of_restart: int


@dataclass(frozen=True)
class ObjectRef:
    """An object and where its owner serves it. ``checksum``: sha256 in hex; ``size`` in bytes."""

    object_id: bytes
    checksum: str
    size: int
    address: str
    port: int


@dataclass(frozen=True)
class Result:
    """What a task came to: ``steps`` done, and ``value``, which must be 1 + … + steps."""

    steps: int
    value: int

    @property
    def right(self) -> bool:
        return self.value == self.steps * (self.steps + 1) // 2


@dataclass(frozen=True)
class Reply:
    """An actor's answer. ``incarnation``: how often this actor was created, over all hosts of the
    cluster; ``pushes``: how often its creation was pushed to this very worker."""

    pid: int
    worker_id: bytes
    incarnation: int
    pushes: int
    value: Any


class Task:
    """A task that advances by itself in a worker process."""

    def __init__(self, name: str, worker: Worker) -> None:
        self.name = name
        self.worker = worker
        self.pid = worker.pid
        self._line = Line(worker.address, worker.task_port)
        self._line.ask({"op": "start_task", "name": name})

    def value(self) -> int:
        """Steps done so far, about 200 a second. OSError if the worker is dead."""
        return int(self._line.ask({"op": "task_value", "name": self.name})["value"])

    def finish(self) -> Result:
        """End the task and take its result."""
        reply = self._line.ask({"op": "finish_task", "name": self.name})
        return Result(reply["value"], reply["result"])


class ActorHandle:
    """An actor, at the worker where it was when the handle was made."""

    def __init__(self, actor_id: bytes, worker: Worker) -> None:
        self.actor_id = actor_id
        self.worker = worker
        self._line = Line(worker.address, worker.task_port)

    def call(self, method: str = "increment", **args: Any) -> Reply:
        """Call ``increment(by=1)``, ``value()``, ``put(key, value)`` or ``get(key)``.

        OSError if the worker is dead; :class:`HostError` for a bad call.
        """
        reply = self._line.ask({"op": "call", "method": method, "args": args})
        return Reply(reply["pid"], reply["worker_id"], reply["incarnation"], reply["pushes"], reply["value"])
