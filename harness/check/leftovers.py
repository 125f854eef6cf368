"""At rest nothing is left that should have ended, or gone on. Pure.

Source: A3, A6, P1, P4, R6 and N4 of the contract. Judged is the closing look at rest, and of it only what had stood so for
long: of what follows from an end at once, a moment later nothing is left.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.check.calm import SETTLED_S, calm_since, last_rest
from harness.check.inheritance import GROUP, SPECS, left
from harness.check.living import actor_of
from harness.check.promise import is_nil
from harness.check.ruling import About, Ruling, Violation, rule
from harness.check.story import Call, Life, Look, Story
from harness.wire import ids

NAME = "nothing left over"
PATIENCE_S = 15.0
"""Seconds in which a GCS gives up to wait for a mute raylet (R6); the reference takes 10, and a retry."""
BOUND = (
    "placement_group_scheduling_strategy",
    "node_affinity_scheduling_strategy",
    "node_label_scheduling_strategy",
)
"""Strategies by which not every node with room will do."""
SWEEPS = frozenset({"ReleaseUnusedActorWorkers", "ReleaseUnusedBundles"})
COMMITS = frozenset({"CommitBundleResources"})
SLOW = frozenset({"delay", "hold", "stall", "mute"})
"""Deviations by which a raylet keeps the GCS waiting; after the others that asks again."""
TABLES = ("JOB", "ACTOR", GROUP)
Row = Mapping[str, Any]
UNSTORED: tuple[float, Row] = (0.0, {})
"""When a row was stored, and that row, where none was."""


def leftovers(story: Story) -> Ruling:
    """Judged: actors and groups of finished jobs, groups in the making, and heads, in the closing look at rest."""
    rest = last_rest(story)
    if rest is None or not story.built.get("ledger"):
        return rule(NAME, (), 0)
    rubble = _Rubble(story, *rest)
    parts = (rubble.actors(), rubble.groups(), rubble.idle_actors(), rubble.torn_groups(), rubble.heads())
    return rule(NAME, [one for part in parts for one in part], rubble.judged)


class _Rubble:
    def __init__(self, story: Story, look: Look, life: Life) -> None:
        self.judged = 0
        self._story, self._look, self._life = story, look, life
        self._calm = calm_since(story, look, life)
        self._actors: Mapping[str, Row] = look.view.get("actors", {})
        self._groups: Mapping[str, Row] = look.view.get("groups", {})
        self._nodes: Mapping[str, Row] = look.view.get("nodes", {})
        self._unswept = _kept_waiting(story, look, life, SWEEPS)
        self._committing = _kept_waiting(story, look, life, COMMITS, SLOW)
        self._freed = _freed(story, look)
        self._draining = {
            one.who for one in story.of("drain") if one.what == "accepted" and one.at <= look.at
        }
        self._stored: dict[tuple[str, str], tuple[float, Row]] = {}
        self._since: dict[tuple[str, str], float] = {}
        before = story.inherited
        if before is not None:
            rows = ((table, key, row) for table in TABLES for key, row in left(story, table).items())
            self._stored = {(table, key): (before.at, row) for table, key, row in rows}
            self._since = dict.fromkeys(self._stored, before.at)
        for write in story.writes:
            if write.done is None or write.done > look.at:
                continue
            place, row = (write.table, write.key), write.row or {}
            if self._stored.get(place, UNSTORED)[1].get("state") != row.get("state") or "state" not in row:
                self._since[place] = write.done
            self._stored[place] = (write.done, row)

    def _settled(self, at: float) -> bool:
        return self._look.at - max(at, self._calm) >= SETTLED_S

    def _over_since(self, job: str) -> float | None:
        """Since when the job has been finished, in the store and for everybody; None: it has not."""
        at, row = self._stored.get(("JOB", job), UNSTORED)
        dead = self._look.view.get("jobs", {}).get(job, {}).get("dead")
        return at if row.get("is_dead") and dead else None

    # --- what ends with its job --------------------------------------------------------------------

    def actors(self) -> Iterator[Violation]:
        for actor, spec, proof in self._specs():
            row = self._actors.get(actor)
            job = actor[-2 * ids.JOB :]
            if row is None or row.get("detached") or not is_nil(str(spec.get("root_detached_actor_id", ""))):
                continue
            over = self._over_since(job)
            if over is None or not self._settled(over):
                continue
            self.judged += 1
            if row["state"] != "DEAD":
                how = "was loaded again" if over < self._life.started else "lives on"
                said = f"actor {actor} is {row['state']}; job {job} was finished at {over:.6f}"
                yield Violation(
                    f"an owned actor of a finished job {how}", said, (*proof, self._look.id), _of(actor)
                )

    def groups(self) -> Iterator[Violation]:
        for spec, proof in self._group_specs():
            group = str(spec.get("placement_group_id", ""))
            row, job = self._groups.get(group), str(spec.get("creator_job_id", ""))
            over = self._over_since(job)
            if row is None or over is None or spec.get("is_detached") or not self._settled(over):
                continue
            if not self._settled(self._stored.get(("PLACEMENT_GROUP", group), UNSTORED)[0]):
                continue
            if not spec.get("creator_actor_dead"):
                continue
            self.judged += 1
            if row["state"] != "REMOVED":
                said = f"group {group} is {row['state']}; job {job} was finished at {over:.6f}"
                yield Violation(
                    "a group of a finished job is kept", said, (*proof, self._look.id), _of(group)
                )

    def _specs(self) -> Iterator[tuple[str, Row, tuple[str, ...]]]:
        """The actors of which it is known as what they were registered, and what shows it."""
        before = self._story.inherited
        if before is not None:
            yield from ((actor, spec, (before.id,)) for actor, spec in left(self._story, SPECS).items())
        for call in self._story.calls:
            if call.method == "RegisterActor":
                spec = call.request.get("task_spec", {})
                yield str(spec.get("actor_creation_task_spec", {}).get("actor_id", "")), spec, call.ids

    def _group_specs(self) -> Iterator[tuple[Row, tuple[str, ...]]]:
        before = self._story.inherited
        if before is not None:
            yield from ((row, (before.id,)) for row in left(self._story, GROUP).values())
        for call in self._story.calls:
            if call.method == "CreatePlacementGroup":
                yield call.request.get("placement_group_spec", {}), call.ids

    # --- what should have gone on ----------------------------------------------------------------------

    def idle_actors(self) -> Iterator[Violation]:
        """Actors to be restarted for which this GCS has sought no worker, though a living node has room."""
        bent = any(
            one.facts.get("script") and one.at >= self._life.started for one in self._story.of("order")
        )
        for actor, spec, proof in () if bent else self._specs():
            if any(spec.get("scheduling_strategy", {}).get(one) for one in BOUND):
                continue
            begun = self._life.started
            since = max(self._since.get(("ACTOR", actor), begun), begun)
            if self._actors.get(actor, {}).get("state") != "RESTARTING" or not self._settled(since):
                continue
            self.judged += 1
            sought = any(
                actor_of(one) == actor for one in self._story.of("order") if since <= one.at <= self._look.at
            )
            if not sought and (node := self._room(spec.get("required_resources", {}))) is not None:
                said = f"actor {actor}, since {since:.6f}; node {node} has room for it"
                yield Violation("an actor is RESTARTING for ever", said, (*proof, self._look.id), _of(actor))

    def torn_groups(self) -> Iterator[Violation]:
        """Groups that stay PREPARED on living nodes, or PENDING though a living node has room."""
        for group, row in self._groups.items():
            since = self._since.get(("PLACEMENT_GROUP", group))
            if since is None:
                continue
            if row["state"] == "PREPARED" and self._settled(since):
                self.judged += 1
                free = (self._stands(node) and node not in self._committing for node in row["nodes"])
                if row["nodes"] and all(free):
                    said = f"group {group}, since {since:.6f}"
                    yield Violation("a group is PREPARED for ever", said, (self._look.id,), _of(group))
            if row["state"] == "PENDING" and self._look.at - max(since, self._calm) >= PATIENCE_S:
                self.judged += 1
                bundles = self._stored[("PLACEMENT_GROUP", group)][1].get("bundles", ())
                alone = len(bundles) == 1
                if alone and (node := self._room(bundles[0].get("unit_resources", {}))) is not None:
                    said = f"group {group}, since {since:.6f}; node {node} has room for it"
                    yield Violation("a group is PENDING for ever", said, (self._look.id,), _of(group))

    def _stands(self, node: str) -> bool:
        book = self._look.books.get(node, {})
        return self._nodes.get(node, {}).get("state") == "ALIVE" and book.get("state") == "connected"

    def _room(self, wanted: Mapping[str, float]) -> str | None:
        """A node that has long had all of ``wanted`` free, and that the GCS knows to have it. None where a node is ALIVE whose
        raylet is not: it may be asked first. One that drains takes nothing new. What a raylet still holds of before, it has told only once it is swept."""
        if not all(self._stands(node) for node, row in self._nodes.items() if row.get("state") == "ALIVE"):
            return None
        seen = self._look.view.get("available", {})
        for node, book in self._look.books.items():
            told = seen.get(node, {})
            free = node not in self._draining and self._settled(self._freed.get(node, 0.0))
            ready = free and self._stands(node) and node not in self._unswept
            if ready and all(
                min(book.get("available", {}).get(kind, 0.0), told.get(kind, 0.0)) >= amount
                for kind, amount in wanted.items()
            ):
                return node
        return None

    # --- heads -----------------------------------------------------------------------------------------

    def heads(self) -> Iterator[Violation]:
        heads = {node for node, row in self._nodes.items() if row.get("head") and row.get("state") == "ALIVE"}
        joined = [
            one
            for one in self._story.calls
            if one.method == "RegisterNode"
            and one.request.get("node_info", {}).get("node_id") in heads
            and one.outcome == "ok"
            and one.end is not None
        ]
        for node in sorted(heads & left(self._story, "NODE").keys()):
            before, others = self._story.inherited, [one for one in joined if _node(one) != node]
            if before is not None and others and self._settled(others[-1].end or 0.0):
                said = f"node {node}, which another life had left, and {_node(others[-1])}"
                yield Violation("two head nodes are ALIVE", said, (before.id, *others[-1].ids, self._look.id))
                return
        self.judged += bool(heads)
        for first in joined:
            # Of two that register at once neither is the old one.
            later = [one for one in joined if (first.end or 0.0) < one.start and _node(one) != _node(first)]
            if later and self._settled(max(one.end or 0.0 for one in joined)):
                said = f"nodes {_node(first)} and, later, {_node(later[0])}"
                proof = (*first.ids, *later[0].ids, self._look.id)
                yield Violation("two head nodes are ALIVE", said, proof)
                return


def _of(key: str) -> About:
    return About(keys=(key,))


def _node(call: Call) -> str:
    return str(call.request.get("node_info", {}).get("node_id", ""))


def _freed(story: Story, look: Look) -> dict[str, float]:
    """When each node last got room before ``look``: a worker exited, or a bundle was given back."""
    found: dict[str, float] = {}
    for kind, what in (("worker", "exited"), ("bundle", "returned")):
        for one in story.of(kind):
            if one.what == what and one.at <= look.at:
                found[one.who] = max(one.at, found.get(one.who, 0.0))
    return found


def _kept_waiting(
    story: Story, look: Look, life: Life, methods: frozenset[str], scripts: frozenset[str] | None = None
) -> set[str]:
    """The nodes that were made not to answer an order of this life, one of ``methods``, and have not yet; by these
    ``scripts``, or by any."""
    waiting: set[tuple[str, str]] = set()
    for one in story.of("order"):
        if not life.started <= one.at <= look.at:
            continue
        place, outcome = (one.who, str(one.facts.get("seq"))), one.facts.get("outcome")
        script = str(one.facts.get("script", ""))
        bent = script in scripts if scripts is not None else script
        if one.what in methods and outcome == "received" and bent:
            waiting.add(place)
        elif outcome == "answered":
            waiting.discard(place)
    return {node for node, _ in waiting}
