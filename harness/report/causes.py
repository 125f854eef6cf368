"""The causes that a run or a campaign has shown: each once, by its name, with how many cases showed it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.expectations import Failure

KNOWN, NEW = "known", "new"


@dataclass(frozen=True)
class Seen:
    """``standing``: :data:`KNOWN`, :data:`NEW`, or ``known of 2.60.0``, a release that the target is not."""

    cause: str
    standing: str
    cases: int


def seen(cases: Iterable[Iterable[Failure]]) -> list[Seen]:
    """By name, whatever the order of the cases. Of a cause that stands differently in several, the worst counts."""
    counts: Counter[str] = Counter()
    standings: dict[str, set[str]] = {}
    for failures in cases:
        told = [one for one in failures if one.cause]
        counts.update({one.cause for one in told})
        for one in told:
            standings.setdefault(one.cause, set()).add(_standing(one))
    return [Seen(cause, min(standings[cause], key=_gravity), counts[cause]) for cause in sorted(counts)]


def _standing(failure: Failure) -> str:
    if failure.known:
        return KNOWN
    return f"known of {failure.known_of}" if failure.known_of else NEW


def _gravity(standing: str) -> tuple[int, str]:
    return {NEW: 0, KNOWN: 2}.get(standing, 1), standing


def lines(found: Sequence[Seen]) -> list[str]:
    """``3 causes: 2 known, 1 new``, and a line for each, the known ones first: ``known: C (4)``."""
    ordered = sorted(found, key=lambda one: (-_gravity(one.standing)[0], one.standing, one.cause))
    counts = Counter(one.standing for one in ordered)
    said = ", ".join(f"{count} {standing}" for standing, count in counts.items()) or "none"
    head = f"{len(found)} cause{'' if len(found) == 1 else 's'}: {said}"
    return [head, *(f"  {one.standing}: {one.cause} ({one.cases})" for one in ordered)]


def as_data(found: Iterable[Seen]) -> list[dict[str, object]]:
    """For JSON."""
    return [{"cause": one.cause, "standing": one.standing, "cases": one.cases} for one in found]
