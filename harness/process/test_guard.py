"""A run that dies leaves nothing: no process, no directory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from harness.process.guardian import holds, start_ticks
from harness.wait import until

ROOT = Path(__file__).parents[2]

# Starts children that are hard to end, says who they are, and waits on its standard input.
RUN = """
    import json, os, subprocess, sys
    from pathlib import Path
    from harness.process.child import Child
    from harness.process.guard import GUARD

    directory = GUARD.directory()
    stopped = Child.spawn("stopped", ["/bin/sleep", "300"], {}, directory / "log")
    stopped.pause()
    parent = Child.spawn("parent", ["/bin/sh", "-c", "sleep 300 & echo $!; wait"], {"PATH": os.environ["PATH"]}, directory / "pids")
    bare = Child.spawn("bare", ["/usr/bin/env", "-i", "/bin/sleep", "300"], {}, directory / "log")
    while not (directory / "pids").read_text().endswith("\\n"):
        pass
    grandchild = int((directory / "pids").read_text())
    with (directory / "log").open("ab") as log:  # as one whose registration never came, under another title
        untold = subprocess.Popen(["/bin/sleep", "300"], env={}, stdout=log, start_new_session=True)
    pids = [stopped.pid, parent.pid, grandchild, bare.pid, untold.pid]
    copy = os.fork() if "fork" in sys.argv else 0
    if "fork" in sys.argv and not copy:
        sys.stdin.read()
        os._exit(0)
    print(json.dumps([GUARD.token, GUARD.pid, str(directory), pids]), flush=True)
    sys.stdin.read()
    if "tidy" in sys.argv:
        for child in (stopped, parent, bare):
            child.kill(group=True)
        untold.kill()
        untold.wait()
        GUARD.remove(directory)
"""


class Run:
    """A process that uses the guard, and what it told us."""

    def __init__(self, *how: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(RUN), *how],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert self.process.stdout is not None
        self.token, self.guardian, directory, self.pids = json.loads(self.process.stdout.readline())
        self.directory = Path(directory)

    def end(self, kill: bool) -> None:
        if kill:
            self.process.kill()
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(20)

    def traces(self) -> list[object]:
        """What is left of it; the guardian's turn comes last."""
        holders = [pid for pid in psutil.pids() if holds(pid, self.token)]
        pids = [pid for pid in [*self.pids, self.guardian] if start_ticks(pid) is not None]
        return [*holders, *pids, *([self.directory] if self.directory.exists() else [])]


@pytest.mark.parametrize("how", ["", "fork"])
def test_kill_9_leaves_nothing(how: str) -> None:
    run = Run(how)
    assert all(start_ticks(pid) for pid in run.pids)
    stranger = subprocess.Popen(["/bin/sleep", "300"], env={"GAUNTLET_RUN": run.token + "0"})
    try:
        run.end(kill=True)
        until("everything is gone", lambda: not run.traces(), evidence=lambda: str(run.traces()))
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_normal_exit_that_forgot_its_children_leaves_nothing() -> None:
    run = Run()
    run.end(kill=False)
    assert run.traces() == []  # the exit waited for the sweep


def test_a_tidy_exit_ends_the_guardian() -> None:
    run = Run("tidy")
    run.end(kill=False)
    assert run.process.returncode == 0
    assert run.traces() == []
