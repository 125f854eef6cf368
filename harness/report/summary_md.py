"""``summary.md``: a run as a CI job summary. Pure, but for :func:`write`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from harness.report import matrix as points
from harness.report import reading
from harness.report.escape import block, code, md
from harness.report.folder import read
from harness.report.reading import Entry

T = TypeVar("T")

LIMIT = 900_000
"""Bytes. GitHub refuses a step's summary of more than 1 MiB altogether."""
SMALL_MATRIX = 12
"""Rows up to which the matrix is shown unfolded."""
SHOWN_OF_A_KIND = 20
"""Commands shown of failures that are like one that is shown whole."""
# Bytes for each part that grows with a run; together well below LIMIT.
_ROOM = {
    "guarantees": 25_000,
    "causes": 60_000,
    "unexpected": 350_000,
    "known": 150_000,
    "inconclusive": 80_000,
    "matrix": 180_000,
}


def write(folder: Path) -> Path:
    """Read ``result.json`` of a run's ``folder`` and write ``summary.md`` beside it. EnvironmentProblem without one."""
    path = folder / "summary.md"
    path.write_text(summary(read(folder)), encoding="utf-8")
    return path


def summary(result: Mapping[str, Any]) -> str:
    """Markdown for people: the verdict, the guarantees, each unexpected failure, the matrix."""
    failures = reading.failures(result)
    parts = [
        *_heading(result),
        *_guarantees("Promises of Ray's documentation", "scenarios", result.get("promises", {})),
        *_guarantees("Checks over what was recorded", "cases", result.get("checks", {})),
        *_clauses(result),
        *_causes(result),
        *_unexpected(failures.unexpected),
        *_folded("Known breakages", failures.known, "known"),
        *_folded("Inconclusive", failures.inconclusive, "inconclusive"),
        *_matrix(result),
    ]
    return "\n".join(parts) + "\n"


def fitted(things: Sequence[T], shown: Callable[[T], str], room: int, what: str) -> list[str]:
    """The text of as many ``things`` as ``room`` bytes hold, and a sentence on how many were left out."""
    kept: list[str] = []
    for place, thing in enumerate(things):
        text = shown(thing)
        room -= len(text.encode()) + 1
        if room < 0:
            left = len(things) - place
            said = f"*{left} more {what} did not fit in here; report.html and result.json have them all.*"
            return [*kept, "", said]
        kept.append(text)
    return kept


def _heading(result: Mapping[str, Any]) -> list[str]:
    worst = reading.worst(result).name.lower()
    store = result.get("store") or {}
    about = [
        f"store {md(str(store.get('spec', '?')), 100)} {md(str(store.get('version') or ''), 40)}".rstrip()
    ]
    about += [md(str(result[name]), 100) for name in ("machine",) if name in result]
    about += [f"exit status {result['exit_status']}"] if "exit_status" in result else []
    counts = reading.counted(dict(reading.totals(result))) or "nothing ran"
    problems = fitted(result.get("problems", ()), lambda one: f"- {md(str(one))}", 20_000, "problems")
    return [
        f"## {reading.mark(worst)} {md(reading.conclusion(result), 300)}",
        "",
        f"{len(reading.entries(result))} scenarios and crash points: {counts}. {' · '.join(about)}.",
        "",
        *([*problems, ""] if problems else []),
    ]


def _guarantees(title: str, unit: str, found: Mapping[str, Any]) -> list[str]:
    """A table of promises or checks."""
    if not found:
        return []

    def row(item: tuple[str, Any]) -> str:
        id, one = item
        counts = reading.counted(one.get("cases") or one.get("scenarios") or {})
        return f"| {md(id, 60)} | {md(str(one.get('sentence', '')), 300)} | {_verdict(one)} | {counts} |"

    head = [f"### {title}", "", f"| | guarantee | verdict | {unit} |", "| --- | --- | --- | --- |"]
    return [*head, *fitted(list(found.items()), row, _ROOM["guarantees"], "rows"), ""]


def _verdict(one: Mapping[str, Any]) -> str:
    name = str(one.get("verdict", "unknown"))
    said = f"{reading.mark(name)} {md(reading.word(name), 60)}"
    return f"**{said}**" if name not in ("held", "skipped") else said


