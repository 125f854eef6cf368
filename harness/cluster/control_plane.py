"""The GCS of a cluster: its process, where it is known, and a rival it may get."""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.backend.base import Backend, Place
from harness.backend.loopback import Loopback
from harness.cluster import inheritance
from harness.cluster.journal import journal
from harness.cluster.store_watch import StoreWatch
from harness.errors import Unsupported
from harness.history.recorder import Recorder
from harness.names.front import Front
from harness.names.server import NameServer
from harness.process.ports import allocate_address, allocate_port
from harness.proxy import Match
from harness.proxy.base import LinkProxy, StoreProxy, Strike
from harness.proxy.link import Blackhole, Direction
from harness.proxy.modes import Mode
from harness.store.base import EXTERNAL, Store, StoreSettings
from harness.target.base import Launch, Target
from harness.target.gcs import GcsProcess
from harness.wait import until
from harness.wire import ids

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
# ray_config_def.h: 100 ms, doubled up to 1000. A GCS that gives its store up does so after five of them.
QUICK_STORE_RETRIES: Mapping[str, object] = {"redis_retry_base_ms": 10, "redis_retry_max_ms": 40}
GCS_NAME = "gcs.test"
_CONNECT_SECONDS = 0.25


class ControlPlane:
    """A GCS on its store, under an address that it can leave, with or without a name."""

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
        linked: bool = False,
        recorder: Recorder | None = None,
        backend: Backend | None = None,
    ) -> None:
        """Nothing starts yet.

        ``config``: Ray system config, over :data:`QUICK_HEALTH`. ``fronted``: the GCS is known by
        an IP that it can leave; ``named``: and by a DNS name that leads there. ``linked``: raylets reach it by
        :attr:`link` alone. ``recorder``: what
        writes the history; nothing does, when there is none. ``backend``: what runs it all;
        processes on loopback, when there is none.
        """
        self.backend = backend or Loopback()
        self.target, self.store, self.directory = target, store, directory
        self.namespace = namespace or f"ns{ids.unique_id().hex()[:12]}"
        self.recorder = recorder or Recorder()
        self.store_watch = StoreWatch(store)
        self.rival: GcsProcess | None = None
        self.unhealed: list[str] = []
        """The names of the faults that last."""
        self.logs_read: dict[Path, int] = {}
        """How much of each log the cases so far have read, in bytes."""
        self.names: NameServer | None = None
        self.front: Front | None = None
        self.died_at = 0.0
        """When the GCS was last killed, in monotonic seconds."""
        self.closed_until = 0.0
        """When the port of the present GCS was last seen closed, in monotonic seconds."""
        self._ending = ExitStack()
        self._ending.callback(self.backend.close)
        self.proxy: StoreProxy | None = None
        """Between every GCS of this cluster and its Redis; None with a store that can have none."""
        if store.settings.proxied:
            self.proxy = self.backend.store_proxy(
                store.settings, self.recorder, self._kill, directory / "proxy"
            )
            self._ending.callback(self.proxy.close)
        place = self.backend.gcs_place()
        self.gcs = GcsProcess(
            target,
            Launch(
                address=place.address,
                port=place.port,
                store=self._by_proxy(store.settings, "gcs"),
                namespace=self.namespace,
                session_name=f"session_{self.namespace}",
                directory=directory / "gcs",
                config={**QUICK_HEALTH, **(config or {})},
                env=dict(env or {}),
                names=(f"gcs.{secrets.token_hex(4)}",) if named and self.backend.own_addresses else (),
            ),
            self.recorder,
            run=self.backend.start_gcs,
            compared=self.backend.own_children,
        )
        self._ending.callback(lambda: self.gcs.kill())  # the one there is then
        self.link: LinkProxy | None = None
        """Between raylets and the GCS, for faults of that link; None unless ``linked``."""
        self._cuts = ExitStack()
        self._linked_at = ""
        if linked:
            self.link = self.backend.link_proxy(
                (place.address, place.port), self.recorder, directory / "link"
            )
            self._ending.callback(self.link.close)
            self._ending.callback(self.mend_link)
            self._linked_at = "{}:{}".format(*self.link.open())
        self._front_address, self._front_port = "", 0
        if (named or fronted) and not self.backend.own_addresses:
            self._build_front(place)
        if named:
            self.names = NameServer()
            self.names.start()
            self._ending.callback(self.names.stop)
            self.tell_names()
        self.record_built()
        if namespace and self.recorder.on:
            inheritance.record(self.recorder, store.settings, namespace, target.dialect)

    def begin_anew(self, namespace: str) -> None:
        """Another GCS, not started, in another namespace at the same place; nothing of the old one is left."""
        self.kill_gcs()
        self.end_rival()
        self.rival = None
        self.unhealed.clear()
        if "wipe" in self.store.faults:
            self.store.wipe()
        else:
            self.forget()
        self.namespace = namespace
        launch = replace(
            self.gcs.launch,
            namespace=namespace,
            session_name=f"session_{namespace}",
            directory=self.directory / f"gcs-{namespace}",
        )
        start, compared = self.backend.start_gcs, self.backend.own_children
        self.gcs = GcsProcess(self.target, launch, self.recorder, run=start, compared=compared)

    def record_built(self) -> None:
        """Write into the history what the cluster is made of."""
        own, given = self.store.settings, self.gcs.launch.store
        facts = {
            "target": self.target.name,
            "release": str(self.target.dialect.release),
            "namespace": self.namespace,
            "store": own.kind,
            "persistence": self.store.persistence,
            "ledger": (given.host, given.port) != (own.host, own.port),
            "session": self.gcs.launch.session_name,
        }
        if self.recorder.on and (health := self.store_watch.begin(self.recorder)):
            facts["health"] = health
        self.recorder.write("cluster", "built", facts)

    def _by_proxy(self, settings: StoreSettings, via: str) -> StoreSettings:
        """``settings`` as the GCS named ``via`` is told them: the store's address is the proxy's."""
        if self.proxy is None:
            return settings
        host, port = self.proxy.open(via)
        return replace(settings, host=host, port=port)

    def _kill(self, via: str) -> None:
        """What a rule of the proxy does to the GCS that it strikes."""
        if via == "gcs":
            self.kill_gcs()
        else:
            self.end_rival()

    def arm(self, mode: Mode, match: Match) -> Strike:
        """Let ``mode`` strike a unit of commands on its way to the store; Unsupported without Redis."""
        if self.proxy is None:
            kind = "Redis behind a sentinel" if self.store.settings.sentinel else self.store.settings.kind
            raise Unsupported(f"nothing stands between a GCS and its store, {kind}")
        return self.proxy.arm(mode, match)

    def _build_front(self, gcs: Place) -> None:
        self._front_address = allocate_address()
        self._front_port = allocate_port(self._front_address)
        self.front = Front((gcs.address, gcs.port))
        self._ending.callback(self.front.close)

    def close(self) -> None:
        """End everything that this started. May be called twice."""
        self._ending.close()

    def forget(self) -> None:
        """Remove what the GCS stored, once all is closed: a store that is not ours does not go with us."""
        if self.store.persistence == EXTERNAL:
            self.store.forget(self.namespace)

    def tampered(self, why: str) -> None:
        """Say in the history that rows were altered behind the GCS's back; call it before they are."""
        self.recorder.write("store", "tampered", {"why": why})

    def note(self, kind: str, what: str, **facts: object) -> None:
        """Write a line of the scenario's own into the history, which a failing one shows."""
        self.recorder.write("note", f"{kind}: {what}", facts)

    @property
    def journal(self) -> list[str]:
        """What befell it in the present case, a line each, as far as a history is written."""
        return journal(self.recorder)

    @staticmethod
    def now() -> float:
        """The clock of histories, orders and checks: monotonic seconds, the same in every process."""
        return time.monotonic()

    @property
    def recoveries(self) -> int:
        """How often the GCS served again after an end."""
        return max(0, sum(life.serving is not None for life in self.gcs.lives) - 1)

    @property
    def wanted_token(self) -> str | None:
        """The bearer token without which the GCS lets nobody in; None: it asks for none."""
        env = self.gcs.launch.env
        return env.get("RAY_AUTH_TOKEN") if env.get("RAY_AUTH_MODE") == "token" else None

    @property
    def address(self) -> str:
        """The gRPC target under which drivers know the GCS."""
        ip, port = self._known_at()
        return f"{ip}:{port}" if self.names is None else self.names.target(GCS_NAME, port)

    @property
    def raylets_address(self) -> str:
        """The gRPC target under which raylets know it: they may have name servers of their own."""
        if self._linked_at:
            return self._linked_at
        names = self.gcs.launch.names
        return f"dns:///{names[0]}:{self.gcs.launch.port}" if names else self.address

    def _known_at(self) -> tuple[str, int]:
        if self.front is not None:
            return self._front_address, self._front_port
        return self.gcs.launch.address, self.gcs.launch.port

    def tell_names(self) -> None:
        """Let the name service lead to where the GCS is now."""
        if self.names is not None:
            self.names.set(GCS_NAME, self._known_at()[0])

    def start_gcs(self, within: float = 30.0) -> None:
        self.gcs.start()
        self.gcs.wait_until_serving(within)
        self._open_front()

    def kill_gcs(self) -> None:
        """SIGKILL the GCS, and its address with it."""
        self.gcs.kill()
        if self.front is not None:
            self.front.close()
        self.died_at = time.monotonic()

    def revive_gcs(self, within: float = 30.0) -> None:
        """Start the GCS again where it was, unless it runs, and wait until it serves."""
        if not self.gcs.alive:
            self.gcs.restart()
        # An answer may come as soon as the port opens, so the moment is taken before, on the safe side.
        self.closed_until = self._port_opens(within)
        self.gcs.wait_until_serving(within)
        self._open_front()

    def _port_opens(self, within: float) -> float:
        """When the port was last seen closed (at the latest when the process began), in monotonic seconds."""
        closed_at = self.gcs.lives[-1].started

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
        """Start the dead GCS where it is known by another IP, same port; ``tell`` the name service. The new IP.

        Unsupported where name servers that are not ours would tell it all the same.
        """
        if self.front is not None:
            self._front_address = allocate_address()
        elif tell or not self.gcs.launch.names:
            self.gcs.launch = replace(self.gcs.launch, address=self.backend.gcs_place().address)
        else:
            raise Unsupported("the name servers cannot be kept from telling where the GCS is now")
        self.revive_gcs(within)
        if tell:
            self.tell_names()
        address, _ = self._known_at()
        self.recorder.write("gcs", "moved", {"address": address}, who="gcs")
        return address

    def cut_link(self, direction: Direction) -> None:
        """Let nothing pass on :attr:`link` in that ``direction`` (``up``: to the GCS) until :meth:`mend_link`."""
        if self.link is None:
            raise ValueError("the cluster was not built linked")
        self._cuts.enter_context(self.link.fault(Blackhole(direction)))

    def mend_link(self) -> None:
        """All that was cut on the link passes again. May be called twice."""
        self._cuts.close()

    def _open_front(self) -> None:
        if self.front is not None:
            self.front.close()
            self.front.open(self._front_address, self._front_port)

    def gcs_is_connected_to_store(self) -> bool:
        """Whether the GCS has an open connection to its Redis, answered or not."""
        return self.proxy is not None and any(one.open for one in self.proxy.connections("gcs"))

    def store_lets_in(self) -> bool:
        """Whether a GCS that is started now would get a connection where it was told that the store is."""
        told = self.gcs.launch.store
        try:
            socket.create_connection((told.host, told.port), _CONNECT_SECONDS).close()
        except OSError:
            return False
        return True

    def start_rival(self) -> GcsProcess:
        """Start a second GCS on the same store and namespace, at a port of its own."""
        place = self.backend.gcs_place()
        launch = replace(
            self.gcs.launch,
            address=place.address,
            port=place.port,
            names=(),
            directory=self.directory / "rival",
            store=self._by_proxy(self.gcs.launch.store, "rival"),
        )
        lived = self.rival.lives[-1].number + 1 if self.rival and self.rival.lives else 0
        self.rival = GcsProcess(self.target, launch, self.recorder, "rival", lived, self.backend.start_gcs)
        self._ending.callback(self.rival.kill)
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

    def set_store(self, **settings: Any) -> None:
        """Tell the GCS something else about its store (``password=…``) from its next start on."""
        launch = self.gcs.launch
        self.gcs.launch = replace(launch, store=replace(launch.store, **settings))
