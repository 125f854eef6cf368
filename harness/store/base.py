"""Where a GCS keeps its tables, and what one must be told to use it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

TLS_NAME = "redis.gauntlet"
"""What the certificate of a Redis behind TLS is made out for, wherever it is reached."""


EXTERNAL = "external"
"""The persistence of a server that is not ours to start or to end."""


@dataclass(frozen=True)
class Tls:
    """Files in PEM for all who meet at a Redis behind TLS: whose certificates to trust, and the one to show."""

    ca: Path
    certificate: Path
    key: Path


@dataclass(frozen=True)
class Login:
    """A user of Redis."""

    username: str
    password: str


@dataclass(frozen=True)
class StoreSettings:
    """What a GCS must be told about its store.

    ``kind`` is ``redis``, ``memory`` or ``rocksdb``; ``host``, ``port``, ``username``,
    ``password`` belong to Redis, ``path`` (a directory) to RocksDB. ``tls``: how to reach a Redis that
    takes nothing else. ``sentinel``: ``host`` and ``port`` are a sentinel's, which knows the Redis by
    that name. ``owner``: as whom we log in, where the GCS's own user may do little; no GCS is told.
    """

    kind: str
    host: str = ""
    port: int = 0
    username: str = ""
    password: str = ""
    path: Path | None = None
    tls: Tls | None = None
    sentinel: str = ""
    owner: Login | None = None

    @property
    def proxied(self) -> bool:
        """Whether a proxy that reads commands can stand before it: a sentinel leads past any."""
        return self.kind == "redis" and not self.sentinel

    @property
    def files(self) -> dict[Path, str]:
        """What of the file system a GCS needs: path -> ``rw`` or ``ro``."""
        if self.tls is not None:
            return dict.fromkeys((self.tls.ca, self.tls.certificate, self.tls.key), "ro")
        return {} if self.path is None else {self.path.absolute(): "rw"}


class Store(Protocol):
    """A store that a run starts and a fault may break. Every method may be called again.

    What :attr:`faults` does not name raises :class:`harness.errors.Unsupported`.
    """

    @property
    def settings(self) -> StoreSettings: ...

    @property
    def durable(self) -> bool:
        """Whether acknowledged writes outlive the GCS (False: ``memory``)."""

    @property
    def persistence(self) -> str:
        """What survives a kill of it: ``none``, ``rdb`` or ``aof`` of a Redis of ours, ``external``, else ''."""

    @property
    def faults(self) -> frozenset[str]:
        """What can be done to it: of ``kill`` (and ``restart``), ``pause`` (and ``resume``), ``wipe``."""

    def start(self) -> None:
        """Start it unless it runs, and return when it answers; EnvironmentProblem if it does not."""

    def stop(self) -> None:
        """End it and remove what it left behind."""

    def kill(self) -> None:
        """SIGKILL, and nothing is cleaned up."""

    def restart(self) -> None:
        """Start again after :meth:`kill`, at the same address, with the data that survived."""

    def pause(self) -> None:
        """SIGSTOP: connections stay open, nothing is answered."""

    def resume(self) -> None: ...

    def wipe(self) -> None:
        """Lose all data at once."""

    def forget(self, namespace: str) -> None:
        """Remove all that clusters of ``namespace`` stored, and nothing else."""
