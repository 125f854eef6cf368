"""A campaign that is ended from outside leaves no process, whether it was asked to end or killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from harness.process.descendants import Descendants
from harness.wait import until

CLUSTERS = 2
BOUND = 25.0
"""In seconds: a worker that was asked to end comes to the end of its plan first."""


@pytest.fixture
def campaign(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Descendants]]:
    """``gauntlet fuzz`` with as many clusters as there are workers, all with a GCS that runs, and what it started."""
    words = ["fuzz", "--minutes", "5", "-n", str(CLUSTERS), "--run-dir", str(tmp_path)]
    with Descendants() as born:
        process = subprocess.Popen(
            [sys.executable, "-m", "harness.cli", *words],
            stdout=subprocess.PIPE,
            text=True,
            # What runs in the background of a shell's script would not hear of SIGINT.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        until("all clusters have a GCS", lambda: _servers(born) >= CLUSTERS, 60.0)
        yield process, born
        process.kill()
        process.communicate()


def _servers(born: Descendants) -> int:
    return sum("reference_gcs" in _words(one) for one in born.living())


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=lambda it: it.name)
def test_nothing_outlives_a_campaign(
    campaign: tuple[subprocess.Popen[str], Descendants], number: signal.Signals
) -> None:
    process, born = campaign
    process.send_signal(number)
    said, _ = process.communicate(timeout=BOUND)
    until("nothing is left of it", lambda: not born.living(), BOUND)
    if number is signal.SIGKILL:
        assert process.returncode == -number
    else:
        assert process.returncode in (0, 2), "0: the plans so far held; 2: none had ended"
        assert "seed 0: " in said, "what it has come to is told"
