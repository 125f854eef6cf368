"""FINDINGS.md says what the expectations files say."""

from __future__ import annotations

from typing import Any

from harness.expectations import Expectation, releases
from harness.findings import BEGIN, PAGE, command, rewritten, table

LATE = "KillActorViaGcs was acknowledged before it was stored"


def known(scenario: str, reproduced: str = "5 of 5", **more: Any) -> Expectation:
    return Expectation(scenario, "2.60.0", LATE, "It answers early.", reproduced, **more)


def test_the_tables_are_those_of_the_files() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert BEGIN in page and releases()
    assert page == rewritten(page), "write it anew: python -m harness.findings"


def test_one_kind_of_failure_is_one_row_with_its_surest_case() -> None:
    point = "scenarios/test_crash_points.py::test_crash_point[KillActorViaGcs:1:kill-before]"
    rows = table(
        [
            known("scenarios/test_a.py::test_b[x]", "2 of 5", check="durable"),
            known(point, check="durable", told="ok", survived="not stored"),
            known("scenarios/test_a.py::test_c[1|2]"),
            known("scenarios/test_a.py::test_c[3]"),
        ]
    )
    assert len(rows) == 2
    assert rows[0].startswith(f"| durable | {LATE} | ok | not stored | 2 | 40% to 100% of the runs |")
    assert "gauntlet crashpoints --gcs ray==2.60.0 --point KillActorViaGcs:1:kill-before" in rows[0]
    assert "| 2 | 5 of 5 |" in rows[1] and "test_c[1\\|2]" in rows[1]


def test_the_command_quotes_what_a_shell_would_read() -> None:
    assert command(known("scenarios/test_a.py::test_b[a b]")).endswith("'scenarios/test_a.py::test_b[a b]'")
