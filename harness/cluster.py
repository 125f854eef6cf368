"""One store, one GCS, raylets and drivers: what a scenario acts on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil

from harness.check.survival import Order, Pulse
from harness.check.view import View
from harness.driver import look
from harness.driver.client import QUICK_BACKOFF, GcsClient
from harness.driver.driver import Driver
from harness.driver.listener import Listener
from harness.fault.base import Fault, Injection, injected
from harness.names.front import Front
from harness.names.server import NameServer
from harness.process.ports import allocate_address, allocate_port
from harness.raylet import records
from harness.raylet.client import RayletHost
from harness.raylet.handles import RayletHandle
from harness.raylet.records import ActorHandle
from harness.store.base import Store
from harness.target.base import Launch, Target
from harness.target.gcs import GcsProcess
from harness.wait import until
from harness.wire import ids
from harness.wire.rpc import cluster_metadata, multicallable
from harness.witness import Witness

# A node that refuses its probes is dead after 0.8 + 3 * 0.4 = 2 s; one that is slow for less than
# the timeout is not, however loaded the machine. Ray's own: 5000, 3000, 10000 ms and 5.
QUICK_HEALTH: Mapping[str, object] = {
    "health_check_initial_delay_ms": 800,
    "health_check_period_ms": 400,
    "health_check_timeout_ms": 5000,
    "health_check_failure_threshold": 4,
}
# Ray's defaults (ray_config_def.h), for scenarios in which a node is rightly unreachable for a
# while: a GCS whose probe was refused tries again only after gRPC's backoff of a second or more.
PATIENT_HEALTH: Mapping[str, object] = {
    "health_check_initial_delay_ms": 5000,
    "health_check_period_ms": 3000,
    "health_check_timeout_ms": 10000,
    "health_check_failure_threshold": 5,
}
LOOPBACK = "127.0.0.1"
GCS_NAME = "gcs.test"
# Ray's raylet opens its syncer stream again after 2 s; scenarios that wait for views want them sooner.
QUICK_RAYLET: Mapping[str, object] = {"sync_reopen": 0.1}


@dataclass(frozen=True)
class Note:
    """One line of a cluster's journal; ``at`` in monotonic seconds."""

    at: float
    kind: str
    what: str
    facts: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        facts = " ".join(f"{key}={value}" for key, value in self.facts.items())
        return f"{self.at:12.3f}  {self.kind:8} {self.what} {facts}".rstrip()


