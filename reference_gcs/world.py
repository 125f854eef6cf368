"""A small world for tests of the core: a store, obedient raylets, virtual time, crashes between effects.

Everything happens in one thread and in a fixed order, so that a seed and a crash point replay.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from typing import Any

from google.protobuf.message import Message

from harness.wire import ids, rpc
from harness.wire import messages as m
from harness.wire.status import Code
from reference_gcs.core import effects as fx
from reference_gcs.core import events as ev
from reference_gcs.core.config import Config
from reference_gcs.core.step import fresh, step
from reference_gcs.memory_store import carry_out

NEVER = object()
"""What a behaviour returns to leave a call unanswered."""
JOB = ids.job_id(1)
NODE = b"N" * 28
OWNER = b"O" * 28
Behaviour = Callable[[fx.Send], Any]


class Crashed(Exception):
    """The budget of effects is used up: the process dies here."""


class World:
    """Drive one GCS after another over the same store. Replies lie in ``replies`` by call number."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[bytes, bytes]] = {}
        self.counters: dict[str, int] = {}
        self.now = 1_000_000.0
        self.behaviours: dict[str, Behaviour] = {}
        self.hold_store = False
        self.held: list[tuple[int, fx.WriteCommand]] = []
        self.lives = 0
        self.calls = 0
        self.sent: list[fx.Send] = []
        self.start()

    def start(self) -> None:
        """A new GCS process over the same store, up to its open port."""
        self.lives += 1
        self.gcs = fresh(Config(), self.lives)
        self.events: deque[ev.Event] = deque()
        self.timers: list[tuple[float, int]] = []
        self.replies: dict[int, Message | fx.Reject] = {}
        self.open = False
        self.exited: fx.Exit | None = None
        self.unanswered: list[fx.Send] = []
        self.budget: int | None = None
        self.sent.clear()
        self.feed(ev.Boot(1))

    def feed(self, event: ev.Event) -> None:
        """One event and all that follows from it at once."""
        self.events.append(event)
        while self.events:
            _gcs, effects = step(self.gcs, self.events.popleft(), self.now)
            for effect in effects:
                self._spend()
                self._obey(effect)

    def _spend(self) -> None:
        if self.budget is not None:
            if self.budget == 0:
                raise Crashed
            self.budget -= 1

    def call(self, name: str, /, **fields: Any) -> int:
        """Begin a call; look into ``replies`` for its answer."""
        method = rpc.method(name)
        self.calls += 1
        self.feed(ev.Request(self.calls, method.full_name, method.request(**fields)))
        return self.calls

    def ask(self, name: str, /, **fields: Any) -> Any:
        """The answer to a call that is answered at once."""
        return self.replies[self.call(name, **fields)]

    def wait(self, seconds: float) -> None:
        """Let virtual time pass."""
        end = self.now + seconds
        while self.timers and self.timers[0][0] <= end:
            self.now, timer = heapq.heappop(self.timers)
            self.feed(ev.TimerFired(timer))
        self.now = end

    def release_store(self) -> None:
        """Confirm the writes that were held back."""
        self.hold_store = False
        held, self.held = self.held, []
        for op, command in held:
            self.feed(ev.StoreAnswered(op, self.store(command)))

    def answer(self, send: fx.Send, reply: Message | None) -> None:
        """Answer a call that a behaviour left open; None: it failed."""
        self.unanswered.remove(send)
        self.feed(
            ev.SendFailed(send.send, "UNAVAILABLE") if reply is None else ev.SendAnswered(send.send, reply)
        )

    def _obey(self, effect: fx.Effect) -> None:
        if isinstance(effect, fx.StoreWrite) and self.hold_store:
            self.held.append((effect.op, effect.command))
        elif isinstance(effect, fx.StoreWrite | fx.StoreRead):
            self.events.append(ev.StoreAnswered(effect.op, self.store(effect.command)))
        elif isinstance(effect, fx.Reply):
            self.replies[effect.call] = effect.message
        elif isinstance(effect, fx.Reject):
            self.replies[effect.call] = effect
        elif isinstance(effect, fx.Send):
            self._deliver(effect)
        elif isinstance(effect, fx.SetTimer):
            heapq.heappush(self.timers, (self.now + effect.after, effect.timer))
        elif isinstance(effect, fx.OpenPort):
            self.open = True
        elif isinstance(effect, fx.Exit):
            self.exited = effect

    def _deliver(self, effect: fx.Send) -> None:
        self.sent.append(effect)
        name = effect.method.split(".")[1]
        reply = self.behaviours.get(name, _obedient)(effect)
        if reply is NEVER:
            self.unanswered.append(effect)
        elif reply is None:
            self.events.append(ev.SendFailed(effect.send, "UNAVAILABLE"))
        else:
            self.events.append(ev.SendAnswered(effect.send, reply))

    def store(self, command: fx.WriteCommand | fx.ReadCommand) -> Any:
        """Carry out one store command; answers as its docstring says."""
        return carry_out(self.tables, self.counters, command)

    def orders(self, name: str) -> list[Any]:
        """Requests of one method that this GCS sent, in order."""
        return [one.request for one in self.sent if one.method.endswith("." + name)]


