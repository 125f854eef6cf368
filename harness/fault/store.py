"""The store dies, hangs or forgets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.cluster import Cluster


@dataclass(frozen=True)
class PauseStore:
    """SIGSTOP: its connections stay open and nothing is answered."""

    name: str = "SIGSTOP of the store"

    def disturbs(self, cluster: Cluster) -> Mapping[str, object]:
        return {"store": f"{cluster.store.settings.host}:{cluster.store.settings.port}"}

    def inject(self, cluster: Cluster) -> None:
        cluster.store.pause()

    def heal(self, cluster: Cluster) -> None:
        cluster.store.resume()


@dataclass(frozen=True)
class KillStore(PauseStore):
    """SIGKILL; healed by a start at the same address with the data that survived."""

    name: str = "kill -9 of the store"

    def inject(self, cluster: Cluster) -> None:
        cluster.store.kill()

    def heal(self, cluster: Cluster) -> None:
        cluster.store.restart()


@dataclass(frozen=True)
class WipeStore(PauseStore):
    """All data is gone at once; nothing brings it back."""

    name: str = "the store forgets everything"

    def inject(self, cluster: Cluster) -> None:
        cluster.store.wipe()

    def heal(self, cluster: Cluster) -> None:
        """There is nothing to bring back."""
