"""A simulated raylet: it joins, obeys, reports, joins again after a restart, and leaves at its limit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message

from harness.fuzz.sim.channel import Attempt, Channel
from harness.fuzz.sim.clock import Entry
from harness.fuzz.sim.leases import Leases
from harness.fuzz.sim.obeying import BEHAVIOURS
from harness.fuzz.sim.server import Order
from harness.fuzz.sim.subscriber import Subscriber
from harness.fuzz.sim.workers import IP, ORDERED, Driver, Worker, driver_failure
from harness.raylet.books import Book, Pool
from harness.raylet.cluster_view import ClusterView, Place
from harness.raylet.reconnect import Reconnect, State
from harness.raylet.scribe import ROUTINE
from harness.wire import messages as m

if TYPE_CHECKING:
    from harness.fuzz.sim.world import World

CHECK_INTERVAL = 1.0
"""Seconds between two looks at a broken channel, at the most."""
SELF_CHECK = 60.0
SYNC_REOPEN = 2.0
CONTROL = "ControlPlanePubSubGcsService"


class Raylet:
    """One node. ``gone``: its process is no more, and neither are its workers."""

    def __init__(self, world: World, number: int, node_id: bytes, cpus: float, head: bool) -> None:
        self.world, self.clock = world, world.clock
        self.node_id, self.port, self.head = node_id, 10_000 + number, head
        self.who = node_id.hex()
        self.resources = {"CPU": cpus}
        self.book = Book(Pool(self.resources))
        self.view = ClusterView(node_id)
        self.leases = Leases(self)
        self.reconnect = Reconnect(world.plan.reconnect_limit)
        self.workers: dict[bytes, Worker] = {}
        self.drivers: dict[bytes, Driver] = {}
        self.registered = self.gone = self.syncing = False
        self.channel = Channel(world.network, world.record, world.server, self.who)
        self.subscriber = Subscriber(self.call, node_id, self._heard)
        self._expiry: Entry | None = None
        self._stream = 0
        self._streams = 0
        self._version = 0
        self._told_soon = False
        self._orders = 0

    # -- life ------------------------------------------------------------------------------

    def write(self, kind: str, what: str, facts: dict[str, Any]) -> None:
        self.world.record.write(kind, what, facts, self.who)

    def join(self) -> None:
        facts = {"address": IP, "port": self.port, "resources": dict(self.resources), "is_head": self.head,
                 "reconnect_limit": self.reconnect.limit, "pid": self.port}  # fmt: skip
        self.write("raylet", "joins", facts)
        self.world.server.doors[IP, self.port] = self
        self.call("NodeInfoGcsService.GetClusterId", m.GetClusterIdRequest(), self._know_cluster)

    def _know_cluster(self, reply: m.GetClusterIdReply) -> None:
        self.channel.cluster_id = reply.cluster_id.hex()
        info = m.GcsNodeInfo(
            node_id=self.node_id,
            node_manager_address=IP,
            node_manager_port=self.port,
            node_manager_hostname=IP,
            node_name=IP,
            resources_total=self.resources,
            is_head_node=self.head,
            start_time_ms=int(self.clock.now * 1000),
            state=m.GcsNodeInfo.ALIVE,
        )
        self.call("NodeInfoGcsService.RegisterNode", m.RegisterNodeRequest(node_info=info), self._joined)

    def _joined(self, _reply: Any) -> None:
        self.registered = True
        self.subscriber.subscribe(
            m.GCS_NODE_ADDRESS_AND_LIVENESS_CHANNEL, m.GCS_WORKER_DELTA_CHANNEL, m.GCS_JOB_CHANNEL
        )
        self.clock.after(SELF_CHECK, self._check_self)
        self._read_tables()
        self._open_stream()

    def restarted(self) -> None:
        """NotifyGCSRestart: sync, subscribe and read again."""
        if self.registered:
            self._open_stream()
            self.subscriber.again()
            self._read_tables()

    def _read_tables(self) -> None:
        jobs = m.GetAllJobInfoRequest(skip_submission_job_info_field=True, skip_is_running_tasks_field=True)
        self.call("JobInfoGcsService.GetAllJobInfo", jobs, _ignore)
        nodes = m.GetAllNodeAddressAndLivenessRequest()
        self.call("NodeInfoGcsService.GetAllNodeAddressAndLiveness", nodes, self._read_nodes)

    def _read_nodes(self, reply: m.GetAllNodeAddressAndLivenessReply) -> None:
        for node in reply.node_info_list:
            self._node(node)

    def _check_self(self) -> None:
        if not self.gone:
            request = m.CheckAliveRequest(node_ids=[self.node_id])
            self.call("NodeInfoGcsService.CheckAlive", request, self._checked)

    def _checked(self, reply: m.CheckAliveReply) -> None:
        if list(reply.raylet_alive) == [False]:
            self.exit(1, "GCS considers this node to be dead")
        else:
            self.clock.after(SELF_CHECK, self._check_self)

    def leave(self) -> None:
        """Say goodbye, and exit."""
        death = m.NodeDeathInfo(reason=m.NodeDeathInfo.EXPECTED_TERMINATION, reason_message="asked to")
        request = m.UnregisterNodeRequest(node_id=self.node_id, node_death_info=death)
        self.call("NodeInfoGcsService.UnregisterNode", request, lambda _reply: self.exit(0, "asked to"))

    def exit(self, status: int, why: str, what: str = "exit") -> None:
        """The process ends, and with it its workers and drivers, without a word."""
        if self.gone:
            return
        self.gone, self.syncing = True, False
        self.write("raylet", what, {"status": status, "why": why})
        self.reconnect.state = State.GONE
        self.clock.cancel(self._expiry)
        self.channel.drop()
        self.leases.close()
        for worker in self.alive():
            worker.exit_detail = "raylet is gone"
            self._bury(worker)
        for driver in list(self.drivers.values()):
            self._detach(driver)
        self.world.server.doors.pop((IP, self.port), None)
        self.world.server.hang_up(self._stream)

    @property
    def state(self) -> str:
        return "gone" if self.gone else str(self.reconnect.state)

    # -- calls -----------------------------------------------------------------------------

    def call(self, name: str, request: Message, then: Callable[[Any], None]) -> Calling:
        """Call the GCS until it answers, however long it is away; a refusal ends it."""
        calling = Calling(self, name, request, then)
        calling.send()
        return calling

    def failed(self) -> None:
        """A call found no GCS."""
        if self.reconnect.failed(self.clock.now):
            self.write("raylet", str(self.reconnect.state), {"why": "the GCS is away"})
            self._expiry = self.clock.after(self.reconnect.limit, self._expire)

    def back(self) -> None:
        """The GCS answered, or its channel is ready."""
        since = self.reconnect.since
        if self.reconnect.ready():
            waited = self.clock.now - (since or 0.0)
            if waited >= 0.9 * self.reconnect.limit:
                self.world.reached("a raylet reconnects in its last 10 %")
            self.write("raylet", str(self.reconnect.state), {"why": "channel ready"})
            self.clock.cancel(self._expiry)

    def _expire(self) -> None:
        if self.world.server.open and not self.channel.cut:
            self.back()
        elif self.reconnect.passed(self.clock.now + 1e-6):
            self.write("raylet", "gone", {"why": f"no GCS within {self.reconnect.limit:g} s"})
            self.world.reached("a raylet leaves at its limit")
            self.exit(1, "no GCS")

    # -- the syncer ------------------------------------------------------------------------

    def _open_stream(self) -> None:
        """A stream in the place of the one before."""
        if self.gone:
            return
        self.world.server.hang_up(self._stream)
        self._streams += 1
        number = 0
        if not self.channel.cut:
            end = _Stream(self, self._streams)
            number = self.world.server.stream(self.node_id, self.channel.cluster_id, end)
        self._stream, self.syncing = number, bool(number)
        if number:
            self._send_view()
        else:
            self.clock.after(SYNC_REOPEN, self._reopen, self._streams)

    def _reopen(self, number: int) -> None:
        if number == self._streams:
            self._open_stream()

    def stream_closed(self, number: int) -> None:
        if number == self._streams and not self.gone:
            self._stream, self.syncing = 0, False
            self.clock.after(SYNC_REOPEN, self._reopen, number)

    def cut_stream(self) -> None:
        """The stream breaks, for both ends."""
        self.world.server.hang_up(self._stream)
        self.stream_closed(self._streams)

    def changed(self) -> None:
        """Resources changed: others learn of it, and leases that wait look again."""
        if not self._told_soon and not self.gone:
            self._told_soon = True
            self.clock.after(0.0005, self._tell)

    def _tell(self) -> None:
        self._told_soon = False
        if self.gone:
            return
        self.leases.retry()
        if self._stream and not self.channel.cut:
            self._send_view()

    def _send_view(self) -> None:
        self._version += 1
        view = m.ResourceViewSyncMessage(
            resources_available=self.book.available(), resources_total=self.book.total()
        )
        one = m.RaySyncMessage(
            version=self._version,
            message_type=m.RESOURCE_VIEW,
            sync_message=view.SerializeToString(),
            node_id=self.node_id,
        )
        batch = m.RaySyncMessageBatch(messages=[one])
        self.clock.after(0.0003, self.world.server.stream_frame, self._stream, batch)

    def frame(self, batch: m.RaySyncMessageBatch) -> None:
        """Views of others."""
        for one in batch.messages:
            if one.message_type == m.RESOURCE_VIEW:
                view = m.ResourceViewSyncMessage.FromString(one.sync_message)
                self.view.resources(one.node_id, one.version, dict(view.resources_available))
        self.leases.retry()

    # -- what is heard ---------------------------------------------------------------------

    def _heard(self, message: m.PubMessage) -> None:
        if message.HasField("node_address_and_liveness_message"):
            self._node(message.node_address_and_liveness_message)

    def _node(self, node: m.GcsNodeAddressAndLiveness) -> None:
        alive = node.state == m.GcsNodeInfo.ALIVE
        place = Place(node.node_manager_address, node.node_manager_port) if alive else None
        self.view.node(node.node_id, place)
        self.leases.retry()

    # -- orders ----------------------------------------------------------------------------

    def order(self, order: Order) -> None:
        """An order arrives at the raylet's own port."""
        name = order.effect.method.split(".")[1]
        if self.channel.cut:
            order.refuse("UNAVAILABLE")
            return
        self.note_order(order, b"")
        BEHAVIOURS[name](self, order, order.effect.request)

    def note_order(self, order: Order, worker: bytes) -> None:
        name = order.effect.method.split(".")[1]
        self._orders += 1
        if name not in ROUTINE:
            facts = {"seq": self._orders, "outcome": "received", "fields": order.effect.request,
                     "worker": worker, "script": ""}  # fmt: skip
            self.write("order", name, facts)

    # -- workers and drivers ---------------------------------------------------------------

    def alive(self) -> list[Worker]:
        return [one for one in self.workers.values() if one.alive]

    def start_worker(self) -> Worker:
        number = self.world.number()
        worker = Worker(self, self.world.worker_id(number), 20_000 + number, 50_000 + number)
        self.workers[worker.worker_id] = worker
        self.world.server.doors[IP, worker.port] = worker
        self.write("worker", "started", {"worker": worker.worker_id, "pid": worker.pid, "actor": b""})
        return worker

    def kill_worker(self, worker: Worker, why: str, exit_type: int = ORDERED) -> None:
        """It dies, and the GCS is told."""
        if not worker.alive:
            return
        worker.exit_type, worker.exit_detail = exit_type, why
        self._bury(worker)
        self.leases.give_back(worker.lease_id)
        self.call("WorkerInfoGcsService.ReportWorkerFailure", worker.failure(), _ignore)

    def _bury(self, worker: Worker) -> None:
        worker.alive = False
        self.world.server.doors.pop((IP, worker.port), None)
        worker.hang_up()
        facts = {"worker": worker.worker_id, "pid": worker.pid, "actor": worker.actor_id,
                 "detail": worker.exit_detail, "exit": -9}  # fmt: skip
        self.write("worker", "exited", facts)

    def attach(self, worker_id: bytes, port: int) -> None:
        """A driver starts on this node."""
        driver = self.drivers[worker_id] = Driver(self, worker_id, port)
        self.world.server.doors[IP, port] = driver

    def end_driver(self, driver: Driver) -> None:
        """The driver dies, and the GCS is told."""
        self._detach(driver)
        self.call("WorkerInfoGcsService.ReportWorkerFailure", driver_failure(driver), _ignore)

    def _detach(self, driver: Driver) -> None:
        del self.drivers[driver.worker_id]
        self.write("note", "owner left", {"worker": driver.worker_id})
        self.world.server.doors.pop((IP, driver.port), None)
        driver.hang_up()

    def lives(self, worker_id: bytes) -> bool:
        worker = self.workers.get(worker_id)
        return worker_id in self.drivers or (worker is not None and worker.alive)


