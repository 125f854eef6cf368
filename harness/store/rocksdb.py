"""A RocksDB directory, opened by the GCS itself (Ray 2.57 and later)."""

from __future__ import annotations

import shutil
from pathlib import Path

from harness.store.base import StoreSettings
from harness.store.unbreakable import Unbreakable


class RocksDb(Unbreakable):
    """A directory of our own. One GCS at a time can open it."""

    _why_not = "the store 'rocksdb' lives in the GCS itself"
    durable = True
    persistence = ""
    faults = frozenset({"wipe"})

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @property
    def settings(self) -> StoreSettings:
        return StoreSettings("rocksdb", path=self._directory)

    def start(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)

    def stop(self) -> None:
        shutil.rmtree(self._directory, ignore_errors=True)

    def wipe(self) -> None:
        """Remove all files; only while no GCS has them open."""
        self.stop()
        self.start()

    def forget(self, namespace: str) -> None:
        """The directory serves one run, and :meth:`stop` removes it."""
