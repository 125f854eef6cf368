"""``gauntlet show RUN``: a stored run, one line per event, case after case."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.errors import EnvironmentProblem
from harness.history.entry import Entry
from harness.history.event import Event
from harness.history.log import HISTORY
from harness.history.log import LEDGER as LEDGER_FILE
from harness.history.show import LEDGER, Writer

ENVIRONMENT = 3
_CASE = re.compile(rb'"case":("(?:[^"\\]|\\.)*")')

Places = dict[str, list[int]]


def show(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")] = Path("runs/latest"),
    case: Annotated[str, typer.Option("--case", metavar="GLOB", help="Only cases whose name matches.")] = "*",
    kind: Annotated[str, typer.Option("--kind", metavar="KIND,…", help="Only events of these kinds.")] = "",
    ledger: Annotated[
        bool, typer.Option("--ledger", help="With the commands to the store, by time.")
    ] = False,
    id: Annotated[str, typer.Option("--id", metavar="ID", help="Only this event, and all of it.")] = "",
) -> None:
    """Print what a run recorded, one line per event. Exit status 3: there is no such record."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    kinds = frozenset(filter(None, kind.split(",")))
    try:
        for line in lines(run, case, kinds, ledger or LEDGER in kinds or bool(id), id, width):
            print(line)
        sys.stdout.flush()
    except EnvironmentProblem as problem:
        print(f"gauntlet: {problem}", file=sys.stderr)
        raise typer.Exit(ENVIRONMENT) from None
    except BrokenPipeError:
        # The reader has seen enough. Python would complain again when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def lines(
    run: Path, case: str, kinds: frozenset[str], ledger: bool, id: str, width: int | None
) -> Iterator[str]:
    """What is to be printed. EnvironmentProblem when there is nothing to show.

    ``kinds``: of events (empty: all); ``id``: that event alone, followed by all of it as JSON.
    """
    history = run / HISTORY
    if not history.is_file():
        raise EnvironmentProblem(f"{run} is no folder of a run: it has no {HISTORY}")
    places = _places(history)
    chosen = [name for name in places if fnmatchcase(name, case) or name == case]
    if not chosen:
        raise EnvironmentProblem(f"{run} has no case that matches {case!r} ({len(places)} are on record)")
    entries = _places(run / LEDGER_FILE) if ledger else {}
    found = False
    for number, name in enumerate(chosen):
        record = _record(run, places[name], entries.get(name, []))
        head = [*([""] if number else []), f"=== {name} ==="]
        for line in _of_case(record, kinds, id, width):
            yield from head
            yield line
            found, head = True, []
    if not found:
        raise EnvironmentProblem(f"{run} has no such event" + (f" {id!r}" if id else ""))


def _of_case(record: list[Event | Entry], kinds: frozenset[str], id: str, width: int | None) -> Iterator[str]:
    writer = Writer(record[0].at, width)
    for one in record:
        line = writer.line(one)
        own = one.kind if isinstance(one, Event) else LEDGER
        if (id and one.id != id) or (kinds and own not in kinds):
            continue
        yield line
        if id:
            yield json.dumps(_whole(one), indent=2)


def _whole(one: Event | Entry) -> dict[str, Any]:
    return asdict(one) if isinstance(one, Entry) else dict(json.loads(one.line()))


def _places(path: Path) -> Places:
    """Case -> where its lines begin, in bytes: a run's record may be larger than memory."""
    found: Places = {}
    if not path.is_file():
        return found
    place = 0
    with path.open("rb") as file:
        for line in file:
            case = _CASE.search(line)
            if case is not None and line.endswith(b"\n"):
                found.setdefault(json.loads(case[1]), []).append(place)
            place += len(line)
    return found


def _record(run: Path, events: list[int], entries: list[int]) -> list[Event | Entry]:
    """Everything of one case in the order of time; torn lines are left out."""
    record: list[Event | Entry] = [Event.of(raw) for raw in _read(run / HISTORY, events)]
    record += [Entry.of(raw) for raw in _read(run / LEDGER_FILE, entries)]
    return sorted(record, key=lambda one: one.at)


def _read(path: Path, places: list[int]) -> Iterator[dict[str, Any]]:
    if not places:
        return
    with path.open("rb") as file:
        for place in places:
            file.seek(place)
            try:
                yield json.loads(file.readline())
            except ValueError:
                continue
