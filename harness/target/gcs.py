"""One GCS under test, through all its lives: start, kill, hang, stop, come back, move."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from harness.errors import EnvironmentProblem, TargetFailed
from harness.history.event import BARE_START
from harness.history.recorder import Recorder
from harness.process.child import tail
from harness.process.flood import LOG_LIMIT_BYTES
from harness.process.running import Running
from harness.target.bare import Measurement, bare_command
from harness.target.base import Launch, Target
from harness.target.here import Run, run_here
from harness.target.life import Life, ended, start_within
from harness.target.probe import Probe

_TICK_SECONDS = 0.002
_CALL_SECONDS = 2.0
_LOG_LINES = 20
PROMPT_S = 1.0
"""A start that takes longer is compared with a bare one."""
_GARBAGE_SECONDS = 1.0  # of something else than a GCS on the port; a real one serves as soon as it listens

# Names of targets that have served in this process: this machine can run them, so what fails
# from then on speaks against the target.
_SERVED: set[str] = set()


class GcsProcess:
    """Runs ``target``. Every method may be called again, and from several threads.

    Its lives go into the history of ``recorder``, as those of ``who``, numbered from ``first_life``.

    A failure before it ever served is an :class:`EnvironmentProblem` (the user's command, most
    likely); later it is a :class:`TargetFailed`, which is a finding about the target.
    """

    def __init__(
        self,
        target: Target,
        launch: Launch,
        recorder: Recorder | None = None,
        who: str = "gcs",
        first_life: int = 0,
        run: Run = run_here,
        compared: bool = False,
    ) -> None:
        """``compared``: beside a start that takes long, bare ones are timed; for what runs as a child of ours."""
        self.target = target
        self.launch = launch
        """How it was, or will be, started last."""
        self._lock = threading.RLock()
        self._child: Running | None = None
        self._lives: list[Life] = []
        self._has_served = False
        self._recorder, self._who, self._first_life = recorder or Recorder(), who, first_life
        self._run, self._compared = run, compared
        self._paused = False

    # What it is

    @property
    def address(self) -> str:
        """``ip:port``."""
        return f"{self.launch.address}:{self.launch.port}"

    @property
    def pid(self) -> int | None:
        """Of the present or last process; None before the first."""
        return self._child.pid if self._child else None

    @property
    def running(self) -> Running:
        """The present or last life; RuntimeError before the first."""
        if self._child is None:
            raise RuntimeError("start() it first")
        return self._child

    @property
    def alive(self) -> bool:
        """Whether the process has not ended; a paused one has not."""
        return self._child is not None and self._status() is None

    @property
    def paused(self) -> bool:
        """Whether it was paused and not resumed since, and has not ended."""
        return self._paused and self.alive

    @property
    def exit_status(self) -> int | None:
        """Of the last process, negative for a signal; None while it runs."""
        return self._status()

    @property
    def lives(self) -> list[Life]:
        """All processes so far, the present one last."""
        self._status()
        return list(self._lives)

    def log_tail(self, lines: int = _LOG_LINES) -> str:
        """The last lines that the present or last process printed."""
        return self._child.log_tail(lines) if self._child else ""

    def logs(self, life: int) -> list[Path]:
        """The files in which the life of that number left its words."""
        return [one.log_path for one in self._lives if one.number == life]

    def serving(self, within: float = 1.0) -> bool:
        """Whether it answers CheckAlive now, within ``within`` seconds."""
        asked = time.monotonic()
        if not self.alive:
            return False
        if not self._probe().call(within).answered:
            self._note_silent(asked)
            return False
        self._note_serving()
        return True

    def accepts(self) -> bool:
        """Whether its port takes connections now."""
        asked = time.monotonic()
        if self._probe().connects():
            return True
        self._note_silent(asked)
        return False

    def await_comparison(self, within: float = 10.0) -> None:
        """Return when the bare starts beside its present one are timed, if there are any."""
        if self._lives and (bare := self._lives[-1].bare) is not None:
            bare.wait(within)

    # What is done to it

    def start(self) -> None:
        """Start it unless it runs, and return at once: see :meth:`wait_until_serving`.

        EnvironmentProblem when it cannot be executed or somebody else has its port.
        """
        with self._lock:
            if self.alive:
                return
            number = self._first_life + len(self._lives)
            log_path = self.launch.directory / f"gcs-{number}.log"
            began = time.monotonic()
            self._child = self._run(self.target, self.launch, log_path)
            self._lives.append(Life(number, self._child.pid, self.address, log_path, began))
            self._paused = False
            self._record("started", began, pid=self._child.pid, address=self.address)

    def wait_until_serving(self, within: float = 30.0) -> None:
        """Return when it answers CheckAlive.

        Fails at once when the process ends, floods its log or speaks no gRPC, else after ``within``
        seconds: one sentence and the last lines of its log. A first start that fails is killed; for it
        $GAUNTLET_START_WITHIN, where set, is the bound instead.
        """
        if not self._runs_here():
            within = start_within(within)
        began = time.monotonic()
        probe = self._probe()
        stranger_since: float | None = None
        heard = "nothing listens there"
        while True:
            child = self._running(probe)
            asked = time.monotonic()
            left = began + within - asked
            if probe.connects():
                answer = probe.call(max(0.05, min(_CALL_SECONDS, left)))
                if answer.answered:
                    self._note_serving()
                    return
                heard = f"it takes connections, but CheckAlive ends with {answer.said}"
                if answer.foreign:
                    stranger_since = stranger_since or time.monotonic()
            self._note_silent(asked)
            if stranger_since is not None and time.monotonic() - stranger_since >= _GARBAGE_SECONDS:
                self._fail(child, f"is no GCS: {heard}", kill=True)
            if left <= 0:
                self._fail(
                    child,
                    f"does not serve within {within:g} s: {heard}",
                    kill=not self._runs_here(),
                )
            time.sleep(_TICK_SECONDS)

    def stop(self, within: float = 10.0) -> int | None:
        """SIGTERM, SIGKILL after ``within`` seconds; the exit status (None: never started)."""
        with self._lock:
            if self._child is not None and self._status() is None:
                struck = time.monotonic()
                self._child.terminate(within, group=True)
                return self._status(asked=True, struck=struck)
            return self._status()

    def kill(self) -> None:
        """SIGKILL, and return when it is reaped and its port is closed."""
        with self._lock:
            if self._child is not None:
                self._status()
                struck = time.monotonic()
                self._child.kill(group=True)
                self._status(struck=struck)

    def pause(self) -> None:
        """SIGSTOP: its connections stay open and nothing is answered."""
        if self._child is not None and self.alive:
            self._child.pause(group=True)
            self._paused = True
            self._record("paused")

    def resume(self) -> None:
        """SIGCONT."""
        if self._child is not None:
            if self.paused:
                self._record("resumed")
            self._paused = False
            self._child.resume(group=True)

    def record_again(self) -> None:
        """Write the life that it leads into the history once more, as of now: another case begins."""
        with self._lock:
            if not self.alive:
                return
            life = self._lives[-1]
            self._record("started", pid=life.pid, address=life.address, again=True)
            if life.serving is not None:
                self._record("serving")

    def restart(
        self,
        address: str | None = None,
        port: int | None = None,
        config: Mapping[str, object] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Kill it if it runs and start it again, at another place or with other settings if given.

        ``config`` and ``env`` are laid over those of the last launch, and stay. Returns at once.
        """
        with self._lock:
            self.kill()
            self.launch = replace(
                self.launch,
                address=address or self.launch.address,
                port=port or self.launch.port,
                config={**self.launch.config, **(config or {})},
                env={**self.launch.env, **(env or {})},
            )
            self.start()

    # Within

    def _probe(self) -> Probe:
        return Probe(self.launch.address, self.launch.port, self.target.dialect)

    def _running(self, probe: Probe) -> Running:
        """The child, which runs and does not babble."""
        if self._child is None:
            raise RuntimeError("start() it first")
        status = self._status()
        if status is not None:
            why = f"{ended(status)} before it served at {probe.address}"
            if self._child.flooded:
                why = f"wrote more than {LOG_LIMIT_BYTES >> 20} MiB of log, so it was killed"
            self._fail(self._child, why, kill=True)
        return self._child

    def _status(self, asked: bool = False, struck: float | None = None) -> int | None:
        """The exit status; the end of a life is written down when it is first seen.

        ``struck``: when we sent a signal to end it; ``asked``: it was SIGTERM.
        """
        with self._lock:
            if self._child is None:
                return None
            status = self._child.poll()
            life = self._lives[-1]
            if status is not None and life.pid == self._child.pid and life.ended is None:
                life.ended, life.exit = time.monotonic(), status
                killed = struck is not None and not asked and status == -signal.SIGKILL
                facts: dict[str, Any] = {"exit": status, **({"asked": True} if asked else {})}
                facts |= {"struck": struck} if struck is not None else {}
                self._record("killed" if killed else "ended", life.ended, **facts)
            return status

    def _record(self, what: str, at: float | None = None, **facts: Any) -> None:
        self._recorder.write("gcs", what, {"life": self._lives[-1].number, **facts}, self._who, at)

    def _runs_here(self) -> bool:
        """Whether this machine can run it: it has served before, here or in another cluster."""
        return self._has_served or self.target.name in _SERVED

    def _note_serving(self) -> None:
        with self._lock:
            self._has_served = True
            _SERVED.add(self.target.name)
            life = self._lives[-1]
            if life.serving is None:
                life.serving = time.monotonic()
                silent = {} if life.silent is None else {"silent": life.silent}
                self._record("serving", life.serving, **silent)

    def _note_silent(self, asked: float) -> None:
        """It did not serve yet when it was asked."""
        with self._lock:
            life = self._lives[-1] if self._lives else None
            if life is None or life.serving is not None or life.ended is not None or asked < life.started:
                return
            life.silent = max(asked, life.silent or asked)
            if life.bare is None and asked - life.started > PROMPT_S and not self._paused:
                life.bare = self._compare(life)

    def _compare(self, life: Life) -> Measurement | None:
        command = bare_command(self.target, self.launch) if self._compared and self._recorder.on else None
        if command is None:
            return None
        case = self._recorder.case

        def tell(seconds: float) -> None:
            if self._recorder.case == case:
                self._recorder.write("note", BARE_START, {"life": life.number, "seconds": seconds}, self._who)

        return Measurement(command, tell)

    def _fail(self, child: Running, why: str, kill: bool) -> NoReturn:
        if kill:
            self._status()
            struck = time.monotonic()
            child.kill(group=True)
            self._status(struck=struck)
        last = tail(child.log_path, _LOG_LINES)
        message = f"{self.target.name} {why}" + (
            f"; it said last:\n{last}" if last else "; it printed nothing"
        )
        raise TargetFailed(message, child.log_path) if self._runs_here() else EnvironmentProblem(message)
