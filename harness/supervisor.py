"""Something outside the GCS that notices when it is dead or hung, and starts the next."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from harness.errors import EnvironmentProblem, TargetFailed
from harness.target.gcs import GcsProcess
from harness.target.life import ended

_LOOK_SECONDS = 0.01


@dataclass(frozen=True)
class Event:
    """What was noticed or done, and when (monotonic seconds).

    ``kind``: ``exited``, ``hung``, ``restarted``, ``failed`` (a restart did not serve), ``gave up``.
    """

    at: float
    kind: str
    pid: int | None
    what: str


class Supervisor:
    """Watches one GcsProcess in a thread: a dead one is restarted, a hung one is killed first.

    Hung: ``misses`` health probes in a row, each with a deadline of ``deadline`` seconds and
    ``period`` seconds apart, go unanswered. After ``restarts`` restarts it gives up. It acts only
    between :meth:`start` and :meth:`stop`, and on no other process.
    """

    def __init__(
        self,
        gcs: GcsProcess,
        period: float = 0.2,
        deadline: float = 0.5,
        misses: int = 3,
        restarts: int = 10,
        ready_within: float = 30.0,
    ) -> None:
        self._gcs = gcs
        self._period, self._deadline, self._misses = period, deadline, misses
        self._restarts_left = restarts
        self._ready_within = ready_within
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._events: list[Event] = []
        self._thread: threading.Thread | None = None

    @property
    def events(self) -> list[Event]:
        """All that it noticed and did, in order."""
        with self._lock:
            return list(self._events)

    def start(self) -> None:
        """Watch from now on."""
        if self._thread is None:
            self._stopping.clear()
            self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop watching: when this returns, it acts no more."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def __enter__(self) -> Supervisor:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _watch(self) -> None:
        missed = 0
        next_probe = time.monotonic()
        while not self._stopping.wait(_LOOK_SECONDS):
            pid = self._gcs.pid
            if not self._gcs.alive:
                self._note("exited", ended(self._gcs.exit_status or 0))
            elif time.monotonic() < next_probe:
                continue
            else:
                answered = self._gcs.serving(self._deadline) or self._loading()
                missed = 0 if answered else missed + 1
                next_probe = time.monotonic() + self._period
                if missed < self._misses or not self._gcs.alive or self._gcs.pid != pid:
                    continue
                self._note("hung", f"{missed} health probes of {self._deadline:g} s went unanswered")
                self._gcs.kill()
            missed = 0
            if not self._restart():
                return
            next_probe = time.monotonic() + self._period

    def _loading(self) -> bool:
        """Whether it has not served yet in this life, and may still take its time."""
        life = self._gcs.lives[-1]
        return life.serving is None and time.monotonic() - life.started < self._ready_within

    def _restart(self) -> bool:
        """Start the next unless somebody did; False when it is time to give up."""
        if self._stopping.is_set():
            return False
        if self._restarts_left == 0:
            self._note("gave up", "no restart is left")
            return False
        self._restarts_left -= 1
        try:
            self._gcs.start()
            self._gcs.wait_until_serving(self._ready_within)
        except (EnvironmentProblem, TargetFailed) as problem:
            self._note("failed", str(problem))
        else:
            self._note("restarted", f"serves at {self._gcs.address}")
        return True

    def _note(self, kind: str, what: str) -> None:
        with self._lock:
            self._events.append(Event(time.monotonic(), kind, self._gcs.pid, what))
