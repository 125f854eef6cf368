"""A raylet or a worker dies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from harness.cluster import Cluster


@dataclass(frozen=True)
class KillRaylet:
    """SIGKILL of the ``index``-th raylet's process, and with it of its workers. A node does not come back."""

    kind: ClassVar[str] = "kill-raylet"
    index: int
    name: str = "kill -9 of a raylet"

    def disturbs(self, cluster: Cluster) -> Mapping[str, object]:
        raylet = cluster.raylets[self.index]
        return {"node": raylet.node_id.hex(), "workers": [worker.pid for worker in raylet.workers()]}

    def inject(self, cluster: Cluster) -> None:
        cluster.raylets[self.index].kill()

    def heal(self, cluster: Cluster) -> None:
        """Nothing to heal: a new node would be another one."""


@dataclass(frozen=True)
class KillActorProcess:
    """SIGKILL of the worker process that holds ``actor``, wherever it is."""

    kind: ClassVar[str] = "kill-worker"
    actor: bytes
    name: str = "kill -9 of an actor's worker"

    def disturbs(self, cluster: Cluster) -> Mapping[str, object]:
        workers = cluster.workers_of(self.actor)
        return {"actor": self.actor.hex(), "workers": [worker.pid for worker in workers]}

    def inject(self, cluster: Cluster) -> None:
        cluster.kill_actor_process(self.actor)

    def heal(self, cluster: Cluster) -> None:
        """Nothing to heal: a worker does not come back."""
