"""The raylets of a cluster: what they hold, what they were told, and how they are made to deviate."""

from __future__ import annotations

from harness.check.survival import Order, Pulse
from harness.raylet import records
from harness.raylet.handles import RayletHandle
from harness.raylet.records import ActorHandle, Worker


class Lost(AssertionError):
    """Something that should live has no living process."""


class Population:
    """Raylets, asked past the GCS. The first one is the head."""

    raylets: list[RayletHandle]

    @property
    def head(self) -> RayletHandle:
        return self.raylets[0]

    def raylet_of(self, node: bytes | str) -> RayletHandle:
        """The raylet of a node id (bytes or hex)."""
        wanted = node if isinstance(node, str) else node.hex()
        return next(raylet for raylet in self.raylets if raylet.node_id.hex() == wanted)

    def actor(self, actor: bytes) -> ActorHandle:
        """A handle on an actor's worker, found without the GCS."""
        for raylet in self.raylets:
            if raylet.alive and any(worker.actor_id == actor and worker.alive for worker in raylet.workers()):
                return raylet.actor(actor)
        raise Lost(f"actor {actor.hex()}: no living worker on any raylet")

    def workers_of(self, actor: bytes) -> list[Worker]:
        """The living worker processes that hold the actor, on any raylet."""
        return [
            worker
            for raylet in self.raylets
            if raylet.alive
            for worker in raylet.workers()
            if worker.alive and worker.actor_id == actor
        ]

    def bundles_of(self, group: bytes) -> dict[int, str]:
        """Bundle index -> node id (hex), of what living raylets hold for the group."""
        return {
            index: raylet.node_id.hex()
            for raylet in self.raylets
            if raylet.alive
            for owner, index in raylet.bundles()
            if owner == group
        }

    def kill_actor_process(self, actor: bytes) -> None:
        """SIGKILL of the actor's worker process, wherever it is."""
        for raylet in self.raylets:
            for worker in raylet.workers():
                if worker.alive and worker.actor_id == actor:
                    raylet.kill_worker(worker.worker_id)

    def script(self, method: str, mode: str) -> None:
        """Deviate in ``method`` on every raylet; modes as in ``harness.raylet.scripts``."""
        for raylet in self.raylets:
            raylet.script(method, mode=mode)

    def release(self, method: str) -> None:
        """End the deviation, and let go what it held."""
        for raylet in self.raylets:
            raylet.release(method)

    def pulse(self, actor: bytes) -> Pulse:
        """Call the actor once: its process, incarnation and count."""
        reply = self.actor(actor).call("increment")
        return Pulse(f"actor {actor.hex()}", reply.pid, int(reply.value), reply.incarnation)

    def orders(
        self, since: float = 0.0, method: str | None = None, raylet: RayletHandle | None = None
    ) -> list[Order]:
        """Orders that living raylets (or ``raylet``) received from ``since`` (monotonic seconds) on, in time's order."""
        asked = [raylet] if raylet else [one for one in self.raylets if one.alive]
        found = [plain(order) for one in asked for order in one.orders(method) if order.time >= since]
        return sorted(found, key=lambda order: order.at)


def plain(order: records.Order) -> Order:
    """A raylet's order as checks take it: ids in hex, bundles as ``group:index``."""
    named = {one.hex() for one in (*order.workers, order.worker_id, order.actor_id) if one}
    named |= {f"{group.hex()}:{index}" for group, index in order.bundles}
    return Order(order.time, order.node_id.hex(), order.method, frozenset(named))
