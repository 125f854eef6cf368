"""CoreWorkerService of a raylet's workers and of the owners attached to it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import grpc
from google.protobuf.message import Message

from harness.raylet.answering import Behaviour, Desk
from harness.raylet.exceptions import told
from harness.raylet.serving import Answer, Door, Refused
from harness.raylet.workers import LocalWorker, claim
from harness.wire import messages as m

if TYPE_CHECKING:
    from harness.raylet.raylet import Raylet

WORKER = "CoreWorkerService"


@dataclass
class Refs:
    """The actors that an owner has let go; whoever waits for one is woken."""

    dropped: set[bytes] = field(default_factory=set)
    change: asyncio.Event = field(default_factory=asyncio.Event)

    def drop(self, actor_id: bytes) -> None:
        self.dropped.add(actor_id)
        self.change.set()
        self.change = asyncio.Event()

    async def until_dropped(self, actor_id: bytes) -> None:
        while actor_id not in self.dropped:
            await self.change.wait()


@dataclass
class Driver:
    """An owner without a process, attached to a raylet. Its port is open while it is attached."""

    worker_id: bytes
    door: Door
    refs: Refs
    told_of_restart: int = 0

    def failure(self, node_id: bytes, address: str) -> m.ReportWorkerFailureRequest:
        """The report of its death, which it meant."""
        data = m.WorkerTableData(
            worker_address=m.Address(
                node_id=node_id, ip_address=address, port=self.door.port, worker_id=self.worker_id
            ),
            timestamp=int(time.time()),
            worker_type=m.DRIVER,
            exit_type=m.INTENDED_USER_EXIT,
            exit_detail="The driver disconnected.",
        )
        return m.ReportWorkerFailureRequest(worker_failure=data)


class OwnerService:
    """What every owner answers: it waits until a ref is dropped."""

    def __init__(self, worker_id: bytes, refs: Refs) -> None:
        self._worker_id = worker_id
        self._refs = refs

    def behaviours(self) -> dict[str, Behaviour]:
        return {
            f"{WORKER}.WaitForActorRefDeleted": Behaviour(self._wait),
            f"{WORKER}.NumPendingTasks": Behaviour(self._pending),
        }

    async def _wait(self, request: m.WaitForActorRefDeletedRequest) -> Message:
        self._intended(request.intended_worker_id)
        await self._refs.until_dropped(request.actor_id)
        return m.WaitForActorRefDeletedReply()

    async def _pending(self, _: m.NumPendingTasksRequest) -> Message:
        return m.NumPendingTasksReply(num_pending_tasks=0)

    def _intended(self, worker_id: bytes) -> None:
        # core_worker.cc HandleWaitForActorRefDeleted: a ref held by another worker is not ours.
        if worker_id not in (b"", self._worker_id):
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "this request is for another worker")


class WorkerService(OwnerService):
    """What one worker process answers; the host speaks gRPC for it."""

    def __init__(self, raylet: Raylet, worker_id: bytes) -> None:
        super().__init__(worker_id, Refs())
        self._raylet = raylet

    def answers(self) -> dict[str, Answer]:
        raylet = self._raylet
        desk = Desk(raylet.dialect, raylet.orders, raylet.scripts, raylet.scribe, self._worker_id)
        return desk.answers(
            {
                **self.behaviours(),
                f"{WORKER}.PushTask": Behaviour(self._push, self._fail_creation),
                f"{WORKER}.KillActor": Behaviour(self._kill_actor),
                f"{WORKER}.Exit": Behaviour(self._exit),
            }
        )

    def _worker(self) -> LocalWorker:
        worker = self._raylet.workers.by_id.get(self._worker_id)
        if worker is None or not worker.alive:
            raise Refused(grpc.StatusCode.UNAVAILABLE, "the worker is dead")
        return worker

    async def _push(self, request: m.PushTaskRequest) -> Message:
        self._intended(request.intended_worker_id)
        worker = self._worker()
        actor_id = request.task_spec.actor_creation_task_spec.actor_id
        incarnation = 0
        if worker.actor_id != actor_id:
            incarnation = claim(self._raylet.shared, actor_id)
            worker.actor_id = actor_id
            self._raylet.scribe.worker(
                "actor", self._worker_id, worker.born.pid, actor_id, incarnation=incarnation
            )
        try:
            reply = await worker.ask({"op": "create_actor", "actor_id": actor_id, "incarnation": incarnation})
        except OSError as error:
            raise Refused(grpc.StatusCode.UNAVAILABLE, str(error)) from None
        if not reply["ok"]:
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, reply["error"])
        return m.PushTaskReply(actor_repr_name="")

    async def _fail_creation(self, request: m.PushTaskRequest) -> Message:
        worker = self._worker()
        worker.actor_id = request.task_spec.actor_creation_task_spec.actor_id
        worker.exception = "scripted: the actor's constructor raised"
        self._raylet.scribe.worker(
            "actor", self._worker_id, worker.born.pid, worker.actor_id, detail=worker.exception
        )
        why = "Worker exits because there was an exception in the initialization method."
        # The reply leaves before the process does.
        asyncio.get_running_loop().call_later(0.05, self._raylet.workers.kill, worker, why, m.USER_ERROR)
        return m.PushTaskReply(
            worker_exiting=True,
            is_application_error=True,
            task_execution_error=told(worker.exception),
        )

    async def _kill_actor(self, request: m.KillActorRequest) -> Message:
        worker = self._worker()
        if worker.actor_id != request.intended_actor_id:
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "another actor runs here")
        # The reply leaves before the process does.
        asyncio.get_running_loop().call_later(
            0.02, self._raylet.workers.kill, worker, "Worker exits because the actor is killed."
        )
        return m.KillActorReply()

    async def _exit(self, _: m.ExitRequest) -> Message:
        worker = self._worker()
        asyncio.get_running_loop().call_later(
            0.02, self._raylet.workers.kill, worker, "Worker exits because it was asked to."
        )
        return m.ExitReply(success=True)


def driver_answers(raylet: Raylet, worker_id: bytes, refs: Refs) -> dict[str, Answer]:
    """Everything an attached driver answers on its port."""
    desk = Desk(raylet.dialect, raylet.orders, raylet.scripts, raylet.scribe, worker_id)
    return desk.answers(OwnerService(worker_id, refs).behaviours())
