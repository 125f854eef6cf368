"""What happened to a cluster, a line each: a failing scenario shows it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Note:
    """One line; ``at`` in monotonic seconds."""

    at: float
    kind: str
    what: str
    facts: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        facts = " ".join(f"{key}={value}" for key, value in self.facts.items())
        return f"{self.at:12.3f}  {self.kind:8} {self.what} {facts}".rstrip()


class Journal(list[Note]):
    """Notes in the order of time."""

    def note(self, kind: str, what: str, **facts: object) -> None:
        self.append(Note(time.monotonic(), kind, what, facts))
