"""A request has one effect, however often it is sent. Pure.

An actor is created in one worker at a time, and not while it is ALIVE; a bundle is held by one node, a key that
must not be overwritten is added once, a worker's death costs its actor one restart, of as many as it has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Protocol

from harness.check import effects
from harness.check.incarnations import GONE, CreatedAgain, Incarnations
from harness.check.observed import Seen, read, written
from harness.check.promise import FUNCTIONS, Promise, under, worker_of
from harness.check.refusals import Refusals
from harness.check.ruling import Ruling, Violation, rule
from harness.check.story import Call, Look, Story
from harness.check.survival import RELEASES
from harness.history.event import Event

NAME = "at most once"
_RELEASING = RELEASES | {"ReleaseUnusedBundles"}


def at_most_once(story: Story) -> Ruling:
    """Incarnations, bundles, added keys and restarts spent."""
    until = story.store_lost if story.store_lost is not None else float("inf")
    parts: list[Part] = [
        part(story, until)
        for part in (Incarnations, CreatedAgain, Refusals, _Bundles, _Added, _Restarts, _Budget)
    ]
    found = [one for part in parts for one in part.violations()]
    return rule(NAME, found, sum(part.judged for part in parts))


class Part(Protocol):
    """One kind of effect. ``judged``: how many it looked at, once its violations are told."""

    judged: int

    def violations(self) -> Iterator[Violation]: ...


class _Bundles:
    """At rest, every bundle is held by one of the nodes that the GCS calls ALIVE."""

    def __init__(self, story: Story, until: float) -> None:
        self.judged = 0
        self._events = sorted([*story.of("bundle"), *story.of("raylet")], key=lambda one: one.at)
        self._looks = [one for one in story.looks if one.quiet and one.at < until]
        # A raylet that was made to deviate from such an order keeps what it should have given back.
        self._deviating = {
            one.who for one in story.of("order") if one.facts.get("script") and one.what in _RELEASING
        }

    def violations(self) -> Iterator[Violation]:
        holders: dict[str, dict[str, Event]] = {}
        events = iter(self._events)
        event = next(events, None)
        told: set[str] = set()
        for look in self._looks:
            while event is not None and event.at <= look.at:
                self._note(event, holders)
                event = next(events, None)
            alive = {node for node, row in look.view.get("nodes", {}).items() if row.get("state") == "ALIVE"}
            for bundle, held in holders.items():
                self.judged += 1
                nodes = {node: one for node, one in held.items() if node in alive - self._deviating}
                if len(nodes) > 1 and bundle not in told:
                    told.add(bundle)
                    yield self._twice(bundle, nodes, look)

    @staticmethod
    def _note(event: Event, holders: dict[str, dict[str, Event]]) -> None:
        if event.kind == "raylet":
            if event.what in GONE:
                for nodes in holders.values():
                    nodes.pop(event.who, None)
            return
        bundle = f"{event.facts.get('group')}:{event.facts.get('index')}"
        if event.what == "committed":
            holders.setdefault(bundle, {})[event.who] = event
        elif event.what == "returned":
            holders.get(bundle, {}).pop(event.who, None)

    @staticmethod
    def _twice(bundle: str, nodes: Mapping[str, Event], look: Look) -> Violation:
        where = ", ".join(f"node {node} since {one.at:.6f}" for node, one in nodes.items())
        proof = (*(one.id for one in nodes.values()), look.id)
        return Violation("a bundle is held by two nodes", f"bundle {bundle}: {where}", proof)


class _Added:
    """``added`` without overwriting is said once, unless the key may have been deleted between."""

    def __init__(self, story: Story, until: float) -> None:
        self.judged = 0
        self._puts: dict[str, list[Call]] = {}
        self._deletions: list[tuple[Call, Promise]] = []
        self._forgets = story.built.get("store") == "memory"
        self._recoveries = story.recoveries
        self._finished = [one for one in story.calls if one.method == "MarkJobFinished"]
        for call in story.calls:
            if call.method == "InternalKVDel" and call.outcome != "refused":
                self._deletions += [(call, promise) for promise in effects.promises(call)]
            elif _added(call) and (call.end is None or call.end < until):
                for promise in effects.promises(call):
                    self._puts.setdefault(promise.key, []).append(call)

    def violations(self) -> Iterator[Violation]:
        for key, puts in self._puts.items():
            self.judged += 1
            for first, second in pairwise(puts):
                if not self._deleted(key, first, second):
                    yield Violation(
                        "InternalKVPut without overwrite added a key twice",
                        f"key {bytes.fromhex(key).decode('utf-8', 'replace')}: "
                        f"added by the calls at {first.start:.6f} and {second.start:.6f}",
                        (*first.ids, *second.ids),
                    )

    def _deleted(self, key: str, first: Call, second: Call) -> bool:
        end = second.end or second.start
        if self._forgets and any(first.start <= at <= end for at in self._recoveries):
            return True
        if self._finished and key.startswith(FUNCTIONS):
            return True
        return any(
            under(promise, key)
            and call.start <= end
            and (call.outcome == "unknown" or call.end is None or call.end >= first.start)
            for call, promise in self._deletions
        )


def _added(call: Call) -> bool:
    return (
        call.method == "InternalKVPut"
        and call.outcome == "ok"
        and not call.request.get("overwrite")
        and bool(call.reply.get("added"))
    )


class _Restarts:
    """Between two restarts that an actor spent there was a worker that could die."""

    def __init__(self, story: Story, until: float) -> None:
        self.judged = 0
        self._rows: dict[str, list[Seen]] = {}
        for one in written(story):
            if one.table == "ACTOR" and one.end < until:
                self._rows.setdefault(one.key, []).append(one)
        self._reports: dict[str, list[Call]] = {}
        for call in story.calls:
            if call.method == "ReportWorkerFailure" and call.outcome != "refused":
                self._reports.setdefault(effects.failed_worker(call), []).append(call)

    def violations(self) -> Iterator[Violation]:
        for actor, rows in self._rows.items():
            self.judged += any(_restarting(one) is not None for one in rows)
            worker = ""
            for first, second in pairwise(rows):
                worker = _worker(first) or worker
                before, after = _restarting(first), _restarting(second)
                if before is None or after is None or after <= before:
                    continue
                reports = self._reports.get(worker, ()) if worker else ()
                if not _worker(first) and len(reports) > 1:
                    yield Violation(
                        "the death of one worker cost its actor two restarts",
                        f"actor {actor}, worker {worker}, reported {len(reports)} times: restarts "
                        f"{before}, then {after} with no worker between",
                        (*first.ids, *second.ids, *(id for call in reports for id in call.ids)),
                    )


class _Budget:
    """No actor is restarted more often than it may be. Restarts after a preempted node are free."""

    def __init__(self, story: Story, until: float) -> None:
        self.judged = 0
        self._before = story.inherited
        self._seen = [
            one for one in (*written(story), *read(story)) if one.table == "ACTOR" and one.end < until
        ]

    def violations(self) -> Iterator[Violation]:
        told: set[str] = set()
        for one in self._seen:
            row = one.row or {}
            spent = int(row.get("num_restarts", 0)) - int(row.get("num_restarts_due_to_node_preemption", 0))
            most = int(row.get("max_restarts", 0))
            if self._before is not None and one.ids == (self._before.id,):
                continue  # another life's doing
            self.judged += spent > 0
            if spent > most >= 0 and one.key not in told:
                told.add(one.key)
                yield Violation(
                    "an actor was restarted more often than it may be",
                    f"actor {one.key}: {spent} restarts of {most} at {one.end:.6f}",
                    one.ids,
                )


def _restarting(seen: Seen) -> int | None:
    """How many restarts an actor that is RESTARTING has spent; None in any other state."""
    return seen.stage.restarts if seen.stage is not None and seen.stage.state == "RESTARTING" else None


def _worker(seen: Seen) -> str:
    return worker_of(seen.row) if seen.row is not None else ""
