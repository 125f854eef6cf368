"""One store, one GCS, raylets and drivers: what a scenario acts on."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from harness.backend.base import Place
from harness.backend.loopback import LOOPBACK
from harness.check.view import View
from harness.cluster import looking
from harness.cluster.control_plane import ControlPlane
from harness.cluster.population import Population
from harness.cluster.witness import Witness
from harness.driver import look
from harness.driver.client import QUICK_BACKOFF, GcsClient
from harness.driver.driver import Driver
from harness.driver.listener import Listener
from harness.fault.base import Fault, Injection, injected
from harness.raylet.client import RayletHost
from harness.raylet.handles import RayletHandle
from harness.raylet.reconnect import LIMIT_VARIABLE
from harness.store.base import Store
from harness.target.base import Target
from harness.target.gcs import GcsProcess
from harness.wait import until
from harness.wire.rpc import cluster_metadata, multicallable

# Ray's raylet opens its syncer stream again after 2 s; scenarios that wait for views want them sooner.
QUICK_RAYLET: Mapping[str, object] = {"sync_reopen": 0.1}
# That a link has gone silent gRPC learns when its ping is not answered: Ray's asks after 300 s and waits
# for 120. It pings only where there is traffic, so that such raylets ask for themselves more often, too.
QUICK_PING: Mapping[str, int] = {
    "grpc.keepalive_time_ms": 1000,
    "grpc.keepalive_timeout_ms": 1000,
    "grpc.http2.ping_timeout_ms": 1000,
}
TALKING: Mapping[str, object] = {"self_check": 0.5}


class Cluster(ControlPlane, Population):
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
        lasting: bool = False,
        **plane: Any,
    ) -> None:
        """Nothing starts yet.

        ``separate``: one process per raylet. ``reconnect_limit``: the raylets'
        gcs_rpc_server_reconnect_timeout_s, in seconds; ``raylet``: further options of theirs;
        ``channel``: gRPC channel arguments of raylets and drivers; ``lasting``: it will be renewed;
        ``plane``: see ControlPlane.
        """
        super().__init__(target, store, directory, **plane)
        self.raylets: list[RayletHandle] = []
        self.hosts: list[RayletHost] = []
        self.drivers: list[Driver] = []
        self.clients: list[GcsClient] = []
        """All clients of it, those of drivers and listeners too."""
        self.notice = 0.0
        """Seconds within which the GCS notices that a raylet is gone: so long the closing look waits for that."""
        self._numbers = itertools.count()
        self._separate = separate or self.backend.one_raylet_each
        self._lasting = lasting
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
        with self._hosts_ahead(raylets) as places:
            self.start_gcs()
        for place in places:
            self.add_raylet({"CPU": cpus}, place=place)
        if driver:
            self.add_driver()
        return self

    @contextmanager
    def broken(self, fault: Fault) -> Iterator[Injection]:
        """``with cluster.broken(KillGcs()):`` the fault lasts as long as the block."""
        with injected(self, fault) as injection:
            yield injection

    # Raylets

    def add_host(self, place: Place | None = None) -> RayletHost:
        """A new process for raylets; ``place``: where its only one will be."""
        return self._keep(self._made_host(len(self.hosts), place or self.backend.raylet_place()))

    def _made_host(self, number: int, place: Place) -> RayletHost:
        host = RayletHost(
            gcs_address=self.raylets_address,
            speaks=self.target.dialect,
            directory=self.directory / f"raylets-{number}",
            shared=self.directory / "shared",
            env=self._env,
            channel_options={**QUICK_BACKOFF, **self._channel},
            check_interval=0.05,
            spawn=self.backend.spawn,
            address=place.address if self.backend.one_raylet_each else LOOPBACK,
            record=self.record_of(number),
            lasting=self._lasting,
        )
        host.recorder = self.recorder
        return host

    def _keep(self, host: RayletHost) -> RayletHost:
        self.hosts.append(host)
        self._ending.callback(host.close)
        return host

    def record_of(self, host: int) -> tuple[str, str, int, str] | None:
        """What the host of that number needs to write the same history."""
        own = self.recorder
        return (str(own.directory), own.case, own.cluster, f"r{host}") if own.on else None

    @contextmanager
    def _hosts_ahead(self, raylets: int) -> Iterator[list[Place | None]]:
        """Where each raylet is alone its process takes longest: meanwhile, let those of the first ones start."""
        if not self.backend.one_raylet_each:
            yield [None] * raylets
            return
        places = [self.backend.raylet_place() for _ in range(raylets)]
        with ThreadPoolExecutor(max(1, raylets)) as pool:
            hosts = [pool.submit(self._made_host, number, place) for number, place in enumerate(places)]
            try:
                yield [*places]
            finally:
                for host in hosts:
                    self._keep(host.result())

    def add_raylet(
        self,
        resources: Mapping[str, float],
        wait: bool = True,
        place: Place | None = None,
        **options: Any,
    ) -> RayletHandle:
        """A new node; ``wait`` False: its registration may still be under way.

        ``options``: those of ``harness.raylet.raylet.Options``; ``place``: of a host that waits for it.
        """
        host = next((one for one in self.hosts if place and one.address == place.address), None)
        if host is None or place is None:
            place = self.backend.raylet_place()
            host = self.add_host(place) if self._separate or not self.hosts else self.hosts[0]
        wishes = {"is_head": not self.raylets, **QUICK_RAYLET, **self._raylet, **options}
        raylet = host.add_begin(place.address, place.port, dict(resources), **wishes)
        self.raylets.append(raylet)
        return raylet.wait_settled() if wait else raylet

    def host_of(self, raylet: RayletHandle) -> RayletHost:
        """The process, or the container, in which ``raylet`` is, alone or not."""
        return next(host for host in self.hosts if raylet in host.raylets)

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
            self.recorder,
            self._name("driver"),
        )
        self.drivers.append(driver)
        self.clients.append(driver.gcs)
        self._ending.callback(driver.close)
        if connect:
            driver.connect()
        return driver

    @property
    def driver(self) -> Driver:
        return self.drivers[0]

    def client(self, **options: Any) -> GcsClient:
        """A bare client of the GCS, closed with the cluster."""
        return self.client_at(self.address, options)

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

        node = raylet.node_id.hex()
        name = self._name("stream")
        self.recorder.write("sync", "open", {"stream": name, "foreign": True}, node)
        call = stream(
            frames(),
            metadata=(("node_id", node), *cluster_metadata(self.driver.gcs.cluster_id)),
        )

        def ended() -> None:
            self.recorder.write("sync", "closed", {"stream": name, "grpc": call.code().name}, node)

        call.add_callback(ended)
        return call

    def client_of(self, gcs: GcsProcess, **options: Any) -> GcsClient:
        """A client of a given GCS (a rival), by its bare address, sending no cluster id."""
        return self.client_at(gcs.address, options)

    def client_at(self, address: str, options: Mapping[str, Any], kind: str = "client") -> GcsClient:
        """A client by a way of its own: ``address`` is any gRPC target."""
        client = GcsClient(
            address,
            self.target.dialect,
            {**QUICK_BACKOFF, **self._channel, **options},
            recorder=self.recorder,
            name=self._name(kind),
            wanted_token=self.wanted_token,
        )
        self.clients.append(client)
        self._ending.callback(client.close)
        return client

    def _name(self, kind: str) -> str:
        """The next name of a client in the history: ``driver-0``, ``client-1``, ``listener-2``."""
        return f"{kind}-{next(self._numbers)}"

    def subscribe(self, channel: str, polling: bool = True, acknowledge: bool = True) -> Listener:
        """A listener on a channel (``ACTOR``, ``NODE_INFO`` …), through a client of its own."""
        client = self.client_at(self.address, {}, "listener")
        listener = Listener(client, channel, polling, acknowledge)
        self._ending.callback(listener.close)
        return listener

    def witness(self, raylet: RayletHandle) -> Witness:
        """Listen in the place of a dead raylet, and note who calls."""
        directory = self.directory / f"witness-{raylet.node_id.hex()[:8]}"
        witness = Witness(self.backend.spawn, raylet.address, raylet.port, directory)
        self._ending.callback(witness.close)
        return witness

    def runs(self, pid: int) -> bool:
        """Whether a process of that id runs (a zombie does not)."""
        return self.backend.runs(pid)

    # The record of a case

    def closing_look(self, within: float = 2.0) -> None:
        """Look at everything when the case is over, given up to ``within`` seconds to come to rest."""
        self.gcs.await_comparison()
        looking.close(self, self._name("look"), within, self.notice)

    def baseline_look(self) -> None:
        """Look at everything at the start of a case that finds a cluster as another has left it."""
        looking.begin(self, self._name("look"))

    def turn_to(self, case: str) -> None:
        """Write the history of another case from now on: what the cluster is, what lives, what it holds."""
        if self.proxy is not None:
            self.proxy.turn_to(case)
        self.recorder.turn_to(case)
        for number, host in enumerate(self.hosts):
            if record := self.record_of(number):
                with suppress(OSError):  # a host that is dead has nothing to write
                    host.record(*record)
        self.record_built()
        self.gcs.record_again()
        self.baseline_look()


def same_resources(seen: Mapping[str, float], held: Mapping[str, float]) -> bool:
    """Equal amounts; a resource that is used up may be absent."""
    kinds = {*seen, *held}
    return all(abs(seen.get(kind, 0.0) - held.get(kind, 0.0)) < 1e-6 for kind in kinds)
