"""What a campaign reaches of the core: measured in a process of its own, and read from the tool's report."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.fuzz.coverage import File, Reached, read, shown, spans

ROOT = Path(__file__).parents[2]
REPORT = {
    "totals": {"percent_covered": 90.0, "num_branches": 4, "covered_branches": 3},
    "files": {
        "/somewhere/reference_gcs/core/kv.py": {
            "missing_lines": [3, 7, 8, 9], "missing_branches": [[2, 3], [5, -1]],
            "summary": {"percent_covered": 80.0},
        },
        "/somewhere/reference_gcs/core/jobs.py": {
            "missing_lines": [], "missing_branches": [], "summary": {"percent_covered": 100.0}
        },
    },
}  # fmt: skip


def test_gaps_are_read_by_file_and_a_jump_to_a_missing_line_is_not_told_twice() -> None:
    found = read(REPORT, 12)
    assert found == Reached(
        12, 90.0, 75.0, (File("reference_gcs/core/kv.py", 80.0, (3, 7, 8, 9), ((5, -1),)),)
    )
    assert "kv.py: 3, 7-9; 5->end" in shown(found)


def test_runs_of_lines() -> None:
    assert spans([]) == ""
    assert spans([1, 2, 3, 5, 8, 9]) == "1-3, 5, 8-9"


def test_a_campaign_is_measured() -> None:
    pytest.importorskip("coverage")
    command = [sys.executable, "-m", "harness.fuzz.coverage", "--plans", "4", "--seed", "3"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=True)
    first, *rest = done.stdout.splitlines()
    assert first.startswith("4 plans reach ")
    percent = float(first.split()[3])
    assert 40.0 < percent < 100.0
    assert any("reference_gcs/core/actors.py" in row for row in rest)