def _obedient(send: fx.Send) -> Any:
    """A raylet or worker that does at once what it is told; owners keep their actors."""
    if send.method.endswith(".WaitForActorRefDeleted"):
        return NEVER
    if send.method.endswith(".RequestWorkerLease"):
        lease = send.request.lease_spec  # type: ignore[attr-defined]
        worker = b"W" + lease.actor_id + lease.lease_id[:11]
        where = m.Address(node_id=bytes([send.port]) * 28, ip_address="127.0.0.1", port=2, worker_id=worker)
        return m.RequestWorkerLeaseReply(worker_address=where, worker_pid=7)
    if send.method.endswith(".PrepareBundleResources"):
        return m.PrepareBundleResourcesReply(success=True)
    if send.method.endswith(".Check"):
        return m.HealthCheckResponse(status=m.HealthCheckResponse.SERVING)
    return rpc.method(send.method).reply()


def node(node_id: bytes = NODE, cpus: float = 8, head: bool = False) -> m.GcsNodeInfo:
    """A node whose id is one byte, 28 times; its port is that byte, so that a raylet knows who it is."""
    return m.GcsNodeInfo(
        node_id=node_id,
        node_manager_address="127.0.0.1",
        node_manager_port=node_id[0] if node_id else 1,
        resources_total={"CPU": cpus},
        is_head_node=head,
    )


def actor_id(number: int) -> bytes:
    return b"A" * 8 + number.to_bytes(4, "big") + JOB


def actor_spec(number: int = 1, name: str = "", restarts: int = 0, detached: bool = False) -> m.TaskSpec:
    creation = m.ActorCreationTaskSpec(
        actor_id=actor_id(number),
        max_actor_restarts=restarts,
        name=name,
        ray_namespace="n",
        is_detached=detached,
    )
    return m.TaskSpec(
        type=m.ACTOR_CREATION_TASK,
        job_id=JOB,
        task_id=ids.creation_task_id(actor_id(number)),
        parent_task_id=ids.driver_task_id(JOB),
        caller_id=ids.driver_task_id(JOB),
        caller_address=m.Address(node_id=NODE, ip_address="127.0.0.1", port=3, worker_id=OWNER),
        required_resources={"CPU": 1},
        actor_creation_task_spec=creation,
        root_detached_actor_id=actor_id(number) if detached else ids.NIL_ACTOR,
    )


def group_spec(number: int = 1, count: int = 2, strategy: Any = m.PACK) -> m.PlacementGroupSpec:
    group_id = b"P" * 13 + bytes([number]) + JOB
    return m.PlacementGroupSpec(
        placement_group_id=group_id,
        strategy=strategy,
        creator_job_id=JOB,
        creator_actor_dead=True,
        bundles=[
            m.Bundle(
                bundle_id=m.Bundle.BundleIdentifier(placement_group_id=group_id, bundle_index=index),
                unit_resources={"CPU": 1},
            )
            for index in range(count)
        ],
    )


def populated() -> World:
    """A world with one node and one running job."""
    world = World()
    world.ask("RegisterNode", node_info=node(head=True))
    world.ask("AddJob", data=m.JobTableData(job_id=JOB))
    return world


def created(world: World, number: int = 1, **spec: object) -> bytes:
    """A live actor; its worker's id."""
    task = actor_spec(number, **spec)  # type: ignore[arg-type]
    assert world.ask("RegisterActor", task_spec=task).status.code == Code.OK
    return bytes(world.ask("CreateActor", task_spec=task).actor_address.worker_id)


def state_of(world: World, number: int = 1) -> int:
    """Where actor ``number`` stands, one of ``ActorTableData``'s states."""
    return int(world.ask("GetActorInfo", actor_id=actor_id(number)).actor_table_data.state)


def fail_worker(world: World, worker_id: bytes) -> int:
    """Report that a worker died; the number of the call."""
    where = m.Address(node_id=NODE, worker_id=worker_id)
    return world.call("ReportWorkerFailure", worker_failure=m.WorkerTableData(worker_address=where))
