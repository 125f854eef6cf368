"""A simulated raylet: it joins, obeys, reports, joins again after a restart, and leaves at its limit."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message

from harness.fuzz.sim.calling import Calling, Parking
from harness.fuzz.sim.channel import Channel
from harness.fuzz.sim.clock import Entry
from harness.fuzz.sim.deviating import Script, deviate, deviation
from harness.fuzz.sim.leases import Leases
from harness.fuzz.sim.obeying import BEHAVIOURS
from harness.fuzz.sim.orders import Order
from harness.fuzz.sim.subscriber import Subscriber
from harness.fuzz.sim.syncing import Syncer
from harness.fuzz.sim.workers import IP, ORDERED, Driver, Worker, driver_failure
from harness.raylet.books import Book, Pool
from harness.raylet.cluster_view import ClusterView, Place
from harness.raylet.reconnect import Reconnect, State
from harness.raylet.scribe import ROUTINE
from harness.wire import messages as m

if TYPE_CHECKING:
    from harness.fuzz.sim.world import World

SELF_CHECK = 60.0
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
        self.scripts: dict[str, Script] = {}
        """By method: how it is answered next, if not as it should be."""
        self.reconnect = Reconnect(world.plan.reconnect_limit)
        self.workers: dict[bytes, Worker] = {}
        self.drivers: dict[bytes, Driver] = {}
        self.registered = self.gone = False
        self.channel = Channel(world.network, world.record, world.server, self.who)
        self.parking = Parking(self)
        self._reading: dict[str, Calling] = {}
        self.subscriber = Subscriber(self.call, node_id, self._heard)
        self._expiry: Entry | None = None
        self.syncer = Syncer(self)
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
        config = m.GetInternalConfigRequest()
        self.call("InternalKVGcsService.GetInternalConfig", config, lambda _reply: self._register())

    def _register(self) -> None:
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
        self.syncer.start()

    def restarted(self) -> None:
        """NotifyGCSRestart: sync, subscribe and read again."""
        if self.registered:
            self.syncer.start()
            self.subscriber.again()
            self._read_tables()

    def _read_tables(self) -> None:
        jobs = m.GetAllJobInfoRequest(skip_submission_job_info_field=True, skip_is_running_tasks_field=True)
        self._read("JobInfoGcsService.GetAllJobInfo", jobs, _ignore)
        nodes = m.GetAllNodeAddressAndLivenessRequest()
        self._read("NodeInfoGcsService.GetAllNodeAddressAndLiveness", nodes, self._read_nodes)

    def _read(self, name: str, request: Message, then: Callable[[Any], None]) -> None:
        """One that still waits for an earlier GCS will be answered by this one."""
        earlier = self._reading.get(name)
        if earlier is None or earlier.over:
            self._reading[name] = self.call(name, request, then)

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

    def leave(self, preempted: bool = False) -> None:
        """Say goodbye, and exit."""
        reason = m.NodeDeathInfo.EXPECTED_TERMINATION
        if preempted:
            reason = m.NodeDeathInfo.AUTOSCALER_DRAIN_PREEMPTED
        death = m.NodeDeathInfo(reason=reason, reason_message="asked to")
        request = m.UnregisterNodeRequest(node_id=self.node_id, node_death_info=death)
        self.call("NodeInfoGcsService.UnregisterNode", request, lambda _reply: self.exit(0, "asked to"))

    def exit(self, status: int, why: str, what: str = "exit") -> None:
        """The process ends, and with it its workers and drivers, without a word."""
        if self.gone:
            return
        self.gone = True
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
        self.syncer.stop()

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

    def changed(self) -> None:
        """Resources changed."""
        self.syncer.changed()

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
        script = self.note_order(order, b"")
        obey = partial(BEHAVIOURS[name], self, order, order.effect.request)
        if script is None:
            obey()
        else:
            deviate(self, self, order, script, obey)

    def note_order(self, order: Order, worker: bytes) -> Script | None:
        """Write down an order to the raylet or ``worker``; how the answer is to deviate, if at all."""
        name = order.effect.method.split(".")[1]
        self._orders += 1
        script = deviation(self, name) if self.scripts else None
        if script is not None or name not in ROUTINE:
            facts = {"seq": self._orders, "outcome": "received", "fields": order.effect.request,
                     "worker": worker, "script": script.mode if script is not None else ""}  # fmt: skip
            self.write("order", name, facts)
        return script

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


def _ignore(_reply: Any) -> None:
    """The answer changes nothing."""