class Cluster:
    """A cluster under test. Use it as a context manager; leaving it ends all that it started."""

    def __init__(
        self,
        target: Target,
        store: Store,
        directory: Path,
        config: Mapping[str, object] | None = None,
        env: Mapping[str, str] | None = None,
        namespace: str = "",
        named: bool = False,
        fronted: bool = False,
        separate: bool = False,
        reconnect_limit: float | None = None,
        raylet: Mapping[str, Any] | None = None,
        channel: Mapping[str, str | int] | None = None,
    ) -> None:
        """Nothing starts yet.

        ``config``: Ray system config of the GCS, over :data:`QUICK_HEALTH`. ``fronted``:
        the GCS is known by an IP that it can leave; ``named``: and by a DNS name that leads there. ``separate``: one process per raylet.
        ``reconnect_limit``: the raylets' gcs_rpc_server_reconnect_timeout_s, in seconds; ``raylet``:
        further options of theirs; ``channel``: gRPC channel arguments of raylets and drivers.
        """
        self.target, self.store, self.directory = target, store, directory
        self.namespace = namespace or f"ns{ids.unique_id().hex()[:12]}"
        self.journal: list[Note] = []
        self.raylets: list[RayletHandle] = []
        self.hosts: list[RayletHost] = []
        self.drivers: list[Driver] = []
        self.rival: GcsProcess | None = None
        self.names: NameServer | None = None
        self.died_at = 0.0
        """When the GCS was last killed, in monotonic seconds."""
        self.serving_since = 0.0
        """When the port of the last GCS was last seen closed, in monotonic seconds."""
        self._separate = separate
        self._channel = dict(channel or {})
        self._raylet = dict(raylet or {})
        if reconnect_limit is not None:
            self._raylet["reconnect_limit"] = reconnect_limit
        self._ending = ExitStack()
        self.gcs = GcsProcess(
            target,
            Launch(
                address=LOOPBACK,
                port=allocate_port(),
                store=store.settings,
                namespace=self.namespace,
                session_name=f"session_{self.namespace}",
                directory=directory / "gcs",
                config={**QUICK_HEALTH, **(config or {})},
                env=dict(env or {}),
            ),
        )
        self._ending.callback(self._end_processes)
        self._front_address, self._front_port = "", 0
        self.front: Front | None = None
        if named or fronted:
            self._front_address = allocate_address()
            self._front_port = allocate_port(self._front_address)
            self.front = Front((LOOPBACK, self.gcs.launch.port))
            self._ending.callback(self.front.close)
        if named:
            self.names = NameServer()
            self.names.start()
            self._ending.callback(self.names.stop)
            self.tell_names()

    # Life

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End everything that this cluster started. May be called twice."""
        self._ending.close()

    def start(self, raylets: int = 2, cpus: float = 4.0, driver: bool = True) -> Cluster:
        """Start the GCS, ``raylets`` raylets (the first is the head) and a driver on the head."""
        self.start_gcs()
        for _ in range(raylets):
            self.add_raylet({"CPU": cpus})
        if driver:
            self.add_driver()
        return self

    def note(self, kind: str, what: str, **facts: object) -> None:
        """Write a line into the journal, which a failing scenario shows."""
        self.journal.append(Note(time.monotonic(), kind, what, facts))

    @staticmethod
    def now() -> float:
        """The clock of journals, orders and checks: monotonic seconds, the same in every process."""
        return time.monotonic()

    # The GCS

    @property
    def recoveries(self) -> int:
        """How often the GCS served again after an end."""
        return max(0, sum(life.serving is not None for life in self.gcs.lives) - 1)

    @property
    def address(self) -> str:
        """The gRPC target under which raylets and drivers know the GCS."""
        if self.names is not None:
            return self.names.target(GCS_NAME, self._front_port)
        if self.front is not None:
            return f"{self._front_address}:{self._front_port}"
        return self.gcs.address

    def tell_names(self) -> None:
        """Let the name service lead to where the GCS is now."""
        if self.names is not None:
            self.names.set(GCS_NAME, self._front_address)

    def start_gcs(self, within: float = 30.0) -> None:
        self.gcs.start()
        self.gcs.wait_until_serving(within)
        self._open_front()
        self.note("gcs", "serves", pid=self.gcs.pid, address=self.gcs.address)

    def kill_gcs(self) -> None:
        """SIGKILL the GCS, and its address with it."""
        self.gcs.kill()
        if self.front is not None:
            self.front.close()
        self.died_at = time.monotonic()
        self.note("gcs", "killed")

    def revive_gcs(self, within: float = 30.0) -> None:
        """Start the GCS again where it was, unless it runs, and wait until it serves."""
        if not self.gcs.alive:
            self.gcs.restart()
        # An answer may come as soon as the port opens, so the moment is taken before, on the safe side.
        self.serving_since = self._port_opens(within)
        self.gcs.wait_until_serving(within)
        self._open_front()
        self.note("gcs", "serves", pid=self.gcs.pid, address=self.gcs.address)

    def _port_opens(self, within: float) -> float:
        """When the port was last seen closed, in monotonic seconds."""
        closed_at = time.monotonic()

        def opened() -> bool:
            nonlocal closed_at
            before = time.monotonic()
            if self.gcs.accepts() or not self.gcs.alive:
                return True
            closed_at = before
            return False

        until("the GCS opens its port", opened, within, every=0.002, evidence=self.gcs.log_tail)
        return closed_at

    def move_gcs(self, tell: bool = True, within: float = 30.0) -> str:
        """Start the dead GCS where it is known by another IP, same port; ``tell`` the name service. The new IP."""
        self._front_address = allocate_address()
        self.revive_gcs(within)
        if tell:
            self.tell_names()
        self.note("gcs", "moved", address=self._front_address)
        return self._front_address

    def _open_front(self) -> None:
        if self.front is not None:
            self.front.close()
            self.front.open(self._front_address, self._front_port)

    def gcs_is_connected_to_store(self) -> bool:
        """Whether the GCS's process has an open connection to the store, answered or not."""
        store = (self.store.settings.host, self.store.settings.port)
        process = psutil.Process(self.gcs.pid)
        return any(
            link.raddr == store and link.status == psutil.CONN_ESTABLISHED
            for one in (process, *process.children(recursive=True))
            for link in one.net_connections("tcp")
        )

    def start_rival(self) -> GcsProcess:
        """Start a second GCS on the same store and namespace, at a port of its own."""
        launch = replace(self.gcs.launch, port=allocate_port(), directory=self.directory / "rival")
        self.rival = GcsProcess(self.target, launch)
        self.rival.start()
        return self.rival

    def settled_rival(self, within: float = 15.0) -> GcsProcess:
        """The rival, once it serves or has given up."""
        rival = self.rival
        assert rival is not None, "there is no rival"
        until("the rival serves or gives up", lambda: rival.serving() or not rival.alive, within)
        return rival

    def end_rival(self) -> None:
        if self.rival is not None:
            self.rival.kill()

    def cycle(self) -> None:
        """Kill the GCS and bring it back, as fast as it goes."""
        self.kill_gcs()
        self.revive_gcs()

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
            channel_options={**QUICK_BACKOFF, **self._channel},
            check_interval=0.05,
        )
        self.hosts.append(host)
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
        client = GcsClient(self.address, self.target.dialect, {**QUICK_BACKOFF, **self._channel, **options})
        self._ending.callback(client.close)
        return client

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

    def misinform(self, **settings: Any) -> None:
        """Tell the GCS something else about its store (``password=…``) from its next start on."""
        launch = self.gcs.launch
        self.gcs.launch = replace(launch, store=replace(launch.store, **settings))

    def client_of(self, gcs: GcsProcess, **options: Any) -> GcsClient:
        """A client of a given GCS (a rival), by its bare address, sending no cluster id."""
        address = f"{gcs.launch.address}:{gcs.launch.port}"
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
        raise AssertionError(f"actor {actor.hex()}: no living worker on any raylet")

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

    def _end_processes(self) -> None:
        self.end_rival()
        for host in self.hosts:
            host.close()
        if self.gcs.alive:
            self.gcs.kill()


def plain(order: records.Order) -> Order:
    """A raylet's order as checks take it: ids in hex, bundles as ``group:index``."""
    named = {one.hex() for one in (*order.workers, order.worker_id, order.actor_id) if one}
    named |= {f"{group.hex()}:{index}" for group, index in order.bundles}
    return Order(order.time, order.node_id.hex(), order.method, frozenset(named))


def same_resources(seen: Mapping[str, float], held: Mapping[str, float]) -> bool:
    """Equal amounts; a resource that is used up may be absent."""
    kinds = {*seen, *held}
    return all(abs(seen.get(kind, 0.0) - held.get(kind, 0.0)) < 1e-6 for kind in kinds)
