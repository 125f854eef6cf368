"""A child: its end, its pause, its log."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from harness.process import flood
from harness.process.child import Child
from harness.process.guardian import start_ticks
from harness.wait import until

PATH = {"PATH": os.environ["PATH"]}


def sleeper(tmp_path: Path) -> Child:
    return Child.spawn("sleeper", ["sleep", "300"], PATH, tmp_path / "log")


def test_kill_reaps(tmp_path: Path) -> None:
    child = sleeper(tmp_path)
    assert child.alive
    child.kill()
    child.kill()
    assert child.poll() == -signal.SIGKILL
    assert not psutil.pid_exists(child.pid)


def test_a_paused_child_stands_still_and_can_be_ended(tmp_path: Path) -> None:
    child = sleeper(tmp_path)
    child.pause()
    child.pause()
    assert psutil.Process(child.pid).status() == psutil.STATUS_STOPPED
    child.resume()
    until("it runs", lambda: psutil.Process(child.pid).status() != psutil.STATUS_STOPPED)
    child.pause()
    assert child.terminate(5) == -signal.SIGTERM


def test_terminate_kills_who_does_not_listen(tmp_path: Path) -> None:
    deaf = "trap '' TERM; echo ready; while :; do sleep 1; done"
    child = Child.spawn("deaf", ["sh", "-c", deaf], PATH, tmp_path / "log")
    until("it is deaf", lambda: child.log_tail())
    assert child.terminate(0.05, group=True) == -signal.SIGKILL


def test_a_group_ends_with_its_leader(tmp_path: Path) -> None:
    child = Child.spawn("wrapper", ["sh", "-c", "sleep 300 & echo $!; wait"], PATH, tmp_path / "log")
    inner = int(until("it says who it wraps", lambda: child.log_tail()))
    child.kill(group=True)
    until("what it wrapped is gone", lambda: start_ticks(inner) is None)


def test_wait_is_bounded_and_prompt(tmp_path: Path) -> None:
    child = Child.spawn("short", ["sh", "-c", "sleep 0.1; exit 7"], PATH, tmp_path / "log")
    assert child.wait(0.01) is None
    assert child.wait(10) == 7
    assert child.wait(10) == 7


def test_the_log_is_appended_and_its_tail_bounded(tmp_path: Path) -> None:
    for _ in range(2):
        Child.spawn("words", ["sh", "-c", "echo a; echo b >&2"], PATH, tmp_path / "log").wait(10)
    child = Child.spawn("words", ["echo", "c"], PATH, tmp_path / "log")
    child.wait(10)
    assert child.log_tail(10) == "a\nb\na\nb\nc"
    assert child.log_tail(2) == "b\nc"


def test_standard_input_tells_of_our_end(tmp_path: Path) -> None:
    child = Child.spawn("reader", ["cat"], PATH, tmp_path / "log", stdin_pipe=True)
    assert child.wait(0.05) is None
    child.close_stdin()
    assert child.wait(10) == 0


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Child.spawn("none", [str(tmp_path / "none")], {}, tmp_path / "log")


def test_a_babbling_child_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flood, "LOG_LIMIT_BYTES", 100_000)
    child = Child.spawn("babbler", ["yes"], PATH, tmp_path / "log")
    assert child.wait(10) == -signal.SIGKILL
    assert child.flooded


def test_spawn_is_quick(tmp_path: Path) -> None:
    sleeper(tmp_path).kill()  # the guardian runs now
    began = time.perf_counter()
    for _ in range(10):
        Child.spawn("true", [sys.executable, "--version"], {}, tmp_path / "log").kill()
    assert time.perf_counter() - began < 1.0
