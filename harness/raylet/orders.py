"""What a raylet was told, heard, asked and went through: lists that only grow, with a bound.

Times are seconds of ``time.monotonic``, one clock for all processes of a machine.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

KEPT = 10_000
"""Records kept of each kind and raylet by default; the counts go on."""


class Journal:
    """Numbered records of one kind, oldest dropped first once ``kept`` are held.

    A record is a dict with ``seq`` (from 1, never reused), ``time`` and what the writer gave.
    """

    def __init__(
        self,
        kept: int = KEPT,
        decode: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
        also: Callable[[Mapping[str, Any]], None] | None = None,
    ) -> None:
        """``decode``: applied to what is read. ``also``: told of each record as it is written."""
        self._records: deque[dict[str, Any]] = deque(maxlen=kept)
        self._counts: Counter[str] = Counter()
        self._decode = decode
        self._also = also
        self._seq = 0

    def write(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Add a record of ``kind``; the returned dict may be filled further."""
        self._seq += 1
        self._counts[kind] += 1
        record = {"seq": self._seq, "time": time.monotonic(), "kind": kind, **fields}
        self._records.append(record)
        if self._also is not None:
            self._also(record)
        return record

    def tally(self, kind: str, count: int = 1) -> None:
        """Count records of ``kind`` that are not worth keeping."""
        self._counts[kind] += count

    def read(self, kinds: Iterable[str] | None = None, since: int = 0) -> list[dict[str, Any]]:
        """The records after number ``since``, of ``kinds`` if given, oldest first."""
        wanted = None if kinds is None else set(kinds)
        found = [
            record
            for record in self._records
            if record["seq"] > since and (wanted is None or record["kind"] in wanted)
        ]
        return [self._decode(record) for record in found] if self._decode else found

    def counts(self) -> dict[str, int]:
        """How many of each kind there ever were."""
        return dict(self._counts)
