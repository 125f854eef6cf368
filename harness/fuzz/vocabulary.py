"""The words of the grammar: what each field of an operation or a fault is picked from, and how often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.fuzz import faults as fault
from harness.fuzz import operations as op

NAMES = ("a", "b", "", "ä ö/\u2028", "a@b:c", "*?[x]", "RAYsim@ACTOR", "x" * 300)
KEYS = ("k", "l", "kk", "", "\x00\xff", "ключ", "K" * 300)
NAMESPACES = ("gauntlet", "gauntlet", "", "other")
SPACES = ("gauntlet", "gauntlet", "other")
VALUES = ("v", "", "w", "\x00", "значение")
COPIES = (1, 1, 1, 1, 0, 5000)
PAUSES = (0.05, 0.0, 0.5, 0.0004, 0.02, 0.0, 2.0, 0.003, 0.2, 0.001, 6.0, 25.0)
DOWNS = (0.1, 0.02, 0.05, 0.1, 0.02, 0.5, 0.1, 2.0, 10.0, 40.0)
LULLS = (0.5, 2.0, 0.2, 0.05, 0.0)


def _index(count: int) -> tuple[int, ...]:
    """Mostly a thing of the plan, now and then one that there is not."""
    return (*range(count), *range(count), *range(count), -1)


ACTORS, GROUPS, JOBS, NODES = _index(8), _index(3), (0, 1, 2), (0, 1, 2, 3, 4)
MINE = tuple(range(8))
BOTH = (False, True)
_BUNDLES = ((1.0,), (1.0, 1.0), (2.0, 0.5, 0.5), (1.0, 1.0, 1.0, 1.0), (100.0,))
_NODES_READ = ("info", "liveness", "alive", "available", "total", "usage")
_LIMITS = (-1, -1, -1, 0, 1)
RECOVERY_EFFECTS = 60
LONG_LADDER = 3
"""A kill of more lives than this is quick: an outage of minutes would leave no raylet."""

Fields = Mapping[str, Sequence[Any]]
"""A field of an operation or fault -> what it is picked from; what is not here stays as it is by default."""
OPERATIONS: Mapping[type[Any], Fields] = {
    op.StartActor: {
        "actor": MINE, "name": ("", "a", "a", "b", *NAMES), "namespace": ("n", "n", "n", "m", "ä:@"), "detached": BOTH,
        "restarts": (0, 1, 2, -1), "cpus": (1.0, 1.0, 1.0, 0.0, 0.5, 3.0, 2.0, 1000.0), "group": (-1, -1, -1, -1, 0, 1),
        "bundle": (-1, 0, 1), "only": (*("",) * 8, "register", "create"), "owner": (-1, 0, 1, 2),
        "node": (*(-1,) * 12, 0, 1, 9), "soft": BOTH, "labelled": BOTH,
        "resolved": BOTH,
    },
    op.KillActor: {"actor": ACTORS, "restart": BOTH},
    op.GetActor: {"actor": ACTORS},
    op.GetNamedActor: {"name": NAMES, "namespace": ("n", "n", "m")},
    op.ListActors: {
        "named": BOTH, "state": ("", "", "ALIVE", "DEAD", "PENDING_CREATION"), "of": (-1, -1, 0), "limit": _LIMITS
    },
    op.ForgetActor: {"actor": MINE},
    op.ReviveActor: {"actor": MINE},
    op.StartGroup: {
        "group": (0, 1, 2), "bundles": _BUNDLES, "strategy": op.STRATEGIES, "name": ("", "", *NAMES),
        "detached": BOTH,
    },
    op.RemoveGroup: {"group": GROUPS},
    op.WaitGroup: {"group": (0, 1, 2)},
    op.GetGroup: {"group": GROUPS},
    op.GetNamedGroup: {"name": NAMES},
    op.ListGroups: {"limit": _LIMITS},
    op.Put: {"key": KEYS, "value": VALUES, "copies": COPIES, "overwrite": BOTH, "namespace": NAMESPACES},
    op.Get: {"key": KEYS, "namespace": NAMESPACES},
    op.Read: {
        "how": ("MultiGet", "Exists", "Keys"), "keys": (("k",), ("k", "l"), ("",), KEYS, (), (KEYS[4],)),
        "namespace": SPACES,
    },
    op.Delete: {"key": KEYS, "prefix": BOTH, "namespace": SPACES},
    op.AddJob: {"job": JOBS},
    op.FinishJob: {"job": JOBS},
    op.NextJobId: {},
    op.ListJobs: {"survey": BOTH, "of": (-1, -1, 0), "limit": _LIMITS},
    op.AddWorker: {"job": JOBS},
    op.GetWorkers: {"job": JOBS, "every": BOTH, "alive": BOTH, "limit": _LIMITS},
    op.ReportWorker: {"worker": (0, 1, -1)},
    op.Subscribe: {"channel": op.CHANNELS, "actor": (-1, -1, 0, 1), "twice": (False, False, True)},
    op.Publish: {"text": VALUES},
    op.GetNodes: {
        "how": _NODES_READ, "state": ("", "", "ALIVE", "DEAD"), "of": (-1, -1, 0, 1), "limit": _LIMITS,
        "nodes": ((0, -1), (1, 0), (-1, 0, 1), (3, 2, 1, 0), (0, 1, 2), ()),
    },
    op.UnregisterNode: {"node": NODES, "preempted": BOTH},
    op.DrainNode: {"node": NODES, "idle": BOTH, "deadline": (10.0, 1.0, 60.0)},
    op.Intrude: {"claims": op.CLAIMS, "key": KEYS},
}  # fmt: skip
OFTEN = (*(op.StartActor,) * 8, op.StartGroup, op.StartGroup, op.KillActor, op.Put, op.AddJob)
BROKEN_OFTEN = (fault.KillWorker, fault.KillWorker, fault.Disobey, fault.Disobey, fault.CrashGcs)
_APPLIED = (0, 1, 2, 3)
KILLS: Mapping[type[Any], Fields] = {
    fault.CrashGcs: {"effects": tuple(range(13)), "down": DOWNS, "applied": _APPLIED},
    fault.KillGcs: {"down": DOWNS, "applied": _APPLIED},
    fault.FailStore: {"writes": (0, 1, 2, 3, 4), "applied": BOTH, "down": DOWNS},
}
FAULTS: Mapping[type[Any], Fields] = {
    fault.KillWorker: {"actor": MINE},
    fault.KillNode: {"node": NODES},
    fault.AddNode: {"cpus": (4.0, 1.0, 8.0), "head": (False, False, False, True)},
    fault.CutNode: {"node": NODES, "seconds": (0.5, 3.0, 12.0, 40.0)},
    fault.KillDriver: {"job": JOBS},
    fault.DropRef: {"actor": MINE},
    fault.StallStore: {"seconds": (0.1, 1.0, 5.0)},
    fault.BreakLinks: {},
    fault.HangGcs: {"seconds": (0.5, 0.05, 3.0, 12.0)},
    fault.KillStore: {"seconds": (0.1, 1.0, 5.0)},
    fault.SyncAgain: {"node": NODES},
    fault.TearStore: {"actor": MINE},
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
WEATHER: Fields = {
    "delay": (0.0, 0.0, 0.001, 0.02, 0.3),
    "loss": (0.0, 0.0, 0.0, 0.02, 0.1),
    "duplication": (0.0, 0.0, 0.1, 0.5),
    "store": (0.0, 0.001, 0.01, 0.2),
}
