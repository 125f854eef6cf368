"""The matrix of crash points: what the client was told x what survived x verdict. Pure.

Rows are an RPC (or flow, or ``recovery``) and one store command of it; columns are the modes, which
say what was done to the GCS at that command. ``told`` has a ``+`` between several clients.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from harness.report import reading
from harness.report.escape import code, line, md
from harness.report.reading import Entry
from harness.report.verdict import together

MODES = (
    *("kill-before", "kill-after", "swallow", "stall-retry-kill", "delay", "error", "cut"),
    *("kill-before+recovery", "kill-after+recovery"),
)
"""The columns, as far as a run has them; modes that are not here follow."""
RECOVERY = "recovery"
NARROWEST_NAME = 22
"""Columns of a terminal for the name of an RPC or store command; longer ones are folded."""
LEGEND = (
    "Each cell: what the client was told / what survived, then the verdict. "
    "told: ok, refused, unknown, or unanswered; survived: whether the store had changed when the GCS was dead."
)
CODES = "told: ok, ref(used), unk(nown), no = unanswered; + stored, - not stored; ✓ held, ✗ broken, ! known, ? inconclusive"
_STYLES = {"held": "green", "broken": "bold red", "known": "yellow", "unknown": "dim"}
_TOLD = {"ok": "ok", "refused": "ref", "unknown": "unk", "unanswered": "no"}
_SURVIVED = {"stored": "+", "not stored": "-"}


@dataclass(frozen=True)
class Row:
    """One store command of one RPC; ``unit`` numbers the commands of that RPC."""

    rpc: str
    unit: int
    label: str

    @property
    def command(self) -> str:
        return f"{self.unit} {self.label}".strip()


@dataclass(frozen=True)
class Cell:
    """The crash points of one row and mode: several where a variant (a retry, a rival) was put there too."""

    entries: tuple[Entry, ...]

    @property
    def verdict(self) -> str:
        """The worst, by its name in ``result.json``."""
        return together(reading.verdict(str(one.get("verdict", ""))) for one in self.entries).name.lower()

    @property
    def worst(self) -> Entry:
        return next(
            one for one in self.entries if reading.verdict(str(one["verdict"])).name.lower() == self.verdict
        )

    @property
    def told(self) -> str:
        return str(self.worst["point"].get("told", ""))

    @property
    def survived(self) -> str:
        return str(self.worst["point"].get("survived", ""))

    @property
    def words(self) -> str:
        """``ok/stored``; of several points that of the worst, ``x2`` behind it."""
        said = "/".join(part for part in (self.told, self.survived) if part) or "-"
        return said + (f" x{len(self.entries)}" if len(self.entries) > 1 else "")

    @property
    def code(self) -> str:
        """``ok+``, for where there is no room for words; of two clients ``ok,unk+``."""
        told = ",".join(_TOLD.get(one, one[:3]) for one in self.told.split("+"))
        return f"{told}{_SURVIVED.get(self.survived, self.survived[:3])}"


@dataclass(frozen=True)
class Matrix:
    rows: tuple[Row, ...] = ()
    modes: tuple[str, ...] = ()
    cells: Mapping[tuple[Row, str], Cell] = field(default_factory=dict)

    def by_rpc(self) -> dict[str, list[Row]]:
        """The rows of each RPC, in their order."""
        found: dict[str, list[Row]] = {}
        for row in self.rows:
            found.setdefault(row.rpc, []).append(row)
        return found

    def line(self, row: Row) -> list[Cell | None]:
        """The cells of a row, a None where no point lies."""
        return [self.cells.get((row, mode)) for mode in self.modes]


def matrix(entries: Iterable[Entry]) -> Matrix:
    """Of the entries that have a ``point``; empty without any."""
    found: dict[tuple[Row, str], list[Entry]] = {}
    order: dict[str, int] = {}
    for entry in entries:
        point = entry.get("point")
        if point:
            row = Row(str(point.get("rpc", "")), _number(point.get("unit")), str(point.get("label", "")))
            order.setdefault(row.rpc, len(order))
            found.setdefault((row, str(point.get("mode", ""))), []).append(entry)
    seen = dict.fromkeys(mode for _, mode in found)
    rows = dict.fromkeys(row for row, _ in found)
    return Matrix(
        tuple(sorted(rows, key=lambda row: (row.rpc.startswith(RECOVERY), order[row.rpc], row.unit))),
        (*(mode for mode in MODES if mode in seen), *(mode for mode in seen if mode not in MODES)),
        {place: Cell(tuple(some)) for place, some in found.items()},
    )


def _number(unit: Any) -> int:
    return unit if isinstance(unit, int) else 0


def show(found: Matrix, file: TextIO, width: int = 100, colour: bool = False) -> None:
    """Print the matrix to ``file``: in words where ``width`` columns allow it, else in codes with their legend."""
    console = Console(
        file=file, width=width, force_terminal=colour, no_color=not colour, highlight=False, emoji=False
    )
    if not found.rows:
        return
    table = _table(found, words=True)
    unbound = console.options.update(max_width=10_000)
    in_words = Measurement.get(console, unbound, table).maximum <= width
    console.print(Text("Crash points: what the client was told, what survived, verdict", "italic"))
    for part in [found] if in_words else _parts(found, width):
        console.print(_table(part, in_words))
    console.print(Text(LEGEND if in_words else CODES, "dim"))


def _parts(found: Matrix, width: int) -> Iterator[Matrix]:
    """The matrix in as few parts as fit side by side into ``width``, each with the rows that it has cells for."""
    columns = [_codes_width(found, mode) for mode in found.modes]
    start = 0
    while start < len(columns):
        end, room = start + 1, width - NARROWEST_NAME - 3 - columns[start]
        while end < len(columns) and room >= columns[end]:
            room -= columns[end]
            end += 1
        modes = found.modes[start:end]
        rows = tuple(row for row in found.rows if any((row, mode) in found.cells for mode in modes))
        yield Matrix(rows, modes, found.cells)
        start = end


def _codes_width(found: Matrix, mode: str) -> int:
    cells = [len(_shown(cell, False).plain) for (_, one), cell in found.cells.items() if one == mode]
    return max(*cells, *map(len, _heading(mode).split("\n"))) + 1


def _heading(mode: str) -> str:
    return line(mode, 40).replace("+recovery", "\n+recov.").replace("-", "\n")


def _table(found: Matrix, words: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=0)
    table.add_column("", overflow="fold", min_width=NARROWEST_NAME)
    for mode in found.modes:
        table.add_column(Text(line(mode, 40) if words else _heading(mode)), no_wrap=True)
    for rpc, rows in found.by_rpc().items():
        table.add_row(Text(line(rpc, 80), "bold"))
        for row in rows:
            cells = (_shown(cell, words) for cell in found.line(row))
            table.add_row(Text(f"  {line(row.command, 80)}"), *cells)
    return table


def _shown(cell: Cell | None, words: bool) -> Text:
    if cell is None:
        return Text("")
    verdict = cell.verdict
    said = f"{cell.words} {reading.word(verdict)}" if words else f"{cell.code} {reading.mark(verdict)}"
    return Text(said, _STYLES[reading.tone(verdict)])


def markdown(found: Matrix) -> tuple[list[str], list[str]]:
    """The heading lines and the rows of a Markdown table; both empty without points."""
    if not found.rows:
        return [], []
    heading = ["RPC", "store command", *(md(mode, 40) for mode in found.modes)]
    rows = [
        _joined([md(row.rpc, 80), code(row.command, 80), *(_mark_down(one) for one in found.line(row))])
        for row in found.rows
    ]
    return [_joined(heading), _joined(["---"] * len(heading))], rows


def _joined(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _mark_down(cell: Cell | None) -> str:
    if cell is None:
        return ""
    verdict = cell.verdict
    said = f"{reading.mark(verdict)} {md(cell.words, 60)}"
    return said if verdict == "held" else f"**{said} {reading.word(verdict)}**"