class Calling:
    """One call, sent again whenever the GCS was not there for it."""

    def __init__(self, raylet: Raylet, name: str, request: Message, then: Callable[[Any], None]) -> None:
        self._raylet, self._name, self._request, self._then = raylet, name, request, then
        self._attempt: Attempt | None = None
        self._stopped = False

    def send(self) -> None:
        last = self._attempt.id if self._attempt is not None else None
        self._attempt = self._raylet.channel.send(self._name, self._request, self._ended, last)

    def stop(self) -> None:
        """Give it up."""
        self._stopped = True
        if self._attempt is not None and not self._attempt.ended:
            self._raylet.world.server.cancel(self._attempt)
            self._raylet.channel.fail(self._attempt, "CANCELLED", "the raylet gave it up")

    def _ended(self, reply: Any, status: str) -> None:
        raylet = self._raylet
        if raylet.gone or self._stopped:
            return
        if status in ("UNAVAILABLE", "UNKNOWN"):
            raylet.failed()
            if not raylet.gone:
                raylet.clock.after(self._pause(), self._look)
            return
        raylet.back()
        if reply is None:
            raylet.write("raylet", "refused", {"why": f"{self._name}: {status}"})
        else:
            self._then(reply)

    def _pause(self) -> float:
        """Until the next look at the channel."""
        return 0.05 + self._raylet.world.random.random() * CHECK_INTERVAL

    def _look_later(self) -> None:
        self._raylet.clock.after(self._pause(), self._look)

    def _look(self) -> None:
        raylet = self._raylet
        if raylet.gone or self._stopped:
            return
        if raylet.channel.cut:
            raylet.clock.after(CHECK_INTERVAL, self._look)
        elif raylet.world.server.open:
            raylet.back()
            self.send()
        else:
            raylet.world.server.ready.append(self._look_later)


class _Stream:
    """The raylet's end of its ``number``-th stream."""

    def __init__(self, raylet: Raylet, number: int) -> None:
        self._raylet, self._number = raylet, number

    def frame(self, message: Message) -> None:
        if not self._raylet.gone:
            self._raylet.frame(message)  # type: ignore[arg-type]

    def closed(self) -> None:
        self._raylet.stream_closed(self._number)


def _ignore(_reply: Any) -> None:
    """The answer changes nothing."""
