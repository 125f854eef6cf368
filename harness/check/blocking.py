"""While the GCS is away its functions are unavailable: never wrong, never lost, never done twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Answered:
    """A control call: when it was made and answered (monotonic seconds), and with what.

    ``answered`` None: never. ``outcome``: ``ok`` or the refusal's sentence.
    """

    what: str
    made: float
    answered: float | None
    outcome: str = "ok"


def waited_out(calls: Iterable[Answered], serving_again: float) -> list[str]:
    """Each call made before ``serving_again`` was answered after it, and was answered ok."""
    found = []
    for call in calls:
        if call.answered is None:
            found.append(f"{call.what}: never answered")
        elif call.outcome != "ok":
            found.append(f"{call.what}: ended with {call.outcome}")
        elif call.made < serving_again and call.answered < serving_again:
            found.append(
                f"{call.what}: answered {serving_again - call.answered:.3f} s before the GCS served again"
            )
    return found


def once(effects: Mapping[str, Iterable[str]]) -> list[str]:
    """Each wanted effect happened exactly once. ``effects``: what was asked -> what was seen of it."""
    found = []
    for asked, seen in effects.items():
        counts = Counter(seen)
        if not counts:
            found.append(f"{asked}: had no effect")
        elif sum(counts.values()) > 1:
            found.append(f"{asked}: took effect {sum(counts.values())} times ({', '.join(sorted(counts))})")
    return found
