"""Nothing that was started below us is overlooked."""

from __future__ import annotations

import subprocess

import psutil

from harness.process.descendants import Descendants
from harness.wait import until

# A shell that leaves an orphan in a session of its own, and says who it is.
ORPHAN = "setsid sleep 300 >/dev/null 2>&1 & echo $!"


def test_an_orphan_in_a_session_of_its_own_is_seen_and_ended() -> None:
    with Descendants() as born:
        said = subprocess.run(["sh", "-c", ORPHAN], capture_output=True, text=True, check=True).stdout
        orphan = psutil.Process(int(said))
        assert born.living() == [orphan]
        orphan.kill()
        until("a zombie is no longer living", lambda: not born.living())
    assert not orphan.is_running()


def test_what_was_there_before_is_left_alone() -> None:
    with subprocess.Popen(["sleep", "300"]) as before:
        with Descendants() as born:
            assert born.living() == []
        assert before.poll() is None
        before.kill()
