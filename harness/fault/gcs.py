"""The GCS dies, hangs or moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from harness.cluster import Cluster


@dataclass(frozen=True)
class KillGcs:
    """SIGKILL; healed by a start on the same store and address."""

    kind: ClassVar[str] = "kill-gcs"
    name: str = "kill -9 of the GCS"

    def disturbs(self, cluster: Cluster) -> Mapping[str, object]:
        return {"pid": cluster.gcs.pid, "address": cluster.gcs.address}

    def inject(self, cluster: Cluster) -> None:
        cluster.kill_gcs()

    def heal(self, cluster: Cluster) -> None:
        cluster.revive_gcs()


@dataclass(frozen=True)
class TerminateGcs(KillGcs):
    """SIGTERM: an orderly end."""

    kind: ClassVar[str] = "terminate-gcs"
    name: str = "SIGTERM of the GCS"

    def inject(self, cluster: Cluster) -> None:
        cluster.gcs.stop()


@dataclass(frozen=True)
class HangGcs(KillGcs):
    """SIGSTOP; healed by SIGCONT: the same process goes on."""

    kind: ClassVar[str] = "hang-gcs"
    name: str = "SIGSTOP of the GCS"

    def inject(self, cluster: Cluster) -> None:
        cluster.gcs.pause()

    def heal(self, cluster: Cluster) -> None:
        if cluster.gcs.alive:
            cluster.gcs.resume()
        else:
            cluster.revive_gcs()


@dataclass(frozen=True)
class MoveGcs(KillGcs):
    """SIGKILL; healed by a start at another IP on the same store.

    ``tell``: whether the name service learns the new IP at once.
    """

    kind: ClassVar[str] = "move-gcs"
    name: str = "the GCS returns at another IP"
    tell: bool = True

    def heal(self, cluster: Cluster) -> None:
        if not cluster.gcs.alive:
            cluster.move_gcs(tell=self.tell)
