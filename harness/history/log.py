"""A file of JSON lines that several processes append to, each line whole and at once."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.history.entry import Entry
from harness.history.event import Event

HISTORY, LEDGER = "history.jsonl", "ledger.jsonl"


class Log:
    """Appends lines to ``path``. Made anew in every process; writing needs no lock between them.

    A line is one ``write`` to a file opened for appending, which a local file system does not tear.
    """

    def __init__(self, path: Path | None) -> None:
        """None: every line is dropped."""
        self.path = path
        self._file: int | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def append(self, line: str) -> None:
        """Write ``line``; nothing once it is closed."""
        if self._file is not None:
            os.write(self._file, line.encode() + b"\n")

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            os.close(file)


def lines(path: Path, case: str | None = None, start: int = 0) -> Iterator[dict[str, Any]]:
    """The lines of ``path`` from byte ``start`` on, of ``case`` alone if given; torn lines are left out."""
    if not path.exists():
        return
    marks = (f'"case":{json.dumps(case)}'.encode(),) if case is not None else (b"",)
    with path.open("rb") as file:
        file.seek(start)
        for line in file:
            if not line.endswith(b"\n") or not any(mark in line for mark in marks):
                continue
            try:
                yield json.loads(line)
            except ValueError:
                continue


def events(path: Path, case: str | None = None, start: int = 0) -> list[Event]:
    """The events of ``path``, in the order of time."""
    return sorted((Event.of(one) for one in lines(path, case, start)), key=lambda event: event.at)


def entries(path: Path, case: str | None = None, start: int = 0) -> list[Entry]:
    """The ledger's entries, in the order in which the commands were read."""
    found = (Entry.of(one) for one in lines(path, case, start))
    return sorted(found, key=lambda entry: (entry.at, entry.unit))  # one packet has one time
