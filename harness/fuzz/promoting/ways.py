"""Raylets with a way of their own to the GCS, for scenarios that cut off one of them: what ``CutLink`` does to all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from harness.cluster import Cluster
from harness.fuzz.faults import BreakLinks
from harness.fuzz.plan import Plan, Step
from harness.fuzz.real.links import Links
from harness.raylet.asking import HostError
from harness.raylet.handles import RayletHandle


class Ways:
    """Use it as a context manager: leaving it closes the ways."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._links = Links(cluster, Plan(steps=(Step(BreakLinks()),)))

    def __enter__(self) -> Ways:
        return self

    def __exit__(self, *_: object) -> None:
        self._links.close()

    def add_raylet(self, cpus: float, wait: bool = True, **options: Any) -> RayletHandle:
        """A new node, whose way to the GCS can be cut; ``options`` as ``Cluster.add_raylet`` takes them."""
        raylet = self._cluster.add_raylet({"CPU": cpus}, wait=False, gcs=self._links.way(), **options)
        self._links.belongs_to(raylet)
        return raylet.wait_settled() if wait else raylet

    @contextmanager
    def cut(self, raylet: RayletHandle) -> Iterator[None]:
        """``with ways.cut(raylet):`` nothing passes between it and the GCS; nothing happens to one that is gone."""
        was = raylet.alive and self._links.cut(raylet)
        try:
            yield
        finally:
            if was:
                with suppress(HostError):  # it left meanwhile
                    self._links.join(raylet)

    def reset(self) -> None:
        """All connections of these raylets end at once."""
        self._links.reset()
