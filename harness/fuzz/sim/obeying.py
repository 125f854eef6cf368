"""What a simulated raylet does at an order, as :mod:`harness.raylet.service` has it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from harness.fuzz.sim.orders import Order
from harness.fuzz.sim.workers import AT_ONCE
from harness.raylet.books import BundleKey
from harness.raylet.drain import TERMINATED, goodbye
from harness.wire import messages as m

if TYPE_CHECKING:
    from harness.fuzz.sim.raylet import Raylet


def key(bundle: m.Bundle) -> BundleKey:
    """Which bundle a wire bundle is."""
    return bundle.bundle_id.placement_group_id, bundle.bundle_id.bundle_index


def _notify(raylet: Raylet, order: Order, _request: m.NotifyGCSRestartRequest) -> None:
    order.answer(m.NotifyGCSRestartReply())
    raylet.restarted()


def _lease(raylet: Raylet, order: Order, _request: m.RequestWorkerLeaseRequest) -> None:
    raylet.leases.request(order)


def _cancel_lease(raylet: Raylet, order: Order, request: m.CancelWorkerLeaseRequest) -> None:
    raylet.leases.cancel(request.lease_id)
    order.answer(m.CancelWorkerLeaseReply())


def _release_workers(raylet: Raylet, order: Order, request: m.ReleaseUnusedActorWorkersRequest) -> None:
    used = set(request.worker_ids_in_use)
    for worker in raylet.alive():
        if worker.leased_for_actor and worker.worker_id not in used:
            worker.die_soon("Worker is released by ReleaseUnusedActorWorkers.", AT_ONCE)
    order.answer(m.ReleaseUnusedActorWorkersReply())


def _prepare(raylet: Raylet, order: Order, request: m.PrepareBundleResourcesRequest) -> None:
    wanted = {key(bundle): dict(bundle.unit_resources) for bundle in request.bundle_specs}
    fresh = [one for one in wanted if one not in raylet.book.bundles]
    # A node that drains takes no new bundle; what it holds already it may be asked for again.
    success = not (fresh and raylet.draining) and raylet.book.prepare(wanted)
    if success:
        _tell(raylet, "prepared", fresh)
    raylet.changed()
    order.answer(m.PrepareBundleResourcesReply(success=success))


def _commit(raylet: Raylet, order: Order, request: m.CommitBundleResourcesRequest) -> None:
    keys, held = [key(bundle) for bundle in request.bundle_specs], raylet.book.bundles
    fresh = [one for one in keys if one in held and not held[one].committed]
    raylet.book.commit(keys)
    _tell(raylet, "committed", fresh)
    raylet.changed()
    order.answer(m.CommitBundleResourcesReply())


def _remove_bundles(raylet: Raylet, order: Order, request: m.RemovePlacementGroupBundlesRequest) -> None:
    _release(raylet, raylet.book.release([key(bundle) for bundle in request.bundle_specs]))
    raylet.leases.cancel_group(request.placement_group_id)
    order.answer(m.RemovePlacementGroupBundlesReply())


def _cancel_reserve(raylet: Raylet, order: Order, request: m.CancelResourceReserveRequest) -> None:
    one = key(request.bundle_spec)
    _release(raylet, raylet.book.release([one]))
    raylet.leases.cancel_group(one[0])
    order.answer(m.CancelResourceReserveReply())


def _release_bundles(raylet: Raylet, order: Order, request: m.ReleaseUnusedBundlesRequest) -> None:
    used = [key(bundle) for bundle in request.bundles_in_use]
    _release(raylet, raylet.book.release_all_but(used))
    order.answer(m.ReleaseUnusedBundlesReply())


def _release(raylet: Raylet, released: Iterable[BundleKey]) -> None:
    gone = sorted(released)
    _tell(raylet, "returned", gone)
    for worker in raylet.alive():
        if worker.bundle in gone:
            worker.die_soon("Its placement group bundle was released.", AT_ONCE)
    raylet.changed()


def _tell(raylet: Raylet, what: str, keys: Iterable[BundleKey]) -> None:
    for group, index in keys:
        raylet.write("bundle", what, {"group": group, "index": index})


def _is_dead(raylet: Raylet, order: Order, request: m.IsLocalWorkerDeadRequest) -> None:
    order.answer(m.IsLocalWorkerDeadReply(is_dead=not raylet.lives(request.worker_id)))


def _kill_actor(raylet: Raylet, order: Order, request: m.KillLocalActorRequest) -> None:
    worker = raylet.workers.get(request.worker_id)
    if worker is not None and worker.actor_id in (b"", request.intended_actor_id):
        worker.die_soon("Worker exits because the actor is killed.", AT_ONCE)
    order.answer(m.KillLocalActorReply())


def _drain(raylet: Raylet, order: Order, request: m.DrainRayletRequest) -> None:
    order.answer(raylet.drain(request))


def _shutdown(raylet: Raylet, order: Order, _request: m.ShutdownRayletRequest) -> None:
    order.answer(m.ShutdownRayletReply())
    raylet.leave(goodbye(False, TERMINATED))


def _load(raylet: Raylet, order: Order, _request: m.GetResourceLoadRequest) -> None:
    reply = m.GetResourceLoadReply()
    reply.resources.node_id = raylet.node_id
    order.answer(reply)


def _healthy(_raylet: Raylet, order: Order, _request: m.HealthCheckRequest) -> None:
    order.answer(m.HealthCheckResponse(status=m.HealthCheckResponse.SERVING))


BEHAVIOURS: dict[str, Callable[[Raylet, Order, Any], None]] = {
    "NotifyGCSRestart": _notify,
    "RequestWorkerLease": _lease,
    "CancelWorkerLease": _cancel_lease,
    "ReleaseUnusedActorWorkers": _release_workers,
    "PrepareBundleResources": _prepare,
    "CommitBundleResources": _commit,
    "RemovePlacementGroupBundles": _remove_bundles,
    "CancelResourceReserve": _cancel_reserve,
    "ReleaseUnusedBundles": _release_bundles,
    "DrainRaylet": _drain,
    "ShutdownRaylet": _shutdown,
    "IsLocalWorkerDead": _is_dead,
    "KillLocalActor": _kill_actor,
    "GetResourceLoad": _load,
    "Check": _healthy,
}
