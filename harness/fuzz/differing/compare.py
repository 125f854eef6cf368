"""Two ends of one plan beside each other: what differs, and which guarantee speaks of it. Pure.

Left out is what merely depends on who comes first, or on how quick a machine is:

- the reply of a call while something went on that it may depend on: another call that changes key-values of its
  namespace, or, for everything else, any other change that had not come to rest, a worker, a bundle, a raylet, a
  GCS that died; of such a call it only counts whether it was answered at all, unless it may wait for the world;
- steps on one way: an actor being created and one that is ALIVE, a group that waits and one that is CREATED,
  wherever room is scarce or not all had come to rest;
- the final state of a thing about which two things were done at the same time, or not the same things in the same
  order (which depends on where a worker was when it was to die);
- actors, groups and their names, and the node itself, once a raylet has died, left or been cut off: a GCS notices
  that after seconds of which a quick plan has none;
- what nobody could look at, and all unanswered calls but the first, where a GCS that had ended by itself did not serve in the end;
  where what was broken ended it, all of them;
- on which node an actor is, unless there is one alone: schedulers draw lots;
- ids, times, addresses, ports, processes, and the words of a refusal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.fuzz.differing.answers import NEVER, Answer
from harness.fuzz.differing.final import Final, Thing
from harness.fuzz.differing.replies import GROUP_STANDS, standing

_BY_METHOD = {
    "InternalKV": "D8", "GetNextJobID": "D2", "AddJob": "D3", "GetAllJobInfo": "D3", "MarkJobFinished": "D9",
    "RegisterActor": "I1", "CreateActor": "I2", "KillActorViaGcs": "D10", "GetNamedActorInfo": "D4",
    "ListNamedActors": "D4", "GetActorInfo": "D4", "GetAllActorInfo": "D4", "CreatePlacementGroup": "I3",
    "RemovePlacementGroup": "I7", "WaitPlacementGroupUntilReady": "P3", "GetPlacementGroup": "D6",
    "GetNamedPlacementGroup": "D6", "GetAllPlacementGroup": "D6", "CheckAlive": "N6", "GetAllNode": "D1",
    "UnregisterNode": "D11", "DrainNode": "N8", "GetAllAvailable": "N5", "GetAllTotal": "N5", "GetAllResource": "N5",
}  # fmt: skip
SHORT = 160
"""The longest request that is shown, in letters."""
ALREADY_EXISTS = "refused with code 20"
_BY_FACT = {
    ("actor", "restarts"): "A8", ("actor", "state"): "A1", ("actor", "why dead"): "A5", ("actor", "node"): "A1",
    ("group", "state"): "P1", ("group", "bundles placed"): "P2", ("job", "finished"): "D9", ("node", "state"): "D1",
    ("node", "head"): "N4", ("name", "actor"): "D4",
}  # fmt: skip
_THERE = {"actor": "D4", "group": "D6", "job": "D3", "node": "D1", "name": "D4"}


@dataclass(frozen=True)
class Difference:
    """``guarantee``: a clause's id, or a check's name. ``key``: the same for the same difference in every run.

    ``left``, ``right``: what it is on each side; ``sentence``: all of it.
    """

    guarantee: str
    key: str
    left: str
    right: str

    @property
    def sentence(self) -> str:
        return f"{self.key}: {self.left} and {self.right}"


def differences(left: Final, right: Final) -> list[Difference]:
    """What differs between two ends of one plan, by guarantee; see this module for what is left out."""
    found = [
        *_of_ends(left, right),
        *_of_answers(left, right),
        *_of_things(left, right),
        *_of_store(left, right),
        *_of_verdicts(left, right),
    ]
    return sorted(found, key=lambda one: (one.guarantee, one.key))


def _of_ends(left: Final, right: Final) -> Iterator[Difference]:
    for said in sorted({*left.ends} ^ {*right.ends}):
        here, there = (_did(said in one.ends) for one in (left, right))
        yield Difference("process", f"unprovoked: {said}", here, there)

    if left.looked != right.looked and (left.looked or left.ends) and (right.looked or right.ends):
        here, there = ("it served" if one.looked else "it did not serve" for one in (left, right))
        yield Difference("L2", "the GCS in the end", here, there)


def _did(happened: bool) -> str:
    return "it did" if happened else "it did not"


def _of_answers(left: Final, right: Final) -> Iterator[Difference]:
    others = {one.key: one for one in right.answers}
    # Without a GCS in the end, all that came after the first is silent as well; if what was broken ended it, all.
    unexpected = left.looked != right.looked and all(one.looked or one.ends for one in (left, right))
    most = len(left.answers) if left.looked and right.looked else int(unexpected)
    silent = 0
    for one in left.answers:
        other = others.get(one.key)
        for difference in _of_answer(one, other) if other is not None else ():
            silent += difference.guarantee == "answered"
            if difference.guarantee != "answered" or silent <= most:
                yield difference


def _of_answer(one: Answer, other: Answer) -> Iterator[Difference]:
    about = f"client {one.client}'s {_short(one.method, one.about)}"
    about = about if one.nth == 1 else f"{about}, time {one.nth}"
    steady = one.steady and other.steady
    silent = NEVER in (one.outcome, other.outcome)
    if not _meet(one.outcome.split(", "), other.outcome.split(", ")):
        if steady or (silent and not one.waits):
            yield Difference(_clause(one, other), about, one.outcome, other.outcome)
    elif steady and not _meet(json.loads(one.reply), json.loads(other.reply)):
        yield Difference(_clause(one, other), f"{about} answered", one.reply, other.reply)


def _meet(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether a request that was sent several times at once got one answer here and there."""
    return not {*one}.isdisjoint(other) or not (one or other)


