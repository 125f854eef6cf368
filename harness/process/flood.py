"""Keeping a babbling child from filling the disk: one thread looks at all logs that are written."""

from __future__ import annotations

import threading
import weakref
from pathlib import Path
from typing import Protocol

LOG_LIMIT_BYTES = 64 * 1024 * 1024
_LOOK_SECONDS = 0.1


class Babbler(Protocol):
    """What is watched: a child and its log."""

    log_path: Path
    flooded: bool

    @property
    def alive(self) -> bool: ...

    def kill(self, group: bool = False) -> None: ...


class Floods:
    """Kills each watched child whose log outgrows :data:`LOG_LIMIT_BYTES`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watched: weakref.WeakSet[Babbler] = weakref.WeakSet()
        self._thread: threading.Thread | None = None

    def watch(self, child: Babbler) -> None:
        """Watch ``child`` until it ends."""
        with self._lock:
            self._watched.add(child)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._look, name="log-watch", daemon=True)
                self._thread.start()

    def _look(self) -> None:
        pause = threading.Event()
        while not pause.wait(_LOOK_SECONDS):
            with self._lock:
                watched = list(self._watched)
            for child in watched:
                if not child.alive:
                    with self._lock:
                        self._watched.discard(child)
                elif size(child.log_path) > LOG_LIMIT_BYTES:
                    child.flooded = True
                    child.kill(group=True)


def size(path: Path) -> int:
    """In bytes; 0 when there is no such file."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


FLOODS = Floods()
