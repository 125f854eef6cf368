"""Bare starts of a program: which targets have them, and how they are timed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.process.ports import allocate_port
from harness.store.base import StoreSettings
from harness.target import bare
from harness.target.base import Command, Launch
from harness.target.parse import parse_target


@pytest.fixture
def launch(tmp_path: Path) -> Launch:
    return Launch("127.0.0.1", allocate_port(), StoreSettings("memory"), "ns", "s", tmp_path)


@pytest.mark.parametrize("target", ["reference", "reference+dawdles-before-it-serves"])
def test_a_bare_start_of_the_reference_loads_it_and_ends(target: str, launch: Launch) -> None:
    command = bare.bare_command(parse_target(target), launch)
    assert command is not None
    loading = [*command.argv[:-1], command.argv[-1] + "; import sys; print('grpc' in sys.modules)"]
    done = subprocess.run(loading, env=dict(command.env), cwd=command.cwd, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, b"True"), done.stderr


def test_what_a_program_of_the_users_does_when_it_does_nothing_nobody_knows(launch: Launch) -> None:
    assert bare.bare_command(parse_target(f"cmd:{sys.executable} x.py"), launch) is None


def test_the_slowest_counts_and_what_does_not_end_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bare, "LONGEST_S", 2.0)
    told: list[float] = []
    for argv in ([sys.executable, "-c", "import time; time.sleep(0.1)"], ["sleep", "60"], ["./nothing"]):
        bare.Measurement(Command(argv, {"PATH": "/usr/bin:/bin"}), told.append).wait(30)
    (seconds,) = told
    assert 0.1 < seconds < 2
