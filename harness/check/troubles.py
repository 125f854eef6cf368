"""When something stood between a GCS and a raylet, by what the record shows. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from harness.check.endings import GONE, endings
from harness.check.story import Story

Span = tuple[float, float]
UNHEARD = "nobody heard"
"""The note of an order that found nobody at its node's address, or of a health probe that was lost on its way."""
_AWAY = {"paused": "resumed", "disconnected": "reachable"}

_CUT = {"paused": "resumed", "disconnected": "connected", "partitioned": "connected"}


class Troubles:
    """Faults, pauses and cuts. A fault of one node is no trouble of the others."""

    def __init__(self, story: Story) -> None:
        self._common: list[Span] = []
        self._of: dict[str, list[Span]] = {}
        self._ends = endings(story, deaths=False)
        self._gone: dict[str, float] = {}
        self._away: dict[str, list[Span]] = {}
        for fault in story.faults:
            healed = fault.healed if fault.healed is not None else float("inf")
            node = fault.facts.get("node")
            (self._of.setdefault(node, []) if node else self._common).append((fault.at, healed))
        self._common += spans([(one.at, one.what) for one in story.of("gcs")], _CUT)
        self._common += spans([(one.at, one.what) for one in story.of("store")], {"paused": "resumed"})
        moves: dict[str, list[tuple[float, str]]] = {}
        for one in (*story.of("raylet"), *story.of("note")):
            if one.kind == "raylet" or one.what in ("unreachable", "reachable"):
                what = "disconnected" if one.what == "unreachable" else one.what
                moves.setdefault(one.who, []).append((one.at, what))
                if one.what in GONE:
                    self._gone.setdefault(one.who, one.at)
        for node, told in moves.items():
            self._away[node] = spans(sorted(told), _AWAY)
            self._of.setdefault(node, []).extend(self._away[node])
        for one in story.of("order"):
            if one.facts.get("script"):
                self._of.setdefault(one.who, []).append((one.at, one.at))
        for one in story.of("note"):
            if one.what == UNHEARD:
                self._of.setdefault(one.who, []).append((one.at, one.at))

    def spans(self, node: str) -> Iterator[Span]:
        """From when to when, in monotonic seconds; to infinity what never passed."""
        yield from self._common
        yield from self._of.get(node, ())

    def any(self, node: str, start: float, end: float) -> bool:
        return any(since <= end and until >= start for since, until in self.spans(node))

    def away(self, node: str, start: float, end: float) -> bool:
        """Whether the node's raylet was paused or out of reach at some time from ``start`` to ``end``."""
        return any(since <= end and until >= start for since, until in self._away.get(node, ()))

    def gone(self, node: str, at: float) -> bool:
        """Whether the raylet's process had ended by ``at``, by its own account or ours."""
        return self._gone.get(node, float("inf")) <= at

    def ended(self, node: str, at: float) -> bool:
        """Whether the raylet had ended by ``at``, or was asked to. What passes is not an end."""
        if self.gone(node, at):
            return True
        since = self._ends.first.get(node, float("inf"))
        return since <= at and since not in {begin for begin, _ in self._of.get(node, ())}


def spans(told: list[tuple[float, str]], ends: dict[str, str]) -> list[Span]:
    """From when to when what begins with a key of ``ends`` lasted, until its value was told; infinite if never."""
    found: list[Span] = []
    since: dict[str, float] = {}
    for at, what in told:
        if what in ends:
            since.setdefault(ends[what], at)
        elif what in since:
            found.append((since.pop(what), at))
    return [*found, *((begin, float("inf")) for begin in since.values())]
