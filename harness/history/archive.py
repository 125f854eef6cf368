"""A stored run's record, read case by case: all of it may be larger than memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from harness.history.entry import Entry
from harness.history.event import Event
from harness.history.log import HISTORY, LEDGER

_CASE = re.compile(rb'"case":("(?:[^"\\]|\\.)*")')


class Archive:
    """The files of the folder ``run``, indexed once by where each case's lines begin."""

    def __init__(self, run: Path) -> None:
        self._history, self._ledger = run / HISTORY, run / LEDGER
        self._events, self._entries = _places(self._history), _places(self._ledger)

    @property
    def cases(self) -> Sequence[str]:
        """The cases on record, in the order in which they began."""
        return list(self._events)

    def events(self, case: str) -> list[Event]:
        """The events of ``case`` in the order of time; torn lines are left out."""
        found = [Event.of(raw) for raw in _read(self._history, self._events.get(case, []))]
        return sorted(found, key=lambda one: one.at)

    def entries(self, case: str) -> list[Entry]:
        """Its ledger, in the order in which the commands were read."""
        found = [Entry.of(raw) for raw in _read(self._ledger, self._entries.get(case, []))]
        return sorted(found, key=lambda one: (one.at, one.unit))


def _places(path: Path) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
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
