"""NodeManagerService and Health: a raylet obeys the GCS. Contract, sections 3 and 11.2."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TYPE_CHECKING

import grpc
from google.protobuf.message import Message

from harness.raylet.answering import Behaviour, Desk
from harness.raylet.books import BundleKey
from harness.raylet.drain import BUSY, TERMINATED, goodbye
from harness.raylet.leases import asked
from harness.raylet.serving import Answer, Refused
from harness.wire import messages as m
from harness.wire.rpc import method

if TYPE_CHECKING:
    from harness.raylet.raylet import Raylet

NODE = "NodeManagerService"


def key(bundle: m.Bundle) -> BundleKey:
    """Which bundle a wire bundle is."""
    return bundle.bundle_id.placement_group_id, bundle.bundle_id.bundle_index


class NodeService:
    """What one raylet answers on its own port."""

    def __init__(self, raylet: Raylet) -> None:
        self._raylet = raylet

    def answers(self) -> dict[str, Answer]:
        """Every path served on the raylet's port."""
        raylet = self._raylet
        desk = Desk(raylet.dialect, raylet.orders, raylet.scripts, raylet.scribe)
        behaviours = {
            "NotifyGCSRestart": Behaviour(self._notify_gcs_restart),
            "RequestWorkerLease": Behaviour(self._request_lease, self._reject_lease),
            "ReturnWorkerLease": Behaviour(self._return_lease),
            "ReturnWorker": Behaviour(self._return_worker),
            "CancelWorkerLease": Behaviour(self._cancel_lease),
            "ReleaseUnusedActorWorkers": Behaviour(self._release_unused_workers),
            "PrepareBundleResources": Behaviour(self._prepare, self._refuse_prepare),
            "CommitBundleResources": Behaviour(self._commit),
            "RemovePlacementGroupBundles": Behaviour(self._remove_bundles),
            "CancelResourceReserve": Behaviour(self._cancel_reserve),
            "ReleaseUnusedBundles": Behaviour(self._release_unused_bundles),
            "IsLocalWorkerDead": Behaviour(self._is_worker_dead),
            "KillLocalActor": Behaviour(self._kill_actor),
            "ShutdownRaylet": Behaviour(self._shutdown),
            "DrainRaylet": Behaviour(self._drain, self._refuse_drain),
        }
        answers = desk.answers({f"{NODE}.{name}": one for name, one in behaviours.items()})
        # Asked of every raylet each second: answered from a cache, unless a scenario deviates.
        scripted = desk.answers({f"{NODE}.GetResourceLoad": Behaviour(self._load)})
        path, slow = next(iter(scripted.items()))
        answers[path] = self._quick_load(slow)
        answers[method("Health.Check").path(raylet.dialect)] = self._health(desk)
        return answers

    def _quick_load(self, slow: Answer) -> Answer:
        raylet = self._raylet

        def answer(data: bytes) -> bytes | Awaitable[bytes]:
            if raylet.scripts.any():
                return slow(data)
            raylet.orders.tally("GetResourceLoad")
            return raylet.load_reply()

        return answer

    def _health(self, desk: Desk) -> Answer:
        own = self._raylet.node_id.hex()

        async def check(request: m.HealthCheckRequest) -> Message:
            if request.service != own:
                raise Refused(grpc.StatusCode.NOT_FOUND, "not this node")
            return m.HealthCheckResponse(status=m.HealthCheckResponse.SERVING)

        async def refuse(_: m.HealthCheckRequest) -> Message:
            return m.HealthCheckResponse(status=m.HealthCheckResponse.NOT_SERVING)

        return next(iter(desk.answers({"Health.Check": Behaviour(check, refuse)}).values()))

    async def _load(self, _: Message) -> Message:
        return m.GetResourceLoadReply.FromString(self._raylet.load_reply())

    async def _notify_gcs_restart(self, _: m.NotifyGCSRestartRequest) -> Message:
        self._raylet.gcs_restarted()
        return m.NotifyGCSRestartReply()

    async def _request_lease(self, request: m.RequestWorkerLeaseRequest) -> Message:
        return await self._raylet.leases.request(asked(request))

    async def _reject_lease(self, _: m.RequestWorkerLeaseRequest) -> Message:
        return self._raylet.leases.rejected()

    async def _return_lease(self, request: m.ReturnWorkerLeaseRequest) -> Message:
        self._end_lease(request.lease_id, request.disconnect_worker or request.worker_exiting)
        return m.ReturnWorkerLeaseReply()

    async def _return_worker(self, request: m.ReturnWorkerRequest) -> Message:
        worker = self._raylet.workers.by_id.get(request.worker_id)
        if worker is not None:
            self._end_lease(worker.lease_id, request.disconnect_worker or request.worker_exiting)
        return m.ReturnWorkerReply()

    def _end_lease(self, lease_id: bytes, kill: bool) -> None:
        worker = self._raylet.leases.give_back(lease_id)
        if worker is None:
            return
        if kill:
            self._raylet.workers.kill(worker, "The leased worker was returned and disconnected.")
        else:
            worker.returned = True

    async def _cancel_lease(self, request: m.CancelWorkerLeaseRequest) -> Message:
        self._raylet.leases.cancel(request.lease_id)
        return m.CancelWorkerLeaseReply()

    async def _release_unused_workers(self, request: m.ReleaseUnusedActorWorkersRequest) -> Message:
        used = set(request.worker_ids_in_use)
        for worker in self._raylet.workers.alive():
            if worker.leased_for_actor and worker.worker_id not in used:
                self._raylet.workers.kill(worker, "Worker is released by ReleaseUnusedActorWorkers.")
        return m.ReleaseUnusedActorWorkersReply()

    async def _prepare(self, request: m.PrepareBundleResourcesRequest) -> Message:
        wanted = {key(bundle): dict(bundle.unit_resources) for bundle in request.bundle_specs}
        fresh = [one for one in wanted if one not in self._raylet.book.bundles]
        # A node that drains takes no new bundle; what it holds already it may be asked for again.
        success = not (fresh and self._raylet.draining) and self._raylet.book.prepare(wanted)
        if success:
            self._raylet.scribe.bundles("prepared", fresh)
        self._raylet.changed()
        return m.PrepareBundleResourcesReply(success=success)

    async def _refuse_prepare(self, _: m.PrepareBundleResourcesRequest) -> Message:
        return m.PrepareBundleResourcesReply(success=False)

    async def _commit(self, request: m.CommitBundleResourcesRequest) -> Message:
        keys, held = [key(bundle) for bundle in request.bundle_specs], self._raylet.book.bundles
        fresh = [one for one in keys if one in held and not held[one].committed]
        unknown = self._raylet.book.commit(keys)
        self._raylet.scribe.bundles("committed", fresh)
        if unknown:
            self._raylet.orders.write("CommitOfUnknownBundle", bundles=unknown, outcome="noted")
        self._raylet.changed()
        return m.CommitBundleResourcesReply()

    async def _remove_bundles(self, request: m.RemovePlacementGroupBundlesRequest) -> Message:
        keys = [key(bundle) for bundle in request.bundle_specs]
        self._release(self._raylet.book.release(keys), "placement group removed")
        self._raylet.leases.cancel_group(request.placement_group_id)
        return m.RemovePlacementGroupBundlesReply()

    async def _cancel_reserve(self, request: m.CancelResourceReserveRequest) -> Message:
        one = key(request.bundle_spec)
        self._release(self._raylet.book.release([one]), "placement group removed")
        self._raylet.leases.cancel_group(one[0])
        return m.CancelResourceReserveReply()

    async def _release_unused_bundles(self, request: m.ReleaseUnusedBundlesRequest) -> Message:
        used = [key(bundle) for bundle in request.bundles_in_use]
        self._release(self._raylet.book.release_all_but(used), "ReleaseUnusedBundles")
        return m.ReleaseUnusedBundlesReply()

    def _release(self, released: Iterable[BundleKey], why: str) -> None:
        gone = set(released)
        self._raylet.scribe.bundles("returned", sorted(gone))
        for worker in self._raylet.workers.alive():
            if worker.bundle in gone:
                self._raylet.workers.kill(worker, f"Its placement group bundle was released: {why}.")
        self._raylet.changed()

    async def _is_worker_dead(self, request: m.IsLocalWorkerDeadRequest) -> Message:
        return m.IsLocalWorkerDeadReply(is_dead=not self._raylet.lives(request.worker_id))

    async def _kill_actor(self, request: m.KillLocalActorRequest) -> Message:
        worker = self._raylet.workers.by_id.get(request.worker_id)
        if worker is not None and worker.actor_id in (b"", request.intended_actor_id):
            self._raylet.workers.kill(worker, "Worker exits because the actor is killed.")
        return m.KillLocalActorReply()

    async def _shutdown(self, request: m.ShutdownRayletRequest) -> Message:
        # The reply leaves before the port closes.
        loop = asyncio.get_running_loop()
        if request.graceful:
            loop.call_later(0.05, self._raylet.leave, goodbye(False, TERMINATED))
        else:
            loop.call_later(0.05, self._raylet.go, 0, "ShutdownRaylet")
        return m.ShutdownRayletReply()

    async def _drain(self, request: m.DrainRayletRequest) -> Message:
        return self._raylet.drain(request)

    async def _refuse_drain(self, request: m.DrainRayletRequest) -> Message:
        reply = m.DrainRayletReply(is_accepted=False, rejection_reason_message=BUSY)
        self._raylet.scribe.drain(request, reply)
        return reply
