"""Worker leases: granted against free resources, spilled to a node that has them, or parked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from harness.raylet.books import Book, Bundle, Demand, demand_of
from harness.raylet.cluster_view import ClusterView
from harness.raylet.workers import LocalWorker, Workers
from harness.wire import ids
from harness.wire import messages as m

CANCELLED = m.RequestWorkerLeaseReply.SCHEDULING_CANCELLED_INTENDED
GROUP_GONE = m.RequestWorkerLeaseReply.SCHEDULING_CANCELLED_PLACEMENT_GROUP_REMOVED
NO_WORKER = m.RequestWorkerLeaseReply.SCHEDULING_FAILED


@dataclass(frozen=True)
class Asked:
    """A lease request of any release."""

    lease_id: bytes
    """Until 2.49 the task id takes this place."""
    actor_id: bytes
    required: Demand
    placement: Demand
    """What must be free for the lease to be placed; only ``required`` is then taken."""
    affinity: bytes
    soft: bool
    grant_or_reject: bool


@dataclass
class Waiting:
    """A lease not yet decided, and how many callers wait for it."""

    asked: Asked
    outcome: asyncio.Future[m.RequestWorkerLeaseReply]
    callers: int = 0
    starting: bool = False
    """Its worker is being born; resources are taken."""


@dataclass
class Lease:
    """A granted lease."""

    worker: LocalWorker
    demand: Demand
    bundle: Bundle | None


def asked(request: m.RequestWorkerLeaseRequest) -> Asked:
    """The gist of a request, whichever spec it carries."""
    spec: m.LeaseSpec | m.TaskSpec
    if request.HasField("lease_spec"):
        spec, lease_id, actor_id = (
            request.lease_spec,
            request.lease_spec.lease_id,
            request.lease_spec.actor_id,
        )
    else:
        spec = request.resource_spec
        lease_id, actor_id = spec.task_id, spec.actor_creation_task_spec.actor_id
    strategy = spec.scheduling_strategy
    group, index = b"", -1
    if strategy.HasField("placement_group_scheduling_strategy"):
        wanted = strategy.placement_group_scheduling_strategy
        group, index = wanted.placement_group_id, wanted.placement_group_bundle_index
    affinity = strategy.node_affinity_scheduling_strategy
    return Asked(
        lease_id=lease_id,
        actor_id=b"" if ids.is_nil(actor_id) else actor_id,
        required=demand_of(spec.required_resources, group, index),
        placement=demand_of(spec.required_placement_resources or spec.required_resources, group, index),
        affinity=affinity.node_id,
        soft=affinity.soft,
        grant_or_reject=request.grant_or_reject,
    )


class Leases:
    """All leases of one raylet."""

    def __init__(
        self, node_id: bytes, book: Book, view: ClusterView, workers: Workers, changed: Callable[[], None]
    ) -> None:
        self.granted: dict[bytes, Lease] = {}
        self.waiting: dict[bytes, Waiting] = {}
        self.closed = False
        """Draining: what does not run yet goes elsewhere or waits."""
        self._node_id = node_id
        self._book = book
        self._view = view
        self._workers = workers
        self._changed = changed
        self._starting: set[asyncio.Task[None]] = set()

    async def request(self, wanted: Asked) -> m.RequestWorkerLeaseReply:
        """Decide ``wanted``; a repeat of a granted or waiting lease gets the same answer."""
        held = self.granted.get(wanted.lease_id)
        if held is not None:
            return self._grant(held)
        waiting = self.waiting.get(wanted.lease_id)
        if waiting is None:
            waiting = Waiting(wanted, asyncio.get_running_loop().create_future())
            self.waiting[wanted.lease_id] = waiting
            self._place(waiting)
        waiting.callers += 1
        try:
            return await asyncio.shield(waiting.outcome)
        finally:
            waiting.callers -= 1
            if not waiting.callers and not waiting.outcome.done():
                self._settle(waiting, m.RequestWorkerLeaseReply(canceled=True, failure_type=CANCELLED))

    def cancel(self, lease_id: bytes) -> bool:
        """CancelWorkerLease: true if it was still waiting."""
        waiting = self.waiting.get(lease_id)
        if waiting is None:
            return False
        self._settle(waiting, m.RequestWorkerLeaseReply(canceled=True, failure_type=CANCELLED))
        return True

    def cancel_group(self, group: bytes) -> None:
        """The group's bundles are gone: so are the leases that wait for one."""
        for waiting in [w for w in self.waiting.values() if w.asked.placement.group == group]:
            self._settle(waiting, m.RequestWorkerLeaseReply(canceled=True, failure_type=GROUP_GONE))

    def give_back(self, lease_id: bytes) -> LocalWorker | None:
        """End a lease and free its resources; its worker, if there was one."""
        lease = self.granted.pop(lease_id, None)
        if lease is None:
            return None
        lease.worker.lease_id = b""
        self._give(lease.demand, lease.bundle)
        return lease.worker

    def retry(self) -> None:
        """Something became free, here or elsewhere: look at the waiting ones again."""
        for waiting in list(self.waiting.values()):
            if not waiting.starting:
                self._place(waiting)

    def rejected(self) -> m.RequestWorkerLeaseReply:
        """The answer of a busy node to ``grant_or_reject``."""
        reply = m.RequestWorkerLeaseReply(rejected=True)
        reply.resources_data.node_id = self._node_id
        reply.resources_data.resources_available.update(self._book.available())
        reply.resources_data.resources_total.update(self._book.total())
        return reply

    def _place(self, waiting: Waiting) -> None:
        wanted = waiting.asked
        elsewhere = wanted.affinity not in (b"", self._node_id)
        if elsewhere:
            self._spill(waiting, wanted.affinity)
            if waiting.outcome.done() or not wanted.soft:
                return
        bundle = None
        pool = self._book.node
        if wanted.placement.group is not None:
            bundle = self._book.find(wanted.placement.group, wanted.placement.index, wanted.placement.amounts)
            if bundle is not None:
                pool = bundle.pool
        held = wanted.placement.group is None or bundle is not None
        fits = held and not self.closed and pool.fits(wanted.placement.amounts)
        if fits and pool.take(wanted.required.amounts):
            waiting.starting = True
            starting = asyncio.create_task(self._start(waiting, bundle))
            self._starting.add(starting)
            starting.add_done_callback(self._starting.discard)
            self._changed()
        elif wanted.grant_or_reject:
            self._settle(waiting, self.rejected())
        else:
            self._spill(waiting, b"")

    def _spill(self, waiting: Waiting, affinity: bytes) -> None:
        found = self._view.spill(waiting.asked.placement, affinity)
        if found is None:
            return
        node_id, place = found
        reply = m.RequestWorkerLeaseReply()
        reply.retry_at_raylet_address.CopyFrom(
            m.Address(node_id=node_id, ip_address=place.address, port=place.port)
        )
        self._settle(waiting, reply)

    async def _start(self, waiting: Waiting, bundle: Bundle | None) -> None:
        wanted = waiting.asked
        try:
            worker = self._idle() or await self._workers.start()
        except OSError as error:
            self._give(wanted.required, bundle)
            reply = m.RequestWorkerLeaseReply(canceled=True, failure_type=NO_WORKER)
            reply.scheduling_failure_message = str(error)
            self._settle(waiting, reply)
            return
        if waiting.outcome.done():  # cancelled, or all callers gone, while the worker was being born
            self._give(wanted.required, bundle)
            self._workers.kill(worker, "its lease was cancelled")
            return
        worker.returned = False
        worker.lease_id, worker.leased_for_actor = wanted.lease_id, bool(wanted.actor_id)
        worker.bundle = bundle.key if bundle is not None else None
        lease = self.granted[wanted.lease_id] = Lease(worker, wanted.required, bundle)
        self._settle(waiting, self._grant(lease))

    def _idle(self) -> LocalWorker | None:
        """A worker whose lease was returned: it may be leased again."""
        return next((worker for worker in self._workers.alive() if worker.returned), None)

    def _give(self, demand: Demand, bundle: Bundle | None) -> None:
        (bundle.pool if bundle is not None else self._book.node).give(demand.amounts)
        self._changed()

    def _grant(self, lease: Lease) -> m.RequestWorkerLeaseReply:
        reply = m.RequestWorkerLeaseReply(
            worker_address=lease.worker.rpc_address(self._node_id), worker_pid=lease.worker.born.pid
        )
        for name, amount in lease.demand.amounts.items():
            reply.resource_mapping.add(name=name).resource_ids.add(index=0, quantity=amount)
        return reply

    def _settle(self, waiting: Waiting, reply: m.RequestWorkerLeaseReply) -> None:
        if self.waiting.get(waiting.asked.lease_id) is waiting:
            self.waiting.pop(waiting.asked.lease_id)
        if not waiting.outcome.done():
            waiting.outcome.set_result(reply)
