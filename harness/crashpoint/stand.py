"""A warm cluster on which one crash point after the other is carried out."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from time import monotonic

from harness.backend.base import Backend
from harness.backend.loopback import Loopback
from harness.cluster import Cluster
from harness.cluster.control_plane import PATIENT_HEALTH, QUICK_STORE_RETRIES
from harness.crashpoint.flow import MORTAL, RICH
from harness.history.recorder import Recorder
from harness.proxy.base import StoreProxy
from harness.store.dump import Raw, read
from harness.store.redis_client import client_of
from harness.target.base import Target
from harness.traffic.workload import populate
from harness.wait import until

POINTS = 25
"""After so many a fresh one takes its place: every point leaves rows behind, which each recovery reads."""
RAYLETS, MOST_RAYLETS, MOST_LIVES = 3, 8, 600
IDLE_SECONDS = 0.2

# A node that refuses its probes is dead after 0.1 + 2 * 0.1 s; nodes that live refuse none.
_SUDDEN_HEALTH: Mapping[str, object] = {
    "health_check_initial_delay_ms": 100,
    "health_check_period_ms": 100,
    "health_check_timeout_ms": 10000,
    "health_check_failure_threshold": 3,
}
# KubeRay's gcs_rpc_server_reconnect_timeout_s: on a slow machine a ladder takes longer than Ray's 60 s.
_RECONNECT_SECONDS = 600.0

Recording = Callable[[int], Recorder]
"""The recorder of the ``n``-th cluster that a worker starts."""


class Stand:
    """Store, GCS behind its proxy, raylets in one process, and a driver. Starts with the constructor; close it."""

    def __init__(
        self,
        target: Target,
        directory: Path,
        kind: str,
        recorder: Recorder,
        backend: Backend,
        store: str = "redis",
    ) -> None:
        self.kind = kind
        self.points = 0
        self.spoilt = ""
        """Why it can bear no further point; '' while it can."""
        self._directory = directory
        self._ending = ExitStack()
        kept = backend.store(store, directory / "store")
        kept.start()
        self._ending.callback(kept.stop)
        self._redis = client_of(kept.settings)
        self._ending.callback(self._redis.close)
        self.cluster = Cluster(
            target,
            kept,
            directory,
            config={**(_SUDDEN_HEALTH if kind == MORTAL else PATIENT_HEALTH), **QUICK_STORE_RETRIES},
            raylet={"sync_reopen": 0.02},
            reconnect_limit=_RECONNECT_SECONDS,
            recorder=recorder,
            backend=backend,
        )
        self._ending.callback(self.cluster.forget)
        self._ending.callback(self.cluster.close)
        proxy = self.cluster.proxy
        assert proxy is not None, "a cluster on a Redis has a proxy before it"
        self.proxy: StoreProxy = proxy
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def _start(self) -> None:
        # Each point leaves an actor or two, with a CPU each.
        self.cluster.start(raylets=RAYLETS, cpus=1000.0)
        if self.kind == RICH:
            populate(self.cluster)

    def close(self) -> None:
        """End all of it, and remove its store."""
        self._ending.close()

    def remove(self) -> None:
        """What it left on the disk."""
        shutil.rmtree(self._directory, ignore_errors=True)

    @property
    def worn(self) -> bool:
        """Whether a fresh one should take its place."""
        return bool(
            self.spoilt
            or self.points >= POINTS
            or len(self.cluster.raylets) > MOST_RAYLETS
            or len(self.cluster.gcs.lives) > MOST_LIVES
        )

    @cached_property
    def background(self) -> frozenset[str]:
        """Labels of what an idle GCS reads from its store over and over, for nobody's sake."""
        return frozenset.intersection(*(self._read_meanwhile() for _ in range(3)))

    def _read_meanwhile(self) -> frozenset[str]:
        mark, end = self.proxy.mark(), monotonic() + IDLE_SECONDS
        until("a moment passes", lambda: monotonic() >= end)
        return frozenset(unit.label for unit in self.proxy.units(mark) if not unit.writes)

    def stored(self) -> Raw:
        """All that the store holds of the cluster."""
        return read(self._redis, self.cluster.namespace)

    def settle(self, within: float = 15.0) -> None:
        """Wait until the raylets are back and the GCS sees what they have."""
        self.cluster.settled(within)


class Stands:
    """One stand at a time, of the kind that is asked for, replaced when it is worn."""

    def __init__(
        self,
        target: Target,
        directory: Path,
        recording: Recording,
        make: Callable[[Path], Backend] = lambda directory: Loopback(),
        store: str = "redis",
    ) -> None:
        self._target, self._directory, self._recording, self._make = target, directory, recording, make
        self._store = store
        self._stand: Stand | None = None
        self.started = 0
        """How many stands there have been."""

    def of(self, kind: str) -> Stand:
        """A stand of ``kind`` that has life in it."""
        if self._stand is not None and (self._stand.worn or self._stand.kind != kind):
            self.close()
        if self._stand is None:
            place = self._directory / f"stand-{self.started}"
            recorder, backend = self._recording(self.started), self._make(place)
            self._stand = Stand(self._target, place, kind, recorder, backend, self._store)
            self.started += 1
        return self._stand

    def close(self) -> None:
        stand, self._stand = self._stand, None
        if stand is not None:
            stand.close()


def tables_changed(before: Raw, after: Raw) -> list[str]:
    """Names of the tables of which a row differs."""
    return sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
