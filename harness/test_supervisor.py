"""The supervisor notices a dead and a hung GCS, and leaves a healthy one alone."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.process.ports import allocate_address, allocate_port
from harness.store.base import StoreSettings
from harness.supervisor import Supervisor
from harness.target.base import Launch
from harness.target.gcs import GcsProcess
from harness.target.parse import parse_target
from harness.wait import until


@pytest.fixture
def gcs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GcsProcess]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    address = allocate_address()
    launch = Launch(address, allocate_port(address), StoreSettings("memory"), "ns", "s", tmp_path)
    target = parse_target(f"cmd:{sys.executable} -m harness.target.tiny_gcs {{address}}:{{port}}")
    process = GcsProcess(target, launch)
    process.start()
    process.wait_until_serving()
    yield process
    process.kill()


def kinds(supervisor: Supervisor) -> list[str]:
    return [event.kind for event in supervisor.events]


def test_a_dead_one_is_restarted(gcs: GcsProcess) -> None:
    first = gcs.pid
    assert first is not None
    with Supervisor(gcs) as supervisor:
        os.kill(first, signal.SIGKILL)
        until("it serves again", lambda: kinds(supervisor) == ["exited", "restarted"])
        assert gcs.pid != first
        assert supervisor.events[0].pid == first


def test_a_hung_one_is_killed_and_restarted(gcs: GcsProcess) -> None:
    with Supervisor(gcs, period=0.05, deadline=0.1, misses=2) as supervisor:
        gcs.pause()
        until("it serves again", lambda: kinds(supervisor) == ["hung", "restarted"])
        assert gcs.serving()
        assert gcs.lives[0].exit == -signal.SIGKILL


def test_a_healthy_one_is_left_alone_and_a_stopped_supervisor_acts_no_more(gcs: GcsProcess) -> None:
    with Supervisor(gcs, period=0.02) as supervisor:
        until("it was looked at", lambda: gcs.serving())
    gcs.kill()
    assert supervisor.events == []
    assert not gcs.alive


def test_it_gives_up(gcs: GcsProcess) -> None:
    gcs.target = parse_target("cmd:sh -c 'exit 1' {port}")
    with Supervisor(gcs, restarts=2) as supervisor:
        gcs.kill()
        until("it gives up", lambda: "gave up" in kinds(supervisor))
    assert kinds(supervisor) == ["exited", "failed", "exited", "failed", "exited", "gave up"]
