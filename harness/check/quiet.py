"""A quiet cluster of one mind, and ways to change it, for the tests of agreement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.wire.layout import kv_field

JOB, GONE_JOB = "01000000", "02000000"
ALIVE, DEAD, LEASED, ORPHAN = "a1" * 12 + JOB, "a2" * 12 + JOB, "a3" * 12 + JOB, "a4" * 12 + GONE_JOB
CREATED, REMOVED, WAITING = "b1" * 14 + JOB, "b2" * 14 + JOB, "b3" * 14 + JOB
NODES = ["c1" * 28, "c2" * 28]
BARE, LOST = "c3" * 28, "c4" * 28
WORKER = "d1" * 28
FIELD = kv_field(b"gauntlet", b"key").hex()

World = dict[str, Any]


def actor(state: str, **more: Any) -> World:
    blank = {"name": "", "worker": "", "node": "", "pid": 0, "restarts": 0, "max_restarts": 0}
    return {"state": state, **blank, "detached": False, **more}


def book(**more: Any) -> World:
    return {"workers": {}, "bundles": [], "available": {"CPU": 3.0}, "state": "connected", **more}


def world() -> World:
    """A quiet cluster: an ALIVE actor, one DEAD, one being leased, groups in three states, an orphan row."""
    return {
        "view": {
            "nodes": {**{node: {"state": "ALIVE"} for node in (*NODES, BARE)}, LOST: {"state": "DEAD"}},
            "jobs": {JOB: {"dead": False}, GONE_JOB: {"dead": True}},
            "actors": {
                ALIVE: actor("ALIVE", name="ns/a", node=NODES[0], worker=WORKER, restarts=1),
                DEAD: actor("DEAD"),
                LEASED: actor("PENDING_CREATION"),
                ORPHAN: actor("DEAD"),
            },
            "groups": {
                CREATED: {"state": "CREATED", "nodes": NODES},
                REMOVED: {"state": "REMOVED", "nodes": [NODES[0]]},
                WAITING: {"state": "RESCHEDULING", "nodes": [NODES[0], ""]},
            },
            "kv": {b"key".hex(): "00"},
            "available": {NODES[0]: {"CPU": 3.0}, NODES[1]: {"CPU": 3.0}},
        },
        "books": {
            NODES[0]: book(workers={WORKER: ALIVE, "d2" * 28: ""}, bundles=[f"{CREATED}:0", f"{WAITING}:0"]),
            NODES[1]: book(bundles=[f"{CREATED}:1"], available={"CPU": 3.0, "GPU": 0.0}),
            LOST: book(workers={"d9" * 28: DEAD}, bundles=[f"{REMOVED}:0"]),
        },
        "stored": {
            "NODE": {**{node: {"state": "ALIVE"} for node in (*NODES, BARE)}, "c9" * 28: {"state": "DEAD"}},
            "JOB": {JOB: {}, GONE_JOB: {"is_dead": True}},
            "ACTOR": {
                ALIVE: {"state": "ALIVE", "name": "a", "ray_namespace": "ns", "num_restarts": 1},
                LEASED: {"state": "DEPENDENCIES_UNREADY"},
                ORPHAN: {"state": "ALIVE"},
            },
            "ACTOR_TASK_SPEC": {ALIVE: {}, LEASED: {}, ORPHAN: {}},
            "PLACEMENT_GROUP": {
                CREATED: {"state": "CREATED"},
                REMOVED: {"state": "REMOVED"},
                WAITING: {"state": "RESCHEDULING"},
            },
            "KV": {FIELD: {"value": "00"}, b"another".hex(): {"value": "01"}},
        },
    }


def put(*path: Any) -> Callable[[World], None]:
    """Set what lies at ``path[:-2]`` under the key ``path[-2]`` to ``path[-1]``."""

    def change(of: World) -> None:
        *way, key, value = path
        for step in way:
            of = of[step]
        of[key] = value

    return change


def drop(*path: Any) -> Callable[[World], None]:
    def change(of: World) -> None:
        *way, key = path
        for step in way:
            of = of[step]
        del of[key]

    return change


FIRST, SECOND = ("books", NODES[0]), ("books", NODES[1])
ROWS = ("stored", "ACTOR", ALIVE)
