"""Where plans are carried out, one after the other: a store, a proxy and raylets' process that last, and a record."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from harness.backend.choosing import Choice
from harness.cluster.closing import close_case
from harness.cluster.cluster import TALKING, Cluster
from harness.cluster.control_plane import PATIENT_HEALTH, QUICK_STORE_RETRIES
from harness.cluster.renewing import renew
from harness.errors import TargetFailed, TimedOut
from harness.expectations import Failure
from harness.fuzz.faults import KillStore
from harness.fuzz.plan import Plan
from harness.fuzz.real.performance import Performance
from harness.history import log
from harness.history.entry import Entry
from harness.history.event import Event
from harness.history.recorder import Recorder
from harness.judge import failure_of_end
from harness.target.base import Target

HERE = Choice("loopback")
PLANS = 40
"""After so many another cluster takes its place: names of clients, ports and logs pile up."""
OPTIONS: Mapping[str, Any] = {
    "config": {**PATIENT_HEALTH, **QUICK_STORE_RETRIES},
    "raylet": {**TALKING, "sync_reopen": 0.02},
}
"""Of a cluster for plans: patient with raylets of a machine that is busy, which are soon back, and not with a store."""
REST_SECONDS = 3.0
"""In which all must have come to rest before the last look."""


@dataclass(frozen=True)
class Carried:
    """A plan as it went. ``own``: what the engine itself found wrong. Seconds of building, running and looking.

    ``restarts``: lives of the GCS after the first, whether they came to serve (``recoveries``) or not.
    """

    plan: Plan
    events: list[Event]
    entries: list[Entry]
    own: tuple[Failure, ...]
    hits: Counter[str]
    missed: int
    recoveries: int
    restarts: int
    building: float
    running: float
    looking: float


class Stage:
    """For plans on ``target``, with its files below ``directory``, on a backend and its store. Close it.

    Where a plan kills the store, it is one that keeps every change: most need none, which is slower.
    """

    def __init__(self, target: Target, directory: Path, backend: Choice = HERE) -> None:
        self._target, self._directory, self._backend = target, directory.absolute(), backend
        # A container is at one address for good, and each raylet's is its own: there is nothing to keep warm.
        self._lasting = backend.name == HERE.name
        self._cluster: Cluster | None = None
        self._ending = ExitStack()
        self._carried = self._built = 0
        self._store = backend.store

    def close(self) -> None:
        self._cluster = None
        self._ending.close()

    def carry_out(self, plan: Plan) -> Carried:
        """Run ``plan`` from an empty store to the last look, and read its record back."""
        began = time.monotonic()
        case = f"plan {plan.digest}, number {self._carried}"
        deadly = any(isinstance(step.do, KillStore) for step in plan.steps)
        cluster = self._fresh(case, self._backend.keeping if deadly else self._backend.store)
        run = Performance(cluster, plan)
        built = time.monotonic()
        own: list[Failure] = []
        try:
            run.run()
        except (TargetFailed, TimedOut, AssertionError) as problem:
            own.append(failure_of_end(problem, str(problem), isinstance(problem, TimedOut)))
        except grpc.RpcError as problem:
            said = f"a call of the plan's beginning ended {problem.code().name}"
            own.append(failure_of_end(problem, said, waited=True))
        finally:
            run.mend()  # nobody else would, had the plan ended before its time
        ended = time.monotonic()
        try:
            with run.keeper.watching():
                close_case(cluster, REST_SECONDS)
        except TargetFailed as problem:
            own.append(failure_of_end(problem, str(problem), waited=True))
        finally:
            run.close()
        if cluster.proxy is not None:
            cluster.proxy.flush()
        place = self._record
        events, entries = log.events(place / log.HISTORY, case), log.entries(place / log.LEDGER, case)
        return Carried(
            plan, events, entries, tuple(own), run.hits, run.missed, run.keeper.recoveries, run.keeper.started,
            built - began, ended - built, time.monotonic() - ended,
        )  # fmt: skip

    @property
    def _record(self) -> Path:
        return self._directory / f"record-{self._built}"

    def _fresh(self, case: str, store: str) -> Cluster:
        """A cluster with nothing in it on such a ``store``, whose history is that of ``case``."""
        if self._carried % (PLANS if self._lasting else 1) == 0 or store != self._store:
            self.close()
        self._carried += 1
        if self._cluster is None:
            self._store = store
            self._cluster = self._new(case)
        else:
            for name in (log.HISTORY, log.LEDGER):
                (self._record / name).write_bytes(b"")
            renew(self._cluster, case)
        return self._cluster

    def _new(self, case: str) -> Cluster:
        self._built += 1
        place = self._directory / f"stage-{self._built}"
        backend = self._backend.maker(self._record)(place)
        self._ending.callback(backend.close)
        store = backend.store(self._store, place / "store")
        store.start()
        self._ending.callback(store.stop)
        cluster = Cluster(
            self._target, store, place, recorder=Recorder(self._record, case), backend=backend,
            lasting=self._lasting, **OPTIONS,
        )  # fmt: skip
        self._ending.callback(cluster.forget)
        self._ending.callback(cluster.close)
        return cluster
