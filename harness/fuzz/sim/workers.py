"""The worker processes and drivers of a simulated raylet, and what they answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from harness.fuzz.sim.deviating import deviate
from harness.fuzz.sim.orders import Order
from harness.raylet.exceptions import raised
from harness.wire import messages as m

if TYPE_CHECKING:
    from harness.fuzz.sim.raylet import Raylet

ORDERED = m.INTENDED_SYSTEM_EXIT
IP = "127.0.0.1"
DYING = 0.002
"""Seconds from an order to die to its end: the answer leaves first."""
AT_ONCE = 0.00005
"""Seconds in which a raylet ends a process of its own: before its answer arrives."""


@dataclass
class Driver:
    """An owner on a raylet's node. It answers while it is attached."""

    raylet: Raylet
    worker_id: bytes
    port: int
    dropped: set[bytes] = field(default_factory=set)
    waiting: dict[bytes, list[Order]] = field(default_factory=dict)

    def order(self, order: Order) -> None:
        """WaitForActorRefDeleted is answered when the ref is dropped."""
        self._obey_or_deviate(order, partial(self._owned, order, order.effect.request))

    def _obey_or_deviate(self, order: Order, obey: Callable[[], None]) -> None:
        script = self.raylet.note_order(order, self.worker_id)
        if script is None:
            obey()
        else:
            deviate(self, self.raylet, order, script, obey)

    def _owned(self, order: Order, request: Any) -> None:
        if not order.effect.method.endswith(".WaitForActorRefDeleted"):
            order.answer(m.NumPendingTasksReply())
        elif request.intended_worker_id not in (b"", self.worker_id):
            order.refuse("INVALID_ARGUMENT")
        elif request.actor_id in self.dropped:
            order.answer(m.WaitForActorRefDeletedReply())
        else:
            self.waiting.setdefault(request.actor_id, []).append(order)

    def drop(self, actor: bytes) -> None:
        """Nobody refers to ``actor`` any more."""
        self.dropped.add(actor)
        for order in self.waiting.pop(actor, ()):
            if not order.gone:
                order.answer(m.WaitForActorRefDeletedReply())

    def hang_up(self) -> None:
        """Its port closes: calls that wait there fail."""
        for orders in self.waiting.values():
            for order in orders:
                order.refuse("UNAVAILABLE")
        self.waiting.clear()


class Worker(Driver):
    """A worker process. ``lease_id`` empty: none; ``returned``: free for the next lease."""

    def __init__(self, raylet: Raylet, worker_id: bytes, port: int, pid: int) -> None:
        super().__init__(raylet, worker_id, port)
        self.pid = pid
        self.lease_id = b""
        self.actor_id = b""
        self.leased_for_actor = self.returned = False
        self.bundle: tuple[bytes, int] | None = None
        self.alive = True
        self.exit_type: int = m.SYSTEM_ERROR
        self.exit_detail = ""
        self.exception = ""

    def address(self) -> m.Address:
        return m.Address(node_id=self.raylet.node_id, ip_address=IP, port=self.port, worker_id=self.worker_id)

    def order(self, order: Order) -> None:
        behaviour = _BEHAVIOURS.get(order.name)
        if behaviour is None:
            super().order(order)
            return
        self._obey_or_deviate(order, partial(behaviour, self, order, order.effect.request))

    def _push(self, order: Order, request: m.PushTaskRequest) -> None:
        if request.intended_worker_id not in (b"", self.worker_id):
            order.refuse("INVALID_ARGUMENT")
            return
        actor = request.task_spec.actor_creation_task_spec.actor_id
        if self.actor_id != actor:
            self.actor_id = actor
            number = self.raylet.world.incarnation(actor)
            facts = {"worker": self.worker_id, "pid": self.pid, "actor": actor, "incarnation": number}
            self.raylet.write("worker", "actor", facts)
        order.answer(m.PushTaskReply())

    def _kill_actor(self, order: Order, request: m.KillActorRequest) -> None:
        if self.actor_id != request.intended_actor_id:
            order.refuse("INVALID_ARGUMENT")
            return
        order.answer(m.KillActorReply())
        self.die_soon("Worker exits because the actor is killed.")

    def _exit(self, order: Order, _request: m.ExitRequest) -> None:
        order.answer(m.ExitReply(success=True))
        self.die_soon("Worker exits because it was asked to.")

    def die_soon(self, why: str, after: float = DYING) -> None:
        self.raylet.clock.after(after, self.raylet.kill_worker, self, why, ORDERED)

    def failure(self) -> m.ReportWorkerFailureRequest:
        """The report of its death."""
        data = m.WorkerTableData(
            worker_address=self.address(),
            worker_type=m.WORKER,
            exit_type=self.exit_type,  # type: ignore[arg-type]
            exit_detail=self.exit_detail,
            pid=self.pid,
            timestamp=int(self.raylet.clock.now),
        )
        if self.exception:
            data.creation_task_exception.CopyFrom(raised(self.exception))
        return m.ReportWorkerFailureRequest(worker_failure=data)


_BEHAVIOURS: dict[str, Callable[[Worker, Order, Any], None]] = {
    "PushTask": Worker._push,
    "KillActor": Worker._kill_actor,
    "Exit": Worker._exit,
}


def driver_failure(driver: Driver) -> m.ReportWorkerFailureRequest:
    """The report of a driver's death, which it meant."""
    where = m.Address(
        node_id=driver.raylet.node_id, ip_address=IP, port=driver.port, worker_id=driver.worker_id
    )
    data = m.WorkerTableData(
        worker_address=where,
        timestamp=int(driver.raylet.clock.now),
        worker_type=m.DRIVER,
        exit_type=m.INTENDED_USER_EXIT,
        exit_detail="The driver disconnected.",
    )
    return m.ReportWorkerFailureRequest(worker_failure=data)
