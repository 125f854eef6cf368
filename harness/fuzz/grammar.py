"""What plans look like, and how often: the grammar behind every plan that is drawn, whatever it is drawn from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Protocol, TypeVar

from harness.fuzz import faults as fault
from harness.fuzz import names
from harness.fuzz import operations as op
from harness.fuzz.names import ODD
from harness.fuzz.plan import Plan, Step, Weather

T = TypeVar("T")
NAMES = ("a", "b", "", "ä ö/\u2028", "a@b:c", "*?[x]", "RAYsim@ACTOR", "x" * 300)
KEYS = ("k", "l", "kk", "", "@namespace_gauntlet:k", "\x00\xff", "ключ", "K" * 300)
NAMESPACES = ("gauntlet", "gauntlet", "", "other", "@namespace_")
VALUES = ("v", "", "w", "\x00", "значение")
COPIES = (1, 1, 1, 1, 0, 5000)
PAUSES = (0.05, 0.0, 0.5, 0.0004, 0.02, 0.0, 2.0, 0.003, 0.2, 0.001, 6.0, 25.0)
DOWNS = (0.1, 0.02, 0.05, 0.1, 0.02, 0.5, 0.1, 2.0, 10.0, 40.0)
LULLS = (0.5, 2.0, 0.2, 0.05, 0.0)
ODD_IDS = tuple(ODD)
METHODS = (
    "GetActorInfo", "KillActorViaGcs", "ReportActorOutOfScope", "RestartActorForLineageReconstruction",
    "RegisterActor", "CreateActor", "CreatePlacementGroup", "RemovePlacementGroup", "GetPlacementGroup",
    "WaitPlacementGroupUntilReady", "MarkJobFinished", "AddJob", "UnregisterNode", "RegisterNode",
    "GetWorkerInfo", "AddWorkerInfo", "ReportWorkerFailure",
    "ControlPlanePubSubGcsService.GcsSubscriberCommandBatch", "ControlPlanePubSubGcsService.GcsPublish",
)  # fmt: skip
# They would make up things that nobody stands behind: only with ids that are refused.
_MAKING = frozenset({"RegisterActor", "CreateActor", "CreatePlacementGroup", "AddJob", "RegisterNode"})


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


def _index(count: int) -> tuple[int, ...]:
    """Mostly a thing of the plan, now and then an id that no client should send."""
    return (*range(count), *range(count), *range(count), *ODD_IDS[:2])


ACTORS, GROUPS, JOBS, NODES = _index(8), _index(3), (0, 1, 2), (0, 1, 2, 3, 4)
_MINE = tuple(range(8))
_BOTH = (False, True)
_BUNDLES = ((1.0,), (1.0, 1.0), (2.0, 0.5, 0.5), (1.0, 1.0, 1.0, 1.0), (100.0,))
_NODES_READ = ("info", "liveness", "alive", "available", "total", "usage")
_LIMITS = (-1, -1, -1, 0, 1)
_RECOVERY_EFFECTS = 60
_LONG_LADDER = 3
"""A kill of more lives than this is quick: an outage of minutes would leave no raylet."""

Fields = Mapping[str, Sequence[Any]]
"""A field of an operation or fault -> what it is picked from; what is not here stays as it is by default."""
_OPERATIONS: Mapping[type[Any], Fields] = {
    op.StartActor: {
        "actor": _MINE, "name": ("", "a", "a", "b", *NAMES), "namespace": ("n", "n", "n", "m", "ä:@"), "detached": _BOTH,
        "restarts": (0, 1, 2, -1), "cpus": (1.0, 1.0, 1.0, 0.0, 0.5, 3.0, 2.0, 1000.0), "group": (-1, -1, -1, -1, 0, 1),
        "bundle": (-1, 0, 1), "only": (*("",) * 8, "register", "create"), "owner": (-1, 0, 1, 2),
        "node": (*(-1,) * 12, 0, 1, 9), "soft": _BOTH, "labelled": _BOTH,
        "resolved": _BOTH,
    },
    op.KillActor: {"actor": ACTORS, "restart": _BOTH},
    op.GetActor: {"actor": ACTORS},
    op.GetNamedActor: {"name": NAMES, "namespace": ("n", "n", "m")},
    op.ListActors: {
        "named": _BOTH, "state": ("", "", "ALIVE", "DEAD", "PENDING_CREATION"), "of": (-1, -1, 0), "limit": _LIMITS
    },
    op.ForgetActor: {"actor": ACTORS},
    op.ReviveActor: {"actor": ACTORS, "restarts": (0, 1)},
    op.StartGroup: {
        "group": (0, 1, 2), "bundles": _BUNDLES, "strategy": op.STRATEGIES, "name": ("", "", *NAMES),
        "detached": _BOTH,
    },
    op.RemoveGroup: {"group": GROUPS},
    op.WaitGroup: {"group": GROUPS},
    op.GetGroup: {"group": GROUPS},
    op.GetNamedGroup: {"name": NAMES},
    op.ListGroups: {"limit": _LIMITS},
    op.Put: {"key": KEYS, "value": VALUES, "copies": COPIES, "overwrite": _BOTH, "namespace": NAMESPACES},
    op.Get: {"key": KEYS, "namespace": NAMESPACES},
    op.Read: {
        "how": ("MultiGet", "Exists", "Keys"), "keys": (("k",), ("k", "l"), ("",), KEYS, (), (KEYS[4],)),
        "namespace": NAMESPACES,
    },
    op.Delete: {"key": KEYS, "prefix": _BOTH, "namespace": NAMESPACES},
    op.AddJob: {"job": JOBS},
    op.FinishJob: {"job": (0, 1, 2, -1)},
    op.NextJobId: {},
    op.ListJobs: {"survey": _BOTH, "of": (-1, -1, 0), "limit": _LIMITS},
    op.AddWorker: {"job": JOBS},
    op.GetWorkers: {"job": JOBS, "every": _BOTH, "alive": _BOTH, "limit": _LIMITS},
    op.ReportWorker: {"worker": (0, 1, *ODD_IDS)},
    op.Subscribe: {"channel": op.CHANNELS, "actor": (-1, -1, 0, 1)},
    op.Publish: {"text": VALUES},
    op.GetNodes: {
        "how": _NODES_READ, "state": ("", "", "ALIVE", "DEAD"), "of": (-1, -1, 0, 1), "limit": _LIMITS
    },
    op.UnregisterNode: {"node": NODES, "preempted": _BOTH},
    op.Nonsense: {"method": METHODS, "odd": ODD_IDS},
}  # fmt: skip
_OFTEN = (*(op.StartActor,) * 8, op.StartGroup, op.StartGroup, op.KillActor, op.Put, op.AddJob)
_BROKEN_OFTEN = (fault.KillWorker, fault.KillWorker, fault.Disobey, fault.Disobey, fault.CrashGcs)
_APPLIED = (0, 1, 2, 3)
_KILLS: Mapping[type[Any], Fields] = {
    fault.CrashGcs: {"effects": tuple(range(13)), "down": DOWNS, "applied": _APPLIED},
    fault.KillGcs: {"down": DOWNS, "applied": _APPLIED},
    fault.FailStore: {"writes": (0, 1, 2, 3, 4), "applied": _BOTH, "down": DOWNS},
}
_FAULTS: Mapping[type[Any], Fields] = {
    fault.KillWorker: {"actor": _MINE},
    fault.KillNode: {"node": NODES},
    fault.AddNode: {"cpus": (4.0, 1.0, 8.0), "head": (False, False, False, True)},
    fault.CutNode: {"node": NODES, "seconds": (0.5, 3.0, 12.0, 40.0)},
    fault.KillDriver: {"job": JOBS},
    fault.DropRef: {"actor": _MINE},
    fault.StallStore: {"seconds": (0.1, 1.0, 5.0)},
    fault.BreakLinks: {},
    fault.Disobey: {
        "node": NODES, "mode": ("refuse", "fail", "delay"), "calls": (1, 2, 5), "seconds": (0.01, 1.0, 6.0, 20.0),
        "method": (
            "RequestWorkerLease", "PushTask", "PrepareBundleResources", "RequestWorkerLease", "PushTask",
            "PushTask", "CommitBundleResources",
            "RemovePlacementGroupBundles", "ReleaseUnusedActorWorkers", "ReleaseUnusedBundles", "KillLocalActor",
            "IsLocalWorkerDead", "CancelWorkerLease", "NotifyGCSRestart", "WaitForActorRefDeleted", "Check",
        ),
    },
}  # fmt: skip
_WEATHER: Fields = {
    "delay": (0.0, 0.0, 0.001, 0.02, 0.3),
    "loss": (0.0, 0.0, 0.0, 0.02, 0.1),
    "duplication": (0.0, 0.0, 0.1, 0.5),
    "store": (0.0, 0.001, 0.01, 0.2),
}


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


def plan(source: Source, size: Size = USUAL) -> Plan:
    """A plan of that size. Each has its own choice of which operations, faults and pauses exist in it."""
    kinds = _swarm(source, _OPERATIONS, _OFTEN)
    clients = source.between(1, 3)
    name, key = source.pick(NAMES), source.pick(KEYS)
    actor = source.pick(_MINE)
    words: Fields = {
        "name": ("", name, name, source.pick(NAMES)), "key": (key, key, *KEYS), "actor": (actor,),
    }  # fmt: skip
    pauses = PAUSES[: source.between(2, len(PAUSES))]
    steps: list[Step] = []
    for _ in range(source.between(*size.operations)):
        do = _operation(source, source.pick(kinds), words)
        if steps and isinstance(last := steps[-1].do, op.ForgetActor) and source.pick(_BOTH):
            do = op.ReviveActor(last.actor, 1)
        times = source.pick((1, 1, 1, 1, 1, 1, 1, 2, 3))
        steps.append(Step(do, source.pick(pauses), source.between(0, clients - 1), times))
    for known, count in ((_FAULTS, source.between(*size.faults)), (_KILLS, source.between(*size.kills))):
        exist = _swarm(source, known, _BROKEN_OFTEN)
        for _ in range(count):
            broken = Step(
                _fault(source, source.pick(exist), words, size.ladders),
                source.pick(LULLS if known is _KILLS else pauses),
            )
            steps.insert(source.between(0, max(0, len(steps) - 1)), broken)
    return Plan(
        steps=tuple(_families(steps)),
        nodes=source.pick(((4.0,), (4.0, 4.0), (4.0, 2.0, 2.0), (8.0, 1.0, 1.0, 1.0))),
        jobs=source.pick((1, 3, 3, 2, 0)),
        clients=clients,
        reconnect_limit=source.pick((60.0, 60.0, 12.0)),
        weather=Weather(**_fields(source, _WEATHER)),
        seed=source.between(0, 2**16),
    )


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
    fields = _fields(source, _with(words, _OPERATIONS[kind]))
    if kind is op.Nonsense and fields["method"] in _MAKING:
        fields["odd"] = source.pick((-4, -5))
    made: op.Operation = kind(**fields)
    return made


def _with(words: Fields, known: Fields) -> Fields:
    """``words``: what is common in this plan, so that things collide."""
    common = {one: words[one] for one in ("name", "key") if one in known}
    if "actor" in known and len(known["actor"]) > 1:
        common["actor"] = (*list(words["actor"]) * len(known["actor"]), *known["actor"])
    return {**known, **common}


def _fault(source: Source, kind: type[Any], words: Fields, ladders: Sequence[int]) -> fault.Fault:
    fields = _fields(source, _with(words, {**_FAULTS, **_KILLS}[kind]))
    if kind in (fault.CrashGcs, fault.KillGcs):
        again = source.pick(ladders)
        fields["recoveries"] = tuple(source.between(0, _RECOVERY_EFFECTS) for _ in range(again))
        if again > _LONG_LADDER:
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
