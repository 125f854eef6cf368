"""A Redis of our own, whatever runs it: it can be killed, hung and emptied."""

from __future__ import annotations

import contextlib
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import redis

from harness.errors import EnvironmentProblem
from harness.process.running import Running
from harness.store import cluster_mode
from harness.store.base import StoreSettings
from harness.store.dump import erase
from harness.store.redis_client import answers, client_of
from harness.store.redis_config import config

_START_SECONDS = 20.0
_TICK_SECONDS = 0.001
PRIMARY, REPLICA = "primary", "replica"


class OwnRedis(ABC):
    """One Redis; a subclass knows what runs it, and where.

    ``persistence`` says what survives :meth:`kill`: ``none`` (nothing), ``rdb`` (a snapshot a
    second), ``aof`` (all that was acknowledged). Its files go to ``directory``, its data to
    ``directory/data``; ``rights`` are lines of its configuration that say what users may do. ``part``: in a
    cluster of one shard, ``primary`` or ``replica``; '' without cluster mode.
    """

    def __init__(
        self,
        settings: StoreSettings,
        directory: Path,
        persistence: str = "none",
        rights: Sequence[str] = (),
        part: str = "",
    ) -> None:
        self._settings, self._directory, self._persistence = settings, directory, persistence
        self._rights = {line.split()[1]: line for line in rights}
        self._more: list[str] = []
        """Further lines of its configuration."""
        self._part = part
        self._running: Running | None = None
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
        """Whether it runs; a paused one does."""
        return self._running is not None and self._running.poll() is None

    @property
    def pid(self) -> int | None:
        """Of the last process that was started; None before."""
        return self._running.pid if self._running else None

    def client(self, decode: bool = False) -> redis.Redis:
        """A new client that may do everything, for the caller to close; ``decode`` gives str instead of bytes."""
        return client_of(self._settings, decode)

    def start(self) -> None:
        if self.alive:
            return
        if self._stopped:  # where it was, another may be by now
            self._settings = self._moved()
            self._stopped = False
        self._data.mkdir(parents=True, exist_ok=True)
        self._write_files()
        self._running = self._begin(self._config)
        self._await_answer(self._running)
        if self._part == PRIMARY:
            with contextlib.closing(self.client()) as client:
                cluster_mode.lead(client)

    def stop(self) -> None:
        self.kill()
        if not self._stopped:
            self._stopped = True
            self._leave()
        shutil.rmtree(self._directory, ignore_errors=True)

    def kill(self) -> None:
        if self._running is not None:
            self._running.kill(group=True)  # with a snapshot that is being written

    def restart(self) -> None:
        self.start()

    def pause(self) -> None:
        if self._running is not None:
            self._running.pause(group=True)

    def resume(self) -> None:
        if self._running is not None:
            self._running.resume(group=True)

    def wipe(self) -> None:
        if not self.alive:
            shutil.rmtree(self._data, ignore_errors=True)
            return
        with contextlib.closing(self.client()) as client:
            client.flushall()

    def forget(self, namespace: str) -> None:
        if self.alive:
            with contextlib.closing(self.client()) as client:
                erase(client, namespace)

    def allow(self, line: str) -> None:
        """Let a user do what ``line`` says (``user NAME on >PASSWORD ~… +…``) and nothing else, from now on."""
        name, *rules = line.split()[1:]
        self._rights[name] = line
        if self.alive:
            with contextlib.closing(self.client()) as client:
                command: Any = client.execute_command  # it has no annotations
                command("ACL SETUSER", name, "reset", *rules)

    def log_tail(self, lines: int = 20) -> str:
        """The last lines of the log of all its lives."""
        return self._running.log_tail(lines) if self._running else ""

    # What a subclass knows

    _name: str
    """For messages: ``the Redis server /usr/bin/redis-server``."""

    _bind = "0.0.0.0"
    """Where it listens."""

    bus_port = 0
    """In cluster mode, of its bus; 0: 10000 above its own."""

    @abstractmethod
    def _begin(self, config: Path) -> Running:
        """Start a server with that configuration file; EnvironmentProblem when it cannot be."""

    @abstractmethod
    def _moved(self) -> StoreSettings:
        """The settings at a new place, the old one having been given back."""

    @abstractmethod
    def _leave(self) -> None:
        """Give the place back, and what is left of the server that was killed there."""

    # Within

    @property
    def _data(self) -> Path:
        return self._directory / "data"

    @property
    def _config(self) -> Path:
        return self._directory / "redis.conf"

    @property
    def _log(self) -> Path:
        return self._directory / "redis.log"

    def _write_files(self) -> None:
        self._config.touch(mode=0o600)  # it holds the password
        rights = list(self._rights.values())
        lines = config(self._settings, self._bind, self._data, self._persistence, rights)
        more = [*self._more, *(cluster_mode.lines(self._settings.host, self.bus_port) if self._part else ())]
        self._config.write_text("\n".join([*lines, *more]) + "\n")

    def _await_answer(self, running: Running) -> None:
        end = time.monotonic() + _START_SECONDS
        while not answers(self._settings):
            status = running.poll()
            if status is not None or time.monotonic() > end:
                running.kill()
                why = "does not answer" if status is None else f"ended with exit status {status}"
                raise EnvironmentProblem(f"{self._name} {why}:\n{running.log_tail()}")
            time.sleep(_TICK_SECONDS)
