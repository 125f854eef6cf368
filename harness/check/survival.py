"""Running tasks, actors and objects live on; no order that would end them reaches a raylet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Pulse:
    """One sign of life of a task or an actor: its process, and a counter that only grows.

    ``incarnation`` counts how often an actor was created; 0 for tasks.
    """

    who: str
    pid: int
    value: int
    incarnation: int = 0


@dataclass(frozen=True)
class Order:
    """Something that the GCS told a raylet, with the ids it names (hex). ``at``: monotonic seconds."""

    at: float
    node: str
    method: str
    ids: frozenset[str] = frozenset()


# Orders that end the workers they name, those that end the bundles they name, and the sweeps
# that end whatever they do not name.
KILLS = frozenset(
    {"KillLocalActor", "KillActor", "Exit", "ReturnWorkerLease", "ReturnWorker", "CancelWorkerLease"}
)
RELEASES = frozenset({"RemovePlacementGroupBundles", "CancelResourceReserve"})
# DrainRaylet is none of them: what runs on a node that drains may come to its own end.
SHUTDOWNS = frozenset({"ShutdownRaylet"})


def lived_on(before: Sequence[Pulse], after: Sequence[Pulse]) -> list[str]:
    """Each of ``before`` is in ``after`` as the same process and incarnation, further on."""
    now = {pulse.who: pulse for pulse in after}
    found = []
    for was in before:
        one = now.get(was.who)
        if one is None:
            found.append(f"{was.who}: does not answer any more (was process {was.pid})")
        elif (one.pid, one.incarnation) != (was.pid, was.incarnation):
            found.append(
                f"{was.who}: was process {was.pid}, incarnation {was.incarnation}; "
                f"is process {one.pid}, incarnation {one.incarnation}"
            )
        elif one.value <= was.value:
            found.append(f"{was.who}: stood at {was.value}, stands at {one.value}")
    return found


def unharmed(
    orders: Iterable[Order], workers: Mapping[str, str], bundles: Mapping[str, str], since: float = 0.0
) -> list[str]:
    """No order from ``since`` on ends a worker or a bundle that must live.

    ``workers`` and ``bundles``: id (hex; bundles as ``group:index``) -> the node that holds it.
    """
    found = []
    for order in orders:
        if order.at < since:
            continue
        if order.method in KILLS | RELEASES:
            doomed = order.ids & {*workers, *bundles}
            found += [f"{order.method} to {order.node[:8]} ended {one}" for one in sorted(doomed)]
        elif order.method in SHUTDOWNS:
            found.append(f"{order.method} to {order.node[:8]}, which holds living work")
        elif order.method == "ReleaseUnusedActorWorkers":
            found += _swept(order, workers)
        elif order.method == "ReleaseUnusedBundles":
            found += _swept(order, bundles)
    return found


def _swept(order: Order, living: Mapping[str, str]) -> list[str]:
    here = {one for one, node in living.items() if node == order.node}
    return [
        f"{order.method} to {order.node[:8]} does not list {one}, which lives"
        for one in sorted(here - order.ids)
    ]


def same_objects(stored: Mapping[str, str], read: Mapping[str, str]) -> list[str]:
    """Objects read back whole: object id -> checksum, as stored and as read."""
    return [
        f"object {one[:8]}: stored with checksum {checksum[:8]}, read with {read.get(one, 'nothing')[:8]}"
        for one, checksum in sorted(stored.items())
        if read.get(one) != checksum
    ]
