"""A raylet or a worker dies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.cluster import Cluster


@dataclass(frozen=True)
class KillRaylet:
    """SIGKILL of the ``index``-th raylet's process, and with it of its workers. A node does not come back."""

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
class KillWorker:
    """SIGKILL of one worker process of the ``index``-th raylet."""

    index: int
    worker_id: bytes
    name: str = "kill -9 of a worker"

    def disturbs(self, cluster: Cluster) -> Mapping[str, object]:
        return {"node": cluster.raylets[self.index].node_id.hex(), "worker": self.worker_id.hex()}

    def inject(self, cluster: Cluster) -> None:
        cluster.raylets[self.index].kill_worker(self.worker_id)

    def heal(self, cluster: Cluster) -> None:
        """Nothing to heal: a worker does not come back."""
