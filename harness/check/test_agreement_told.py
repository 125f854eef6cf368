"""What agreement says of a case: the words, the proof, the reasons of what it does not judge."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.check.agreement import agreement, complaints
from harness.check.quiet import (
    ALIVE,
    CREATED,
    FIRST,
    NODES,
    REMOVED,
    ROWS,
    SECOND,
    WORKER,
    drop,
    put,
    world,
)
from harness.check.ruling import Finding
from harness.check.tale import tale


def test_a_disagreement_is_told_in_full() -> None:
    bad = world()
    put(*SECOND, "workers", "d3" * 28, ALIVE)(bad)
    put(*FIRST, "available", {})(bad)
    put(*SECOND, "bundles", [f"{CREATED}:1", f"{CREATED}:9"])(bad)
    told = {one.signature: one.detail for one in complaints(**bad)}
    assert told == {
        "an ALIVE actor has two workers": f"actor {ALIVE} is ALIVE in worker {WORKER} on node {NODES[0]}; held by "
        f"worker {WORKER} on node {NODES[0]}, worker {'d3' * 28} on node {NODES[1]}",
        "a bundle of a CREATED group is held by another node than the GCS says": f"node {NODES[1]} holds bundle "
        f"{CREATED}:9; the GCS says none",
        "the GCS sees other resources free than the raylet has": f"CPU of node {NODES[0]}: sees 3, has 0",
    }


def test_what_the_gcs_does_not_see_free_is_told_too() -> None:
    bad = world()
    put("view", "available", {NODES[1]: {"CPU": 3.0}})(bad)
    (found,) = complaints(**bad)
    assert found.detail == f"CPU of node {NODES[0]}: sees 0, has 3"


def test_a_raylet_whose_stream_is_shut_hides_no_other() -> None:
    bad = world()
    put(*FIRST, "syncing", False)(bad)
    put(*SECOND, "available", {"CPU": 1.0})(bad)
    assert [one.detail for one in complaints(**bad)] == [f"CPU of node {NODES[1]}: sees 3, has 1"]


def test_a_book_without_a_state_is_of_a_raylet_that_is_connected() -> None:
    bad = world()
    drop(*FIRST, "state")(bad)
    drop(*FIRST, "workers", WORKER)(bad)
    assert [one.signature for one in complaints(**bad)] == ["an ALIVE actor has no worker"]


def test_a_raylet_that_waits_is_left_out() -> None:
    bad = world()
    put(*FIRST, "state", "waiting")(bad)
    drop(*FIRST, "workers", WORKER)(bad)
    assert complaints(**bad) == []


def test_the_first_bundle_beyond_a_group_is_told() -> None:
    bad = world()
    put(*SECOND, "bundles", [f"{CREATED}:1", f"{CREATED}:2"])(bad)
    assert [one.detail for one in complaints(**bad)] == [
        f"node {NODES[1]} holds bundle {CREATED}:2; the GCS says none"
    ]


def test_what_a_raylet_does_not_have_at_all_is_none() -> None:
    bad = world()
    put("view", "available", NODES[1], {"CPU": 3.0, "TPU": 1.0})(bad)
    assert [one.detail for one in complaints(**bad)] == [f"TPU of node {NODES[1]}: sees 1, has 0"]


def test_the_second_bundle_of_a_group_is_to_be_committed_too() -> None:
    told = tale().event("bundle", "prepared", {"group": CREATED, "index": 1}, NODES[1], at=1.0)
    (found,) = agreement(told.look("closing", **world(), at=5.0).story()).violations
    assert found.detail == f"bundle {CREATED}:1 on node {NODES[1]}"


def test_a_bundle_of_a_group_that_waits_is_told() -> None:
    bad = world()
    put("view", "groups", REMOVED, {"state": "PENDING", "nodes": []})(bad)
    put(*SECOND, "bundles", [f"{CREATED}:1", f"{REMOVED}:0"])(bad)
    assert "a bundle of a PENDING group is held" in {one.signature for one in complaints(**bad)}


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (tale(), "no GCS to look at in the end"),
        (tale().look("closing", quiet=False), "it had not come to rest"),
        (
            tale().event("store", "tampered").look("closing", quiet=True),
            "the store was altered behind the GCS's back",
        ),
        (
            tale().event("gcs", "started", {"life": 0}, "rival").look("closing", quiet=True),
            "two GCS wrote to one store",
        ),
    ],
)
def test_why_nothing_can_be_said_is_told(told: Any, why: str) -> None:
    ruling = agreement(told.story())
    assert (ruling.check, ruling.finding, ruling.reason) == ("agreement", Finding.UNKNOWN, why)


def test_the_looks_own_reason_comes_first() -> None:
    told = tale().look("closing", quiet=False)
    told.events[-1] = replace(told.events[-1], facts={**told.events[-1].facts, "why": "the GCS is dead"})
    assert agreement(told.story()).reason == "the GCS is dead"


def test_every_row_and_every_raylet_is_judged() -> None:
    ruling = agreement(tale().look("closing", **world()).story())
    assert (ruling.check, ruling.judged) == ("agreement", 4 + 2 + 4 + 3 + 1 + 3)


def test_the_store_of_the_closing_look_is_judged() -> None:
    bad = world()
    drop(*ROWS)(bad)
    ruling = agreement(tale().look("closing", **bad).story())
    assert (ruling.check, ruling.reason) == ("agreement", "an actor is not in the store")
    assert ruling.violations[0].detail == f"{ALIVE}, ALIVE to the GCS"


@pytest.mark.parametrize(
    ("kind", "what", "counts"),
    [
        ("worker", "started", True),
        ("bundle", "returned", True),
        ("raylet", "waiting", True),
        ("gcs", "resumed", True),
        ("store", "resumed", True),
        ("note", "something", False),
        ("return", "InternalKVPut", True),
        ("return", "InternalKVGet", False),
    ],
)
def test_what_moved_just_before_the_look(kind: str, what: str, counts: bool) -> None:
    bad = world()
    drop(*FIRST, "workers", WORKER)(bad)
    facts = {"group": CREATED, "index": 9, "call": "e0", "outcome": "ok"}
    who = "gcs" if kind == "gcs" else NODES[1]
    told = tale().event(kind, what, {**facts, "life": 0}, who, at=4.9).look("closing", **bad, at=5.0)
    ruling = agreement(told.story())
    assert ruling.finding is (Finding.UNKNOWN if counts else Finding.BROKEN)
    assert ruling.reason == (
        "things still moved when it was looked at" if counts else "an ALIVE actor has no worker"
    )
    assert ruling.check == "agreement"


def test_what_moves_after_the_look_was_taken_does_not_count() -> None:
    bad = world()
    drop(*FIRST, "workers", WORKER)(bad)
    told = tale().look("closing", **bad, at=5.0).event("cluster", "closing", at=5.1)
    told.event("worker", "exited", {"worker": WORKER, "pid": 1}, NODES[0], at=5.2).event("note", "later")
    assert agreement(told.story()).finding is Finding.BROKEN
    assert agreement(told.event("worker", "exited", {}, NODES[0], at=5.05).story()).finding is Finding.UNKNOWN


@pytest.mark.parametrize("order", ["RemovePlacementGroupBundles", "ReleaseUnusedBundles", "KillActor"])
def test_whatever_order_a_raylet_disobeys_it_is_left_out(order: str) -> None:
    bad = world()
    put(*SECOND, "bundles", [f"{CREATED}:1", f"{REMOVED}:0"])(bad)
    told = tale().event("order", order, {"script": "fail", "fields": {}}, who=NODES[1])
    assert agreement(told.look("closing", **bad).story()).finding is Finding.HELD


@pytest.mark.parametrize(
    ("script", "restarts", "finding"),
    [
        ("delay", True, Finding.HELD),
        ("stall", True, Finding.HELD),
        ("fail", True, Finding.BROKEN),
        ("", True, Finding.BROKEN),
        ("delay", False, Finding.BROKEN),
    ],
)
def test_a_bundle_that_was_prepared_late_for_a_dead_gcs_is_not_the_next_ones(
    script: str, restarts: bool, finding: Finding
) -> None:
    bad = world()
    put(*SECOND, "bundles", [f"{CREATED}:1", f"{REMOVED}:0"])(bad)
    told = tale().event("order", "PrepareBundleResources", {"script": script, "fields": {}}, who=NODES[1])
    told = told.restart() if restarts else told
    assert agreement(told.look("closing", **bad).story()).finding is finding


def test_what_proves_a_bundle_that_was_only_prepared() -> None:
    facts = {"group": CREATED, "index": 0}
    told = tale().event("bundle", "prepared", facts, NODES[0], at=1.0, id="prepared")
    (found,) = agreement(told.look("closing", **world(), at=5.0, id="end").story()).violations
    assert found.events == ("prepared", "end")
    assert found.detail == f"bundle {CREATED}:0 on node {NODES[0]}"
    unknown = tale().event("bundle", "prepared", {**facts, "group": "b7" * 18}, NODES[0], at=1.0)
    assert agreement(unknown.look("closing", **world(), at=5.0).story()).finding is Finding.HELD
