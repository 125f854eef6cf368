"""The store dies, hangs or forgets; the history says when, and when rows were lost by it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from harness.errors import Unsupported
from harness.history.proof import proving
from harness.store.base import EXTERNAL
from harness.store.dump import read
from harness.store.redis_client import client_of
from harness.wait import until

if TYPE_CHECKING:
    from harness.cluster import Cluster


@dataclass(frozen=True)
class PauseStore:
    """SIGSTOP: its connections stay open and nothing is answered."""

    kind: ClassVar[str] = "pause-store"
    name: str = "SIGSTOP of the store"

    def disturbs(self, cluster: Cluster) -> Mapping[str, object]:
        return {"store": f"{cluster.store.settings.host}:{cluster.store.settings.port}"}

    def inject(self, cluster: Cluster) -> None:
        cluster.store.pause()
        cluster.recorder.write("store", "paused")

    def heal(self, cluster: Cluster) -> None:
        cluster.recorder.write("store", "resumed")
        cluster.store.resume()


@dataclass(frozen=True)
class KillStore(PauseStore):
    """SIGKILL; healed by a start at the same address with the data that survived."""

    kind: ClassVar[str] = "kill-store"
    name: str = "kill -9 of the store"

    def inject(self, cluster: Cluster) -> None:
        if cluster.store.persistence != "aof":
            cluster.recorder.write("store", "lost", {"why": "it is killed, and keeps no log of its writes"})
        cluster.store.kill()
        if cluster.proxy is not None:
            # It hears of the death a moment later, and what it lets in until then would be cut at once.
            until("the way to the store is shut", lambda: not cluster.store_lets_in(), within=5, every=0.002)
        cluster.recorder.write("store", "killed")

    def heal(self, cluster: Cluster) -> None:
        cluster.store.restart()
        cluster.recorder.write("store", "restarted")


@dataclass(frozen=True)
class CutStore(PauseStore):
    """Every connection to the store is closed, once; the store itself is well."""

    kind: ClassVar[str] = "cut-store"
    name: str = "the store's connections are cut"

    def inject(self, cluster: Cluster) -> None:
        if cluster.store.persistence == EXTERNAL:
            raise Unsupported(
                "the store is not ours, and others may be connected to it, whom this would cut off too"
            )
        cluster.recorder.write("store", "cut")
        with closing(client_of(cluster.store.settings)) as client:
            client.client_kill_filter(_type="normal", skipme=True)

    def heal(self, cluster: Cluster) -> None:
        """New connections are welcome."""


@dataclass(frozen=True)
class WipeStore(PauseStore):
    """All data is gone at once; nothing brings it back."""

    kind: ClassVar[str] = "wipe-store"
    name: str = "the store forgets everything"

    def inject(self, cluster: Cluster) -> None:
        cluster.recorder.write("store", "wiped")
        cluster.store.wipe()

    def heal(self, cluster: Cluster) -> None:
        """There is nothing to bring back."""


@contextmanager
def tampering(cluster: Cluster, why: str) -> Iterator[Any]:
    """A client of the store, to alter rows behind the GCS's back; the history says ``why``, and whether any were."""
    with closing(client_of(cluster.store.settings)) as client:
        before = read(client, cluster.namespace)
        cluster.recorder.write("store", "tampered", {"why": why, **proving("tamper-with-store")})
        yield client
        if read(client, cluster.namespace) != before:
            cluster.recorder.write("store", "altered")
