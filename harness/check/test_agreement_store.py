"""The part of agreement between a GCS and its store: what differs, and what rightly does."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.check.agreement import complaints
from harness.check.quiet import (
    ALIVE,
    DEAD,
    FIELD,
    GONE_JOB,
    NODES,
    ORPHAN,
    REMOVED,
    ROWS,
    World,
    actor,
    drop,
    put,
    world,
)

STORED = ("stored", "ACTOR")


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ([put(*ROWS, "name", "b")], f"actor {ALIVE}: 'ns/a', stored 'ns/b'"),
        ([drop(*ROWS, "ray_namespace")], f"actor {ALIVE}: 'ns/a', stored '/a'"),
        ([put(*ROWS, "num_restarts", 2)], f"actor {ALIVE}: 1, stored 2"),
        ([drop(*ROWS, "num_restarts")], f"actor {ALIVE}: 1, stored 0"),
        ([put(*ROWS, "state", "RESTARTING")], f"{ALIVE}: ALIVE to the GCS, stored as RESTARTING"),
        ([put(*STORED, "a7" * 16, {"state": "DEAD", "name": "n"})], ""),
        ([put(*STORED, DEAD, {"state": "DEAD", "name": "n"})], f"actor {DEAD}: '', stored '/n'"),
        ([put(*STORED, ORPHAN, {"state": "ALIVE", "is_detached": True})], f"{ORPHAN}: DEAD to the GCS, stored as ALIVE"),
        ([drop("stored", "JOB", GONE_JOB), drop("view", "jobs", GONE_JOB)], ""),
        ([drop("view", "nodes", NODES[1]), drop("books", NODES[1])], f"{NODES[1]}, stored as ALIVE"),
        ([put("stored", "KV", FIELD, "value", "01")], f"key {b'key'.hex()}: 00, stored 01"),
        ([drop("stored", "KV", FIELD)], f"key {b'key'.hex()}"),
        ([drop("view", "kv", b"key".hex())], f"key {b'key'.hex()}"),
        ([drop("view", "jobs", GONE_JOB)], ""),
        ([drop("stored", "PLACEMENT_GROUP", REMOVED)], ""),
        ([drop("view", "groups", REMOVED)], ""),
    ],
)  # fmt: skip
def test_what_the_store_has_otherwise_is_told(changes: list[Callable[[World], None]], detail: str) -> None:
    other = world()
    for change in changes:
        change(other)
    told = [one for one in complaints(**other) if "store" in one.signature]
    assert [one.detail for one in told] == [detail] * bool(detail)


def test_an_actor_that_cannot_be_loaded_hides_no_other() -> None:
    bad = world()
    bad["view"]["actors"] = {ORPHAN: actor("DEAD"), **bad["view"]["actors"]}
    put(*ROWS, "state", "RESTARTING")(bad)
    assert [one.signature for one in complaints(**bad)] == ["an actor has another state in the store"]
