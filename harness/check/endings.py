"""What was asked to end, or ended, for a reason that the record shows: so that no GCS is blamed for it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any

from harness.check.story import Call, Story

Row = Mapping[str, Any]
GONE = frozenset({"exit", "killed", "gone"})
AWAY = frozenset({"paused", "disconnected"})


@dataclass
class Endings:
    """``first``: id (of an actor, job, group, node, worker) -> when its end was first asked for or seen,
    in monotonic seconds. ``nodes``: the ids of those that are nodes. ``ties``: actor or group -> the
    ids whose end is its own end too; without an entry nobody knows them."""

    first: dict[str, float] = field(default_factory=dict)
    nodes: set[str] = field(default_factory=set)
    ties: dict[str, frozenset[str]] = field(default_factory=dict)

    def add(self, at: float, ids: Iterable[str | None]) -> None:
        for one in ids:
            if one:
                self.first[one] = min(at, self.first.get(one, inf))

    def node(self, at: float, node: str) -> None:
        self.nodes.add(node)
        self.add(at, (node,))

    def by(self, at: float, ids: Collection[str]) -> bool:
        """Whether any of ``ids`` had ended, or been asked to, by ``at``."""
        return not self.first.keys().isdisjoint(ids) and any(self.first.get(one, inf) <= at for one in ids)

    def before(self, at: float, ids: Collection[str]) -> bool:
        """As :meth:`by`, but not at that very moment: what an order ends at once must not excuse the order."""
        return any(self.first.get(one, inf) < at for one in ids)

    @property
    def first_node(self) -> float:
        """When the first node ended; infinity when all lived."""
        return min((self.first[one] for one in self.nodes), default=inf)


def endings(story: Story, deaths: bool = True, cuts: bool = True) -> Endings:
    """All of them. A node whose port is shared with another node counts as ended.

    ``deaths``: also that the GCS took a node for dead, whatever its reason. ``cuts``: also what may pass, that a
    raylet was stopped, or out of reach.
    """
    found = Endings()
    for call in story.calls:
        _asked(found, call)
    for one in story.of("worker"):
        if one.what == "exited":
            found.add(one.at, (one.facts.get("worker"),))
    for one in story.of("note"):
        if one.what in ("owner left", "ref dropped"):
            found.add(one.at, (one.facts.get("worker"), one.facts.get("actor")))
    replaced = (*shared_doors(story), *_retired_heads(story))
    for at, node in (*_nodes(story, cuts), *replaced, *(dead_nodes(story) if deaths else ())):
        found.node(at, node)
    return found


def _nodes(story: Story, cuts: bool) -> Iterator[tuple[float, str]]:
    """What befell raylets, by their own account or on purpose."""
    ends = GONE | AWAY if cuts else GONE
    yield from ((one.at, one.who) for one in story.of("raylet") if one.what in ends)
    if not cuts:
        return
    yield from ((one.at, one.who) for one in story.of("note") if one.what == "unreachable")
    for fault in story.faults:
        if "node" in fault.facts:
            yield fault.at, fault.facts["node"]


# Methods that ask for an end, and the ids of what they end.
_ASKS: Mapping[str, Callable[[Row], Iterable[str | None]]] = {
    "KillActorViaGcs": lambda asked: (asked.get("actor_id"),),
    "ReportActorOutOfScope": lambda asked: (asked.get("actor_id"),),
    "MarkJobFinished": lambda asked: (asked.get("job_id"),),
    "RemovePlacementGroup": lambda asked: (asked.get("placement_group_id"),),
    "ReportWorkerFailure": lambda asked: (_worker(asked.get("worker_failure", {}), "worker_address"),),
}


def _asked(found: Endings, call: Call) -> None:
    asked = call.request
    if call.method in _ASKS:
        found.add(call.start, _ASKS[call.method](asked))
    elif call.method in ("UnregisterNode", "DrainNode"):
        for one in (asked, *asked.get("drain_node_data", ())):
            if one.get("node_id"):
                found.node(call.start, one["node_id"])
    elif call.method in ("RegisterActor", "CreateActor"):
        _tie_actor(found, asked.get("task_spec", {}))
    elif call.method == "CreatePlacementGroup":
        spec = asked.get("placement_group_spec", {})
        job = () if spec.get("is_detached") else (spec.get("creator_job_id", ""),)
        found.ties[spec.get("placement_group_id", "")] = frozenset(
            one for one in (spec.get("placement_group_id", ""), *job) if one
        )


def _tie_actor(found: Endings, spec: Row) -> None:
    creation = spec.get("actor_creation_task_spec", {})
    actor = creation.get("actor_id", "")
    strategy = spec.get("scheduling_strategy", {}).get("placement_group_scheduling_strategy", {})
    ties = {actor, strategy.get("placement_group_id", ""), spec.get("root_detached_actor_id", "")}
    if not creation.get("is_detached"):
        owner = spec.get("caller_address", {})
        ties |= {spec.get("job_id", ""), owner.get("worker_id", ""), owner.get("node_id", "")}
    found.ties[actor] = frozenset(one for one in ties if one)


def _worker(row: Row, address: str) -> str | None:
    worker: str | None = row.get(address, {}).get("worker_id")
    return worker


def dead_nodes(story: Story) -> Iterator[tuple[float, str]]:
    """When the record shows that a GCS took a node for dead: each time, with the node."""
    for write in story.writes:
        if write.table == "NODE" and write.row is not None and write.row.get("state") == "DEAD":
            yield write.entry.at, write.key
    for one in story.of("message"):
        if "NODE" in one.what and one.facts.get("payload", {}).get("state") == "DEAD":
            yield one.at, one.facts["payload"].get("node_id") or one.facts.get("key", "")
    for look in story.looks:
        for node, row in look.view.get("nodes", {}).items():
            if row.get("state") == "DEAD":
                yield look.at, node


def shared_doors(story: Story) -> Iterator[tuple[float, str]]:
    """Nodes of which two or more have one port, and when the last of them asked for it."""
    at_door: dict[tuple[Any, Any], set[str]] = {}
    for at, info in (*_standing(story), *_registrations(story)):
        nodes = at_door.setdefault(_door(info), set())
        nodes.add(info.get("node_id", ""))
        if len(nodes) > 1:
            yield from ((at, node) for node in sorted(nodes))


def _standing(story: Story) -> Iterator[tuple[float, Row]]:
    """The nodes that were there when the record began."""
    look = story.baseline
    if look is not None and look.stored is not None:
        rows = look.stored.get("NODE", {}).values()
        yield from ((look.at, row) for row in rows if row.get("state") == "ALIVE")


def _door(info: Row) -> tuple[Any, Any]:
    return info.get("node_manager_address"), info.get("node_manager_port")


def _retired_heads(story: Story) -> Iterator[tuple[float, str]]:
    """Heads that a second head retires."""
    heads: list[str] = []
    for at, info in _registrations(story):
        if info.get("is_head_node"):
            node = info.get("node_id", "")
            yield from ((at, one) for one in heads if one != node)
            heads.append(node)


def heads_again(story: Story) -> set[str]:
    """Heads that registered more than once, as one does that had no answer."""
    heads = [info.get("node_id", "") for _, info in _registrations(story) if info.get("is_head_node")]
    return {one for one in heads if heads.count(one) > 1}


def _registrations(story: Story) -> Iterator[tuple[float, Row]]:
    for call in story.calls:
        if call.method == "RegisterNode":
            yield call.start, call.request.get("node_info", {})
