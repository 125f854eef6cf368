"""Workers of a pool, and a command that we wait for, end with us when we are killed."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from harness.process.descendants import Descendants
from harness.process.orphan import end_with_parent, run_to_end
from harness.wait import until

ROOT = Path(__file__).parents[2]
POOL = """
    import sys
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context
    from harness.process.orphan import end_with_parent

    if __name__ == "__main__":
        watched = end_with_parent if "watched" in sys.argv else None
        pool = ProcessPoolExecutor(2, get_context("spawn"), watched)
        list(pool.map(abs, [1, 2]))
        print("ready", flush=True)
        sys.stdin.read()
"""
COMMAND = """
    import sys
    from harness.process.orphan import run_to_end
    run_to_end(["/bin/sh", "-c", "echo ready; sleep 300; true"], sys.stdout.buffer)
"""


def killed(script: str, place: Path, born: Descendants, *words: str) -> None:
    """Start the script, and kill it with SIGKILL when it has said that it is ready."""
    file = place / "script.py"
    file.write_text(textwrap.dedent(script))
    process = subprocess.Popen(
        [sys.executable, str(file), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    assert len(born.living()) > 1
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.parametrize("script", [POOL, COMMAND], ids=["a pool", "a command"])
def test_nothing_outlives_one_who_is_killed(script: str, tmp_path: Path) -> None:
    with Descendants() as born:
        killed(script, tmp_path, born, "watched")
        until("nothing is left", lambda: not born.living(), 10.0)


def test_workers_that_do_not_watch_live_on(tmp_path: Path) -> None:
    with Descendants() as born:
        killed(POOL, tmp_path, born)
        with pytest.raises(Exception, match="nothing is left"):
            until("nothing is left", lambda: not born.living(), 1.0)


def test_the_status_of_a_command_is_told(tmp_path: Path) -> None:
    with (tmp_path / "output").open("wb") as output:
        assert run_to_end(["/bin/sh", "-c", "echo said; echo wrong >&2; exit 7"], output) == 7
    assert (tmp_path / "output").read_text() == "said\nwrong\n"


def test_only_a_worker_watches() -> None:
    with pytest.raises(RuntimeError, match="no worker"):
        end_with_parent()
