"""Actors, placement groups, nodes and jobs move only along the arrows of Ray's documentation. Pure.

Judged in every view by itself: what clients read, what was published, what was stored. Views are
samples, so a step is legal if its end can be reached from its start at all. What was only in the
memory of a GCS that died may fall back to what was stored; what was stored may not.

Source of the arrows: ``gcs_actor_manager.h`` (actor state transition diagram), the comments of
``PlacementGroupState`` in ``gcs.proto``, section 3 of the contract.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import replace

from harness.check import effects
from harness.check.cause import BACK, HEAD_AGAIN, NOUNS, about, back_from_the_dead, step
from harness.check.endings import heads_again
from harness.check.observed import Seen, Stage, life_of, published, read, stage, written
from harness.check.rows import UNKNOWN, Rows
from harness.check.ruling import About, Ruling, Violation, rule
from harness.check.story import Call, Life, Story

NAME = "legal lives"

# State -> the states that can be reached from it, by however many arrows.
REACHED: Mapping[str, Mapping[str, frozenset[str]]] = {
    "ACTOR": {
        "DEPENDENCIES_UNREADY": frozenset({"PENDING_CREATION", "ALIVE", "RESTARTING", "DEAD"}),
        "PENDING_CREATION": frozenset({"ALIVE", "RESTARTING", "DEAD"}),
        "ALIVE": frozenset({"RESTARTING", "DEAD"}),
        "RESTARTING": frozenset({"ALIVE", "DEAD"}),
        "DEAD": frozenset(),
    },
    "PLACEMENT_GROUP": {
        "PENDING": frozenset({"PREPARED", "CREATED", "RESCHEDULING", "REMOVED"}),
        # A commit that fails may begin anew.
        "PREPARED": frozenset({"PENDING", "CREATED", "RESCHEDULING", "REMOVED"}),
        "CREATED": frozenset({"RESCHEDULING", "PREPARED", "REMOVED"}),
        "RESCHEDULING": frozenset({"PREPARED", "CREATED", "REMOVED"}),
        "REMOVED": frozenset(),
    },
    "NODE": {"ALIVE": frozenset({"DEAD"}), "DEAD": frozenset()},
    "JOB": {"ALIVE": frozenset({"DEAD"}), "DEAD": frozenset()},
}
# What brings back something DEAD, when a client asks for it; of an actor only into these states.
REVIVALS = {"ACTOR": effects.RESTART_FOR_LINEAGE, "NODE": "RegisterNode", "JOB": "AddJob"}
_REVIVED = {"ACTOR": frozenset({"RESTARTING", "ALIVE", "DEAD"})}
Places = dict[tuple[str, str], list[Seen]]


def lives(story: Story) -> Ruling:
    """Each view by itself, and what is read after a recovery against what was stored before it."""
    judge = Judge(story)
    until = story.store_lost if story.store_lost is not None else float("inf")
    stored = [one for one in written(story) if one.end < until]
    reads, doubled = _once_an_answer([one for one in read(story) if one.end < until], heads_again(story))
    messages = [one for stream in published(story).values() for one in stream if one.end < until]
    found = [*judge.in_order(stored, "the store")]
    for stream in published(story).values():
        numbered = [_at(place, one) for place, one in enumerate(stream) if one.end < until]
        found += judge.in_order(numbered, "what was published")
    if all(life.who == "gcs" for life in story.lives):
        found += doubled
        by_life = _by_life(reads, story)
        for number, seen in by_life.items():
            found += judge.in_order(seen, "what clients read")
            if (number or story.inherited is not None) and story.built.get("ledger"):
                found += judge.after_recovery(seen, next(one for one in story.lives if one.number == number))
    return rule(NAME, _traced(_once(found)), len(stored) + len(reads) + len(messages))


def _at(place: int, seen: Seen) -> Seen:
    """Messages are in the order of their sequence, whenever they were polled."""
    return Seen(seen.table, seen.key, place, place, seen.stage, seen.ids)


def _once_an_answer(reads: Iterable[Seen], heads: Set[str]) -> tuple[list[Seen], list[Violation]]:
    """The first row of each thing in each answer, and what answers say against it in a later row.

    ``heads``: nodes that registered more than once.
    """
    first: dict[tuple[tuple[str, ...], str, str], Seen] = {}
    found = []
    for one in reads:
        before = first.setdefault((one.ids, one.table, one.key), one)
        if before.stage != one.stage:
            said = f"{one.table} {one.key}: {before.stage} and {one.stage}"
            condition = HEAD_AGAIN if one.key in heads else ""
            why = About(condition, kind=one.table, keys=(one.key,))
            found.append(Violation(f"{NOUNS[one.table]} is in two states in one answer", said, one.ids, why))
    return list(first.values()), found


def _by_life(reads: Iterable[Seen], story: Story) -> dict[int, list[Seen]]:
    found: dict[int, list[Seen]] = {}
    for one in reads:
        life = life_of(one.start, one.end, story)
        if life is not None:
            found.setdefault(life.number, []).append(one)
    return found


def _once(found: Iterable[Violation]) -> list[Violation]:
    """Each kind of wrong step of one thing once: a sample that is wrong is often seen many times."""
    return list({(one.signature, one.detail.partition(":")[0]): one for one in reversed([*found])}.values())[
        ::-1
    ]


def _traced(found: list[Violation]) -> list[Violation]:
    """What is back from the dead has no way from any of its earlier states to its new one: one cause, of one row."""
    back = {(one.about.kind, key) for one in found if one.about.condition == BACK for key in one.about.keys}
    return [
        replace(one, about=about(back_from_the_dead(NAME, one.about.kind), *one.about.keys))
        if any((one.about.kind, key) in back for key in one.about.keys)
        else one
        for one in found
    ]


class Judge:
    """Knows what clients asked for, which can bring back the dead."""

    def __init__(self, story: Story) -> None:
        self._rows = Rows(story)
        self._asked: dict[tuple[str, str], list[Call]] = {}
        tables = {method: table for table, method in REVIVALS.items()}
        for call in story.calls:
            if call.method in tables and call.outcome != "refused":
                for promise in effects.promises(call):
                    self._asked.setdefault((tables[call.method], promise.key), []).append(call)

    def in_order(self, seen: Iterable[Seen], where: str) -> Iterator[Violation]:
        """Of two sights of one thing that do not overlap, the later is reachable from the earlier."""
        places: Places = {}
        for one in seen:
            places.setdefault((one.table, one.key), []).append(one)
        for sights in places.values():
            yield from self._one_life(sights, where)

    def _one_life(self, sights: list[Seen], where: str) -> Iterator[Violation]:
        sights = sorted(sights, key=lambda one: one.start)
        waiting = iter(sorted(sights, key=lambda one: one.end))
        ended = next(waiting, None)
        past: dict[Stage, Seen] = {}
        for one in sights:
            while ended is not None and ended.end < one.start:
                if ended.stage is None:
                    past.clear()
                else:
                    past[ended.stage] = ended
                ended = next(waiting, None)
            if one.stage is None:
                continue
            for earlier in past.values():
                if earlier.stage is not None and self._wrong(one, earlier.stage, one.stage, earlier.start):
                    yield _step(earlier, one, where)

    def after_recovery(self, seen: Iterable[Seen], life: Life) -> Iterator[Violation]:
        """What ``life`` of the GCS says can be reached from what the store held when it started."""
        for one in seen:
            held = self._rows.possible(one.table, one.key, life.started, pending=True)
            before = [stage(one.table, row) if row is not None else None for row in held]
            if any(row is UNKNOWN for row in held) or None in before or one.stage is None:
                continue
            stages = [each for each in before if each is not None]
            if all(self._wrong(one, each, one.stage, life.started) for each in stages):
                signature = (
                    f"{NOUNS[one.table]} fell from {_named(stages[0])} to {_named(one.stage)} in a recovery"
                )
                said = f"{one.table} {one.key}: stored {stages[0]} when the GCS started at {life.started:.6f}"
                cause = step(NAME, one.table, stages[0].state, one.stage.state)
                said += f"; {one.stage} was read at {one.end:.6f}"
                yield Violation(signature, said, (*life.ids, *one.ids), about(cause, one.key))

    def _wrong(self, seen: Seen, earlier: Stage, later: Stage, since: float) -> bool:
        """Whether no path leads from ``earlier``, seen at ``since``, to ``later``."""
        if earlier == later:
            return False
        if later.restarts < earlier.restarts:
            return True
        if earlier.state == later.state:
            moved = bool(earlier.worker and later.worker and earlier.worker != later.worker)
            return moved and earlier.restarts == later.restarts
        if later.state in REACHED[seen.table].get(earlier.state, frozenset({later.state})):
            return False
        if earlier.state == "DEAD" and later.state in _REVIVED.get(seen.table, {later.state}):
            return not self._was_asked(seen, since)
        return True

    def _was_asked(self, seen: Seen, since: float) -> bool:
        """Whether a request to bring it back may have been served between ``since`` and its sight.

        The times of messages are numbers of their order, so that any request counts for them.
        """
        asked = self._asked.get((seen.table, seen.key), ())
        if seen.row is None:
            return bool(asked)
        return any(
            one.start <= seen.end and (one.outcome == "unknown" or one.end is None or one.end >= since)
            for one in asked
        )


def _named(stands: Stage) -> str:
    return stands.state


def _step(earlier: Seen, later: Seen, where: str) -> Violation:
    was, now = earlier.stage, later.stage
    assert was is not None and now is not None
    noun, why = NOUNS[earlier.table], About(kind=earlier.table, keys=(earlier.key,))
    if now.restarts < was.restarts:
        signature = f"the restarts of {noun} sank in {where}"
    elif was.state == now.state:
        signature = f"{noun} moved to another worker without a restart in {where}"
    else:
        signature = f"{noun} went from {was.state} to {now.state} in {where}"
        why = about(step(NAME, earlier.table, was.state, now.state), earlier.key)
    detail = f"{earlier.table} {earlier.key}: {was}, then {now}"
    return Violation(signature, detail, (*earlier.ids, *later.ids), why)
