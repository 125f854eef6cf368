"""The ways of raylets and clients to the GCS, where a plan breaks them: each through a proxy of its own."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from harness.cluster.cluster import Cluster
from harness.fuzz.faults import BreakLinks, CutNode
from harness.fuzz.plan import Plan
from harness.proxy.base import LinkProxy
from harness.proxy.link.blackhole import Blackhole
from harness.proxy.link.reset import Reset
from harness.raylet.handles import RayletHandle


@dataclass
class Way:
    """``target``: the gRPC target at its near end."""

    proxy: LinkProxy
    target: str
    cut: list[AbstractContextManager[None]] = field(default_factory=list)

    @property
    def used(self) -> bool:
        """Whether a connection stands on it."""
        return any(one.open for one in self.proxy.connections())


class Links:
    """The ways of one plan. Where it breaks none, everybody goes straight to the GCS."""

    def __init__(self, cluster: Cluster, plan: Plan) -> None:
        self._cluster = cluster
        self._wanted = any(isinstance(one.do, CutNode | BreakLinks) for one in plan.steps)
        self._ways: list[Way] = []
        self._of: dict[bytes, Way] = {}

    def way(self) -> str:
        """Another way to the GCS; '' for the straight one."""
        if not self._wanted:
            return ""
        launch, number = self._cluster.gcs.launch, len(self._ways)
        place = self._cluster.directory / f"way-{number}"
        proxy = self._cluster.backend.link_proxy((launch.address, launch.port), self._cluster.recorder, place)
        way = Way(proxy, "{}:{}".format(*proxy.open()))
        self._ways.append(way)
        return way.target

    def belongs_to(self, raylet: RayletHandle) -> None:
        """The way that was made last is that of ``raylet``."""
        if self._wanted:
            self._of[raylet.node_id] = self._ways[-1]

    def cut(self, raylet: RayletHandle) -> bool:
        """Let nothing pass between ``raylet`` and the GCS, in either direction; False if that is so already."""
        way = self._of[raylet.node_id]
        if way.cut:
            return False
        raylet.tell("disconnected", "the plan cuts it off")
        fault = way.proxy.fault(Blackhole("both"), armed=True)
        fault.__enter__()
        way.cut.append(fault)
        raylet.unreachable()
        return True

    def join(self, raylet: RayletHandle) -> None:
        """The way passes again, and its old connections are gone. May be called twice."""
        way = self._of[raylet.node_id]
        if not way.cut:
            return
        with way.proxy.fault(Reset(), armed=True):
            way.cut.pop().__exit__(None, None, None)
        if raylet.alive:
            raylet.reachable()
            raylet.tell("reachable", "its way passes again")

    def used(self) -> bool:
        """Whether there is a connection that :meth:`reset` would end."""
        return any(way.used for way in self._ways)

    def reset(self) -> None:
        """All connections end at once."""
        for way in self._ways:
            with way.proxy.fault(Reset(), armed=True):
                """New ones are welcome at once."""

    def close(self) -> None:
        for way in self._ways:
            way.proxy.close()
