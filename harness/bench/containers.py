"""Containers against processes: the start of a whole cluster, and one kill-restart-verify cycle, in one run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

from harness.backend.base import Backend
from harness.backend.docker import Docker, Images, prepare
from harness.backend.loopback import Loopback
from harness.cluster import Cluster
from harness.history.recorder import Recorder
from harness.process.guard import GUARD
from harness.target.base import Target
from harness.traffic.workload import populate

T = TypeVar("T")
RAYLETS = 3
LIMIT_SECONDS = 10.0
"""What a whole cluster of containers may take to start."""


def containers(target: Target, rounds: int) -> dict[str, float]:
    """Medians in seconds, and their ratios, of ``rounds`` clusters of each kind, one after the other by turns."""
    images = Images()
    prepare(target, images)
    took: dict[str, list[tuple[float, float]]] = {"loopback": [], "docker": []}
    for number in range(rounds):
        for name, seen in took.items():
            place = GUARD.directory(f"bench-{name}-{number}-")
            backend: Backend = Loopback() if name == "loopback" else Docker(place, place, images)
            try:
                seen.append(_one(target, backend, place))
            finally:
                GUARD.remove(place)
    start = {name: statistics.median(one for one, _ in seen) for name, seen in took.items()}
    cycle = {name: statistics.median(one for _, one in seen) for name, seen in took.items()}
    return {
        "cluster start, loopback": start["loopback"],
        "cluster start, docker": start["docker"],
        "cluster start, ratio": start["docker"] / start["loopback"],
        "cycle, loopback": cycle["loopback"],
        "cycle, docker": cycle["docker"],
        "cycle, ratio": cycle["docker"] / cycle["loopback"],
    }


def _one(target: Target, backend: Backend, place: Path) -> tuple[float, float]:
    """Seconds of the start of Redis, GCS, three raylets and a driver; seconds of a cycle of that."""
    with ExitStack() as ending:
        store = backend.store("redis", place / "store")
        ending.callback(store.stop)

        def start() -> Cluster:
            store.start()
            cluster = Cluster(target, store, place, recorder=Recorder(place, "bench"), backend=backend)
            ending.callback(cluster.close)
            return cluster.start(RAYLETS)

        cluster, started = _timed(start)
        populate(cluster)
        before = cluster.look()

        def cycle() -> None:
            cluster.cycle()
            cluster.settled()
            assert cluster.look().actors.keys() == before.actors.keys(), "the restarted GCS lost actors"

        _, cycled = _timed(cycle)
    return started, cycled


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    began = time.perf_counter()
    return work(), time.perf_counter() - began
