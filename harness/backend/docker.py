"""Containers of an engine on this machine, on a bridge network of the run's own.

Files of the run are mounted at their own paths, so that a launch, a log and a record mean the same
inside and outside. Where each thing listens is its container's own IP.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from harness.backend.base import Place
from harness.backend.boxed import boxed, image_of
from harness.backend.loopback import runs
from harness.container.container import Container, Plan
from harness.container.images import raylet_image, redis_image
from harness.container.network import network
from harness.container.stores import container_store
from harness.history.recorder import Recorder
from harness.process.running import Running
from harness.proxy.base import LinkProxy, StoreProxy
from harness.proxy.remote import ProxyHost
from harness.store.base import Store, StoreSettings
from harness.target.base import Launch, Target
from harness.target.flags import make_directories

GCS_PORT = 6379
RAYLET_PORT = 10001
"""Ray's own; every container has all ports to itself."""
FAKETIME = "/usr/local/lib/libfaketime.so.1"
"""Where it lies in the images that ``ci/images/build`` makes."""
_REMOVERS = 8


@dataclass(frozen=True)
class Images:
    """What the user chose; None: see :mod:`harness.container.images`."""

    redis: str | None = None
    raylet: str | None = None


def prepare(target: Target, images: Images) -> None:
    """Make or fetch every image that a run needs, saying so; EnvironmentProblem if one cannot be had."""
    image_of(target)
    redis_image(images.redis)
    raylet_image(images.raylet)


class Docker:
    """See :class:`harness.backend.base.Backend`. ``directory``: of the cluster; ``records``: of its history."""

    name = "docker"
    own_addresses = True
    own_children = False
    one_raylet_each = True

    def __init__(self, directory: Path, records: Path, images: Images) -> None:
        self._directory, self._records, self._images = directory.absolute(), records.absolute(), images
        self._network = network()
        self._containers: list[Container] = []
        self._addresses: list[str] = []
        self._gcs: dict[Path, tuple[str, Launch, Container]] = {}

    def gcs_place(self) -> Place:
        return Place(self._address(), GCS_PORT)

    def raylet_place(self) -> Place:
        return Place(self._address(), RAYLET_PORT)

    def _address(self) -> str:
        address = self._network.address()
        self._addresses.append(address)
        return address

    def start_gcs(self, target: Target, launch: Launch, log_path: Path) -> Running:
        """A container's next life, or the first of a new one where anything about the launch is new."""
        name, before, container = self._gcs.get(launch.directory, ("", None, None))
        if container is not None and (name, before) == (target.name, launch):
            container.start(log_path)
            return container
        if container is not None:
            self.discard(container)
        make_directories(launch)
        log_path.parent.mkdir(parents=True, exist_ok=True)
        box = boxed(target, launch)
        plan = Plan(
            name="gcs",
            image=box.image,
            argv=box.argv,
            address=launch.address,
            env=box.env,
            mounts={launch.directory.absolute(): "rw", **launch.store.files},
            aliases=launch.names,
            init=True,
            memory=launch.memory,
            user="" if box.foreign else _user(),
        )
        if box.foreign:
            _open_to_all(launch.directory)
        made = self._made(plan, log_path)
        self._gcs[launch.directory] = (target.name, launch, made)
        return made

    def spawn(
        self,
        module: str,
        arguments: Sequence[str],
        address: str,
        env: Mapping[str, str],
        log_path: Path,
        name: str,
    ) -> Container:
        self._directory.mkdir(parents=True, exist_ok=True)
        plan = Plan(
            name=name,
            image=raylet_image(self._images.raylet),
            argv=["-m", module, *arguments],
            address=address,
            env={**_settings(), **env},
            mounts={self._directory: "rw", self._records: "rw"},
            # Pids of workers go into the record, where they must tell one process from any other.
            host_pids=True,
            user=_user(),
        )
        return self._made(plan, log_path)

    def store(self, spec: str, directory: Path) -> Store:
        return container_store(spec, directory.absolute(), redis_image(self._images.redis))

    def store_proxy(
        self, store: StoreSettings, recorder: Recorder, kill: Callable[[str], None], directory: Path
    ) -> StoreProxy:
        return self._proxy_host(directory).redis((store.host, store.port), recorder, kill, store.tls)

    def link_proxy(self, backend: tuple[str, int], recorder: Recorder, directory: Path) -> LinkProxy:
        return self._proxy_host(directory).tcp(backend, recorder)

    def _proxy_host(self, directory: Path) -> ProxyHost:
        return ProxyHost(directory.absolute(), spawn=self.spawn, address=self._address())

    def runs(self, pid: int) -> bool:
        return runs(pid)

    def disconnect(self, running: Running) -> None:
        _container(running).disconnect()

    def connect(self, running: Running) -> None:
        _container(running).connect()

    def discard(self, running: Running) -> None:
        container = _container(running)
        container.remove()
        if container in self._containers:
            self._containers.remove(container)
        for directory in [place for place, (*_, kept) in self._gcs.items() if kept is container]:
            del self._gcs[directory]
            _empty_but_for_logs(directory)

    def out_of_memory(self, running: Running) -> bool:
        return _container(running).oom_killed()

    def clock(self, offset: str) -> Mapping[str, str]:
        # What is waited for goes by the monotonic clock, as in a host whose wall clock is wrong.
        return {"LD_PRELOAD": FAKETIME, "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

    def close(self) -> None:
        ending, self._containers = self._containers, []
        free, self._addresses = self._addresses, []
        self._gcs.clear()
        with ThreadPoolExecutor(_REMOVERS) as removers:
            list(removers.map(Container.remove, ending))
        for address in free:
            self._network.give_back(address)

    def _made(self, plan: Plan, log_path: Path) -> Container:
        container = Container.create(plan, log_path)
        self._containers.append(container)
        return container


def _container(running: Running) -> Container:
    assert isinstance(running, Container), "it was started by another backend"
    return running


def _user() -> str:
    """As whom programs of ours run, so that what they write is ours to read and to remove."""
    return f"{os.getuid()}:{os.getgid()}"


def _settings() -> dict[str, str]:
    """Of our environment, what is meant for programs of ours."""
    return {name: value for name, value in os.environ.items() if name.startswith(("RAY_", "GRPC_"))}


def _empty_but_for_logs(directory: Path) -> None:
    """Remove what a container wrote to its own part of the run's files; what it printed is ours."""
    for path in directory.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.suffix != ".log":
            path.unlink()


def _open_to_all(directory: Path) -> None:
    """An image's own user may be anyone."""
    for path in (directory, *(one for one in directory.rglob("*") if one.is_dir())):
        path.chmod(0o777)
