"""What a failing scenario shows of its cluster's history: the milestones, a line each."""

from __future__ import annotations

import json

from harness.history.event import Event
from harness.history.log import HISTORY, events
from harness.history.recorder import Recorder

MILESTONES = frozenset({"cluster", "gcs", "raylet", "fault", "store", "note"})
LONGEST_LINE = 300


def journal(recorder: Recorder) -> list[str]:
    """The milestones of the recorder's cluster in its present case, oldest first; none when nothing is written."""
    if recorder.directory is None:
        return []
    found = events(recorder.directory / HISTORY, recorder.case)
    return [_line(one) for one in found if one.cluster == recorder.cluster and one.kind in MILESTONES]


def _line(event: Event) -> str:
    facts = " ".join(f"{key}={_word(value)}" for key, value in event.facts.items())
    return f"{event.at:12.3f}  {event.kind:8} {event.who[:8]:8} {event.what} {facts}".rstrip()[:LONGEST_LINE]


def _word(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
