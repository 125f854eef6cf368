"""A new expectations file: a row for each cause, which is then known wherever it strikes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness.cause_rows import by_cause, joined, rows_of
from harness.check.ruling import About
from harness.expectations import ANYWHERE, Failure, caused, expectations_for
from harness.expecting import as_toml
from harness.matching import sort_out

A, B = "scenarios/test_a.py::test_b[1]", "scenarios/test_a.py::test_c"
LOST = Failure(
    "durable", "AddJob was acknowledged and is gone after a recovery", about=About(keys=("aa",), lost=True)
)
EARLY = Failure("durable", "AddJob was acknowledged before it was stored")
ORIGIN = Failure("agreement", "it differs", about=About(origin="since it fell"))
OWN = Failure("scenario", "found by its id")
END = Failure(
    "scenario", "ray==<n> exited", about=About("Check failed: x", kind="a.cc", moment="before it served")
)


def told(case: str, *failures: Failure) -> tuple[str, list[Failure]]:
    return case, [caused(case, one) for one in failures]


def test_a_cause_has_one_row_with_its_rate_and_a_case_that_shows_it(tmp_path: Path) -> None:
    runs = [
        dict([told(A, LOST, OWN), told(B, EARLY, ORIGIN, END)]),
        dict([told(A, EARLY), told(B, OWN)]),
        *[dict([told(A), told(B, OWN)])] * 3,
    ]
    rows = rows_of(runs, "2.59.0")
    assert [(one.scenario, one.check, one.reproduced, one.example) for one in rows] == [
        (ANYWHERE, "agreement", "1 of 5", B),
        (ANYWHERE, "durable", "3 of 10", A),
        (ANYWHERE, "process", "1 of 5", B),
        (B, "scenario", "4 of 5", ""),
    ], "what a scenario says beside a loss follows from it"
    file = tmp_path / "new.toml"
    file.write_text(as_toml(rows, "ray==2.59.0"))
    read = expectations_for("ray==2.59.0", str(file))
    assert read == tuple(rows)
    again = [EARLY, ORIGIN, END]
    assert sort_out("scenarios/test_z.py::test_y", again, read).unexpected == ()
    other = Failure("agreement", "it differs")
    assert len(sort_out(B, [other], read).unexpected) == 1


def test_nothing_seen_is_no_row() -> None:
    assert rows_of([{A: []}], "2.59.0") == []


def test_rows_of_two_commands_are_joined() -> None:
    first = rows_of([dict([told(A, EARLY), told(B, OWN)])] * 5, "2.59.0")
    second = rows_of([dict([told(A, LOST, OWN), told(B)])] * 5, "2.59.0", first)
    rows = joined(first, {A}, second)
    assert [(one.check, one.scenario, one.reproduced) for one in rows] == [
        ("durable", ANYWHERE, "10 of 10"),
        ("scenario", B, "5 of 5"),
    ]
    assert rows[0].messages == (LOST.message, EARLY.message)
    assert joined(first, {A, B}, second) == rows[:1], "what ran and did not show goes"
    assert joined(rows, set(), []) == rows


def test_a_file_of_the_older_form_is_told_from_one_by_cause() -> None:
    rows = rows_of([dict([told(A, EARLY), told(B, OWN)])] * 5, "2.59.0")
    assert by_cause(rows) and by_cause([])
    assert not by_cause([*rows, replace(rows[0], cause="")])
