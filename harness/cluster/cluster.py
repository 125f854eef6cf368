"""One store, one GCS, raylets and drivers: what a scenario acts on."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from harness.check.survival import Order, Pulse
from harness.check.view import View
from harness.cluster.control_plane import ControlPlane
from harness.cluster.witness import Witness
from harness.driver import look
from harness.driver.client import QUICK_BACKOFF, GcsClient
from harness.driver.driver import Driver
from harness.driver.listener import Listener
from harness.fault.base import Fault, Injection, injected
from harness.process.ports import allocate_address, allocate_port
from harness.raylet import records
from harness.raylet.client import RayletHost
from harness.raylet.handles import RayletHandle
from harness.raylet.reconnect import LIMIT_VARIABLE
from harness.raylet.records import ActorHandle, Worker
from harness.store.base import Store
from harness.target.base import Target
from harness.target.gcs import GcsProcess
from harness.wait import until
from harness.wire.rpc import cluster_metadata, multicallable

# Ray's raylet opens its syncer stream again after 2 s; scenarios that wait for views want them sooner.
QUICK_RAYLET: Mapping[str, object] = {"sync_reopen": 0.1}


class Lost(AssertionError):
    """Something that should live has no living process."""


class Cluster(ControlPlane):
    """A cluster under test. Use it as a context manager; leaving it ends all that it started."""

    def __init__(
        self,
        target: Target,
        store: Store,
        directory: Path,
        separate: bool = False,
        reconnect_limit: float | None = None,
        raylet: Mapping[str, Any] | None = None,
        channel: Mapping[str, str | int] | None = None,
        **plane: Any,
    ) -> None:
        """Nothing starts yet.

        ``separate``: one process per raylet. ``reconnect_limit``: the raylets'
        gcs_rpc_server_reconnect_timeout_s, in seconds; ``raylet``: further options of theirs;
        ``channel``: gRPC channel arguments of raylets and drivers; ``plane``: see ControlPlane.
        """
        super().__init__(target, store, directory, **plane)
        self.raylets: list[RayletHandle] = []
        self.hosts: list[RayletHost] = []
        self.drivers: list[Driver] = []
        self._separate = separate
        self._channel = dict(channel or {})
        self._raylet = dict(raylet or {})
        self._env = {LIMIT_VARIABLE: str(reconnect_limit)} if reconnect_limit is not None else {}

    # Life

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, raylets: int = 2, cpus: float = 4.0, driver: bool = True) -> Cluster:
        """Start the GCS, ``raylets`` raylets (the first is the head) and a driver on the head."""
        self.start_gcs()
        for _ in range(raylets):
            self.add_raylet({"CPU": cpus})
        if driver:
            self.add_driver()
        return self

    @contextmanager
    def broken(self, fault: Fault) -> Iterator[Injection]:
        """``with cluster.broken(KillGcs()):`` the fault lasts as long as the block."""
        with injected(self, fault) as injection:
            yield injection

    # Raylets

    def add_host(self) -> RayletHost:
        """A new process for raylets."""
        host = RayletHost(
            gcs_address=self.address,
            speaks=self.target.dialect,
            directory=self.directory / f"raylets-{len(self.hosts)}",
            shared=self.directory / "shared",
            env=self._env,
            channel_options={**QUICK_BACKOFF, **self._channel},
            check_interval=0.05,
        )
        self.hosts.append(host)
        self._ending.callback(host.close)
        return host

    def add_raylet(self, resources: Mapping[str, float], wait: bool = True, **options: Any) -> RayletHandle:
        """A new node; ``wait`` False: its registration may still be under way.

        ``options``: those of ``harness.raylet.raylet.Options``.
        """
        host = self.add_host() if self._separate or not self.hosts else self.hosts[0]
        address = allocate_address()
        wishes = {"is_head": not self.raylets, **QUICK_RAYLET, **self._raylet, **options}
        raylet = host.add_begin(address, allocate_port(address), dict(resources), **wishes)
        self.raylets.append(raylet)
        self.note("raylet", "joins", node=raylet.node_id.hex()[:8], address=address)
        return raylet.wait_settled() if wait else raylet

    @property
    def head(self) -> RayletHandle:
        return self.raylets[0]

    def raylet_of(self, node: bytes | str) -> RayletHandle:
        """The raylet of a node id (bytes or hex)."""
        wanted = node if isinstance(node, str) else node.hex()
        return next(raylet for raylet in self.raylets if raylet.node_id.hex() == wanted)

    def settled(self, within: float = 15.0) -> None:
        """Wait until each living raylet is connected, and the GCS sees its resources as it does."""
        until(
            "raylets are back and their views agree",
            self._agree,
            within,
            every=0.02,
            evidence=self.gcs.log_tail,
        )

    def _agree(self) -> bool:
        living = [raylet for raylet in self.raylets if raylet.alive]
        if any(raylet.state != "connected" or not raylet.syncing for raylet in living):
            return False
        seen = look.available(self.driver.gcs) if self.drivers else None
        return seen is None or all(
            same_resources(seen.get(raylet.node_id.hex(), {}), raylet.available()) for raylet in living
        )

    # Drivers and what they see

    def add_driver(self, home: RayletHandle | None = None, connect: bool = True, **options: Any) -> Driver:
        """A driver on ``home`` (the head by default), with a job of its own unless not ``connect``."""
        driver = Driver(
            self.address,
            self.target.dialect,
            home or self.head,
            {**QUICK_BACKOFF, **self._channel, **options},
        )
        self.drivers.append(driver)
        self._ending.callback(driver.close)
        if connect:
            driver.connect()
        return driver

    @property
    def driver(self) -> Driver:
        return self.drivers[0]

    def client(self, **options: Any) -> GcsClient:
        """A bare client of the GCS, closed with the cluster."""
        return self._client_at(self.address, options)

    def look(self, within: float = 30.0) -> View:
        """The tables of the GCS now."""
        return look.look(self.driver.gcs, within=within)

    def look_anew(self, within: float = 30.0) -> View:
        """The tables of the GCS now, as a client sees them that learns the cluster id afresh."""
        client = self.client()
        client.learn_cluster_id(within)
        return look.look(client, within=within)

    def open_sync_stream(self, raylet: RayletHandle) -> Any:
        """A second syncer stream in the name of ``raylet``; gRPC's call, to be cancelled."""
        stream = multicallable(self.driver.gcs.channel, "RaySyncer.StartSync", self.target.dialect)
        hold = threading.Event()
        self._ending.callback(hold.set)

        def frames() -> Iterator[bytes]:
            hold.wait()
            yield from ()

        return stream(
            frames(),
            metadata=(("node_id", raylet.node_id.hex()), *cluster_metadata(self.driver.gcs.cluster_id)),
        )

    def client_of(self, gcs: GcsProcess, **options: Any) -> GcsClient:
        """A client of a given GCS (a rival), by its bare address, sending no cluster id."""
        return self._client_at(gcs.address, options)

    def _client_at(self, address: str, options: Mapping[str, Any]) -> GcsClient:
        client = GcsClient(address, self.target.dialect, {**QUICK_BACKOFF, **self._channel, **options})
        self._ending.callback(client.close)
        return client

    def subscribe(self, channel: str, polling: bool = True, acknowledge: bool = True) -> Listener:
        """A listener on a channel (``ACTOR``, ``NODE_INFO`` …), through a client of its own."""
        listener = Listener(self.client(), channel, polling, acknowledge)
        self._ending.callback(listener.close)
        return listener

    def witness(self, raylet: RayletHandle) -> Witness:
        """Listen in the place of a dead raylet, and note who calls."""
        witness = Witness(raylet.address, raylet.port)
        self._ending.callback(witness.close)
        return witness

    @staticmethod
    def runs(pid: int) -> bool:
        """Whether a process of that id runs (a zombie does not)."""
        try:
            return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def actor(self, actor: bytes) -> ActorHandle:
        """A handle on an actor's worker, found without the GCS."""
        for raylet in self.raylets:
            if raylet.alive and any(worker.actor_id == actor and worker.alive for worker in raylet.workers()):
                return raylet.actor(actor)
        raise Lost(f"actor {actor.hex()}: no living worker on any raylet")

    def workers_of(self, actor: bytes) -> list[Worker]:
        """The living worker processes that hold the actor, on any raylet."""
        return [
            worker
            for raylet in self.raylets
            if raylet.alive
            for worker in raylet.workers()
            if worker.alive and worker.actor_id == actor
        ]

    def bundles_of(self, group: bytes) -> dict[int, str]:
        """Bundle index -> node id (hex), of what living raylets hold for the group."""
        return {
            index: raylet.node_id.hex()
            for raylet in self.raylets
            if raylet.alive
            for owner, index in raylet.bundles()
            if owner == group
        }

    def kill_actor_process(self, actor: bytes) -> None:
        """SIGKILL of the actor's worker process, wherever it is."""
        for raylet in self.raylets:
            for worker in raylet.workers():
                if worker.alive and worker.actor_id == actor:
                    raylet.kill_worker(worker.worker_id)

    def script(self, method: str, mode: str) -> None:
        """Deviate in ``method`` on every raylet; modes as in ``harness.raylet.scripts``."""
        for raylet in self.raylets:
            raylet.script(method, mode=mode)

    def release(self, method: str) -> None:
        """End the deviation, and let go what it held."""
        for raylet in self.raylets:
            raylet.release(method)

    def pulse(self, actor: bytes) -> Pulse:
        """Call the actor once: its process, incarnation and count."""
        reply = self.actor(actor).call("increment")
        return Pulse(f"actor {actor.hex()}", reply.pid, int(reply.value), reply.incarnation)

    def orders(
        self, since: float = 0.0, method: str | None = None, raylet: RayletHandle | None = None
    ) -> list[Order]:
        """Orders that living raylets (or ``raylet``) received from ``since`` (monotonic seconds) on, in time's order."""
        asked = [raylet] if raylet else [one for one in self.raylets if one.alive]
        found = [plain(order) for one in asked for order in one.orders(method) if order.time >= since]
        return sorted(found, key=lambda order: order.at)


def plain(order: records.Order) -> Order:
    """A raylet's order as checks take it: ids in hex, bundles as ``group:index``."""
    named = {one.hex() for one in (*order.workers, order.worker_id, order.actor_id) if one}
    named |= {f"{group.hex()}:{index}" for group, index in order.bundles}
    return Order(order.time, order.node_id.hex(), order.method, frozenset(named))


def same_resources(seen: Mapping[str, float], held: Mapping[str, float]) -> bool:
    """Equal amounts; a resource that is used up may be absent."""
    kinds = {*seen, *held}
    return all(abs(seen.get(kind, 0.0) - held.get(kind, 0.0)) < 1e-6 for kind in kinds)
