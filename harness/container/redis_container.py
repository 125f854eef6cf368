"""A Redis of our own in a container."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.container.container import Container
from harness.container.network import network
from harness.container.plan import Plan
from harness.container.tls import certify
from harness.store.base import TLS_NAME, StoreSettings
from harness.store.own_redis import OwnRedis

PORT = 6379


@dataclass(frozen=True)
class Server:
    """``program`` of ``image``; ``role`` is what its container is called."""

    image: str
    program: str = "redis-server"
    role: str = "redis"


class RedisContainer(OwnRedis):
    """One Redis at an IP of its own. It answers in about half a second.

    ``settings`` without a place; the rest as of :class:`harness.store.own_redis.OwnRedis`. Its data lie
    outside the container, so that they outlive it.
    """

    _options: Sequence[str] = ()
    """What the program is told beside its configuration."""
    _port = PORT

    def __init__(
        self,
        server: Server,
        settings: StoreSettings,
        directory: Path,
        persistence: str = "none",
        rights: Sequence[str] = (),
        part: str = "",
    ) -> None:
        self._server = server
        self._name = f"{server.program} of {server.image}"
        self._container: Container | None = None
        place = replace(settings, host=network().address(), port=self._port)
        super().__init__(place, directory.absolute(), persistence, rights, part)

    @property
    def container(self) -> Container:
        """What runs it, or ran it last; RuntimeError where there is none."""
        if self._container is None:
            raise RuntimeError("start() it first")
        return self._container

    def discard(self, keep_data: bool) -> None:
        """Kill it and remove its container; :meth:`restart` makes a new one at the same IP, with the old one's data or none."""
        self._remove()
        if not keep_data:
            shutil.rmtree(self._data, ignore_errors=True)

    def replace(self, keep_data: bool) -> None:
        """:meth:`discard` it, and start the new one."""
        self.discard(keep_data)
        self.restart()

    def follow(self, primary: StoreSettings | None) -> None:
        """Be the replica of ``primary``, or a primary, from the next start on."""
        self._more = ["repl-diskless-sync-delay 0"]  # so that a replica need not wait for others
        if primary is not None:
            self._more.append(f"replicaof {primary.host} {primary.port}")

    def disconnect(self) -> None:
        """Take it off the network: it reaches nothing, and nothing reaches it, until :meth:`connect`."""
        self.container.disconnect()

    def connect(self) -> None:
        """Back onto the network, at its own IP."""
        self.container.connect()

    def _begin(self, config: Path) -> Container:
        if self._container is not None:
            self._container.start()
            return self._container
        plan = Plan(
            name=self._server.role,
            image=self._server.image,
            # Past the image's own entrypoint, which would give the files to another user.
            entrypoint=[self._server.program],
            argv=[str(config), *self._options],
            address=self._settings.host,
            # An image may name a locale that it lacks, and then Valkey does not start.
            env={"LC_ALL": "C"},
            mounts={self._directory: "rw"},
            user=f"{os.getuid()}:{os.getgid()}",
        )
        self._container = Container.create(plan, self._log)
        return self._container

    def _write_files(self) -> None:
        if self._settings.tls is not None:
            certify(self._settings.tls, self._settings.host, TLS_NAME)
        super()._write_files()

    def _moved(self) -> StoreSettings:
        return replace(self._settings, host=network().address())

    def _leave(self) -> None:
        self._remove()
        network().give_back(self._settings.host)

    def _remove(self) -> None:
        container, self._container, self._running = self._container, None, None
        if container is not None:
            container.remove()
