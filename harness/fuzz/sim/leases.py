"""Worker leases of a simulated raylet: granted, spilled, parked or refused, as :mod:`harness.raylet.leases` has it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.fuzz.sim.orders import Order
from harness.fuzz.sim.workers import Worker
from harness.raylet.books import Bundle, Demand
from harness.raylet.leases import CANCELLED, GROUP_GONE, Asked, asked
from harness.wire import messages as m

if TYPE_CHECKING:
    from harness.fuzz.sim.raylet import Raylet

BIRTH = 0.003
"""Seconds until a new worker process has its port."""


@dataclass
class Waiting:
    """A lease that is not decided. ``starting``: its worker is being born; its resources are taken."""

    asked: Asked
    callers: list[Order] = field(default_factory=list)
    starting: bool = False
    over: bool = False


@dataclass
class Lease:
    worker: Worker
    demand: Demand
    bundle: Bundle | None


class Leases:
    """All leases of one raylet. ``closed``: nothing new is placed here."""

    def __init__(self, raylet: Raylet) -> None:
        self.granted: dict[bytes, Lease] = {}
        self.waiting: dict[bytes, Waiting] = {}
        self.closed = False
        self._raylet = raylet

    def request(self, order: Order) -> None:
        """A repeat of a granted or waiting lease gets the same answer."""
        wanted = asked(order.effect.request)  # type: ignore[arg-type]
        held = self.granted.get(wanted.lease_id)
        if held is not None:
            order.answer(self._grant(held))
            return
        waiting = self.waiting.get(wanted.lease_id)
        fresh = waiting is None
        if waiting is None:
            waiting = self.waiting[wanted.lease_id] = Waiting(wanted)
        waiting.callers.append(order)
        one = waiting
        order.on_gone = lambda: self._gone(one, order)
        if fresh:
            self._place(waiting)

    def cancel(self, lease_id: bytes) -> None:
        if lease_id in self.waiting:
            self._settle(self.waiting[lease_id], _cancelled())

    def cancel_group(self, group: bytes) -> None:
        for waiting in [one for one in self.waiting.values() if one.asked.placement.group == group]:
            self._settle(waiting, m.RequestWorkerLeaseReply(canceled=True, failure_type=GROUP_GONE))

    def give_back(self, lease_id: bytes) -> Worker | None:
        """End a lease and free its resources; its worker, if there was one."""
        lease = self.granted.pop(lease_id, None)
        if lease is None:
            return None
        lease.worker.lease_id = b""
        self._give(lease.demand, lease.bundle)
        return lease.worker

    def retry(self) -> None:
        for waiting in list(self.waiting.values()):
            if not waiting.starting:
                self._place(waiting)

    def rejected(self) -> m.RequestWorkerLeaseReply:
        """No, and what this node has."""
        reply = m.RequestWorkerLeaseReply(rejected=True)
        reply.resources_data.node_id = self._raylet.node_id
        reply.resources_data.resources_available.update(self._raylet.book.available())
        reply.resources_data.resources_total.update(self._raylet.book.total())
        return reply

    def close(self) -> None:
        """The raylet is gone; nobody hears more."""
        for waiting in self.waiting.values():
            for order in waiting.callers:
                order.refuse("UNAVAILABLE")
        self.waiting.clear()
        self.closed = True

    def _gone(self, waiting: Waiting, order: Order) -> None:
        waiting.callers.remove(order)
        if not waiting.callers:
            self._settle(waiting, _cancelled())

    def _place(self, waiting: Waiting) -> None:
        wanted, raylet = waiting.asked, self._raylet
        if wanted.affinity not in (b"", raylet.node_id):
            self._spill(waiting, wanted.affinity)
            if waiting.over or not wanted.soft:
                return
        bundle, pool = None, raylet.book.node
        if wanted.placement.group is not None:
            bundle = raylet.book.find(
                wanted.placement.group, wanted.placement.index, wanted.placement.amounts
            )
            if bundle is not None:
                pool = bundle.pool
        held = wanted.placement.group is None or bundle is not None
        fits = held and not self.closed and pool.fits(wanted.placement.amounts)
        if fits and pool.take(wanted.required.amounts):
            waiting.starting = True
            raylet.clock.after(BIRTH, self._start, waiting, bundle)
            raylet.changed()
        elif wanted.grant_or_reject:
            self._settle(waiting, self.rejected())
        else:
            self._spill(waiting, b"")

    def _spill(self, waiting: Waiting, affinity: bytes) -> None:
        found = self._raylet.view.spill(waiting.asked.placement, affinity)
        if found is not None:
            node_id, place = found
            self._raylet.world.reached("a lease is spilled to another node")
            reply = m.RequestWorkerLeaseReply()
            reply.retry_at_raylet_address.CopyFrom(
                m.Address(node_id=node_id, ip_address=place.address, port=place.port)
            )
            self._settle(waiting, reply)

    def _start(self, waiting: Waiting, bundle: Bundle | None) -> None:
        wanted, raylet = waiting.asked, self._raylet
        if raylet.gone:
            return
        worker = next((one for one in raylet.alive() if one.returned), None) or raylet.start_worker()
        if waiting.over:  # cancelled, or all callers gone, while the worker was being born
            self._give(wanted.required, bundle)
            raylet.kill_worker(worker, "its lease was cancelled")
            return
        worker.returned = False
        worker.lease_id, worker.leased_for_actor = wanted.lease_id, bool(wanted.actor_id)
        worker.bundle = bundle.key if bundle is not None else None
        lease = self.granted[wanted.lease_id] = Lease(worker, wanted.required, bundle)
        self._settle(waiting, self._grant(lease))

    def _give(self, demand: Demand, bundle: Bundle | None) -> None:
        (bundle.pool if bundle is not None else self._raylet.book.node).give(demand.amounts)
        self._raylet.changed()

    def _grant(self, lease: Lease) -> m.RequestWorkerLeaseReply:
        reply = m.RequestWorkerLeaseReply(worker_address=lease.worker.address(), worker_pid=lease.worker.pid)
        for name, amount in lease.demand.amounts.items():
            reply.resource_mapping.add(name=name).resource_ids.add(index=0, quantity=amount)
        return reply

    def _settle(self, waiting: Waiting, reply: m.RequestWorkerLeaseReply) -> None:
        if self.waiting.get(waiting.asked.lease_id) is waiting:
            del self.waiting[waiting.asked.lease_id]
        if not waiting.over:
            waiting.over = True
            for order in waiting.callers:
                order.on_gone = None
                order.answer(reply)


def _cancelled() -> m.RequestWorkerLeaseReply:
    return m.RequestWorkerLeaseReply(canceled=True, failure_type=CANCELLED)
