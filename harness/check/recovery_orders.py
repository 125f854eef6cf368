"""What a returning GCS tells the raylets: each living one of its return, once, and nothing new before the sweeps. Pure.

Source: R1, R4, R5 and R7 of the contract. Judged is what reached raylets in each life of a GCS that was alone on its
store; whom it had to tell is what the store held when it started. A life that had begun before the record is no recovery,
and where two nodes have one address nobody can tell which of them an order is for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import pairwise

from harness.check.endings import shared_doors
from harness.check.rows import Rows
from harness.check.ruling import About, Ruling, Violation, rule
from harness.check.story import Life, Story
from harness.check.troubles import UNHEARD, Troubles
from harness.history.entry import Entry
from harness.history.event import Event

NAME = "recovery orders"
NOTICE = "NotifyGCSRestart"
WORKERS_SWEPT = frozenset({"ReleaseUnusedActorWorkers", "ReleaseUnusedWorkers"})
BUNDLES_SWEPT = frozenset({"ReleaseUnusedBundles"})
RECOVERY = WORKERS_SWEPT | BUNDLES_SWEPT | {NOTICE}

TOLD_S = 2.5
"""Seconds after a GCS serves by which every raylet that it can reach has heard of its return."""
AGAIN_S = 5.5
"""The same after whatever kept it from reaching a raylet; longer after a longer trouble: it tries less and less often."""
PATIENCE_S = 5.0
"""Seconds after its start from which on a GCS may place bundles though a raylet is silent (R6)."""
STORED_S = 0.5
"""Seconds within which the death that a GCS has declared is on its way to the store."""
# Deviations after which a raylet answers all the same, nobody knows when.
LATE = frozenset({"delay", "hold", "stall"})


def recovery_orders(story: Story) -> Ruling:
    """Judged: every notice, lease and preparation that a node which was there before saw in a recovery."""
    if not story.built.get("ledger") or any(life.who != "gcs" for life in story.lives):
        return rule(NAME, (), 0)
    judge = _Judge(story)
    lived_on = story.baseline is not None and story.inherited is None
    returns = story.lives[1:] if lived_on else story.lives
    found = [one for life in returns for one in judge.of(life)]
    return rule(NAME, found, judge.judged)


class _Judge:
    def __init__(self, story: Story) -> None:
        self.judged = 0
        self._story = story
        self._rows = Rows(story)
        self._troubles = Troubles(story)
        self._neighbours = {node for _, node in shared_doors(story)}
        self._until = story.store_lost if story.store_lost is not None else float("inf")

    def of(self, life: Life) -> Iterator[Violation]:
        since = self._knows_nodes(life)
        if since == float("inf"):
            return
        orders = self._orders(life, since)
        strange = self._neighbours | self._elsewhere
        alone = [one for one in dict.fromkeys(self._rows.keys("NODE")) if one not in strange]
        known = {node: self._states(node, life.started) for node in alone}
        alive = [one for one, states in known.items() if states == {"ALIVE"} and self._stays(one, life)]
        dead = [one for one, states in known.items() if states == {"DEAD"} and self._stays(one, life)]
        for node in alive:
            mine = [one for one in orders if one.who == node]
            yield from self._told(life, node, [one for one in mine if one.what == NOTICE])
            yield from self._leased(life, node, mine)
        yield from self._prepared(life, alive, orders)
        for node in dead:
            yield from self._the_dead(life, node, orders)

    @cached_property
    def _elsewhere(self) -> set[str]:
        """Nodes that were inherited, of raylets that do not write this record."""
        look = self._story.inherited
        left = (look.stored or {}).get("NODE", {}) if look is not None else {}
        return {*left} - {one.who for one in self._story.of("raylet")}

    def _orders(self, life: Life, since: float) -> list[Event]:
        """But those that an earlier life sent, and that were read late: it had used their connection before."""
        end = min(life.ended if life.ended is not None else self._story.ended, self._until)
        orders = [one for one in self._story.of("order") if "fields" in one.facts and one.at <= end]
        old = {_way(one) for one in orders if one.at <= since}
        return [
            one
            for one in orders
            if since < one.at and not one.facts.get("worker") and not (_way(one)[1] and _way(one) in old)
        ]

    def _knows_nodes(self, life: Life) -> float:
        """When this life had read which nodes there are; infinity: it never did.

        An order that arrives before that is one of the life before it, on its way.
        """
        reads = (
            one.done
            for one in self._story.ledger
            if one.via == "gcs"
            and life.started <= one.at <= (float("inf") if life.ended is None else life.ended)
            and one.done is not None
            and _reads_nodes(one)
        )
        return min(reads, default=float("inf"))

    def _states(self, node: str, at: float) -> set[str]:
        """All states that the node's row may have been in; '' where it has none, or nobody knows."""
        rows = self._rows.possible("NODE", node, at, pending=True)
        return {str((row or {}).get("state", "")) for row in rows}

    def _lives(self, node: str, at: float) -> bool:
        """Whether no GCS had declared the node dead; real ones do so shortly before they store it."""
        return self._states(node, at) == self._states(node, at + STORED_S) == {"ALIVE"}

    def _stays(self, node: str, life: Life) -> bool:
        """Whether nobody registered the node, perhaps anew, in this life."""
        return node not in self._registered.get(life.number, ())

    @cached_property
    def _registered(self) -> Mapping[int, set[str]]:
        found: dict[int, set[str]] = {}
        for call in self._story.calls:
            if call.method == "RegisterNode":
                for life in self._story.lives:
                    if (call.end is None or call.end >= life.started) and (
                        life.ended is None or call.start <= life.ended
                    ):
                        node = call.request.get("node_info", {}).get("node_id", "")
                        found.setdefault(life.number, set()).add(node)
        return found

    # --- R1 ----------------------------------------------------------------------------------------

    def _told(self, life: Life, node: str, notices: list[Event]) -> Iterator[Violation]:
        self.judged += 1
        if not notices and (until := self._owed(life, node)) is not None:
            said = f"node {node} was ALIVE when life {life.number} started at {life.started:.6f}; "
            said += f"until {until:.6f} it heard nothing"
            yield Violation("a living raylet was not told of a restart", said, life.ids)
        for first, second in pairwise(notices):
            # By two connections they may be of two lives, the first read late.
            same = _way(first) == _way(second)
            if same and self._answer(first) == first.at and not self._troubles.any(node, first.at, second.at):
                said = f"node {node} at {first.at:.6f}, which it answered, and at {second.at:.6f}"
                yield Violation(
                    "a raylet was told twice of one restart", said, (*life.ids, first.id, second.id)
                )

    def _owed(self, life: Life, node: str) -> float | None:
        """By when the node ought to have been told, if it lived and could be reached for long enough."""
        look, until = self._story.closing, life.ended
        if until is None and look is not None:
            until = look.at
        if until is None or until >= self._until or life.serving is None:
            return None
        if self._troubles.ended(node, until) or self._states(node, until) != {"ALIVE"}:
            return None
        ready = life.serving + TOLD_S
        for begin, end in self._troubles.spans(node):
            if begin <= until and end >= life.started:
                ready = max(ready, end + max(AGAIN_S, end - begin))
        return until if ready <= until else None

    # --- R4 and R5 -----------------------------------------------------------------------------------

    def _answer(self, order: Event) -> float | None:
        """When a raylet did as ``order`` says and answered; infinity: it did not; None: nobody knows."""
        ending = self._ending(order)
        if ending is not None:
            return ending.at if ending.facts.get("outcome") == "answered" else float("inf")
        script = order.facts.get("script", "")
        if not script:
            return order.at
        return None if script in LATE else float("inf")

    def _ending(self, order: Event) -> Event | None:
        return self._endings.get((order.who, order.facts.get("seq"), order.what))

    def _settled(self, order: Event) -> float | None:
        """The same of a sweep that may not come again: an error is an answer to it too."""
        ending = self._ending(order)
        if ending is not None and ending.facts.get("outcome") == "refused":
            return ending.at
        return self._answer(order)

    @cached_property
    def _endings(self) -> Mapping[tuple[str, int | None, str], Event]:
        return {
            (one.who, one.facts.get("seq"), one.what): one
            for one in self._story.of("order")
            if "fields" not in one.facts
        }

    def _swept(self, node: str, orders: list[Event], methods: frozenset[str]) -> float | None:
        """When the node first answered a sweep of this life, as it was asked or with an error; None: nobody knows."""
        answers = [self._settled(one) for one in orders if one.who == node and one.what in methods]
        certain = [one for one in answers if one is not None]
        return None if len(certain) < len(answers) else min(certain, default=float("inf"))

    def _leased(self, life: Life, node: str, orders: list[Event]) -> Iterator[Violation]:
        first = next((one for one in orders if one.what == "RequestWorkerLease"), None)
        if first is None:
            return
        self.judged += 1
        swept = self._swept(node, orders, WORKERS_SWEPT)
        if swept is not None and first.at < swept and self._lives(node, first.at):
            yield Violation(
                "a worker was leased from a raylet that had not swept the old ones",
                f"node {node} at {first.at:.6f}; {_when(swept)}",
                (*life.ids, first.id),
            )

    def _prepared(self, life: Life, alive: list[str], orders: list[Event]) -> Iterator[Violation]:
        first = next((one for one in orders if one.what == "PrepareBundleResources"), None)
        if first is None or first.at - life.started >= PATIENCE_S:
            return
        for node in alive:
            if self._troubles.gone(node, first.at):
                continue  # it could not be told, and holds nothing any more
            self.judged += 1
            swept = self._swept(node, orders, BUNDLES_SWEPT)
            if swept is not None and first.at < swept and self._lives(node, first.at):
                away = self._troubles.away(node, life.started, first.at)
                yield Violation(
                    "a bundle was prepared before all raylets had swept the old ones",
                    f"node {first.who} at {first.at:.6f}; node {node}: {_when(swept)}",
                    (*life.ids, first.id),
                    about=About(origin="one was out of reach" if away else "", keys=(node,)),
                )

    # --- R7 ----------------------------------------------------------------------------------------

    def _the_dead(self, life: Life, node: str, orders: list[Event]) -> Iterator[Violation]:
        self.judged += 1
        end = life.ended if life.ended is not None else self._story.ended
        unheard = [
            one
            for one in self._story.of("note")
            if one.what == UNHEARD and one.facts.get("method") in RECOVERY and life.started < one.at <= end
        ]
        heard = [one for one in orders if one.what in RECOVERY]
        for one in (*heard, *unheard):
            if one.who == node:
                method = one.facts.get("method", one.what)
                said = f"node {node} at {one.at:.6f}, life {life.number}"
                yield Violation(f"{method} was sent to a node that was DEAD", said, (*life.ids, one.id))


def _way(order: Event) -> tuple[str, int | None]:
    """The raylet, and the number of its connection by which the order came; None or 0: nobody knows."""
    return order.who, order.facts.get("connection")


def _reads_nodes(entry: Entry) -> bool:
    return entry.key.endswith("@NODE") and not entry.writes


def _when(swept: float) -> str:
    return "it never did" if swept == float("inf") else f"it did at {swept:.6f}"
