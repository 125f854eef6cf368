"""The crash-point matrix, as a terminal and as Markdown show it."""

from __future__ import annotations

import io
from typing import Any

import pytest

from harness.report import fake_run, matrix
from harness.report.matrix import Row

POINTS = list(fake_run.crash_points())


def point(
    rpc: str, unit: int, mode: str, verdict: str = "held", told: str = "ok", survived: str = "stored"
) -> Any:
    where = {"rpc": rpc, "unit": unit, "label": "HSET X", "mode": mode, "told": told, "survived": survived}
    return {"scenario": f"{rpc}:{unit}:{mode}", "verdict": verdict, "point": where}


def shown(found: matrix.Matrix, width: int, colour: bool = False) -> str:
    file = io.StringIO()
    matrix.show(found, file, width, colour)
    return file.getvalue()


def test_rows_are_commands_in_order_and_recovery_comes_last() -> None:
    found = matrix.matrix(
        [
            point("recovery", 1, "cut"),
            point("B", 2, "cut"),
            point("A", 1, "new-mode"),
            point("B", 1, "kill-before"),
        ]
    )
    assert [(row.rpc, row.unit) for row in found.rows] == [("B", 1), ("B", 2), ("A", 1), ("recovery", 1)]
    assert found.modes == ("kill-before", "cut", "new-mode")
    assert [bool(cell) for cell in found.line(found.rows[0])] == [True, False, False]


def test_entries_without_a_point_are_no_part_of_it() -> None:
    assert (
        matrix.matrix(
            [{"scenario": "a", "verdict": "held"}, {"scenario": "b", "verdict": "held", "point": None}]
        ).rows
        == ()
    )
    assert shown(matrix.matrix([]), 80) == "" and matrix.markdown(matrix.matrix([])) == ([], [])


def test_a_cell_of_several_points_shows_the_worst_one_s_facts() -> None:
    some = [
        point("A", 1, "cut"),
        point("A", 1, "cut", "broken", "unknown", "not stored"),
        point("A", 1, "cut", "known"),
    ]
    cell = matrix.matrix(some).cells[Row("A", 1, "HSET X"), "cut"]
    assert (cell.verdict, cell.words, cell.code) == ("broken", "unknown/not stored x3", "unk-")


@pytest.mark.parametrize("width", [80, 100, 120, 250])
def test_it_fits_the_terminal(width: int) -> None:
    text = shown(matrix.matrix(POINTS), width)
    assert max(map(len, text.splitlines())) <= width
    assert text.count("HSET KV") == 1 and "recovery" in text


@pytest.mark.parametrize("width", [60, 80, 100])
def test_columns_that_do_not_fit_come_below_and_none_is_cut(width: int) -> None:
    ladders = [
        point("RegisterActor", unit, f"kill-{when}+recovery", told="ok+unknown")
        for unit in (1, 2)
        for when in ("before", "after")
    ]
    text = shown(matrix.matrix([*POINTS, *ladders]), width)
    assert max(map(len, text.splitlines())) <= width
    assert text.count("ok,unk+ ✓") == 4 and text.count("…") == 0
    assert text.count("+recov.") == 2 and text.count(" RegisterActor") == (1 if width == 100 else 2)


def test_words_where_there_is_room_else_codes_with_their_legend() -> None:
    assert "unknown/not stored broken" in shown(matrix.matrix(POINTS), 250)
    narrow = shown(matrix.matrix(POINTS), 80)
    assert "unk- ✗" in narrow and "ok+ ✓" in narrow and matrix.CODES[:30] in narrow
    assert "\x1b[" not in narrow and "\x1b[" in shown(matrix.matrix(POINTS), 80, colour=True)


def test_markdown_has_a_cell_for_every_column_whatever_is_in_it() -> None:
    evil = point("A | B", 1, "c|t", "broken", "<b>", "`x`\n|")
    head, rows = matrix.markdown(matrix.matrix([*POINTS, evil]))
    assert {line.count("|") for line in [*head, *rows]} == {len(matrix.matrix([*POINTS, evil]).modes) + 3}
    assert not any("<b>" in line or "\n" in line for line in rows)
