"""Who writes a history: one recorder per cluster and process."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.history.entry import Entry
from harness.history.event import HARNESS, Event
from harness.history.log import HISTORY, LEDGER, Log


class Recorder:
    """Writes the events and the ledger of one cluster below ``directory``. Thread-safe.

    ``case``: what is judged as one, a scenario or a crash point; ``cluster`` numbers its clusters
    from 0. ``writer`` tells the ids of this process from those of others that record the same
    case: ``c`` for the one that runs it, ``r0`` for the first host of raylets. Without a
    ``directory`` nothing is written.
    """

    def __init__(
        self, directory: Path | None = None, case: str = "", cluster: int = 0, writer: str = "c"
    ) -> None:
        self.directory, self.case, self.cluster = directory, case, cluster
        self._history = Log(directory / HISTORY if directory else None)
        self._ledger = Log(directory / LEDGER if directory else None)
        self._writer = writer
        self._numbers = itertools.count(1)
        self._entries = itertools.count(1)
        self._lock = threading.Lock()

    @property
    def on(self) -> bool:
        """Whether anything is written, so that costly facts need not be gathered for nothing."""
        return self.directory is not None

    def turn_to(self, case: str) -> None:
        """Record for another case from now on; ids start again."""
        with self._lock:
            self.case = case
            self._numbers, self._entries = itertools.count(1), itertools.count(1)

    def write(
        self,
        kind: str,
        what: str,
        facts: Mapping[str, Any] | None = None,
        who: str = HARNESS,
        at: float | None = None,
    ) -> str:
        """Append an event that happened at ``at`` (now, when not given, in monotonic seconds); its id."""
        moment = time.monotonic() if at is None else at
        with self._lock:
            id, case = self._id(self._writer, next(self._numbers)), self.case
        if self.on:
            self._history.append(Event(id, case, self.cluster, moment, kind, who, what, facts or {}).line())
        return id

    def enter(self, **facts: Any) -> str:
        """Append an entry of the ledger, ``facts`` being those of :class:`Entry` but id, case, cluster; its id."""
        with self._lock:
            id, case = self._id("s", next(self._entries)), self.case
        if self.on:
            self._ledger.append(Entry(id=id, case=case, cluster=self.cluster, **facts).line())
        return id

    def close(self) -> None:
        self._history.close()
        self._ledger.close()

    def _id(self, writer: str, number: int) -> str:
        return f"{writer}-{number}" if self.cluster == 0 else f"{writer}.{self.cluster}-{number}"
