"""A Redis server of our own, on a loopback address, that can be killed, hung and emptied."""

from __future__ import annotations

import contextlib
import shutil
import time
from dataclasses import replace
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from harness.errors import EnvironmentProblem
from harness.process.child import Child
from harness.process.ports import allocate_address, allocate_port, release_port
from harness.store.base import StoreSettings
from harness.store.binary import redis_server
from harness.store.dump import erase

PERSISTENCE = {
    "none": ('save ""', "appendonly no"),
    "rdb": ("save 1 1", "appendonly no", "stop-writes-on-bgsave-error no"),
    # Whatever was acknowledged is on the disk, so that killing store and GCS together loses nothing.
    "aof": ('save ""', "appendonly yes", "appendfsync always", "auto-aof-rewrite-percentage 0"),
}
_START_SECONDS = 20.0
_TICK_SECONDS = 0.001
_CONFIG = "redis.conf"
_LOG = "redis.log"


class RedisServer:
    """One Redis process. It answers in about 10 ms.

    ``persistence`` says what survives :meth:`kill`: ``none`` (nothing), ``rdb`` (a snapshot a
    second), ``aof`` (all that was acknowledged). ``username`` makes an ACL user with ``password``
    and switches the default user off; ``password`` alone is that of the default user.
    """

    def __init__(
        self,
        directory: Path,
        username: str = "",
        password: str = "",
        persistence: str = "none",
        binary: Path | None = None,
    ) -> None:
        self._directory = directory
        self._binary = binary or redis_server()
        self._persistence = persistence
        address = allocate_address()
        self._settings = StoreSettings("redis", address, allocate_port(address), username, password)
        self._child: Child | None = None
        self._stopped = False

    @property
    def settings(self) -> StoreSettings:
        return self._settings

    @property
    def durable(self) -> bool:
        return True

    @property
    def persistence(self) -> str:
        return self._persistence

    @property
    def faults(self) -> frozenset[str]:
        return frozenset({"kill", "pause", "wipe"})

    @property
    def alive(self) -> bool:
        """Whether the process runs; a paused one does."""
        return self._child is not None and self._child.alive

    @property
    def pid(self) -> int | None:
        """Of the last process that was started; None before."""
        return self._child.pid if self._child else None

    def client(self, decode: bool = False) -> redis.Redis:
        """A new client, for the caller to close; ``decode`` gives str instead of bytes."""
        return client_of(self._settings, decode)

    def start(self) -> None:
        if self.alive:
            return
        if self._stopped:  # its port may be another's by now
            self._settings = replace(self._settings, port=allocate_port(self._settings.host))
            self._stopped = False
        self._directory.mkdir(parents=True, exist_ok=True)
        config = self._directory / _CONFIG
        config.touch(mode=0o600)  # it holds the password
        config.write_text("\n".join(self._config()) + "\n")
        argv = [str(self._binary), str(config)]
        try:
            self._child = Child.spawn("redis", argv, {}, self._directory / _LOG, cwd=self._directory)
        except OSError as problem:
            raise EnvironmentProblem(
                f"{self._binary} cannot be run as a Redis server: {problem}"
            ) from problem
        self._await_answer(self._child)

    def stop(self) -> None:
        self.kill()
        shutil.rmtree(self._directory, ignore_errors=True)
        if not self._stopped:
            self._stopped = True
            release_port(self._settings.port)

    def kill(self) -> None:
        if self._child is not None:
            self._child.kill(group=True)  # with a snapshot that is being written

    def restart(self) -> None:
        self.start()

    def pause(self) -> None:
        if self._child is not None:
            self._child.pause(group=True)

    def resume(self) -> None:
        if self._child is not None:
            self._child.resume(group=True)

    def wipe(self) -> None:
        if self.alive:
            with contextlib.closing(self.client()) as client:
                client.flushall()
            return
        for path in self._directory.iterdir() if self._directory.exists() else ():
            if path.name in (_CONFIG, _LOG):
                continue
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def forget(self, namespace: str) -> None:
        if self.alive:
            with contextlib.closing(self.client()) as client:
                erase(client, namespace)

    def log_tail(self, lines: int = 20) -> str:
        """The last lines of the log of all its lives."""
        return self._child.log_tail(lines) if self._child else ""

    def _config(self) -> list[str]:
        settings = self._settings
        lines = [
            f"bind {settings.host}",
            f"port {settings.port}",
            f'dir "{self._directory}"',
            "protected-mode no",  # it listens on a loopback address alone
            "daemonize no",
            *PERSISTENCE[self._persistence],
        ]
        if settings.username:
            lines += [f"user {settings.username} on >{settings.password} ~* &* +@all", "user default off"]
        elif settings.password:
            lines.append(f'requirepass "{settings.password}"')
        return lines

    def _await_answer(self, child: Child) -> None:
        end = time.monotonic() + _START_SECONDS
        while not _answers(self._settings):
            status = child.poll()
            if status is not None or time.monotonic() > end:
                child.kill()
                why = "does not answer" if status is None else f"ended with exit status {status}"
                raise EnvironmentProblem(f"the Redis server {self._binary} {why}:\n{child.log_tail()}")
            time.sleep(_TICK_SECONDS)


def client_of(settings: StoreSettings, decode: bool = False, timeout: float = 10.0) -> redis.Redis:
    """A new client for Redis ``settings``, for the caller to close.

    It retries nothing, and waits ``timeout`` seconds for an answer.
    """
    return redis.Redis(
        host=settings.host,
        port=settings.port,
        username=settings.username or None,
        password=settings.password or None,
        decode_responses=decode,
        # On loopback a refusal is a fact, and only a hung server is slow: no retries, and a bound.
        retry=Retry(NoBackoff(), 0),
        socket_timeout=timeout,
    )


def _answers(settings: StoreSettings) -> bool:
    """Whether an authenticated PING is answered.

    To a stranger a server says that it wants a password while it still loads its data.
    """
    with contextlib.closing(client_of(settings, timeout=1.0)) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
