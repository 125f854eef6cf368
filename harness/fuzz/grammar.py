"""What plans look like, and how often: the grammar behind every plan that is drawn, whatever it is drawn from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Protocol, TypeVar

from harness.fuzz import faults as fault
from harness.fuzz import names
from harness.fuzz import operations as op
from harness.fuzz.plan import QUICK, Health, Plan, Step, Weather
from harness.fuzz.scenes import scene
from harness.fuzz.substitute import legal
from harness.fuzz.vocabulary import (
    BOTH,
    BROKEN_OFTEN,
    DOWNS,
    FAULTS,
    KEYS,
    KILLS,
    LONG_LADDER,
    LULLS,
    MINE,
    NAMES,
    OFTEN,
    OPERATIONS,
    PAUSES,
    RECOVERY_EFFECTS,
    WEATHER,
    Fields,
)

T = TypeVar("T")


class Source(Protocol):
    """Where chance comes from. The first option, and the least number, is the simplest."""

    def pick(self, options: Sequence[T]) -> T: ...
    def between(self, least: int, most: int) -> int: ...


class Chance:
    """Chance from a generator of random numbers: quick, and the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def pick(self, options: Sequence[T]) -> T:
        return options[int(self._random.random() * len(options))]

    def between(self, least: int, most: int) -> int:
        return self._random.randint(least, most)


@dataclass(frozen=True)
class Size:
    """From the least to the most of each kind of step.

    ``ladders``: how many more lives a kill may end in their turn, one of these.
    """

    operations: tuple[int, int] = (1, 40)
    kills: tuple[int, int] = (0, 4)
    faults: tuple[int, int] = (0, 8)
    ladders: tuple[int, ...] = (0, 0, 0, 1, 2, 3, 8)


USUAL = Size()
_MOSTLY = (True, True, True, False)
_ENOUGH = 8
"""Operations, at the most, of a plan in which there is room for a scene."""


def plan(source: Source, size: Size = USUAL) -> Plan:
    """A plan of that size. Each has its own choice of which operations, faults and pauses exist in it."""
    kinds = _swarm(source, OPERATIONS, OFTEN)
    clients = source.between(1, 3)
    name, key = source.pick(NAMES), source.pick(KEYS)
    actor = source.pick(MINE)
    words: Fields = {
        "name": ("", name, name, source.pick(NAMES)), "key": (key, key, *KEYS), "actor": (actor,),
    }  # fmt: skip
    pauses = PAUSES[: source.between(2, len(PAUSES))]
    scenes = _scenes(source, size)
    spoken = sum(not isinstance(step.do, fault.Fault) for one in scenes for step in one)
    struck = sum(isinstance(step.do, tuple(KILLS)) for one in scenes for step in one)
    steps: list[Step] = []
    for _ in range(source.between(*size.operations) - spoken):
        do = _operation(source, source.pick(kinds), words)
        if steps and isinstance(last := steps[-1].do, op.ForgetActor) and source.pick(BOTH):
            do = op.ReviveActor(last.actor)
        times = source.pick((1, 1, 1, 1, 1, 1, 1, 2, 3))
        steps.append(Step(do, source.pick(pauses), source.between(0, clients - 1), times))
    for one in scenes:
        place = source.between(0, len(steps))
        steps[place:place] = one
    for known, count in (
        (FAULTS, source.between(*size.faults)),
        (KILLS, source.between(*size.kills) - struck),
    ):
        exist = _swarm(source, known, BROKEN_OFTEN)
        for _ in range(count):
            broken = Step(
                _fault(source, source.pick(exist), words, size.ladders),
                source.pick(LULLS if known is KILLS else pauses),
            )
            least = _first_work(steps) if known is KILLS and source.pick(_MOSTLY) else 0
            steps.insert(source.between(least, max(least, len(steps) - 1)), broken)
    drawn = Plan(
        steps=tuple(_families(steps)),
        nodes=source.pick(((4.0,), (4.0, 4.0), (4.0, 2.0, 2.0), (8.0, 1.0, 1.0, 1.0))),
        jobs=source.pick((1, 3, 3, 2, 0)),
        clients=clients,
        reconnect_limit=source.pick((60.0, 60.0, 12.0)),
        weather=Weather(**_fields(source, WEATHER)),
        seed=source.between(0, 2**16),
        token=source.pick((False, False, False, False, True)),
        health=source.pick((Health(), Health(), QUICK)),
    )
    return legal(drawn)


def _scenes(source: Source, size: Size) -> list[list[Step]]:
    """None where kills are not wanted, or operations are few."""
    if not size.kills[1] or size.operations[1] < _ENOUGH:
        return []
    return [scene(source, number) for number in range(source.pick((1, 2, 0, 3)))]


def _first_work(steps: Sequence[Step]) -> int:
    """Behind the first actor or group: a GCS that dies before it has little to come back to."""
    makes = (op.StartActor, op.StartGroup)
    return next((place for place, one in enumerate(steps, 1) if isinstance(one.do, makes)), 0)


def _families(steps: Sequence[Step]) -> Iterator[Step]:
    """An actor is owned by one that was started before it, of its own job, or by its driver."""
    known: dict[int, op.StartActor] = {}
    for step in steps:
        do = step.do
        if isinstance(do, op.StartActor) and do.actor in known:
            do = replace(do, owner=known[do.actor].owner, root=known[do.actor].root)
        elif isinstance(do, op.StartActor):
            owner = known.get(do.owner)
            if owner is None or names.job_of(do.owner) != names.job_of(do.actor):
                do = replace(do, owner=-1)
            elif not do.detached:
                do = replace(do, root=owner.actor if owner.detached else owner.root)
            known[do.actor] = do
        yield replace(step, do=do)


def _operation(source: Source, kind: type[Any], words: Fields) -> op.Operation:
    made: op.Operation = kind(**_fields(source, _with(words, OPERATIONS[kind])))
    return made


def _with(words: Fields, known: Fields) -> Fields:
    """``words``: what is common in this plan, so that things collide."""
    common = {one: words[one] for one in ("name", "key") if one in known}
    if "actor" in known and len(known["actor"]) > 1:
        common["actor"] = (*list(words["actor"]) * len(known["actor"]), *known["actor"])
    return {**known, **common}


def _fault(source: Source, kind: type[Any], words: Fields, ladders: Sequence[int]) -> fault.Fault:
    fields = _fields(source, _with(words, {**FAULTS, **KILLS}[kind]))
    if kind in (fault.CrashGcs, fault.KillGcs):
        again = source.pick(ladders)
        fields["recoveries"] = tuple(source.between(0, RECOVERY_EFFECTS) for _ in range(again))
        if again > LONG_LADDER:
            fields["down"] = min(fields["down"], DOWNS[0])
    made: fault.Fault = kind(**fields)
    return made


def _fields(source: Source, fields: Fields) -> dict[str, Any]:
    return {name: source.pick(options) for name, options in fields.items()}


def _swarm(
    source: Source, known: Mapping[type[Any], Any], often: Sequence[type[Any]] = ()
) -> list[type[Any]]:
    """The kinds that exist in this plan: each is left out of half of all plans."""
    left_out = source.between(0, 2 ** len(known) - 1)
    kinds = [kind for place, kind in enumerate(known) if not left_out >> place & 1] or list(known)
    return [*(kind for kind in often if kind in kinds), *kinds]
