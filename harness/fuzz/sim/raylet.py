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
from harness.fuzz.sim.joining import Membership
from harness.fuzz.sim.leases import Leases
from harness.fuzz.sim.obeying import BEHAVIOURS
from harness.fuzz.sim.orders import Order
from harness.fuzz.sim.syncing import Syncer
from harness.fuzz.sim.workers import IP, ORDERED, Driver, Worker, driver_failure
from harness.raylet.books import Book, Pool
from harness.raylet.cluster_view import ClusterView
from harness.raylet.drain import Drain, decide
from harness.raylet.reconnect import Reconnect, State
from harness.raylet.scribe import ROUTINE
from harness.wire import messages as m
from harness.wire.plain import plain

if TYPE_CHECKING:
    from harness.fuzz.sim.world import World


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
        self.began = self.clock.now
        self.mute_until = 0.0
        """It owes an answer until then, and a GCS may go without it."""
        self.gone = False
        self.draining: Drain | None = None
        self.leaving = False
        self.channel = Channel(world.network, world.record, world.server, self.who)
        self.parking = Parking(self)
        self.member = Membership(self)
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
        self.world.server.post.doors[IP, self.port] = self
        self.world.server.post.nodes[IP, self.port] = self.who
        self.member.join()

    @property
    def registered(self) -> bool:
        return self.member.registered

    def restarted(self) -> None:
        self.member.restarted()

    def leave(self, death: m.NodeDeathInfo) -> None:
        """Say goodbye, as one that dies of ``death``, and exit. Once is enough."""
        if not self.leaving:
            self.leaving = True
            self.member.leave(death)

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
        self.world.server.post.doors.pop((IP, self.port), None)
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
        if self.draining is not None and self.idle and not self.gone:
            self.leave(self.draining.death())

    @property
    def idle(self) -> bool:
        """Nothing is leased or about to be, and no bundle is held."""
        starting = any(one.starting for one in self.leases.waiting.values())
        return not (self.leases.granted or starting or self.book.bundles)

    def drain(self, request: m.DrainRayletRequest) -> m.DrainRayletReply:
        """Take no new leases and bundles from now on, and leave once idle; or refuse."""
        drains = self.draining is not None
        self.draining, reply = decide(request, self.draining, self.idle)
        told = {**plain(request), "why": reply.rejection_reason_message}
        self.write("drain", "accepted" if reply.is_accepted else "refused", told)
        if self.draining is not None and not drains:
            self.leases.closed = True
            self.clock.after(0.05, self.changed)
        return reply

    # -- orders ----------------------------------------------------------------------------

    def order(self, order: Order) -> None:
        """An order arrives at the raylet's own port."""
        name = order.name
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
        name = order.name
        self._orders += 1
        script = deviation(self, name) if self.scripts else None
        if script is not None or name not in ROUTINE:
            facts = {"seq": self._orders, "outcome": "received", "fields": order.effect.request,
                     "worker": worker, "script": script.mode if script is not None else ""}  # fmt: skip
            self.write("order", name, facts)
            order.seq, order.who, order.bent = self._orders, self.who, script is not None
        return script

    # -- workers and drivers ---------------------------------------------------------------

    def alive(self) -> list[Worker]:
        return [one for one in self.workers.values() if one.alive]

    def start_worker(self) -> Worker:
        number = self.world.number()
        worker = Worker(self, self.world.worker_id(number), 20_000 + number, 50_000 + number)
        self.workers[worker.worker_id] = worker
        self.world.server.post.doors[IP, worker.port] = worker
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
        self.world.server.post.doors.pop((IP, worker.port), None)
        worker.hang_up()
        facts = {"worker": worker.worker_id, "pid": worker.pid, "actor": worker.actor_id,
                 "detail": worker.exit_detail, "exit": -9}  # fmt: skip
        self.write("worker", "exited", facts)

    def attach(self, worker_id: bytes, port: int) -> None:
        """A driver starts on this node."""
        driver = self.drivers[worker_id] = Driver(self, worker_id, port)
        self.world.server.post.doors[IP, port] = driver

    def end_driver(self, driver: Driver) -> None:
        """The driver dies, and the GCS is told."""
        self._detach(driver)
        self.call("WorkerInfoGcsService.ReportWorkerFailure", driver_failure(driver), _ignore)

    def _detach(self, driver: Driver) -> None:
        del self.drivers[driver.worker_id]
        self.write("note", "owner left", {"worker": driver.worker_id})
        self.world.server.post.doors.pop((IP, driver.port), None)
        driver.hang_up()

    def lives(self, worker_id: bytes) -> bool:
        worker = self.workers.get(worker_id)
        return worker_id in self.drivers or (worker is not None and worker.alive)


def _ignore(_reply: Any) -> None:
    """The answer changes nothing."""
