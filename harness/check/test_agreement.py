"""Agreement: a quiet cluster of one mind is accepted, and each way to disagree is told."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest

from harness.check.agreement import agreement, complaints
from harness.check.quiet import (
    ALIVE,
    BARE,
    CREATED,
    DEAD,
    FIELD,
    FIRST,
    JOB,
    LEASED,
    LOST,
    NODES,
    ORPHAN,
    REMOVED,
    ROWS,
    SECOND,
    WAITING,
    WORKER,
    World,
    book,
    drop,
    put,
    world,
)
from harness.check.ruling import Finding
from harness.check.tale import tale


def test_a_quiet_cluster_of_one_mind_is_accepted() -> None:
    assert complaints(**world()) == []
    assert complaints(**{**world(), "stored": None}) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            put("stored", "ACTOR", ALIVE, "death_cause", {"creation_task_failure_context": {"language": 0}}),
            "what an actor's constructor raised is lost",
        ),
        (drop(*FIRST, "workers", WORKER), "an ALIVE actor has no worker"),
        (put(*SECOND, "workers", "d3" * 28, ALIVE), "an ALIVE actor has two workers"),
        (put("view", "actors", ALIVE, "worker", "d4" * 28), "an ALIVE actor is not where the GCS says"),
        (put("view", "actors", ALIVE, "node", LOST), "an ALIVE actor is on a node that is DEAD"),
        (put(*SECOND, "workers", "d3" * 28, DEAD), "a worker holds an actor that is DEAD"),
        (put(*SECOND, "workers", "d3" * 28, "a9" * 16), "a worker holds an actor that the GCS does not know"),
        (put(*SECOND, "bundles", []), "a bundle of a CREATED group is not held"),
        (put(*FIRST, "bundles", [f"{CREATED}:0"]), "a bundle of a RESCHEDULING group is not held"),
        (
            put(*SECOND, "bundles", [f"{CREATED}:1", f"{REMOVED}:0"]),
            "a bundle of a REMOVED group is held",
        ),
        (
            put(*SECOND, "bundles", [f"{CREATED}:1", f"{'b9' * 18}:0"]),
            "a bundle of a group that the GCS does not know is held",
        ),
        (
            put(*SECOND, "bundles", [f"{CREATED}:0", f"{CREATED}:1"]),
            "a bundle of a CREATED group is held by another node than the GCS says",
        ),
        (
            put("view", "groups", CREATED, "nodes", [*NODES, LOST]),
            "a CREATED group has a bundle on a node that is DEAD",
        ),
        (
            put(*FIRST, "available", {"CPU": 2.0}),
            "the GCS sees other resources free than the raylet has",
        ),
        (put(*ROWS, "state", "RESTARTING"), "an actor has another state in the store"),
        (put(*ROWS, "name", "b"), "an actor has another name in the store"),
        (put(*ROWS, "num_restarts", 2), "an actor has another number of restarts in the store"),
        (drop(*ROWS), "an actor is not in the store"),
        (drop("view", "actors", LEASED), "the GCS does not know an actor of the store"),
        (put("stored", "JOB", JOB, {"is_dead": True}), "a job has another state in the store"),
        (drop("stored", "JOB", JOB), "a job is not in the store"),
        (put("stored", "NODE", NODES[0], {"state": "DEAD"}), "a node has another state in the store"),
        (put("stored", "NODE", "c8" * 28, {"state": "ALIVE"}), "the GCS does not know a node of the store"),
        (
            put("stored", "PLACEMENT_GROUP", CREATED, "state", "PREPARED"),
            "a group has another state in the store",
        ),
        (put("stored", "KV", FIELD, "value", "01"), "a key has another value in the store"),
        (drop("stored", "KV", FIELD), "a key is not in the store"),
        (drop("view", "kv", b"key".hex()), "the GCS does not know a key of the store"),
    ],
)
def test_each_way_to_disagree_is_told(change: Callable[[World], None], said: str) -> None:
    broken = copy.deepcopy(world())
    change(broken)
    found = complaints(**broken)
    assert said in {one.signature for one in found}
    assert all(one.detail for one in found)


@pytest.mark.parametrize(
    "change",
    [
        put(*FIRST, "state", "gone"),
        put("books", NODES[1], book(bundles=[f"{CREATED}:1"], available={"CPU": 9.0}, syncing=False)),
        drop("books", NODES[0]),
        put("view", "actors", LEASED, "state", "DEPENDENCIES_UNREADY"),
        put("stored", "ACTOR", DEAD, {"state": "DEAD"}),
        drop("stored", "ACTOR_TASK_SPEC", ORPHAN),
        drop("view", "actors", ORPHAN),
        drop("view", "available"),
        put(*SECOND, "bundles", [f"{CREATED}:1", f"{WAITING}:1"]),
    ],
)
def test_what_may_rightly_be_so_is_no_complaint(change: Callable[[World], None]) -> None:
    other = world()
    change(other)
    assert complaints(**other) == []


def test_the_closing_look_of_a_quiet_case_is_judged() -> None:
    good, bad = world(), world()
    drop(*FIRST, "workers", WORKER)(bad)
    assert agreement(tale().look("closing", **good).story()).finding is Finding.HELD
    ruling = agreement(tale().look("closing", **bad, id="end").story())
    assert ruling.finding is Finding.BROKEN
    assert ruling.violations[0].events == ("end",)


def test_without_rest_or_with_another_hand_in_the_store_nothing_is_judged() -> None:
    bad = world()
    drop(*FIRST, "workers", WORKER)(bad)
    for story in (
        tale().story(),
        tale().look("closing", **bad, quiet=False).story(),
        tale().event("store", "tampered").look("closing", **bad).story(),
        tale().event("gcs", "started", {"life": 0}, who="rival").look("closing", **bad).story(),
    ):
        assert agreement(story).idle


def test_a_raylet_that_a_scenario_had_disobey_is_left_out() -> None:
    bad = world()
    put(*SECOND, "workers", "d3" * 28, DEAD)(bad)
    told = {"script": "mute", "fields": {}}
    story = tale().event("order", "KillLocalActor", told, who=NODES[1]).look("closing", **bad).story()
    assert agreement(story).finding is Finding.HELD
    told["script"] = "hold"
    story = tale().event("order", "KillLocalActor", told, who=NODES[1]).look("closing", **bad).story()
    assert agreement(story).finding is Finding.BROKEN


def test_a_raylet_at_whose_port_another_node_was_registered_is_left_out() -> None:
    shared = world()
    drop(*FIRST, "workers", WORKER)(shared)
    for node in (NODES[0], BARE):
        shared["view"]["nodes"][node] |= {"address": "127.7.0.1", "port": 7}
    assert complaints(**shared) == []
    shared["view"]["nodes"][BARE]["port"] = 8
    assert [one.signature for one in complaints(**shared)] == ["an ALIVE actor has no worker"]


def test_a_disagreement_while_things_move_proves_nothing() -> None:
    bad = world()
    drop(*FIRST, "workers", WORKER)(bad)
    gone = {"worker": WORKER, "actor": ALIVE, "pid": 1}
    busy = tale().event("worker", "exited", gone, NODES[0], at=4.9).look("closing", **bad, at=5.0)
    assert agreement(busy.story()).finding is Finding.UNKNOWN
    calm = tale().event("worker", "exited", gone, NODES[0], at=4.0).look("closing", **bad, at=5.0)
    assert agreement(calm.story()).finding is Finding.BROKEN


def test_a_bundle_of_a_created_group_that_was_only_prepared_is_told() -> None:
    facts = {"group": CREATED, "index": 0}
    look = {key: world()[key] for key in ("view", "books", "stored")}
    prepared = tale().event("bundle", "prepared", facts, NODES[0], at=1.0)
    ruling = agreement(prepared.look("closing", **look, at=5.0).story())
    assert [one.signature for one in ruling.violations] == ["a bundle of a CREATED group is not committed"]
    committed = tale().event("bundle", "prepared", facts, NODES[0], at=1.0)
    committed.event("bundle", "committed", facts, NODES[0], at=2.0)
    assert agreement(committed.look("closing", **look, at=5.0).story()).finding is Finding.HELD
    elsewhere = tale().event("bundle", "prepared", {**facts, "group": WAITING}, NODES[0], at=1.0)
    assert agreement(elsewhere.look("closing", **look, at=5.0).story()).finding is Finding.HELD
