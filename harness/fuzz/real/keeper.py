"""What brings the GCS of a plan back: as late as the plan says, and to die again in its recovery where it says so."""

from __future__ import annotations

import socket
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from harness.check.process import fatal_lines
from harness.cluster.cluster import Cluster
from harness.errors import TargetFailed
from harness.proxy import Match
from harness.proxy.base import Strike
from harness.proxy.modes import KillBefore

DOWN_SECONDS = 0.02
MOST_FAILED_STARTS = 5
WATCH_SECONDS = 0.01
KNOCK_SECONDS = 0.005
RUNG_SECONDS = 0.03
"""So long a life may serve that is to be killed at a command which does not come."""


class Keeper:
    """Asked again and again, it looks after the GCS; it never waits. ``started``: how many lives it began."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._down, self._due = DOWN_SECONDS, 0.0
        self._dead = self._expected = False
        self._rungs: deque[int] = deque()
        self._rung: Strike | None = None
        self._late = self._knock_at = 0.0
        self._serving = True
        self._failed = 0
        self._telling: Path | None = None
        self.recoveries = self.started = 0

    def expect(self, down: float, recoveries: Sequence[int] = ()) -> None:
        """The GCS was killed, or is about to be: how long it stays away, and where its next starts die."""
        self._down, self._expected = down, True
        self._rungs.extend(recoveries)

    @property
    def serving(self) -> bool:
        """Whether it served when it was last looked at, and no kill is due."""
        gcs = self._cluster.gcs
        return self._serving and gcs.alive and not gcs.paused

    @property
    def settled(self) -> bool:
        """Whether it serves, and no life of it is to be killed any more."""
        return self.serving and self._rung is None and not self._rungs

    def look(self) -> None:
        """TargetFailed when it ends by itself in start after start."""
        gcs = self._cluster.gcs
        if gcs.alive:
            self._dead = False
            if gcs.paused:
                return
            if not self._serving:
                if self._opens() and gcs.serving():
                    self._came_back()
            elif self._rung is not None and monotonic() >= self._late:
                self._cluster.kill_gcs()
        elif not self._dead:
            self._died()
        elif monotonic() >= self._due:
            self._start()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look after it in the background, while somebody else waits for all to come to rest."""
        stop, problems = threading.Event(), list[TargetFailed]()

        def watch() -> None:
            try:
                while not stop.wait(WATCH_SECONDS):
                    self.look()
            except TargetFailed as problem:
                problems.append(problem)

        watcher = threading.Thread(target=watch, name="keeper", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            stop.set()
            watcher.join()
        if problems:
            raise problems[0]

    def _opens(self) -> bool:
        """Whether its port takes connections; it is not asked more often than every :data:`KNOCK_SECONDS`."""
        now = monotonic()
        if now < self._knock_at:
            return False
        self._knock_at = now + KNOCK_SECONDS
        launch = self._cluster.gcs.launch
        with socket.socket() as knock:
            return knock.connect_ex((launch.address, launch.port)) == 0

    def _came_back(self) -> None:
        self._serving = True
        self._failed, self._telling = 0, None
        self.recoveries += 1
        self._late = monotonic() + RUNG_SECONDS

    def _died(self) -> None:
        self._dead = True
        struck = self._rung is not None and self._rung.struck.is_set()
        if not (self._serving or struck or self._expected):
            self._failed += 1
            log = self._cluster.gcs.running.log_path
            if fatal_lines(log.read_text(errors="replace")):
                self._telling = log
        self._serving = self._expected = False
        self._disarm()
        self._due = monotonic() + self._down
        self._down = DOWN_SECONDS
        if self._failed >= MOST_FAILED_STARTS:
            gcs = self._cluster.gcs
            said = f"{gcs.target.name} ended by itself in {self._failed} starts in a row"
            # Of the last one alone the log may be cut short.
            raise TargetFailed(said, self._telling or gcs.running.log_path)

    def _start(self) -> None:
        if self._rungs and self._cluster.proxy is not None:
            self._rung = self._cluster.arm(KillBefore(), Match(nth=1 + self._rungs.popleft()))
        self._cluster.gcs.start()
        self.started += 1
        self._dead = False

    def disarm(self) -> None:
        """No life of it is killed any more."""
        self._rungs.clear()
        self._disarm()

    def _disarm(self) -> None:
        rung, self._rung = self._rung, None
        if rung is not None:
            rung.disarm()