def _clauses(result: Mapping[str, Any]) -> list[str]:
    """One line per verdict: the clauses that came to it."""
    by_verdict: dict[str, list[str]] = {}
    for id, one in result.get("clauses", {}).items():
        by_verdict.setdefault(str(one.get("verdict")), []).append(md(id, 20))
    lines = [f"- clauses {md(reading.word(name), 40)}: {' '.join(ids)}" for name, ids in by_verdict.items()]
    return [*fitted(lines, str, _ROOM["guarantees"], "lines"), ""] if lines else []


def _causes(result: Mapping[str, Any]) -> list[str]:
    """Each cause that the run has shown: whether it is known, and in how many cases it was seen."""
    found = result.get("causes", ())
    if not found:
        return []

    def row(one: Mapping[str, Any]) -> str:
        cells = (
            md(str(one.get("cause", "")), 300),
            md(str(one.get("standing", "")), 60),
            str(one.get("cases", "")),
        )
        return f"| {' | '.join(cells)} |"

    head = [f"### Causes ({len(found)})", "", "| cause | standing | cases |", "| --- | --- | --- |"]
    return [*head, *fitted(found, row, _ROOM["causes"], "causes"), ""]


def _unexpected(found: Sequence[Entry]) -> list[str]:
    if not found:
        return []
    groups = list(reading.grouped(found).items())
    title = f"### Unexpected failures ({len(found)})"
    return [title, "", *fitted(groups, _kind, _ROOM["unexpected"], "kinds of failures"), ""]


def _kind(group: tuple[str, Sequence[Entry]]) -> str:
    gist, entries = group
    if len(entries) == 1:
        return "\n".join([f"#### {md(gist, 300)}", "", *_failure(entries[0])])
    return "\n".join([f"#### {md(gist, 300)} ({len(entries)} times)", "", *_repeated(entries)])


def _repeated(entries: Sequence[Entry]) -> list[str]:
    """The first failure of a kind whole, the next ones as commands."""
    rest = entries[1:]
    commands = [str(one.get("command") or one.get("scenario", "")) for one in rest[:SHOWN_OF_A_KIND]]
    more = f"\nand {len(rest) - SHOWN_OF_A_KIND} more" if len(rest) > SHOWN_OF_A_KIND else ""
    also = f"<details><summary>the same in {len(rest)} other cases</summary>"
    return [*_failure(entries[0]), also, "", block("\n".join(commands) + more), "", "</details>", ""]


def _failure(entry: Entry) -> list[str]:
    name = str(entry.get("verdict", ""))
    parts = [
        f"{reading.mark(name)} **{md(reading.word(name), 60)}** {code(str(entry.get('scenario', '')))}",
        "",
    ]
    found = reading.findings(entry)
    for one in found[:10]:
        known = " (known)" if one.get("known") else ""
        events = " ".join(str(id) for id in one.get("events", ()))
        parts.append(f"- {md(str(one.get('check', '')))}{known}: {md(str(one.get('signature', '')))}")
        parts.append(
            f"  {md(str(one.get('detail', '')), 1500)} {code(events, 200) if events else ''}".rstrip()
        )
    if len(found) > 10:
        parts.append(f"- and {len(found) - 10} more findings")
    if not found and entry.get("reason"):
        parts.append(block(str(entry["reason"])))
    if entry.get("command"):
        parts += ["", block(str(entry["command"]), 1000)]
    return [*parts, ""]


def _folded(title: str, found: Sequence[Entry], room: str) -> list[str]:
    """A closed list: a line per entry, under what they share."""
    if not found:
        return []
    rows = []
    for gist, entries in reading.grouped(found).items():
        rows.append(f"- {md(gist, 300)} ({len(entries)})")
        rows += [f"  - {code(str(one.get('command') or one.get('scenario', '')), 300)}" for one in entries]
    opening = f"<details><summary>{title}: {len(found)}</summary>"
    return [opening, "", *fitted(rows, str, _ROOM[room], "lines"), "", "</details>", ""]


def _matrix(result: Mapping[str, Any]) -> list[str]:
    found = points.matrix(reading.entries(result))
    head, rows = points.markdown(found)
    if not rows:
        return []
    table = [*head, *fitted(rows, str, _ROOM["matrix"], "rows"), "", points.LEGEND, ""]
    title = f"Crash points: {sum(len(cell.entries) for cell in found.cells.values())}"
    if len(rows) <= SMALL_MATRIX:
        return [f"### {title}", "", *table]
    return [f"<details><summary>{title}</summary>", "", *table, "</details>", ""]
