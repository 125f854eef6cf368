"""Whether some order of concurrent operations explains all their answers: a search after Wing, Gong and Lowe. Pure.

What it keeps of each place it has been to is a set of operations and a state (G. Lowe, "Testing for
linearizability", 2017). Operations whose outcome nobody knows need not happen, so a place reached
with fewer of them is never worse than one reached with more; and two alike are taken in the order
of their starts. Both keep histories with many of them tractable.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from math import inf
from operator import le
from typing import Any

BUDGET = 300_000
"""Steps of a model that a search may take unless told otherwise: a second, or a little more."""


class Answer(Enum):
    LEGAL = "legal"
    ILLEGAL = "illegal"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Operation:
    """One operation, from ``start`` to ``end`` (any one clock).

    ``end`` infinite and ``output`` None: nobody knows whether it happened; it may take effect at
    any time after ``start``, or never. A finite ``end`` with ``output`` None: it happened by then, and
    nobody knows what it answered. ``ids``: those of the events that tell of it.
    """

    start: float
    end: float
    input: tuple[Any, ...]
    output: Any = None
    ids: tuple[str, ...] = ()

    @property
    def optional(self) -> bool:
        return self.end == inf and self.output is None


@dataclass(frozen=True)
class Model:
    """``step`` gives the states in which an operation may leave a state: none when its output is impossible there."""

    initial: Hashable
    step: Callable[[Any, Operation], Iterable[Hashable]]


@dataclass(frozen=True)
class Result:
    """``order``: of a LEGAL history a linearisation, of an ILLEGAL one the longest that was found.

    ``stuck``: the operation that had to come next and could not; ``state``: in which state.
    """

    answer: Answer
    order: tuple[Operation, ...] = ()
    stuck: Operation | None = None
    state: Any = None
    steps: int = 0


_Link = tuple[Any, ...]
"""A linearisation, last first: ``(operation, all before it)``, the empty tuple at its start."""
_Place = tuple[int, int, Hashable, tuple[int, ...], _Link]
"""Where a search has come to: so many of the known ones are placed in front, and those in the mask behind
them; the state; how many of each class have happened; and in which order."""


@dataclass
class _Search:
    model: Model
    known: Sequence[Operation]
    classes: Sequence[Sequence[Operation]]
    budget: int
    seen: dict[Hashable, list[tuple[int, ...]]] = field(default_factory=dict)
    steps: int = 0
    farthest: tuple[int, _Link, Any, Operation | None] = (-1, (), None, None)

    def run(self) -> Result:
        total = len(self.known)
        unused = (0,) * len(self.classes)
        stack: list[_Place] = [(0, 0, self.model.initial, unused, ())]
        self.is_new(0, 0, self.model.initial, unused)
        while stack:
            done, mask, state, used, order = stack.pop()
            if done == total:
                return Result(Answer.LEGAL, _unlink(order), steps=self.steps)
            if self.steps > self.budget:
                return Result(Answer.UNKNOWN, _unlink(self.farthest[1]), steps=self.steps)
            open_, limit = self.open(done, mask)
            placed = done + mask.bit_count()
            if placed > self.farthest[0]:
                next_due = min(open_, key=lambda place: self.known[place].end)
                self.farthest = (placed, order, state, self.known[next_due])
            # The last one pushed is looked at first: what returned first, then the rest, then guesses.
            self.guess(stack, (done, mask, state, used, order), limit)
            open_.sort(key=lambda place: -self.known[place].end)
            for place in open_:
                operation = self.known[place]
                self.steps += 1
                for after in self.model.step(state, operation):
                    at, rest = _advance(done, mask | 1 << (place - done))
                    if self.is_new(at, rest, after, used):
                        stack.append((at, rest, after, used, (operation, order)))
        _, order, state, stuck = self.farthest
        return Result(Answer.ILLEGAL, _unlink(order), stuck, state, self.steps)

    def open(self, done: int, mask: int) -> tuple[list[int], float]:
        """Those that may come next: not yet placed, and begun before any of them ended; and that end."""
        limit, found = inf, []
        for place in range(done, len(self.known)):
            if self.known[place].start > limit:
                break
            if not mask >> (place - done) & 1:
                found.append(place)
                limit = min(limit, self.known[place].end)
        return found, limit

    def guess(self, stack: list[_Place], place: _Place, limit: float) -> None:
        """Let one of the operations happen of which nobody knows whether they did."""
        done, mask, state, used, order = place
        for number, members in enumerate(self.classes):
            count = used[number]
            if count == len(members) or members[count].start > limit:
                continue
            self.steps += 1
            more = (*used[:number], count + 1, *used[number + 1 :])
            for after in self.model.step(state, members[count]):
                if after != state and self.is_new(done, mask, after, more):
                    stack.append((done, mask, after, more, (members[count], order)))

    def is_new(self, done: int, mask: int, state: Hashable, used: tuple[int, ...]) -> bool:
        """Whether nothing as good has been seen; remembers it if so."""
        place = (done, mask, state)
        earlier = self.seen.get(place)
        if earlier is None:
            self.seen[place] = [used]
            return True
        if used in earlier:
            return False
        self.steps += len(earlier)
        if any(all(map(le, one, used)) for one in earlier):
            return False
        earlier.append(used)
        return True


def search(operations: Iterable[Operation], model: Model, budget: int = BUDGET) -> Result:
    """Look for a linearisation of ``operations`` that ``model`` allows, within ``budget`` steps."""
    known: list[Operation] = []
    alike: dict[Hashable, list[Operation]] = {}
    for one in sorted(operations, key=lambda operation: operation.start):
        if one.optional:
            alike.setdefault(one.input, []).append(one)
        else:
            known.append(one)
    return _Search(model, known, list(alike.values()), budget).run()


def _advance(done: int, mask: int) -> tuple[int, int]:
    """Count the placed ones at the front of ``mask`` into ``done``."""
    # One more turns over all that are placed in front, and the first that is not.
    front = (mask ^ (mask + 1)).bit_length() - 1
    return done + front, mask >> front


def _unlink(order: _Link) -> tuple[Operation, ...]:
    found = []
    while order:
        found.append(order[0])
        order = order[1]
    return tuple(reversed(found))
