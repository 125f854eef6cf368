"""A process of ours: its own session, its own log, ended by pid and reaped."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.process.flood import FLOODS
from harness.process.guard import GUARD

_TAIL_BYTES = 64 * 1024
_GROUP_GONE_SECONDS = 2.0


class Child:
    """A running or ended child process. Make it with :meth:`spawn`; every method may be called again.

    Signals go to the process alone, or with ``group=True`` to all that it started in its session
    (a wrapper script and what it wraps).
    """

    def __init__(
        self, name: str, argv: Sequence[str], process: subprocess.Popen[bytes], log_path: Path
    ) -> None:
        self.name = name
        self.argv = tuple(argv)
        self.log_path = log_path
        self.pid = process.pid
        self.flooded = False
        """Whether it was killed because its log grew beyond all use."""
        self._process = process

    @classmethod
    def spawn(
        cls,
        name: str,
        argv: Sequence[str],
        env: Mapping[str, str],
        log_path: Path,
        cwd: Path | None = None,
        stdin_pipe: bool = False,
    ) -> Child:
        """Start ``argv`` with exactly ``env`` (and the run's token), logging to ``log_path``.

        Output is appended to the log; a child that floods it is killed. With ``stdin_pipe`` the child's standard input is a pipe
        whose end of file tells it that we are gone; otherwise it is empty. OSError when
        ``argv[0]`` cannot be executed.
        """
        GUARD.ready()
        log_path.parent.mkdir(parents=True, exist_ok=True)
        with log_path.open("ab") as log:
            process = subprocess.Popen(
                list(argv),
                env={**env, **GUARD.environment()},
                cwd=cwd,
                stdin=subprocess.PIPE if stdin_pipe else subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                bufsize=0,
                start_new_session=True,
            )
        GUARD.add(process.pid)
        child = cls(name, argv, process, log_path)
        FLOODS.watch(child)
        return child

    @property
    def alive(self) -> bool:
        """Whether it has not ended; a paused child is alive."""
        return self.poll() is None

    def poll(self) -> int | None:
        """The exit status (negative: the signal that ended it); None while it runs."""
        return self._ended(self._process.poll())

    def wait(self, within: float) -> int | None:
        """Wait up to ``within`` seconds for the end; the exit status, or None when it still runs."""
        end = time.monotonic() + within
        if self.poll() is None:
            with contextlib.suppress(OSError):  # reaped meanwhile, by another thread
                handle = os.pidfd_open(self.pid)  # Popen's own wait looks only every 50 ms
                try:
                    select.select([handle], [], [], within)
                finally:
                    os.close(handle)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._ended(self._process.wait(max(0.0, end - time.monotonic())))
        return None

    def signal(self, number: int, group: bool = False) -> None:
        """Send a signal; nothing happens when the child has ended."""
        if self.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            if group:
                os.killpg(self.pid, number)
            else:
                os.kill(self.pid, number)

    def kill(self, group: bool = False) -> None:
        """SIGKILL, and return when it is reaped: only then are all its sockets closed."""
        if group:
            # Before the leader is reaped: until then nobody else can have its group's number.
            self.signal(signal.SIGKILL, group=True)
            self._ended(self._process.wait())
            self._await_group()
        else:
            self.signal(signal.SIGKILL)
            self._ended(self._process.wait())

    def terminate(self, within: float = 5.0, group: bool = False) -> int:
        """SIGTERM, then SIGKILL when it is not gone after ``within`` seconds; the exit status."""
        self.signal(signal.SIGTERM)
        self.signal(signal.SIGCONT)  # a paused child would not hear of it
        self.close_stdin()
        self.wait(within)
        self.kill(group)
        return self._process.returncode

    def pause(self, group: bool = False) -> None:
        """SIGSTOP, and return when all its threads have stopped (or it has ended)."""
        self.signal(signal.SIGSTOP, group)
        if self.poll() is None:
            with contextlib.suppress(ChildProcessError):
                os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self, group: bool = False) -> None:
        """SIGCONT."""
        self.signal(signal.SIGCONT, group)

    def close_stdin(self) -> None:
        """Close our end of the pipe of ``stdin_pipe``."""
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def log_tail(self, lines: int = 20) -> str:
        """The last ``lines`` lines of its log, as far as they are in its last 64 KiB."""
        return tail(self.log_path, lines)

    def _ended(self, status: int | None) -> int | None:
        if status is not None:
            GUARD.discard(self.pid)
            self.close_stdin()
        return status

    def _await_group(self) -> None:
        end = time.monotonic() + _GROUP_GONE_SECONDS
        while time.monotonic() < end:
            # The number of a group is nobody else's as long as the group has a member.
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                return
            if not group_lives(self.pid):
                return
            time.sleep(0.002)


def group_lives(group: int) -> bool:
    """Whether the process group has a member that is no zombie: not every machine's init reaps."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                state, _, its_group = (entry / "stat").read_bytes().rpartition(b")")[2].split()[:3]
                if int(its_group) == group and state not in (b"Z", b"X"):
                    return True
    return False


def tail(path: Path, lines: int) -> str:
    """The last ``lines`` lines of a text file, or an empty string when there is no such file."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