def _clause(one: Answer, other: Answer) -> str:
    if NEVER in (one.outcome, other.outcome):
        return "answered"
    if one.method == "RegisterActor" and ALREADY_EXISTS in (one.outcome, other.outcome):
        return "I8"
    if one.outcome != other.outcome:
        return "L6"
    return next((clause for word, clause in _BY_METHOD.items() if one.method.startswith(word)), "D12")


def _of_things(left: Final, right: Final) -> Iterator[Difference]:
    if not (left.looked and right.looked):
        return
    lost = bool(left.lost or right.lost)
    for name in sorted({*left.things, *right.things}):
        kind = name.partition(" ")[0]
        one, other = left.things.get(name), right.things.get(name)
        if (lost and kind != "job") or not _same_course(one, other):
            continue
        if one is None or other is None:
            here, there = ("it is there" if side else "it is not there" for side in (one, other))
            yield Difference(_THERE.get(kind, "D12"), f"{name} in the end", here, there)
            continue
        fine = left.quiet and right.quiet and left.roomy and right.roomy
        yield from _of_thing(name, one, other, fine, _alone(left) and _alone(right))


def _same_course(one: Thing | None, other: Thing | None) -> bool:
    if one is None or other is None:
        known = one or other
        return known is not None and known.course is not None
    return one.course is not None and one.course == other.course


def _alone(final: Final) -> bool:
    return sum(name.startswith("node ") for name in final.things) == 1


def _of_thing(name: str, one: Thing, other: Thing, fine: bool, alone: bool) -> Iterator[Difference]:
    kind = name.partition(" ")[0]
    here, there = (_seen(side.facts, fine, alone) for side in (one, other))
    if here.get("state") == there.get("state") or "state" not in here:
        for fact in sorted({*here, *there}):
            if here.get(fact) != there.get(fact):
                yield _difference(kind, name, fact, here, there)
    else:  # the rest follows from it
        yield _difference(kind, name, "state", here, there)


def _difference(
    kind: str, name: str, fact: str, here: Mapping[str, Any], there: Mapping[str, Any]
) -> Difference:
    clause = _BY_FACT.get((kind, fact), _THERE.get(kind, "D12"))
    return Difference(clause, f"{fact} of {name} in the end", str(here.get(fact)), str(there.get(fact)))


def _seen(facts: Mapping[str, Any], fine: bool, alone: bool) -> dict[str, Any]:
    """The facts that are compared; ``fine``: all had come to rest, and had room."""
    found = dict(facts)
    state = found.get("state", "")
    if not fine:
        found["state"] = standing(state) if state else state
        for fact in ("bundles placed", "restarts", "node"):
            found.pop(fact, None)
    if not alone or (state in GROUP_STANDS and not fine):
        found.pop("node", None)
    return {fact: value for fact, value in found.items() if fact != "state" or value}


def _of_store(left: Final, right: Final) -> Iterator[Difference]:
    if left.store is None or right.store is None:
        return
    for key in sorted({*left.store} & {*right.store}):
        if left.store[key] != right.store[key]:
            yield Difference("D8", f"key {key} in the store", left.store[key], right.store[key])


def _of_verdicts(left: Final, right: Final) -> Iterator[Difference]:
    """What the checks found broken on one side alone. A GCS that ended by itself there is told already."""
    if left.ends == right.ends:
        for check, said in sorted(left.broken ^ right.broken):
            here, there = ("broken" if (check, said) in one.broken else "held" for one in (left, right))
            yield Difference(check, said, here, there)


def _short(method: str, request: str) -> str:
    """A request in a line: itself, or where that is long what it is about."""
    if len(request) <= SHORT:
        return f"{method} {request}"
    about = dict.fromkeys(re.findall(r'"((?:actor|group|job|node|driver) \d+)"', request))
    return f"{method} of {', '.join(about)}" if about else f"{method} {request[:SHORT]}…"
