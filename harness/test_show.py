"""``gauntlet show``: cases one after another, filters, one event whole, and bad folders."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from harness.history.recorder import Recorder
from harness.show import show

CASES = ("test_one[0.0]", "test_two")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of two cases whose lines are mixed in its files."""
    pens = [Recorder(tmp_path, case) for case in CASES]
    for number in range(3):
        for pen in pens:
            pen.write(
                "call", "InternalKVPut", {"request": {"key": f"k{number}"}}, "driver-0", at=5.0 + number
            )
            pen.write("note", "x", at=5.1 + number)
    facts = {"at": 5.5, "done": 5.6, "via": "gcs", "connection": 1, "unit": 1, "command": ("PING",)}
    pens[0].enter(**facts, reply="PONG", applied=True)
    with (tmp_path / "history.jsonl").open("a") as file:
        file.write('{"case":"test_two","cluster":0,"id":"torn')
    return tmp_path


def said(*words: str) -> tuple[int, str, str]:
    app = typer.Typer()
    app.command()(show)
    result = CliRunner().invoke(app, words)
    return result.exit_code, result.stdout, result.stderr


def test_all_cases_are_shown_one_after_another(run: Path) -> None:
    status, out, _ = said(str(run))
    lines = out.splitlines()
    assert status == 0
    assert [line for line in lines if line.startswith("===")] == [f"=== {case} ===" for case in CASES]
    assert len(lines) == 2 + 2 * 6 + 1
    assert "PING" not in out


def test_what_is_shown_can_be_chosen(run: Path) -> None:
    assert len(said(str(run), "--case", "test_t*")[1].splitlines()) == 7
    assert said(str(run), "--case", CASES[0])[1].startswith(f"=== {CASES[0]}")
    calls = said(str(run), "--kind", "call,order", "--case", "*two")[1].splitlines()
    assert len(calls) == 4
    assert "PING" in said(str(run), "--ledger")[1]
    assert len(said(str(run), "--kind", "ledger")[1].splitlines()) == 2


def test_one_event_is_shown_whole(run: Path) -> None:
    _, out, _ = said(str(run), "--case", "test_two", "--id", "c-3")
    heading, line, whole = out.split("\n", 2)
    assert heading == "=== test_two ==="
    assert "c-3" in line
    assert json.loads(whole)["facts"] == {"request": {"key": "k1"}}
    assert json.loads(said(str(run), "--id", "s-1")[1].split("\n", 2)[2])["command"] == ["PING"]


@pytest.mark.parametrize("words", [["--case", "nothing"], ["--id", "c-99"], ["--kind", "fault"]])
def test_nothing_to_show_is_said_in_a_sentence(run: Path, words: list[str]) -> None:
    status, out, err = said(str(run), *words)
    assert (status, out) == (3, "")
    assert err.startswith(f"gauntlet: {run} has no ")
    assert len(err.splitlines()) == 1


def test_a_folder_that_is_no_run_is_status_3(tmp_path: Path) -> None:
    status, _, err = said(str(tmp_path / "none"))
    assert status == 3
    assert len(err.splitlines()) == 1


def test_a_reader_that_stops_early_sees_no_traceback(tmp_path: Path) -> None:
    pen = Recorder(tmp_path, "long")
    for _ in range(5000):
        pen.write("note", "x" * 100)
    code = f"import typer; from harness.show import show; import sys; sys.argv = ['show', {str(tmp_path)!r}]; typer.run(show)"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    ) as child:
        assert child.stdout is not None and child.stderr is not None
        assert child.stdout.readline() == "=== long ===\n"
        child.stdout.close()
        assert child.stderr.read() == ""
        assert child.wait(30) == 0
