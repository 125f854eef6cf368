"""No store at all: the GCS keeps its tables in its own memory and loses them with its life."""

from __future__ import annotations

from typing import NoReturn

from harness.errors import Unsupported
from harness.store.base import StoreSettings


class Memory:
    """The negative control: nothing outlives the GCS."""

    settings = StoreSettings("memory")
    durable = False
    faults: frozenset[str] = frozenset()

    def start(self) -> None:
        """Nothing to start."""

    def stop(self) -> None:
        """Nothing to end."""

    def kill(self) -> None:
        self._refuse()

    def restart(self) -> None:
        self._refuse()

    def pause(self) -> None:
        self._refuse()

    def resume(self) -> None:
        self._refuse()

    def wipe(self) -> None:
        self._refuse()

    def forget(self, namespace: str) -> None:
        """Nothing is kept."""

    def _refuse(self) -> NoReturn:
        raise Unsupported("the store 'memory' lives in the GCS itself, so it cannot be broken alone")
