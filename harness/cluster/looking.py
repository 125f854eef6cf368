"""Looking at a whole cluster: what the GCS says, what its raylets hold, what its store keeps.

One event of the history each; see ``look`` in :mod:`harness.history.event`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
import redis

from harness.check.agreement import complaints
from harness.check.identity import REFUSED_LOOK
from harness.driver import look
from harness.driver.client import QUICK_BACKOFF, GcsClient, Refused
from harness.errors import TimedOut
from harness.raylet.asking import HostError
from harness.raylet.handles import RayletHandle
from harness.store.dump import plain_rows, read
from harness.store.redis_server import client_of

if TYPE_CHECKING:
    from harness.cluster.cluster import Cluster

_CALL_SECONDS = 1.0
_NOTICE_SLACK = 0.5
"""By which the look that finds nothing noticed is later than the GCS may be."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.2
# What reading from something broken, hung or of a strange mind ends with.
_UNREADABLE = (
    grpc.RpcError,
    Refused,
    OSError,
    TimedOut,
    HostError,
    ValueError,
    LookupError,
    redis.RedisError,
)


@dataclass
class Seen:
    """One look. ``view`` None: the GCS could not be read. ``why``: what speaks against quiet."""

    at: float
    view: dict[str, Any] | None = None
    books: dict[str, Any] = field(default_factory=dict)
    stored: Mapping[str, Any] | None = None
    why: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def unnoticed(self) -> bool:
        """Whether a node is ALIVE whose raylet is gone."""
        nodes = (self.view or {}).get("nodes", {})
        return any(
            book["state"] == "gone" and nodes.get(node, {}).get("state") == "ALIVE"
            for node, book in self.books.items()
        )

    refused: str = ""
    """With which words the GCS would not answer one who sends no cluster id."""


def close(cluster: Cluster, who: str, within: float, notice: float = 0.0) -> None:
    """The ``closing`` look, once all is quiet and agrees, or after ``within`` seconds.

    It waits up to ``notice`` seconds until no node is ALIVE whose raylet is gone, and then ``within`` again.
    There is none when there is no GCS to look at; ``cluster closing`` says why.
    """
    if not cluster.recorder.on:
        return
    began = time.monotonic()
    end = began + within
    pause = _FIRST_PAUSE
    with ExitStack() as ending:
        eye = _Eye(cluster, who, ending)
        seen = eye.look()
        while (seen.why or seen.complaints or seen.unnoticed) and not eye.hopeless:
            now = time.monotonic()
            if seen.unnoticed and now < began + notice + _NOTICE_SLACK:
                end = now + within
            elif now >= end or not (seen.why or seen.complaints):
                break
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
            seen = eye.look()
    _write(cluster, who, "closing", seen)
    cluster.store_watch.ask(cluster.recorder)
    cluster.recorder.write("cluster", "closing", {"why": seen.why})


def begin(cluster: Cluster, who: str) -> None:
    """The ``baseline`` look, as things stand."""
    if not cluster.recorder.on:
        return
    with ExitStack() as ending:
        seen = _Eye(cluster, who, ending).look()
    _write(cluster, who, "baseline", seen)


def _write(cluster: Cluster, who: str, what: str, seen: Seen) -> None:
    if seen.refused:
        cluster.recorder.write("look", REFUSED_LOOK, {"why": seen.refused}, who, seen.at)
    if seen.view is None:
        return
    facts = {
        "view": seen.view,
        "books": seen.books,
        "stored": seen.stored,
        "quiet": not seen.why,
        "complaints": seen.complaints,
        **({"why": "; ".join(seen.why)} if seen.why else {}),
    }
    cluster.recorder.write("look", what, facts, who, seen.at)


