"""Faults that exist only between hosts: networks, containers, memory limits, clocks.

All but :class:`CutLink` and :class:`RestartGcs` are Unsupported where processes share one host.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol, runtime_checkable

from harness.errors import TimedOut, Unsupported
from harness.fault.gcs import KillGcs
from harness.fault.store import PauseStore
from harness.store.base import Store
from harness.wait import until
from harness.wire import messages as m

if TYPE_CHECKING:
    from harness.cluster import Cluster

_PACKAGE_BYTES = 192 << 20
"""Of a runtime environment's package, which Ray puts into key-values whole, up to 500 MiB."""
_STARVED_WITHIN = 60.0


@runtime_checkable
class Hosted(Protocol):
    """A store in a container of its own: :class:`harness.container.redis_container.RedisContainer`."""

    def disconnect(self) -> None: ...

    def connect(self) -> None: ...

    def discard(self, keep_data: bool) -> None: ...


@dataclass(frozen=True)
class DisconnectGcs(KillGcs):
    """The GCS alone is off the network: its connections learn nothing. Healed by its return at its own IP."""

    kind: ClassVar[str] = "disconnect-gcs"
    name: str = "the GCS is cut off"

    def inject(self, cluster: Cluster) -> None:
        _told_of_gcs(cluster, "disconnected")
        cluster.backend.disconnect(cluster.gcs.running)

    def heal(self, cluster: Cluster) -> None:
        cluster.backend.connect(cluster.gcs.running)
        if cluster.gcs.alive:
            _told_of_gcs(cluster, "connected")
        else:
            cluster.revive_gcs()


@dataclass(frozen=True)
class DisconnectRaylet:
    """The ``index``-th raylet's host alone is off the network, where we cannot ask it either."""

    kind: ClassVar[str] = "disconnect-raylet"
    index: int
    name: str = "a raylet is cut off"

    def disturbs(self, cluster: Cluster) -> Mapping[str, object]:
        raylet = cluster.raylets[self.index]
        return {"node": raylet.node_id.hex(), "workers": [worker.pid for worker in raylet.workers()]}

    def inject(self, cluster: Cluster) -> None:
        cluster.raylets[self.index].tell("disconnected", "its host is cut off")
        cluster.backend.disconnect(cluster.host_of(cluster.raylets[self.index]).running)

    def heal(self, cluster: Cluster) -> None:
        cluster.backend.connect(cluster.host_of(cluster.raylets[self.index]).running)
        cluster.raylets[self.index].tell("reachable", "its host is back on the network")


@dataclass(frozen=True)
class DisconnectStore(PauseStore):
    """The store alone is off the network; healed by its return at its own IP, with all its data."""

    kind: ClassVar[str] = "disconnect-store"
    name: str = "the store is cut off"

    def inject(self, cluster: Cluster) -> None:
        cluster.recorder.write("store", "disconnected")
        _hosted(cluster.store).disconnect()

    def heal(self, cluster: Cluster) -> None:
        _hosted(cluster.store).connect()
        cluster.recorder.write("store", "connected")


@dataclass(frozen=True)
class ReplaceStore(PauseStore):
    """SIGKILL, and its container is removed; healed by a new one, with the data of the old one or without."""

    kind: ClassVar[str] = "replace-store"
    keep_data: bool = True
    name: str = "the store is replaced"

    def inject(self, cluster: Cluster) -> None:
        if not self.keep_data or cluster.store.persistence != "aof":
            why = "it keeps no log of its writes" if self.keep_data else "its data are not kept"
            cluster.recorder.write("store", "lost", {"why": f"it is killed, and {why}"})
        _hosted(cluster.store).discard(self.keep_data)
        cluster.recorder.write("store", "killed")

    def heal(self, cluster: Cluster) -> None:
        cluster.store.restart()
        cluster.recorder.write("store", "restarted")


@dataclass(frozen=True)
class RestartGcs(KillGcs):
    """SIGTERM, as an engine restarts a container; healed by a start where it was.

    ``keep_files``: what it had written to files of its own is there again.
    """

    kind: ClassVar[str] = "restart-gcs"
    keep_files: bool = True
    name: str = "the GCS is restarted"

    def inject(self, cluster: Cluster) -> None:
        cluster.gcs.stop()
        if not self.keep_files:
            cluster.backend.discard(cluster.gcs.running)


