"""The worker processes of one raylet, as it knows them: birth, orders, death and its report."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.raylet import jsonline
from harness.raylet.exceptions import raised
from harness.raylet.nursery import Born, Nursery
from harness.raylet.scribe import Scribe
from harness.raylet.serving import Answer, Door
from harness.wire import ids
from harness.wire import messages as m

ORDERED = m.INTENDED_SYSTEM_EXIT
"""Why a worker exits that was told to (``core_worker.cc`` HandleKillActor, HandleExit)."""


@dataclass
class LocalWorker:
    """One worker process. Its gRPC port is open exactly as long as it lives."""

    worker_id: bytes
    address: str
    born: Born
    door: Door
    started: float = field(default_factory=time.time)
    lease_id: bytes = b""
    actor_id: bytes = b""
    leased_for_actor: bool = False
    returned: bool = False
    """Its lease was given back and it lives on: free for the next lease."""
    bundle: tuple[bytes, int] | None = None
    alive: bool = True
    ready: bool = True
    """Known to the GCS, for a worker that registers itself."""
    exit_type: int = m.SYSTEM_ERROR
    exit_detail: str = ""
    exception: str = ""
    told_of_restart: int = 0
    exited: asyncio.Event = field(default_factory=asyncio.Event)

    def rpc_address(self, node_id: bytes) -> m.Address:
        return m.Address(
            node_id=node_id, ip_address=self.address, port=self.door.port, worker_id=self.worker_id
        )

    async def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """One request of the worker's own protocol; OSError if it is gone."""
        reader, writer = await asyncio.open_connection(self.address, self.born.port)
        try:
            writer.write(jsonline.pack(request))
            line = await reader.readline()
        finally:
            writer.close()
        if not line:
            raise ConnectionError("the worker died")
        reply: dict[str, Any] = jsonline.unpack(line)
        return reply


class Workers:
    """All workers of a raylet, dead ones included."""

    def __init__(
        self,
        node_id: bytes,
        address: str,
        nursery: Nursery,
        scribe: Scribe,
        answers: Callable[[bytes], Mapping[str, Answer]],
        on_death: Callable[[LocalWorker], None],
    ) -> None:
        self.by_id: dict[bytes, LocalWorker] = {}
        self._node_id = node_id
        self._address = address
        self._nursery = nursery
        self._scribe = scribe
        self._answers = answers
        self._on_death = on_death
        self._closing: set[asyncio.Task[None]] = set()

    def alive(self) -> list[LocalWorker]:
        return [worker for worker in self.by_id.values() if worker.alive]

    async def start(self) -> LocalWorker:
        """A new worker process with its gRPC port open. OSError if a port cannot be bound."""
        worker_id = ids.unique_id()
        door = Door(self._answers(worker_id))
        await door.open(self._address)
        born = await self._nursery.spawn(
            self._address, worker_id, lambda status: self._died(worker_id, status)
        )
        worker = LocalWorker(worker_id, self._address, born, door)
        self.by_id[worker_id] = worker
        self._scribe.worker("started", worker_id, born.pid)
        return worker

    def kill(
        self, worker: LocalWorker, why: str, exit_type: int = ORDERED, number: int = signal.SIGKILL
    ) -> None:
        """Kill it on somebody's order; ``exit_type`` and ``why`` go into the report."""
        if worker.alive:
            worker.exit_type, worker.exit_detail = exit_type, why
            self._nursery.kill(worker.born.pid, number)

    def signal(self, worker: LocalWorker, number: int) -> None:
        """Send a signal from outside, so that the raylet is not told why."""
        if worker.alive:
            self._nursery.kill(worker.born.pid, number)

    def failure(self, worker: LocalWorker) -> m.ReportWorkerFailureRequest:
        """The report of its death."""
        now = time.time()
        data = m.WorkerTableData(
            is_alive=False,
            worker_address=worker.rpc_address(self._node_id),
            timestamp=int(now),
            worker_type=m.WORKER,
            exit_type=worker.exit_type,  # type: ignore[arg-type]
            exit_detail=worker.exit_detail,
            pid=worker.born.pid,
            start_time_ms=int(worker.started * 1000),
            end_time_ms=int(now * 1000),
        )
        if worker.exception:
            data.creation_task_exception.CopyFrom(raised(worker.exception))
        return m.ReportWorkerFailureRequest(worker_failure=data)

    async def close(self) -> None:
        """Kill all and close their ports, without a report."""
        self._on_death = lambda worker: None
        for worker in self.alive():
            self.kill(worker, "raylet is gone")
            await worker.door.close()

    def _died(self, worker_id: bytes, status: int) -> None:
        worker = self.by_id[worker_id]
        worker.alive = False
        worker.exited.set()
        if not worker.exit_detail:
            worker.exit_detail = f"Worker exited with status {status} (a negative one is a signal)."
        self._scribe.worker(
            "exited", worker_id, worker.born.pid, worker.actor_id, detail=worker.exit_detail, exit=status
        )
        closing = asyncio.create_task(worker.door.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)
        self._on_death(worker)


def claim(directory: str, actor_id: bytes) -> int:
    """The number of this creation of ``actor_id``: 1, 2, … over all hosts that share ``directory``."""
    number = 1
    while True:
        try:
            path = os.path.join(directory, f"incarnation-{actor_id.hex()}-{number}")  # noqa: PTH118
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except FileExistsError:
            number += 1
        else:
            return number
