"""What is shown and written of a run."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.check.registry import CHECKS, REAL, unjudged
from harness.errors import EnvironmentProblem
from harness.report import folder, table
from harness.report.progress import Progress
from harness.report.verdict import Result, Verdict

RESULTS = (
    Result("scenarios/test_a.py::test_held", Verdict.HELD, "", 1.0, ("1",), ("D1",)),
    Result("scenarios/test_a.py::test_known", Verdict.KNOWN, "It forgets. (5 of 5)", 1.0, ("1", "3"), ("D1", "D3")),
    Result("scenarios/test_b.py::test_[not markup]", Verdict.BROKEN, "[red]as it is[/red]", 1.0, ("2",), ("L1",)),
    Result("scenarios/test_b.py::test_skipped", Verdict.SKIPPED, "no rocksdb", 0.0, ("7",), ("S5",)),
)  # fmt: skip


def shown(width: int = 80, colour: bool = False) -> str:
    file = io.StringIO()
    table.show(RESULTS, "ray==2.60.0", file, width, colour)
    return file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_table_fits(width: int) -> None:
    assert max(map(len, shown(width).splitlines())) <= width


def test_colour_is_for_terminals() -> None:
    assert "\x1b[" not in shown()
    assert "\x1b[" in shown(colour=True)


def test_a_known_breakage_hides_what_held_and_broken_hides_all() -> None:
    rows = [line.split() for line in shown(100).splitlines() if line.strip()[:2] in ("1 ", "2 ", "3 ", "7 ")]
    said = {row[0]: " ".join(row) for row in rows}
    assert "broken (known) 2 1" in said["1"] and "broken (known) 1 1" in said["3"]
    assert "broken 1" in said["2"] and "not judged 0" in said["7"]
    assert "clauses broken (known) (2): D1 D3" in shown()


def test_a_check_that_found_nothing_is_not_judged_and_one_that_never_does_says_why() -> None:
    rulings = {"durable": "held", "pubsub": "unknown"}
    results = [replace(RESULTS[0], rulings=rulings)]
    file = io.StringIO()
    table.show(results, "x", file, 100, False)
    said = " ".join(file.getvalue().split())
    assert "checks held (cases): durable 1" in said
    silent = ", ".join(one for one in CHECKS if one not in rulings)
    assert f"checks not judged: {silent} x: every" in said
    data = folder.as_data(results, {"target": "x"})["checks"]
    assert data["blocking"]["verdict"] == data["CheckAlive"]["verdict"] == "not judged"
    assert data["blocking"]["never_judged"] == unjudged(REAL)["blocking"]
    assert "never_judged" not in data["CheckAlive"]


def test_a_target_s_words_are_no_markup() -> None:
    assert "[red]as it is[/red]" in shown() and "test_[not markup]" in shown()


def test_the_conclusion_never_calls_a_known_breakage_conforming() -> None:
    assert "does not conform" in table.conclusion(RESULTS[:2], "ray==2.60.0").plain
    assert "every guarantee judged here held" in table.conclusion(RESULTS[:1], "x").plain
    assert "nothing was judged" in table.conclusion(RESULTS[3:], "x").plain


def test_a_run_is_written_as_data_and_latest_points_at_it(tmp_path: Path) -> None:
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    data = folder.as_data(RESULTS, {"target": "cmd:./x {port}"})
    first = folder.create(tmp_path, "cmd:./x {port}", now)
    second = folder.create(tmp_path, "cmd:./x {port}", now)
    assert first.name == "20260102T030405Z-cmd-.-x-port" and second != first
    folder.write(first, data)
    folder.write(second, data)
    assert (tmp_path / "latest").resolve() == second
    read = folder.read(tmp_path / "latest")
    assert read["target"] == "cmd:./x {port}" and read["totals"]["known"] == 1
    assert read["promises"]["3"]["verdict"] == "known" and read["clauses"]["S5"]["verdict"] == "skipped"
    assert [one["scenario"] for one in read["scenarios"]] == sorted(one.scenario for one in RESULTS)
    assert (
        read["scenarios"][0]["command"]
        == "gauntlet run --gcs 'cmd:./x {port}' scenarios/test_a.py::test_held"
    )


def test_a_folder_that_is_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="is not the folder of a run"):
        folder.read(tmp_path)


def test_logs_are_kept_by_case_each_to_its_last_bytes(tmp_path: Path) -> None:
    (tmp_path / "cluster" / "gcs").mkdir(parents=True)
    (tmp_path / "cluster" / "gcs" / "gcs-0.log").write_bytes(b"x" * folder.LONGEST_LOG_BYTES + b"last words")
    (tmp_path / "cluster" / "empty.log").touch()
    folder.keep_logs(tmp_path / "run", "scenarios/test_a.py::test_b[1]", 0, tmp_path / "cluster")
    (kept,) = (tmp_path / "run").rglob("*.log")
    assert kept.relative_to(tmp_path / "run") == Path("logs/test-a.py-test-b-1/0/gcs-gcs-0.log")
    assert kept.stat().st_size == folder.LONGEST_LOG_BYTES and kept.read_bytes().endswith(b"last words")


def test_progress_without_a_terminal_is_a_line_per_scenario() -> None:
    file = io.StringIO()
    with Progress(file, live=False) as progress:
        progress.total = 10
        progress.started("scenarios/test_a.py::test_x[1]")
        progress.ended("scenarios/test_a.py::test_x[1]", Verdict.HELD, 1.25)
    assert file.getvalue() == " 1/10  held             1.2 s  scenarios/test_a.py::test_x[1]\n"


def test_the_live_line_names_what_runs_and_fits() -> None:
    progress = Progress(io.StringIO(), live=True, width=60)
    progress.total = 2
    with progress:
        progress.ended("scenarios/test_a.py::test_x", Verdict.BROKEN, 1.0)
        progress.started("scenarios/test_b.py::test_" + "y" * 100)
        line = progress.line().plain
    assert line.startswith("1/2  1 broken  0:00, ") and "/s, 0:00 left  test_b.py" in line
    assert len(line) <= 59
