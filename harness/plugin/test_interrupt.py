"""Ctrl-C and ``kill -9`` in mid-run leave no process, no socket and no file of the run behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from harness.plugin.whole_run import WholeRun
from harness.process.guardian import VARIABLE
from harness.wait import until

# Each of these kills its GCS for several seconds.
ONE = ["scenarios/test_survival.py", "--gcs", "reference", "-k", "twenty_kills"]
TWO = ["scenarios/test_reload.py", *ONE[:-1], "twenty_kills or thirty_kills", "-n", "2"]
ROLES = ("gcs", "redis", "raylets", "worker")
# In seconds. A worker of xdist whose controller is gone is given 5 for its scenario, then 10 for the fixtures.
BOUND, XDIST_BOUND = 20.0, 40.0

# What gRPC does now and then when a Ctrl-C strikes inside of it: closing a channel never returns.
STUCK = """
import os, signal, threading
import pytest
from harness.driver.client import GcsClient

@pytest.mark.promise("1")
def test_stuck(cluster):
    GcsClient.close = lambda self: threading.Event().wait()
    os.kill(os.getpid(), signal.SIGINT)
"""

Strike = Callable[[subprocess.Popen[bytes]], None]


@dataclass(frozen=True)
class Census:
    """A run at one moment: how many play each role, and the sockets on which they listen."""

    roles: Counter[str]
    sockets: frozenset[str]

    def complete(self, clusters: int) -> bool:
        return all(self.roles[role] >= clusters for role in (*ROLES, "guardian"))


def census(pid: int) -> Census:
    """The processes below ``pid``: a role by where it logs and by its forebears, a guardian by the token it guards."""
    below = psutil.Process(pid).children(recursive=True)
    tokens = {token_of(one) for one in below} - {""}
    roles: Counter[str] = Counter()
    sockets: set[str] = set()
    for one in below:
        with contextlib.suppress(psutil.NoSuchProcess, OSError, IndexError):
            log = log_of(one)
            if log in ROLES:
                roles["worker" if log_of(one.parents()[1]) == "raylets" else log] += 1
            elif one.cmdline()[-1] in tokens:
                roles["guardian"] += 1
            sockets |= {str(link.readlink()) for link in Path(f"/proc/{one.pid}/fd").iterdir()}
    return Census(roles, frozenset(sockets & listening()))


def token_of(process: psutil.Process) -> str:
    try:
        return process.environ().get(VARIABLE, "")
    except (psutil.Error, OSError):
        return ""


def log_of(process: psutil.Process) -> str:
    """``gcs`` for a process that writes ``…/gcs-7.log``."""
    try:
        return Path(f"/proc/{process.pid}/fd/1").readlink().stem.partition("-")[0]
    except OSError:
        return ""


def listening() -> set[str]:
    """All sockets of this machine that take connections, as ``/proc/<pid>/fd`` shows them."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(FileNotFoundError):
            rows = [line.split() for line in Path(table).read_text().splitlines()[1:]]
            found |= {f"socket:[{row[9]}]" for row in rows if row[3] == "0A"}
    return found


def ctrl_c_for_pytest(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)


def ctrl_c_at_the_terminal(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGINT)


def kill_9(process: subprocess.Popen[bytes]) -> None:
    process.kill()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[WholeRun]:
    with WholeRun(tmp_path) as whole:
        yield whole


@pytest.mark.parametrize("strike", [ctrl_c_for_pytest, ctrl_c_at_the_terminal, kill_9])
@pytest.mark.parametrize("what", [ONE, TWO], ids=["alone", "xdist"])
def test_nothing_outlives_a_run_that_was_ended(run: WholeRun, what: list[str], strike: Strike) -> None:
    clusters, bound = (2, XDIST_BOUND) if what is TWO else (1, BOUND)
    process = run.start(*what)
    try:
        seen = until(
            "every kind of process runs",
            lambda: census_of(process, clusters),
            within=40,
            evidence=lambda: f"{census(process.pid)}\n{run.output}",
        )
        strike(process)
        status = process.wait(bound)
    finally:
        process.kill()
        process.wait()
    assert seen is not None
    assert status == (-signal.SIGKILL if strike is kill_9 else pytest.ExitCode.INTERRUPTED), run.output
    assert "Traceback" not in run.output + run.errors, run.output + run.errors
    run.nothing_left(bound)
    assert len(seen.sockets) >= len(ROLES), seen
    assert not seen.sockets & listening(), "somebody still takes connections"


def census_of(process: subprocess.Popen[bytes], clusters: int) -> Census | None:
    """A census that is complete for so many clusters; None before."""
    assert process.poll() is None, "it ended too early"
    found = census(process.pid)
    return found if found.complete(clusters) else None


def test_a_channel_that_cannot_be_closed_does_not_hold_up_the_end(run: WholeRun, tmp_path: Path) -> None:
    scenario = tmp_path / "scenarios" / "test_it.py"
    scenario.parent.mkdir()
    scenario.write_text(STUCK)
    options = ["-p", "harness.plugin", "-c", os.devnull, "--rootdir", str(tmp_path), "--gcs", "reference"]
    status = run.status(str(scenario), *options, within=30)
    assert status == pytest.ExitCode.INTERRUPTED, run.output + run.errors
    run.nothing_left(BOUND)