class _Eye:
    """Looks at ``cluster`` through clients of its own. ``hopeless``: it will not come to rest by itself."""

    def __init__(self, cluster: Cluster, who: str, ending: ExitStack) -> None:
        self._cluster = cluster
        self.hopeless = False
        # By the bare address, and without a cluster id: neither may keep it from looking.
        address, dialect = cluster.gcs.address, cluster.target.dialect
        self._gcs = GcsClient(address, dialect, QUICK_BACKOFF, recorder=cluster.recorder, name=who)
        ending.callback(self._gcs.close)
        self._redis: redis.Redis | None = None
        if cluster.store.settings.kind == "redis":
            self._redis = client_of(cluster.store.settings, timeout=_CALL_SECONDS)
            ending.callback(self._redis.close)

    def look(self) -> Seen:
        """Everything as it is now. What cannot be read is said in ``why``."""
        seen = Seen(time.monotonic())
        seen.why += self._disturbed()
        self.hopeless = bool(seen.why)
        self._read_books(seen)
        # A GCS whose store is silent is not asked: it would have to ask the store in its turn.
        if self._read_store(seen) and self._cluster.gcs.alive and not self._cluster.gcs.paused:
            self._read_tables(seen)
        if calls := sorted(call for client in self._cluster.clients for call in client.outstanding()):
            seen.why.append(f"calls are outstanding: {', '.join(calls)}")
        if seen.view is not None:
            seen.complaints = [one.signature for one in complaints(seen.view, seen.books, seen.stored)]
        return seen

    def _disturbed(self) -> list[str]:
        """What stands in the way of rest, and will not go away by waiting."""
        cluster = self._cluster
        found = [f"fault not healed: {name}" for name in cluster.unhealed]
        if cluster.rival is not None and cluster.rival.alive:
            found.append("a rival GCS lives")
        if not cluster.gcs.alive:
            found.append("the GCS is dead")
        elif cluster.gcs.paused:
            found.append("the GCS is paused")
        return found

    def _read_books(self, seen: Seen) -> None:
        for host in self._cluster.hosts:
            if host.paused:
                seen.why.append("a host of raylets is stopped")
                continue
            for raylet in host.raylets:
                node = raylet.node_id.hex()
                try:
                    book = seen.books[node] = _book(raylet)
                except _UNREADABLE as problem:
                    seen.why.append(f"raylet {node[:8]} cannot be asked: {problem}")
                    continue
                if book["state"] not in ("connected", "gone"):
                    seen.why.append(f"raylet {node[:8]} is {book['state']}")

    def _read_store(self, seen: Seen) -> bool:
        """Whether the store answers; one that is no Redis is not asked."""
        if self._redis is None:
            return True
        cluster = self._cluster
        try:
            seen.stored = plain_rows(read(self._redis, cluster.namespace), cluster.target.dialect)
        except _UNREADABLE as problem:
            seen.why.append(f"the store cannot be read: {problem}")
            return False
        return True

    def _read_tables(self, seen: Seen) -> None:
        try:
            view, available = look.look_at_all(self._gcs, _CALL_SECONDS)
            seen.view = {**asdict(view), "available": available}
        except _UNREADABLE as problem:
            seen.why.append(f"the GCS cannot be read: {_said(problem)}")
            foreign = self._cluster.target.dialect.wrong_cluster_id.name
            if self._cluster.wanted_token is None and _status(problem) == foreign:
                seen.refused = _said(problem)


def _book(raylet: RayletHandle) -> dict[str, Any]:
    """What a raylet holds; nothing, when it is gone. ``workers`` are the living ones."""
    state = raylet.state
    if state == "gone":
        return {"state": state, "workers": {}, "bundles": [], "available": {}, "total": {}}
    living = [worker for worker in raylet.workers() if worker.alive]
    return {
        "state": state,
        "workers": {worker.worker_id.hex(): (worker.actor_id or b"").hex() for worker in living},
        "bundles": [f"{group.hex()}:{index}" for group, index in raylet.bundles()],
        "available": raylet.available(),
        "total": raylet.total(),
        "syncing": raylet.syncing,
    }


def _status(problem: Exception) -> str:
    """The name of gRPC's status; '' of what is none."""
    return str(problem.code().name) if isinstance(problem, grpc.Call) else ""


def _said(problem: Exception) -> str:
    return _status(problem) or str(problem)
