"""No store at all: the GCS keeps its tables in its own memory and loses them with its life."""

from __future__ import annotations

from harness.store.base import StoreSettings
from harness.store.unbreakable import Unbreakable


class Memory(Unbreakable):
    """The negative control: nothing outlives the GCS."""

    settings = StoreSettings("memory")
    _why_not = "the store 'memory' lives in the GCS itself"
    durable = False
    persistence = ""
    faults: frozenset[str] = frozenset()

    def start(self) -> None:
        """Nothing to start."""

    def stop(self) -> None:
        """Nothing to end."""

    def forget(self, namespace: str) -> None:
        """Nothing is kept."""
