"""Processes of this machine, on addresses of 127.0.0.0/8: the default, up in milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from harness.backend.base import Place
from harness.errors import Unsupported
from harness.history.recorder import Recorder
from harness.process.ports import allocate_address, allocate_port
from harness.process.python import spawn_here
from harness.process.running import Running
from harness.proxy import RedisProxy
from harness.proxy.base import LinkProxy, StoreProxy
from harness.proxy.tcp import TcpProxy
from harness.store.base import Store, StoreSettings
from harness.store.parse import store_from
from harness.target.base import Launch, Target
from harness.target.here import run_here

LOOPBACK = "127.0.0.1"
_NO_HOSTS = "processes on loopback share one host: this needs --backend docker"


class Loopback:
    """See :class:`harness.backend.base.Backend`. All that it starts is its users' to end."""

    name = "loopback"
    # A real gcs_server given any address but 127.0.0.1 listens on all interfaces.
    own_addresses = False
    own_children = True
    one_raylet_each = False

    def gcs_place(self) -> Place:
        return Place(LOOPBACK, allocate_port())

    def raylet_place(self) -> Place:
        address = allocate_address()
        return Place(address, allocate_port(address))

    def start_gcs(self, target: Target, launch: Launch, log_path: Path) -> Running:
        return run_here(target, launch, log_path)

    def spawn(
        self,
        module: str,
        arguments: Sequence[str],
        address: str,
        env: Mapping[str, str],
        log_path: Path,
        name: str,
    ) -> Running:
        return spawn_here(module, arguments, address, env, log_path, name)

    def store(self, spec: str, directory: Path) -> Store:
        return store_from(spec, directory)

    def store_proxy(
        self, store: StoreSettings, recorder: Recorder, kill: Callable[[str], None], directory: Path
    ) -> StoreProxy:
        return RedisProxy((store.host, store.port), recorder, kill)

    def link_proxy(self, backend: tuple[str, int], recorder: Recorder, directory: Path) -> LinkProxy:
        return TcpProxy(backend, recorder)

    def runs(self, pid: int) -> bool:
        return runs(pid)

    def disconnect(self, running: Running) -> None:
        raise Unsupported(_NO_HOSTS)

    def connect(self, running: Running) -> None:
        raise Unsupported(_NO_HOSTS)

    def discard(self, running: Running) -> None:
        raise Unsupported(_NO_HOSTS)

    def out_of_memory(self, running: Running) -> bool:
        raise Unsupported(_NO_HOSTS)

    def clock(self, offset: str) -> Mapping[str, str]:
        raise Unsupported(_NO_HOSTS)

    def close(self) -> None:
        """Nothing is left to it."""


def runs(pid: int) -> bool:
    """Whether a process of that id runs here (a zombie does not)."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
