"""What a raylet knows of the others: where they are and what they have free. Pure.

A raylet that cannot place a lease itself points at a node that can ("spillback"), as Ray's local
scheduler does; it knows the nodes from the node channel and their resources from the syncer.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.raylet.books import Demand


@dataclass(frozen=True)
class Place:
    """Where a raylet listens."""

    address: str
    port: int


class ClusterView:
    """The other nodes, as far as heard."""

    def __init__(self, own: bytes) -> None:
        self._own = own
        self._places: dict[bytes, Place] = {}
        self._free: dict[bytes, dict[str, float]] = {}
        self._versions: dict[bytes, int] = {}
        self._draining: set[bytes] = set()

    def node(self, node_id: bytes, place: Place | None) -> None:
        """A node is at ``place``; ``None``: it is dead."""
        if place is None:
            self._places.pop(node_id, None)
            self._free.pop(node_id, None)
            self._versions.pop(node_id, None)
            self._draining.discard(node_id)
        elif node_id != self._own:
            self._places[node_id] = place

    def resources(self, node_id: bytes, version: int, free: dict[str, float], draining: bool = False) -> None:
        """A node's view came in; older versions than the known one are ignored."""
        if node_id != self._own and version > self._versions.get(node_id, -1):
            self._versions[node_id] = version
            self._free[node_id] = free
            (self._draining.add if draining else self._draining.discard)(node_id)

    def seen(self, node_id: bytes) -> dict[str, float] | None:
        """What ``node_id`` was last heard to have free."""
        return self._free.get(node_id)

    def places(self) -> dict[bytes, Place]:
        """All other nodes known to be alive."""
        return dict(self._places)

    def spill(self, demand: Demand, affinity: bytes = b"") -> tuple[bytes, Place] | None:
        """Another node for ``demand``, one that does not drain; with ``affinity`` that one or none."""
        if affinity:
            place = self._places.get(affinity)
            return (affinity, place) if place is not None else None
        wanted = demand.grouped if demand.group is not None else demand.amounts
        for node_id, free in self._free.items():
            place = self._places.get(node_id)
            if place is None or node_id in self._draining:
                continue
            if all(free.get(name, 0.0) >= n for name, n in wanted.items()):
                return node_id, place
        return None