@dataclass(frozen=True)
class ReplaceGcs(KillGcs):
    """SIGKILL, and its container is removed; healed by a new one, at a ``new`` IP or the ``same``.

    ``tell``: whether the name service learns a new IP at once.
    """

    kind: ClassVar[str] = "replace-gcs"
    address: Literal["new", "same"] = "new"
    tell: bool = True
    name: str = "the GCS is replaced"

    def inject(self, cluster: Cluster) -> None:
        cluster.kill_gcs()
        cluster.backend.discard(cluster.gcs.running)

    def heal(self, cluster: Cluster) -> None:
        if cluster.gcs.alive:
            return
        if self.address == "new":
            cluster.move_gcs(tell=self.tell)
        else:
            cluster.revive_gcs()


@dataclass(frozen=True)
class StarveGcs(KillGcs):
    """Restarted with no more than ``memory`` (``128m``), and sent more than that, until the kernel kills it.

    Healed by a start without a limit.
    """

    kind: ClassVar[str] = "starve-gcs"
    memory: str = "128m"
    name: str = "the GCS is out of memory"

    def inject(self, cluster: Cluster) -> None:
        cluster.kill_gcs()
        cluster.gcs.launch = replace(cluster.gcs.launch, memory=self.memory)
        cluster.revive_gcs()
        client = cluster.client_of(cluster.gcs)
        put = m.InternalKVPutRequest(
            namespace=b"packages", key=b"gcs://large.zip", value=bytes(_PACKAGE_BYTES)
        )
        call = client.begin("InternalKVPut", put, within=None)
        with suppress(TimedOut):  # then nothing says that it starved, and the case shows nothing
            until("the kernel kills the GCS", lambda: not cluster.gcs.alive or call.done(), _STARVED_WITHIN)
            until("it has ended", lambda: not cluster.gcs.alive, within=5)
            if cluster.backend.out_of_memory(cluster.gcs.running):
                _told_of_gcs(cluster, "starved")

    def heal(self, cluster: Cluster) -> None:
        cluster.kill_gcs()
        cluster.gcs.launch = replace(cluster.gcs.launch, memory="")
        cluster.revive_gcs()


@dataclass(frozen=True)
class SkewClock(KillGcs):
    """Restarted with a wall clock that differs by ``offset`` (``+1h``); healed by a restart with the right one."""

    kind: ClassVar[str] = "skew-clock"
    offset: str = "+1h"
    name: str = "the GCS has another wall clock"

    def disturbs(self, cluster: Cluster) -> Mapping[str, object]:
        return {**super().disturbs(cluster), "offset": self.offset}

    def inject(self, cluster: Cluster) -> None:
        clock = cluster.backend.clock(self.offset)
        cluster.kill_gcs()
        cluster.gcs.launch = replace(cluster.gcs.launch, env={**cluster.gcs.launch.env, **clock})
        cluster.revive_gcs()

    def heal(self, cluster: Cluster) -> None:
        clock = cluster.backend.clock(self.offset)
        cluster.kill_gcs()
        own = {name: value for name, value in cluster.gcs.launch.env.items() if name not in clock}
        cluster.gcs.launch = replace(cluster.gcs.launch, env=own)
        cluster.revive_gcs()


@dataclass(frozen=True)
class CutLink:
    """A one-way partition of a ``linked`` cluster: what raylets send (``up``), or what they are answered
    (``down``), arrives nowhere until it is healed. The GCS's own connections to raylets are not on that link.
    """

    kind: ClassVar[str] = "partition"
    direction: Literal["up", "down", "both"]
    name: str = "a partition of the raylets"

    def disturbs(self, cluster: Cluster) -> Mapping[str, object]:
        return {"direction": self.direction, "address": cluster.gcs.address}

    def inject(self, cluster: Cluster) -> None:
        _told_of_gcs(cluster, "partitioned")
        cluster.cut_link(self.direction)

    def heal(self, cluster: Cluster) -> None:
        cluster.mend_link()
        if cluster.gcs.alive:
            _told_of_gcs(cluster, "connected")


def _told_of_gcs(cluster: Cluster, what: str) -> None:
    cluster.recorder.write("gcs", what, {"life": cluster.gcs.lives[-1].number}, "gcs")


def _hosted(store: Store) -> Hosted:
    if not isinstance(store, Hosted):
        raise Unsupported("the store has no container of its own: this needs --backend docker")
    return store
