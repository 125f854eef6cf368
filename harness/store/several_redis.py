"""Several Redis as one store: what befalls it, befalls all of them."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Generic, TypeVar

import redis

from harness.store.base import StoreSettings
from harness.store.own_redis import OwnRedis
from harness.store.redis_client import client_of

Server = TypeVar("Server", bound=OwnRedis)


class SeveralRedis(ABC, Generic[Server]):
    """See :class:`harness.store.base.Store`. A subclass starts them; their files lie below ``directory``."""

    _directory: Path
    _pair: list[Server]
    """The one that leads, and those that follow."""

    @property
    @abstractmethod
    def settings(self) -> StoreSettings: ...

    @property
    def durable(self) -> bool:
        return True

    @property
    def persistence(self) -> str:
        return self.primary.persistence

    @property
    def faults(self) -> frozenset[str]:
        return self.primary.faults

    @property
    def primary(self) -> Server:
        """The one that leads."""
        return self._pair[0]

    @property
    def alive(self) -> bool:
        return all(one.alive for one in self._all)

    def client(self, decode: bool = False) -> redis.Redis:
        """A new client of the primary, for the caller to close; ``decode`` gives str instead of bytes."""
        return client_of(self.settings, decode)

    @abstractmethod
    def start(self) -> None:
        """Start what does not run; each in the part that it had last."""

    def stop(self) -> None:
        for one in self._all:
            one.stop()
        shutil.rmtree(self._directory, ignore_errors=True)

    def kill(self) -> None:
        for one in self._all:
            one.kill()

    def restart(self) -> None:
        self.start()

    def pause(self) -> None:
        for one in self._all:
            one.pause()

    def resume(self) -> None:
        for one in reversed(self._all):
            one.resume()

    def wipe(self) -> None:
        for one in self._pair if not self.alive else self._pair[:1]:
            one.wipe()

    def forget(self, namespace: str) -> None:
        self.primary.forget(namespace)

    def log_tail(self, lines: int = 20) -> str:
        """The last lines of what each of them said."""
        return "\n".join(one.log_tail(lines) for one in self._all)

    @property
    def _all(self) -> Sequence[OwnRedis]:
        """Those of the pair, and whoever stands beside them, in the order in which they end."""
        return self._pair
