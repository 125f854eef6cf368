"""No actor is created that nobody asked to create; no actor and no node is DEAD without a reason. Pure.

Source: A1, A4, A7, A9 and N3 of the contract. A reason is what the record shows to have been asked for, or to have ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.check.assumptions import known_start
from harness.check.effects import RESTART_FOR_LINEAGE
from harness.check.endings import Endings, endings
from harness.check.inheritance import left, loadable
from harness.check.living import actor_of
from harness.check.observed import CHANNELS, read
from harness.check.promise import Row, is_nil
from harness.check.rows import key_of
from harness.check.ruling import Ruling, Violation, rule
from harness.check.story import Call, Story
from harness.check.troubles import Troubles
from harness.history.event import Event

NAME = "nothing unasked"
SLACK_S = 0.5
"""Seconds after its deed within which the harness has written that it killed a raylet."""
LINGERING_S = 60.0
"""Seconds for which what stood between a GCS and a raylet may still be why that is given up."""
_UNMADE: tuple[float, Row] = (float("inf"), {})
"""When a group was made, and as what it was asked for, where it was not."""
_LIVING = frozenset({"PENDING_CREATION", "ALIVE", "RESTARTING"})
Sight = tuple[float, str]
"""When something was seen, and the event or entry that shows it."""
_NEVER: Sight = (float("inf"), "")


def unasked(story: Story) -> Ruling:
    """Judged: actors whose registration is in the record, and nodes."""
    if any(life.who != "gcs" for life in story.lives):
        return rule(NAME, (), 0)
    seen = _Seen(story)
    actors = _actors(story)
    strange, tasks = _unregistered(story, actors)
    found = [*_created(story, seen, actors), *strange, *_ended(story, seen, actors), *_given_up(story, seen)]
    return rule(NAME, found, len(actors) + tasks + len(seen.nodes))


# --- what was seen -------------------------------------------------------------------------------


class _Seen:
    """By id: ``begun`` when an actor was first seen being created, ``ended`` when an actor or a node first was DEAD."""

    def __init__(self, story: Story) -> None:
        self.begun: dict[str, Sight] = {}
        self.ended: dict[str, Sight] = {}
        self.nodes: set[str] = set()
        self._until = story.store_lost if story.store_lost is not None else float("inf")
        for write in story.writes:
            if write.table in ("ACTOR", "NODE"):
                self._row(write.table, key_of(write), write.row or {}, write.entry.at, write.entry.id)
        for one in story.of("message"):
            if CHANNELS.get(one.what) in ("ACTOR", "NODE"):
                key, row = str(one.facts.get("key", "")), one.facts.get("payload", {})
                self._row(CHANNELS[one.what], key, row, one.at, one.id)
        for seen in read(story):
            if seen.table in ("ACTOR", "NODE"):
                self._row(seen.table, seen.key, seen.row or {}, seen.end, seen.ids[1])
        for one in (*story.of("order"), *story.of("worker")):
            if actor := actor_of(one):
                self._first(self.begun, actor, one.at, one.id)

    def _row(self, table: str, key: str, row: Row, at: float, id: str) -> None:
        if table == "NODE":
            self.nodes.add(key)
        if row.get("state") == "DEAD":
            self._first(self.ended, key, at, id)
        elif table == "ACTOR" and row.get("state") in _LIVING:
            self._first(self.begun, key, at, id)

    def _first(self, sights: dict[str, Sight], key: str, at: float, id: str) -> None:
        if at < self._until and (key not in sights or at < sights[key][0]):
            sights[key] = (at, id)


# --- actors --------------------------------------------------------------------------------------


@dataclass
class _Actor:
    """``spec``: as it was registered; ``asked``: when its creation was first asked for."""

    spec: Row
    asked: float = float("inf")
    ids: tuple[str, ...] = field(default=())


def _actors(story: Story) -> dict[str, _Actor]:
    """What was registered. Who asks for a creation may have done so before, and be heard after."""
    found: dict[str, _Actor] = {}
    for call in story.calls:
        if call.method == "RegisterActor":
            found.setdefault(_subject(call), _Actor(call.request.get("task_spec", {}), ids=call.ids))
    for call in story.calls:
        if call.method in ("CreateActor", RESTART_FOR_LINEAGE) and (known := found.get(_subject(call))):
            known.asked = min(known.asked, call.start)
    return found


def _subject(call: Call) -> str:
    """The actor that the request is about."""
    if call.method == RESTART_FOR_LINEAGE:
        return str(call.request.get("actor_id", ""))
    creation = call.request.get("task_spec", {}).get("actor_creation_task_spec", {})
    return str(creation.get("actor_id", ""))


def _created(story: Story, seen: _Seen, actors: Mapping[str, _Actor]) -> Iterator[Violation]:
    if story.baseline is not None and story.inherited is None:
        return
    for actor, told in actors.items():
        at, id = seen.begun.get(actor, _NEVER)
        if at < told.asked:
            yield Violation(
                "an actor was created though nobody had asked for that",
                f"actor {actor}: registered, and on its way at {at:.6f} without any CreateActor",
                (*told.ids, id),
            )


def _unregistered(story: Story, actors: Mapping[str, _Actor]) -> tuple[list[Violation], int]:
    """Creation tasks for actors that nobody had registered, and how many were looked at."""
    if not known_start(story) or (story.baseline is not None and story.baseline.stored is None):
        return [], 0
    known = {*actors, *((story.baseline.stored or {}).get("ACTOR", ()) if story.baseline is not None else ())}
    until = story.store_lost if story.store_lost is not None else float("inf")
    tasks = [one for one in story.of("order") if _creates(one) and one.at < until]
    found = []
    for one in tasks:
        actor = actor_of(one)
        if actor not in known:
            what = "an actor that nobody had registered" if actor else "an actor without an id"
            said = f"worker {one.facts.get('worker', '')} on node {one.who} at {one.at:.6f}: {actor}"
            found.append(Violation(f"a worker was told to create {what}", said, (one.id,)))
    return found, len(tasks)


def _creates(order: Event) -> bool:
    task = order.facts.get("fields", {}).get("task_spec", {})
    return order.what == "PushTask" and task.get("type") == "ACTOR_CREATION_TASK"


def _ended(story: Story, seen: _Seen, actors: Mapping[str, _Actor]) -> Iterator[Violation]:
    reasons = _Reasons(story)
    for actor, spec in loadable(story).items():
        at, id = seen.ended.get(actor, _NEVER)
        # One with a limit may have lost its last life with the nodes of before, of which the record does not tell.
        tireless = left(story, "ACTOR")[actor].get("max_restarts") == -1 and _detached(spec)
        if tireless and at < float("inf") and not reasons.excuse(actor, spec, at):
            said = f"actor {actor}: inherited, DEAD at {at:.6f}; it may be restarted for ever"
            yield Violation("an inherited detached actor is DEAD for no reason", said, (id,))
    for actor, told in actors.items():
        sight = seen.ended.get(actor)
        if sight is None or reasons.excuse(actor, told.spec, sight[0]):
            continue
        if sight[0] < told.asked and reasons.bereft(told.spec, sight[0]):
            continue  # nobody is left who could ask for its creation, detached or not
        what = "a detached actor" if _detached(told.spec) else "an actor"
        yield Violation(
            f"{what} is DEAD for no reason",
            f"actor {actor}: DEAD at {sight[0]:.6f}; nothing that it depends on had ended",
            (*told.ids, sight[1]),
        )


def _detached(spec: Row) -> bool:
    return bool(spec.get("actor_creation_task_spec", {}).get("is_detached"))


class _Reasons:
    """Why an actor may have ended, by a moment."""

    def __init__(self, story: Story) -> None:
        self._ends: Endings = endings(story, cuts=False)
        self._places = _places(story)
        self._specless = _specless(story)
        self._bent: dict[str, float] = {}
        self._jobs: dict[str, tuple[str, ...]] = {}
        self._groups: dict[str, tuple[float, Row]] = {}
        self._specs = {actor: told.spec for actor, told in _actors(story).items()}
        for one in story.of("order"):
            if one.facts.get("script") and (actor := actor_of(one)):
                self._bent.setdefault(actor, one.at)
        for call in story.calls:
            if call.method == "AddJob":
                data = call.request.get("data", {})
                self._jobs.setdefault(data.get("job_id", ""), _address(data.get("driver_address")))
            elif call.method == "CreatePlacementGroup" and call.outcome == "ok" and call.end is not None:
                spec = call.request.get("placement_group_spec", {})
                self._groups.setdefault(spec.get("placement_group_id", ""), (call.end, spec))

    def excuse(self, actor: str, spec: Row, at: float) -> bool:
        return (
            self._bent.get(actor, float("inf")) <= at
            or self._specless.get(actor, float("inf")) <= at
            or self._nowhere(spec, at)
            or self._ends.by(at, self._depends_on(actor, spec))
            or any(
                self._ends.first.get(one, float("inf")) <= at + SLACK_S for one in self._nodes(actor, spec)
            )
        )

    def bereft(self, spec: Row, at: float) -> bool:
        """Whether its owner had ended."""
        return self._ends.by(at, _address(spec.get("caller_address")))

    def _nodes(self, actor: str, spec: Row) -> set[str]:
        return self._ends.nodes & self._depends_on(actor, spec)

    def _depends_on(self, actor: str, spec: Row, past: frozenset[str] = frozenset()) -> set[str]:
        """The ids with whose end the actor ends."""
        found = {actor, *self._places.get(actor, ())}
        if group := _group(spec):
            found |= {group, *self._group_depends_on(group)}
        root = str(spec.get("root_detached_actor_id", ""))
        rooted = not is_nil(root) and root != actor
        if rooted:
            found.add(root)
            if root in self._specs and root not in past:
                found |= self._depends_on(root, self._specs[root], past | {actor})
        if not _detached(spec):
            found.update(_address(spec.get("caller_address")))
            job = str(spec.get("job_id", ""))
            found.update(() if rooted else (job, *self._jobs.get(job, ())))
        return found

    def _group_depends_on(self, group: str) -> set[str]:
        _, spec = self._groups.get(group, _UNMADE)
        job = "" if spec.get("is_detached") else spec.get("creator_job_id", "")
        creator = "" if spec.get("is_detached") else spec.get("creator_actor_id", "")
        return {one for one in (job, creator, *self._jobs.get(job, ())) if one}

    def _nowhere(self, spec: Row, at: float) -> bool:
        """Whether what it was registered with can come to nothing: no job to belong to, no place to live in."""
        strategy = spec.get("scheduling_strategy", {})
        affinity = strategy.get("node_affinity_scheduling_strategy", {})
        group = _group(spec)
        made, about = self._groups.get(group, _UNMADE)
        index = strategy.get("placement_group_scheduling_strategy", {}).get("placement_group_bundle_index", 0)
        homeless = bool(group) and (made > at or index >= len(about.get("bundles", ())))
        jobless = not _detached(spec) and spec.get("job_id", "") not in self._jobs
        return homeless or jobless or (bool(affinity) and not affinity.get("soft"))


def _specless(story: Story) -> dict[str, float]:
    """Actors of which the store refused the first task spec, and when: a GCS that finds the row alone cannot load it."""
    found: dict[str, float] = {}
    stored: set[str] = set()
    for write in story.writes:
        if write.table != "ACTOR_TASK_SPEC" or write.row is None:
            continue
        actor, entry = key_of(write), write.entry
        if entry.applied:
            stored.add(actor)
        elif entry.applied is False and entry.done is not None and actor not in stored:
            found.setdefault(actor, entry.at)
    return found


def _places(story: Story) -> dict[str, set[str]]:
    """The workers and nodes in which each actor has been, but those that another life had given it.

    These are gone with that life, and of its actors only those are judged that may be restarted for ever.
    """
    found: dict[str, set[str]] = {}
    for one in story.of("worker"):
        if actor := actor_of(one):
            found.setdefault(actor, set()).update((one.facts["worker"], one.who))
    for write in story.writes:
        if write.table == "ACTOR":
            found.setdefault(key_of(write), set()).update(_address((write.row or {}).get("address")))
    for actor, row in left(story, "ACTOR").items():
        found.get(actor, set()).difference_update(_address(row.get("address")))
    return found


def _group(spec: Row) -> str:
    strategy = spec.get("scheduling_strategy", {}).get("placement_group_scheduling_strategy", {})
    group = str(strategy.get("placement_group_id", ""))
    return "" if is_nil(group) else group


def _address(address: Any) -> tuple[str, ...]:
    """The ids of the worker and the node in an address."""
    row = address or {}
    return tuple(
        one
        for one in (row.get("worker_id", ""), row.get("node_id", "") or row.get("raylet_id", ""))
        if not is_nil(one)
    )


# --- nodes ---------------------------------------------------------------------------------------


def _given_up(story: Story, seen: _Seen) -> Iterator[Violation]:
    ends = endings(story, deaths=False)
    troubles = Troubles(story)
    joined = {one.who for one in story.of("raylet") if one.what == "joins"}
    for node in sorted(seen.nodes & joined):
        at, id = seen.ended.get(node, _NEVER)
        if at == float("inf") or ends.by(at + SLACK_S, (node,)):
            continue
        if not troubles.any(node, at - LINGERING_S, at):
            yield Violation(
                "a node is DEAD for no reason",
                f"node {node}: DEAD at {at:.6f}; its raylet lived, and nothing stood in its way",
                (id,),
            )
