"""Drains: answered as the raylet decides, nothing new for a node that drains, and dead for its reason. Pure.

Source: N7, N8 and N9 of the contract, section 3.7. What raylets decide: ``drain`` in :mod:`harness.history.event`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import Any

from harness.check.endings import dead_nodes
from harness.check.observed import Seen, read, written
from harness.check.ruling import About, Ruling, Violation, rule
from harness.check.story import Call, Life, Story
from harness.check.troubles import Troubles
from harness.history.event import Event

NAME = "drains"
PREEMPTION, PREEMPTED = "DRAIN_NODE_REASON_PREEMPTION", "AUTOSCALER_DRAIN_PREEMPTED"
TELLING_S = 0.5
"""Seconds in which what a raylet has put on its stream is with the GCS."""
GRACE_S = 2.0
"""Seconds for which orders may be on their way that were sent before the GCS knew."""
SLACK_MS = 1000
"""Around a deadline: when the GCS decided, and what it then wrote, differ by as much."""


def drains(story: Story) -> Ruling:
    """Judged: each drain that was answered, each node that drains or said goodbye."""
    case = _Case(story)
    found = [*case.answers(), *case.marks(), *case.bundles(), *case.goodbyes(), *case.failures()]
    return rule(NAME, found, case.judged)


@dataclass
class _Case:
    """``judged`` counts up as the parts are asked."""

    story: Story
    judged: int = 0

    def __post_init__(self) -> None:
        self._decided = self.story.of("drain")
        self._asked = [
            one for one in self.story.calls if one.method == "DrainNode" and one.request.get("node_id")
        ]

    # --- what the record shows ----------------------------------------------------------------

    @cached_property
    def _rows(self) -> list[Seen]:
        lost = self.story.store_lost
        rows = [*written(self.story), *read(self.story)]
        return sorted((one for one in rows if lost is None or one.end < lost), key=lambda one: one.end)

    @cached_property
    def _accepted(self) -> Mapping[str, Event]:
        """Node -> the first drain that its raylet accepted, which is the one that counts."""
        found: dict[str, Event] = {}
        for one in self._decided:
            if one.what == "accepted":
                found.setdefault(one.who, one)
        return found

    @cached_property
    def _goodbyes(self) -> Mapping[str, Call]:
        """Node -> the first call with which it took itself out."""
        found: dict[str, Call] = {}
        for one in self.story.calls:
            if one.method == "UnregisterNode":
                found.setdefault(one.request.get("node_id", ""), one)
        return found

    @cached_property
    def _deaths(self) -> Mapping[str, Seen]:
        """Node -> the first whole row that says that it is DEAD."""
        found: dict[str, Seen] = {}
        for one in self._rows:
            if one.table == "NODE" and _is_dead(one) and (one.row or {}).get("end_time_ms"):
                found.setdefault(one.key, one)
        return found

    @cached_property
    def _heads(self) -> Mapping[str, float]:
        """Head node -> when it joined."""
        joins = (one for one in self.story.of("raylet") if one.what == "joins" and one.facts.get("is_head"))
        return {one.who: one.at for one in joins}

    @cached_property
    def _ends(self) -> Mapping[str, float]:
        """Node -> when its process ended."""
        found: dict[str, float] = {}
        for one in self.story.of("raylet"):
            if one.what in ("exit", "killed", "gone"):
                found.setdefault(one.who, one.at)
        return found

    def _known(self, node: str, life: Life) -> float:
        """From when on a GCS must know that the node drains: it was answered so, or the node's view has told."""
        since, until = life.serving, life.ended if life.ended is not None else inf
        accepted = self._accepted.get(node)
        if accepted is None or since is None:
            return inf
        told = [
            one.at + TELLING_S
            for one in self.story.of("sync")
            if one.who == node and one.what in ("sent", "open") and not one.facts.get("foreign")
            if max(since, accepted.at) < one.at
        ]
        answered = [
            one.end
            for one in self._asked
            if one.request["node_id"] == node and one.reply.get("is_accepted") and one.end is not None
            if max(since, accepted.at) <= one.end
        ]
        return min((at for at in (*told, *answered) if at < until), default=inf)

    def _life_at(self, at: float) -> Life | None:
        """The GCS that served then, if there was no other."""
        lives = self.story.lives
        if any(one.who != "gcs" for one in lives):
            return None
        ends = inf
        for one in reversed(lives):
            if one.serving is not None and one.serving <= at < (one.ended if one.ended is not None else ends):
                return one
        return None

    # --- N8 -----------------------------------------------------------------------------------

    def answers(self) -> Iterator[Violation]:
        """An answer is one that the raylet gave while the GCS was asked. A node that is gone counts as drained,
        whatever its raylet said to others who asked at the same time."""
        for call in self._asked:
            if call.outcome != "ok" or call.end is None:
                continue
            node, said = call.request["node_id"], bool(call.reply.get("is_accepted"))
            decided = [one for one in self._decided if one.who == node and call.start <= one.at <= call.end]
            self.judged += 1
            if said and self._gone(node, call.end):
                continue
            if all((one.what == "accepted") != said for one in decided):
                told = f"node {node}: {'accepted' if said else 'refused'}; its raylet said "
                told += ", ".join(f"{one.what} at {one.at:.6f}" for one in decided) or "nothing"
                proof = (*call.ids, *(one.id for one in decided))
                yield Violation("a drain was answered otherwise than its raylet decided", told, proof)

    def _gone(self, node: str, at: float) -> bool:
        """Whether a GCS may take the node for dead, or not know it, at ``at``."""
        joined = any(one.what == "joins" and one.who == node for one in self.story.of("raylet"))
        goodbye = self._goodbyes.get(node)
        return (
            not joined
            or self._ends.get(node, inf) <= at
            or (goodbye is not None and goodbye.start <= at)
            or self._first_dead.get(node, inf) <= at
        )

    @cached_property
    def _first_dead(self) -> Mapping[str, float]:
        """Node -> when its GCS first took it for dead, also on a store that lost a row or has not answered yet."""
        found: dict[str, float] = {}
        seen = ((one.start, one.key) for one in read(self.story) if one.table == "NODE" and _is_dead(one))
        for at, node in (*dead_nodes(self.story), *seen):
            found[node] = min(at, found.get(node, inf))
        return found

    def marks(self) -> Iterator[Violation]:
        """What a refused drain leaves behind: actors that would restart for free.

        One that is about to be created may bear the mark of the node from which it comes.
        """
        refused = {one.who: one for one in self._decided if one.what == "refused"}
        taken = {node for node, one in self._accepted.items() if one.facts.get("reason") == PREEMPTION}
        taken |= {
            node
            for node, call in self._goodbyes.items()
            if call.request.get("node_death_info", {}).get("reason") == PREEMPTED
        }
        self.judged += len(refused.keys() - taken)
        told: set[str] = set()
        for one in self._rows:
            row = one.row or {}
            node = row.get("address", {}).get("node_id", "")
            marked = one.table == "ACTOR" and row.get("preempted") and row.get("state") == "ALIVE"
            if not marked or one.key in told:
                continue
            if node in refused.keys() - taken and refused[node].at <= one.end:
                told.add(one.key)
                proof = (refused[node].id, *one.ids)
                said = f"actor {one.key} on node {node}, whose raylet refused at {refused[node].at:.6f}"
                yield Violation("an actor is marked as preempted after a drain that was refused", said, proof)

    # --- N7 -----------------------------------------------------------------------------------

    def bundles(self) -> Iterator[Violation]:
        """No new bundle is wanted of a node of which the GCS knows that it drains."""
        held: dict[str, set[str]] = {}
        self.judged += len(self._accepted)
        for one in (*self.story.of("bundle"), *self.story.of("order")):
            if one.kind == "bundle" and one.what != "returned":
                held.setdefault(one.who, set()).add(f"{one.facts['group']}:{one.facts['index']}")
        for one in self.story.of("order"):
            accepted = self._accepted.get(one.who)
            if one.what != "PrepareBundleResources" or accepted is None or "fields" not in one.facts:
                continue
            life = self._life_at(one.at)
            if life is None or one.at < self._known(one.who, life) + GRACE_S:
                continue
            fresh = _bundles(one) - held.get(one.who, set())
            if fresh:
                said = f"node {one.who}, which drains since {accepted.at:.6f}: {', '.join(sorted(fresh))}"
                yield Violation("a new bundle was wanted of a node that drains", said, (accepted.id, one.id))

    # --- N9 -----------------------------------------------------------------------------------

    def goodbyes(self) -> Iterator[Violation]:
        """A node that says goodbye is DEAD for the reason that it gave."""
        troubles = Troubles(self.story)
        for node, call in self._goodbyes.items():
            reason = call.request.get("node_death_info", {}).get("reason")
            death = self._deaths.get(node)
            if call.outcome != "ok" or reason is None or death is None or death.end <= call.start:
                continue
            if troubles.any(node, call.start - GRACE_S, death.end) or self._retired(node, death.end):
                continue
            self.judged += 1
            written = (death.row or {}).get("death_info", {}).get("reason", "UNSPECIFIED")
            if written != reason:
                said = f"node {node}: said {reason}, died of {written}"
                proof = (*call.ids, *death.ids)
                # Of a goodbye that was acknowledged and lost this is one more effect.
                about = About(kind="NODE", keys=(node,))
                yield Violation(
                    "a node that left is DEAD for another reason than it gave", said, proof, about
                )

    def _retired(self, node: str, until: float) -> bool:
        """Whether another head, which retires this one (N4), may have been quicker than its goodbye."""
        heads = self._heads
        return node in heads and any(heads[node] <= at <= until for one, at in heads.items() if one != node)

    def failures(self) -> Iterator[Violation]:
        """A node that failed while it drained was preempted if its deadline had passed, and only then."""
        for node, accepted in self._accepted.items():
            death = self._deaths.get(node)
            if death is None or node in self._goodbyes or node in self._heads:
                continue
            life, row = self._life_at(death.end), death.row or {}
            due = self._due(node, int(row.get("end_time_ms", 0)))
            end = self._ends.get(node, death.end)
            if life is None or due is None or self._known(node, life) > end:
                continue
            self.judged += 1
            reason = row.get("death_info", {}).get("reason", "UNSPECIFIED")
            if (reason == PREEMPTED) != due:
                when = "after" if due else "before"
                said = f"node {node}, which drains since {accepted.at:.6f}, is DEAD as {reason}"
                proof = (accepted.id, *death.ids)
                told = "and not as preempted" if due else "as preempted"
                yield Violation(
                    f"a node failed {when} the deadline of its drain, and is DEAD {told}", said, proof
                )

    def _due(self, node: str, ended_ms: int) -> bool | None:
        """Whether the node was to be taken away by then; None: too close to say, or its drains disagree."""
        found: set[bool | None] = set()
        for one in self._decided:
            if one.who == node and one.what == "accepted":
                deadline = int(one.facts.get("deadline_timestamp_ms", 0))
                close = not ended_ms or abs(ended_ms - deadline) < SLACK_MS
                preempted = one.facts.get("reason") == PREEMPTION
                found.add(None if close else bool(deadline) and preempted and ended_ms > deadline)
        return found.pop() if len(found) == 1 else None


def _is_dead(seen: Seen) -> bool:
    return (seen.row or {}).get("state") == "DEAD"


def _bundles(order: Event) -> set[str]:
    specs: list[Mapping[str, Any]] = list(order.facts["fields"].get("bundle_specs", ()))
    names = [one.get("bundle_id", {}) for one in specs]
    return {f"{one.get('placement_group_id', '')}:{one.get('bundle_index', 0)}" for one in names}
