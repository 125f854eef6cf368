"""One fake raylet: it registers, subscribes, syncs, obeys, and comes back after a GCS restart."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.raylet import reconnect
from harness.raylet.books import Book, Pool
from harness.raylet.cluster_view import ClusterView, Place
from harness.raylet.drain import Drain, decide
from harness.raylet.gcs_client import GcsClient, GcsLink, GcsRefused, cancelled
from harness.raylet.leases import Leases
from harness.raylet.membership import Membership
from harness.raylet.nursery import Nursery
from harness.raylet.objects import ObjectStore
from harness.raylet.orders import KEPT, Journal
from harness.raylet.reconnect import Reconnect
from harness.raylet.scribe import Record, Scribe, Streams
from harness.raylet.scripts import Scripts
from harness.raylet.service import NodeService
from harness.raylet.serving import Door
from harness.raylet.subscriber import Subscriber, readable
from harness.raylet.sync import REOPEN_S, REPORT_S, Syncer
from harness.raylet.worker_service import Driver, Refs, WorkerService, driver_answers
from harness.raylet.workers import LocalWorker, Workers
from harness.wire import ids
from harness.wire import messages as m

SELF_CHECK_S = 60.0  # raylet_liveness_self_check_interval_ms


@dataclass(frozen=True)
class Options:
    """What a raylet is. Times in seconds; ``port`` 0 means any."""

    address: str
    port: int = 0
    object_manager_port: int = 0
    resources: Mapping[str, float] = field(default_factory=lambda: {"CPU": 4.0})
    labels: Mapping[str, str] = field(default_factory=dict)
    is_head: bool = False
    node_id: bytes = b""
    gcs: str = ""
    """The gRPC target at which this one knows the GCS; empty: as all in its host."""
    cluster_id: bytes = b""
    """Believed from the start, as a raylet is told on its command line; empty: ask."""
    reconnect_limit: float = reconnect.DEFAULT_LIMIT_S
    self_check: float = SELF_CHECK_S
    sync: bool = True
    sync_reopen: float = REOPEN_S
    sync_report: float = REPORT_S
    """How often it looks whether to report its resources; 0: at once."""
    watch: bool = True
    """Keep what is heard, and know the other nodes; off for large fleets, which only count."""
    kept: int = KEPT


class Raylet:
    """All of one node but its processes. Single-threaded, on the host's loop."""

    def __init__(
        self,
        options: Options,
        link: GcsLink,
        nursery: Nursery,
        shared: str,
        on_gone: Callable[[Raylet, int], None],
        record: Record,
    ) -> None:
        self.options = options
        self.dialect = link.dialect
        self.shared = shared
        self.node_id = options.node_id or ids.unique_id()
        self.scribe = Scribe(self.node_id, record, link.dialect, options.watch)
        self.orders = Journal(options.kept)
        self.messages = Journal(options.kept, readable)
        self.calls = Journal(options.kept)
        self.transitions = Journal(options.kept, also=self.scribe.transition)
        self.syncs = Journal(options.kept if options.watch else 50)
        self.scripts = Scripts()
        self.clock = Reconnect(options.reconnect_limit)
        self.exit_status: int | None = None
        self.registered = asyncio.Event()
        self.settled = asyncio.Event()
        self.draining: Drain | None = None
        self.leaving = False
        self.drivers: dict[bytes, Driver] = {}
        self._on_gone = on_gone
        self._tasks: set[asyncio.Task[None]] = set()
        self._load: bytes | None = None
        self._door: Door | None = None
        self.port = options.port

        self.book = Book(Pool(options.resources))
        self.view = ClusterView(self.node_id)
        gone: Callable[[], None] = lambda: self.go(1, "no GCS")  # noqa: E731
        self.gcs = GcsClient(link, self.clock, self.calls, self.transitions, self.scribe, gone)
        heard = self._heard if options.watch else None
        self.subscriber = Subscriber(self.gcs, self.node_id, self.messages, heard)
        seen = self._seen if options.watch else None
        streams = Streams(self.scribe)
        self.syncer = Syncer(
            self.gcs,
            self.node_id,
            self.syncs,
            streams,
            self._view,
            seen,
            options.sync_reopen,
            options.sync_report,
        )
        answers: Callable[[bytes], Any] = lambda worker_id: WorkerService(self, worker_id).answers()  # noqa: E731
        self.workers = Workers(
            self.node_id, options.address, nursery, self.scribe, answers, self._worker_died
        )
        self.leases = Leases(self.node_id, self.book, self.view, self.workers, self.changed)
        self.objects = ObjectStore(options.address, options.object_manager_port)
        self._membership = Membership(self)

    # --- life -----------------------------------------------------------------------------

    async def open(self) -> None:
        """Open the port and begin to register; OSError if the port is taken."""
        await self.reach()
        self.scribe.raylet(
            "joins",
            address=self.options.address,
            port=self.port,
            resources=dict(self.options.resources),
            is_head=self.options.is_head,
            reconnect_limit=self.options.reconnect_limit,
            pid=os.getpid(),
        )
        self.spawn(self._membership.join())

    async def reach(self) -> None:
        """Open the raylet's port, first or again."""
        if self._door is None:
            door = Door(NodeService(self).answers())
            self.port = await door.open(self.options.address, self.port)
            self._door = door

    async def unreach(self) -> None:
        """Close the raylet's port; its own calls and its workers go on."""
        door, self._door = self._door, None
        if door is not None:
            await door.close()

    def go(self, status: int, why: str) -> None:
        """End this raylet without a word to the GCS, as ``_Exit(status)`` would."""
        if self.exit_status is not None:
            return
        self.exit_status = status
        self.clock.state = reconnect.State.GONE
        self.transitions.write("exit", status=status, why=why)
        self._on_gone(self, status)

    def leave(self, death: m.NodeDeathInfo) -> None:
        """Say goodbye to the GCS, as one that dies of ``death``, and exit 0. Once is enough."""
        if not self.leaving:
            self.leaving = True
            self.spawn(self._membership.unregister(death))

    async def close(self) -> None:
        """Free everything: tasks, ports, worker processes."""
        self.gcs.close()
        self._membership.close()
        await self.workers.close()
        await self.unreach()
        for driver in self.drivers.values():
            await driver.door.close()
        await self.syncer.stop()
        await self.subscriber.stop()
        await cancelled(*self._tasks)
        self.objects.close()

    def gcs_restarted(self) -> None:
        """NotifyGCSRestart: subscribe, re-read and sync again; tell workers and drivers."""
        told: list[LocalWorker | Driver] = [*self.workers.alive(), *self.drivers.values()]
        for one in told:
            one.told_of_restart += 1
        if self.registered.is_set():
            self.spawn(self._membership.rejoin())

    # --- resources ------------------------------------------------------------------------

    def changed(self) -> None:
        """Resources changed: the view goes out, the cache is stale, waiting leases look again."""
        self._load = None
        self.syncer.changed()
        if self.leases.waiting:
            asyncio.get_running_loop().call_soon(self.leases.retry)
        if self.draining is not None and self.idle:
            self.leave(self.draining.death())

    @property
    def idle(self) -> bool:
        """Nothing is leased or about to be, no bundle is held, and no object."""
        starting = any(one.starting for one in self.leases.waiting.values())
        return not (self.leases.granted or starting or self.book.bundles or self.objects)

    def drain(self, request: m.DrainRayletRequest) -> m.DrainRayletReply:
        """Take no new leases and bundles from now on, and leave once idle; or refuse."""
        drains = self.draining is not None
        self.draining, reply = decide(request, self.draining, self.idle)
        self.scribe.drain(request, reply)
        if self.draining is not None and not drains:
            self.leases.closed = True
            # The reply leaves before the port closes.
            asyncio.get_running_loop().call_later(0.05, self.changed)
        return reply

    def load_reply(self) -> bytes:
        """The bytes of a GetResourceLoadReply, made once for each change."""
        if self._load is None:
            reply = m.GetResourceLoadReply()
            reply.resources.node_id = self.node_id
            reply.resources.node_manager_address = self.options.address
            reply.resources.resources_available.update(self.book.available())
            reply.resources.resources_total.update(self.book.total())
            self._load = self.dialect.encode(reply)
        return self._load

    def _view(self) -> m.ResourceViewSyncMessage:
        return m.ResourceViewSyncMessage(
            resources_available=self.book.available(),
            resources_total=self.book.total(),
            is_draining=self.draining is not None,
            draining_deadline_timestamp_ms=self.draining.deadline_ms if self.draining is not None else 0,
            labels=dict(self.options.labels),
        )

    # --- workers and owners ---------------------------------------------------------------

    def lives(self, worker_id: bytes) -> bool:
        """Is this worker, or attached driver, alive here?"""
        worker = self.workers.by_id.get(worker_id)
        return worker_id in self.drivers or (worker is not None and worker.alive)

    async def start_worker(self) -> LocalWorker:
        """A worker that registers itself; ``ready`` once the GCS has answered it."""
        worker = await self.workers.start()
        worker.ready = False
        self.spawn(self._register_worker(worker))
        return worker

    async def attach_driver(self, worker_id: bytes, port: int = 0) -> Driver:
        """Open a port for an owner that lives elsewhere, or nowhere."""
        refs = Refs()
        door = Door(driver_answers(self, worker_id, refs))
        await door.open(self.options.address, port)
        driver = self.drivers[worker_id] = Driver(worker_id, door, refs)
        return driver

    async def detach_driver(self, worker_id: bytes, report: bool = True) -> None:
        """The owner died: its port closes, and the GCS is told if ``report``."""
        driver = self.drivers.pop(worker_id)
        self.scribe.note("owner left", worker=worker_id.hex())
        await driver.door.close()
        if report:
            self._report(driver.failure(self.node_id, self.options.address))

    async def _register_worker(self, worker: LocalWorker) -> None:
        data = m.WorkerTableData(
            is_alive=True,
            worker_address=worker.rpc_address(self.node_id),
            worker_type=m.WORKER,
            pid=worker.born.pid,
            start_time_ms=int(worker.started * 1000),
        )
        await self.gcs.call("WorkerInfoGcsService.AddWorkerInfo", m.AddWorkerInfoRequest(worker_data=data))
        worker.ready = True

    def _worker_died(self, worker: LocalWorker) -> None:
        self.leases.give_back(worker.lease_id)
        self._report(self.workers.failure(worker))

    def _report(self, failure: m.ReportWorkerFailureRequest) -> None:
        self.spawn(self._call("WorkerInfoGcsService.ReportWorkerFailure", failure))

    async def _call(self, name: str, request: Any) -> None:
        await self.gcs.call(name, request)

    # --- what is heard --------------------------------------------------------------------

    def _heard(self, message: m.PubMessage) -> None:
        if message.HasField("node_info_message"):
            self.node(message.node_info_message)
        elif message.HasField("node_address_and_liveness_message"):
            self.node(message.node_address_and_liveness_message)

    def node(self, node: m.GcsNodeInfo | m.GcsNodeAddressAndLiveness) -> None:
        """A node's row came in, from a table or a channel."""
        alive = node.state == m.GcsNodeInfo.ALIVE
        place = Place(node.node_manager_address, node.node_manager_port) if alive else None
        self.view.node(node.node_id, place)
        self.leases.retry()

    def _seen(self, node_id: bytes, version: int, view: m.ResourceViewSyncMessage) -> None:
        self.view.resources(node_id, version, dict(view.resources_available), view.is_draining)
        self.leases.retry()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work`` as a task that ends with this raylet; a refusal by the GCS is noted."""
        task = asyncio.create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except GcsRefused as refused:
            self.transitions.write("refused", why=str(refused))
