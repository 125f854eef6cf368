"""The cache of releases, with a downloader that needs no network."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from harness.errors import EnvironmentProblem
from harness.target.wheel_cache import GENERATED, HELP, SERVER, complete, fetched
from harness.target.wheel_download import announced, explanation

ROOT = Path(__file__).parents[2]
SCRIPT = "#!/bin/sh\necho '    -gcs_server_port (The port) type: int32'\nexit 1\n"


class Downloader:
    """Makes a wheel, and counts how often it was asked to."""

    def __init__(self, server: str | None = SCRIPT) -> None:
        self.server = server
        self.asked: list[str] = []

    def __call__(self, release: str, directory: Path) -> Path:
        self.asked.append(release)
        wheel = directory / f"ray-{release}-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            if self.server is not None:
                archive.writestr("ray/core/src/ray/gcs/gcs_server", self.server)
            archive.writestr("ray/core/generated/gcs_pb2.py", "# messages")
            archive.writestr("ray/core/generated/gcs_pb2_grpc.py", "# stubs")
            archive.writestr("ray/big", "x" * 1000)
        return wheel


def test_only_what_is_needed_is_kept(tmp_path: Path) -> None:
    place = fetched("2.60.0", tmp_path, Downloader())
    assert os.access(place / SERVER, os.X_OK)
    assert "-gcs_server_port" in (place / HELP).read_text()
    assert [path.name for path in (place / GENERATED).iterdir()] == ["gcs_pb2.py"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ray-2.60.0", "ray-2.60.0.lock"]


def test_it_is_fetched_once(tmp_path: Path) -> None:
    how = Downloader()
    assert fetched("2.60.0", tmp_path, how) == fetched("2.60.0", tmp_path, how)
    assert how.asked == ["2.60.0"]


@pytest.mark.parametrize("damage", ["cut", "gone", "manifest"])
def test_a_damaged_cache_recovers(tmp_path: Path, damage: str) -> None:
    how = Downloader()
    place = fetched("2.60.0", tmp_path, how)
    if damage == "cut":
        (place / SERVER).write_text("#!")
    elif damage == "gone":
        (place / GENERATED / "gcs_pb2.py").unlink()
    else:
        (place / "manifest.json").write_text("[1")
    assert not complete(place)
    assert complete(fetched("2.60.0", tmp_path, how))
    assert len(how.asked) == 2


def test_two_processes_at_once_fetch_once(tmp_path: Path) -> None:
    program = """
import sys, time
from pathlib import Path
from harness.target import test_wheel_cache as t

class Slow(t.Downloader):
    def __call__(self, release, directory):
        with open(sys.argv[1] + "/asked", "a") as file:
            file.write(release + "\\n")
        time.sleep(0.3)
        return super().__call__(release, directory)

print(t.fetched("2.60.0", Path(sys.argv[1]), Slow()))
"""
    both = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=30)[0].decode().strip() for process in both]
    assert said == [str(tmp_path / "ray-2.60.0")] * 2
    assert (tmp_path / "asked").read_text() == "2.60.0\n"


@pytest.mark.parametrize(
    ("server", "said"),
    [
        (None, "its wheel holds no ray/core/src/ray/gcs/gcs_server"),
        ("#!/bin/sh\necho libfoo.so is missing >&2\n", "does not run here: libfoo.so is missing"),
        ("\x7fELF", "does not run here"),
    ],
)
def test_a_wheel_that_is_no_good_is_one_clear_sentence(tmp_path: Path, server: str | None, said: str) -> None:
    with pytest.raises(EnvironmentProblem, match=said):
        fetched("2.60.0", tmp_path, Downloader(server))
    assert [path.name for path in tmp_path.iterdir()] == ["ray-2.60.0.lock"]


def test_a_cache_that_cannot_be_written_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentProblem, match="cannot be kept in"):
        fetched("2.60.0", tmp_path / "file", Downloader())


@pytest.mark.parametrize(
    ("said", "means"),
    [
        (
            "WARNING: NewConnectionError\nERROR: No matching distribution found for ray==2.60.0",
            "no package index can be reached",
        ),
        (
            "ERROR: Could not find a version\nERROR: No matching distribution found for ray==9.9",
            "the package index has no",
        ),
        ("python: No module named pip", "install pip"),
        ("ERROR: disk full", "could not be fetched: disk full"),
        ("", "pip said nothing"),
    ],
)
def test_what_pip_said_in_one_sentence(said: str, means: str) -> None:
    assert means in explanation("9.9", said)
    assert "\n" not in explanation("9.9", said)


def test_the_size_that_pip_announces() -> None:
    assert announced("  Downloading ray-2.60.0-cp311-x.whl (79.3 MB)") == 79.3e6
    assert announced("Collecting ray==2.60.0") is None
