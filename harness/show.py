"""``gauntlet show RUN``: a stored run, one line per event, case after case."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.errors import EnvironmentProblem
from harness.history.archive import Archive
from harness.history.entry import Entry
from harness.history.event import Event
from harness.history.log import HISTORY
from harness.history.show import LEDGER, Writer

ENVIRONMENT = 3


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
    archive = Archive(run)
    chosen = [name for name in archive.cases if fnmatchcase(name, case) or name == case]
    if not chosen:
        raise EnvironmentProblem(
            f"{run} has no case that matches {case!r} ({len(archive.cases)} are on record)"
        )
    found = False
    for number, name in enumerate(chosen):
        record: list[Event | Entry] = [*archive.events(name), *(archive.entries(name) if ledger else ())]
        record.sort(key=lambda one: one.at)
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
