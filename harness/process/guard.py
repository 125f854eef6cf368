"""What keeps this process's children from outliving it: one guardian process, told what to end.

The guardian (``guardian.py``) starts at the first child or directory. At a normal exit it is told
that nothing is left and goes; when this process dies in any other way it kills and removes.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import uuid
from pathlib import Path

from harness.process.guardian import VARIABLE, start_ticks

_SWEEP_SECONDS = 35.0  # the guardian gives up after 30


class Guard:
    """The guardian of one process. Use :data:`GUARD`, the one of this process."""

    def __init__(self) -> None:
        self.token = uuid.uuid4().hex
        """Identifies this run in the environment of all that it starts."""
        self._lock = threading.Lock()
        self._children: set[int] = set()
        self._directories: set[str] = set()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The guardian's pid; None before the first child."""
        return self._process.pid if self._process else None

    def environment(self) -> dict[str, str]:
        """The variable by which the guardian knows a process; grandchildren inherit it."""
        return {VARIABLE: self.token}

    def ready(self) -> None:
        """Start the guardian unless it runs: call it before a child exists."""
        with self._lock:
            self._started()

    def add(self, pid: int) -> None:
        """``pid`` is a child that must not outlive us."""
        start = start_ticks(pid)
        with self._lock:
            self._children.add(pid)
            if start is not None:
                self._tell(f"+p {pid} {start}")

    def discard(self, pid: int) -> None:
        """``pid`` is reaped."""
        with self._lock:
            if pid in self._children:
                self._children.discard(pid)
                self._tell(f"-p {pid}")

    def directory(self, prefix: str = "gauntlet-", parent: Path | None = None) -> Path:
        """A new directory (mode 0700) that goes when we do, whatever way we go."""
        path = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        self.adopt(path)
        return path

    def adopt(self, directory: Path) -> None:
        """``directory`` is there already, and goes when we do."""
        with self._lock:
            self._directories.add(str(directory))
            self._tell(f"+d {directory}")

    def remove(self, directory: Path) -> None:
        """Remove a directory that :meth:`directory` made or :meth:`adopt` took over."""
        shutil.rmtree(directory, ignore_errors=True)
        with self._lock:
            self._directories.discard(str(directory))
            self._tell(f"-d {directory}")

    def finish(self) -> None:
        """End the guardian: at once when nothing is left, after its sweep when something is."""
        with self._lock:
            process, self._process = self._process, None
            if process is None or process.stdin is None:
                return
            with contextlib.suppress(OSError):
                if not self._children and not self._directories:
                    process.stdin.write(b"done\n")
                process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_SWEEP_SECONDS)

    def after_fork(self) -> None:
        """In a forked copy of us: its guardian is another, and ours must see our end of the pipe close."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.returncode = 0  # not the copy's child: nothing to wait for
        self.__init__()  # type: ignore[misc]

    def _tell(self, line: str) -> None:
        pipe = self._started().stdin
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.write(os.fsencode(line) + b"\n")

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(Path(__file__).with_name("guardian.py")), self.token],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                cwd="/",
                env={},  # no token of an outer run: that run's guardian must not end this one
                start_new_session=True,
            )
        return self._process


GUARD = Guard()
atexit.register(GUARD.finish)
os.register_at_fork(after_in_child=GUARD.after_fork)
