"""The command line: what it hands to pytest, from any directory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli import ROOT, SCENARIOS, pytest_command
from harness.doctor import Finding, ephemeral_ports, loopback, python, ray, target
from harness.errors import EnvironmentProblem


def gauntlet(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "harness.cli", *arguments]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "COLUMNS": "80"}
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=100, check=False
    )


def test_without_paths_all_scenarios_are_meant() -> None:
    assert Path(pytest_command([], [])[-1]) == SCENARIOS


@pytest.mark.parametrize("path", ["scenarios/test_reload.py::test_x[1]", "test_reload.py::test_x[1]"])
def test_a_path_is_found_from_any_directory(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert pytest_command([], [path])[-1] == f"{SCENARIOS}/test_reload.py::test_x[1]"


def test_a_path_that_exists_here_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "test_mine.py").touch()
    monkeypatch.chdir(tmp_path)
    assert pytest_command([], ["test_mine.py"])[-1] == "test_mine.py"


def test_bad_input_ends_with_pytest_s_status_and_one_sentence(tmp_path: Path) -> None:
    done = gauntlet("run", "--gcs", "nonsense", cwd=tmp_path)
    assert done.returncode == 3
    assert done.stderr.startswith("gauntlet: 'nonsense' is no target") and done.stderr.count("\n") == 1
    assert done.stdout == "" and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("run", "--nonsense"),
        ("replay",),
        ("fuzz", "--minutes", "nan"),
        ("sim", "--minutes", "-1"),
        ("run", "-n", "-1"),
        ("crashpoints", "-n", "few"),
    ],
    ids=" ".join,
)
def test_a_command_line_that_cannot_be_understood_is_usage(words: tuple[str, ...], tmp_path: Path) -> None:
    done = gauntlet(*words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (4, ""), done.stderr
    assert "Traceback" not in done.stderr and not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", [("run", "test_reload.py"), ("crashpoints",)], ids=" ".join)
def test_a_folder_that_cannot_be_made_is_one_sentence(words: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = gauntlet(*words, "--run-dir", "file/runs", cwd=tmp_path)
    assert done.returncode == 3, done.stdout
    assert (
        done.stderr.startswith("gauntlet: the run's folder cannot be made: ") and done.stderr.count("\n") == 1
    )


def test_the_list_names_promises_from_any_directory(tmp_path: Path) -> None:
    done = gauntlet("list", "test_reload.py", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    row = "scenarios/test_reload.py::test_job_ids_never_repeat  promise 1  clause D2  on loopback docker"
    assert row in done.stdout.splitlines()


def test_help_names_the_commands(tmp_path: Path) -> None:
    said = gauntlet("--help", cwd=tmp_path).stdout
    assert all(word in said for word in ("run", "list", "doctor"))
    assert gauntlet("--version", cwd=tmp_path).stdout.startswith("gauntlet 0.")


def test_the_doctor_finds_what_this_machine_has() -> None:
    for finding in (python(), loopback(), ephemeral_ports()):
        assert finding.what and finding.seen
    assert python().fine


def test_the_doctor_says_why_a_target_cannot_run() -> None:
    def prepare() -> None:
        raise EnvironmentProblem("no wheel")

    assert target("ray==9", prepare, needed=False) == Finding("ray==9", False, "no wheel", needed=False)
    offline = ray("2.60.0", cached=False, online=False)
    assert not offline.fine and not offline.needed and "not in the cache" in offline.seen


def test_the_least_rights_are_one_line_that_names_the_namespace(tmp_path: Path) -> None:
    done = gauntlet("acl", "--gcs", "cmd[2.60.0]:true", "--namespace", "prod", cwd=tmp_path)
    assert (done.returncode, done.stdout.count("\n")) == (0, 1)
    assert done.stdout.startswith("user ray on ")
    assert "~RAYprod@*" in done.stdout
    wrong = gauntlet("acl", "--gcs", "nonsense", cwd=tmp_path)
    assert (wrong.returncode, wrong.stdout) == (3, "")
    assert "is no target" in wrong.stderr
