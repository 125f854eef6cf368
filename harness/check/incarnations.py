"""An actor lives in one worker at a time, and is created once in each. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from harness.check.endings import dead_nodes
from harness.check.observed import Seen, published, read, written
from harness.check.rows import Rows
from harness.check.ruling import Violation
from harness.check.story import Story
from harness.check.survival import KILLS
from harness.history.event import Event

GONE = frozenset({"gone", "exit", "killed"})
"""What of a raylet's events says that all it held is gone."""
ALWAYS = float("-inf")
SPARING = {"ReleaseUnusedActorWorkers": "worker_ids_in_use"}
"""Orders that end every worker that they do not name."""


@dataclass(frozen=True)
class _Held:
    """A worker that was given an actor."""

    at: float
    node: str
    worker: str
    id: str


class Incarnations:
    """An actor's second worker needs the end of the first, or a restart that the GCS has decided on."""

    def __init__(self, story: Story, until: float) -> None:
        self.judged = 0
        self._given: dict[str, list[_Held]] = {}
        self._ended: dict[str, float] = {}
        self._doomed: dict[str, float] = {}
        self._left: dict[str, list[float]] = {}
        for one in story.of("worker"):
            if one.at < until:
                self._note(one)
        for one in story.of("raylet"):
            if one.what in GONE:
                self._left.setdefault(one.who, []).append(one.at)
        self._note_orders(story)
        self._restarting = _restarting(story)
        self._dead: dict[str, float] = {}
        for at, node in dead_nodes(story):
            self._dead[node] = min(at, self._dead.get(node, at))

    def _note(self, one: Event) -> None:
        worker = str(one.facts.get("worker", ""))
        if one.what == "exited":
            self._ended.setdefault(worker, one.at)
        elif one.what == "actor" and one.facts.get("actor"):
            held = self._given.setdefault(str(one.facts["actor"]), [])
            if all(other.worker != worker for other in held):
                held.append(_Held(one.at, one.who, worker, one.id))

    def _note_orders(self, story: Story) -> None:
        """When a worker was told to end, by name or by not being spared, its end is on its way."""
        given = [held for every in self._given.values() for held in every]
        for one in story.of("order"):
            fields = one.facts.get("fields", {})
            if one.what in KILLS:
                for worker in (fields.get("worker_id"), one.facts.get("worker")):
                    self._doomed.setdefault(str(worker or ""), one.at)
            elif one.what in SPARING:
                spared = fields.get(SPARING[one.what], ())
                for held in given:
                    if held.node == one.who and held.at <= one.at and held.worker not in spared:
                        self._doomed.setdefault(held.worker, one.at)

    def violations(self) -> Iterator[Violation]:
        for actor, held in self._given.items():
            self.judged += 1
            for first, second in pairwise(held):
                if not self._over(actor, first, second):
                    yield Violation(
                        "an actor was created in a second worker while the first lived",
                        f"actor {actor}: in worker {first.worker} on node {first.node} at {first.at:.6f}, "
                        f"in worker {second.worker} on node {second.node} at {second.at:.6f}",
                        (first.id, second.id),
                    )

    def _over(self, actor: str, first: _Held, second: _Held) -> bool:
        ends = [self._ended.get(first.worker), self._doomed.get(first.worker)]
        if any(end is not None and end <= second.at for end in ends):
            return True
        if any(first.at <= left <= second.at for left in self._left.get(first.node, ())):
            return True
        # A node that the GCS has given up goes on until it hears of that: what is created there is nobody's decision.
        if any(self._dead.get(node, math.inf) <= second.at for node in (first.node, second.node)):
            return True
        decided = self._restarting.get(actor, ())
        return any(at == ALWAYS or first.at <= at <= second.at for at in decided)


class CreatedAgain:
    """No creation task goes to an actor that the store calls ALIVE: a restart is stored before it begins."""

    def __init__(self, story: Story, until: float) -> None:
        self.judged = 0
        self._rows = Rows(story)
        known = story.built.get("ledger") and all(life.who == "gcs" for life in story.lives)
        orders = story.of("order") if known else ()
        self._pushes = [(one, _created(one)) for one in orders if one.what == "PushTask" and one.at < until]

    def violations(self) -> Iterator[Violation]:
        for one, actor in self._pushes:
            self.judged += bool(actor)
            held = self._rows.possible("ACTOR", actor, one.at, pending=True)
            if actor and all(row is not None and row.get("state") == "ALIVE" for row in held):
                yield Violation(
                    "an actor that was ALIVE was created again",
                    f"actor {actor}: node {one.who} was sent its creation task at {one.at:.6f}",
                    (one.id, *(write.entry.id for write in self._rows.writes("ACTOR", actor)[-1:])),
                )


def _created(order: Event) -> str:
    """The actor that a PushTask creates; '' where it creates none, or its record does not tell."""
    task = order.facts.get("fields", {}).get("task_spec", {})
    return str(task.get("actor_creation_task_spec", {}).get("actor_id", ""))


def _restarting(story: Story) -> Mapping[str, list[float]]:
    """Actor -> when a restart of it was stored.

    Without a ledger any sign of a restart, or of an end, stands for all that were not seen.
    """
    found: dict[str, list[float]] = {}
    for one in written(story):
        if one.table == "ACTOR" and one.stage is not None and one.stage.state == "RESTARTING":
            found.setdefault(one.key, []).append(one.start)
    if story.built.get("ledger"):
        return found
    samples: list[Seen] = [*read(story), *(one for stream in published(story).values() for one in stream)]
    for one in samples:
        if (
            one.table == "ACTOR"
            and one.stage is not None
            and (one.stage.restarts or one.stage.state == "DEAD")
        ):
            found.setdefault(one.key, []).append(ALWAYS)
    return found
