"""A Redis server of our own as a process, on a loopback address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harness.errors import EnvironmentProblem
from harness.process.child import Child
from harness.process.ports import allocate_address, allocate_port, release_port
from harness.store.base import Login, StoreSettings
from harness.store.binary import redis_server
from harness.store.own_redis import OwnRedis
from harness.store.redis_client import client_of

__all__ = ["RedisServer", "client_of"]


class RedisServer(OwnRedis):
    """One Redis process. It answers in about 10 ms.

    ``persistence``, ``rights`` and ``part``: see :class:`harness.store.own_redis.OwnRedis`. ``username`` makes an ACL
    user with ``password`` and switches the default user off; ``password`` alone is that of the
    default user. ``owner``: the user may do what ``rights`` say, and this one is for us.
    """

    def __init__(
        self,
        directory: Path,
        username: str = "",
        password: str = "",
        persistence: str = "none",
        binary: Path | None = None,
        owner: Login | None = None,
        rights: Sequence[str] = (),
        part: str = "",
    ) -> None:
        self._binary = binary or redis_server()
        self._name = f"the Redis server {self._binary}"
        self._bind = allocate_address()
        place = StoreSettings("redis", self._bind, allocate_port(self._bind), username, password, owner=owner)
        if part:
            self.bus_port = allocate_port(self._bind)
        super().__init__(place, directory, persistence, rights, part)

    def _begin(self, config: Path) -> Child:
        argv = [str(self._binary), str(config)]
        try:
            return Child.spawn("redis", argv, {}, self._log, cwd=self._directory)
        except OSError as problem:
            raise EnvironmentProblem(
                f"{self._binary} cannot be run as a Redis server: {problem}"
            ) from problem

    def _moved(self) -> StoreSettings:
        if self.bus_port:
            self.bus_port = allocate_port(self._settings.host)
        return replace(self._settings, port=allocate_port(self._settings.host))

    def _leave(self) -> None:
        release_port(self._settings.port)
        if self.bus_port:
            release_port(self.bus_port)
