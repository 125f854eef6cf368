"""What is left at rest although it had to end, or could go on, is told; and calls that wait for what is there already."""

from __future__ import annotations

from typing import Any

import pytest

from harness.check.answered import answered
from harness.check.leftovers import leftovers
from harness.check.ruling import Finding
from harness.check.tale import Tale, tale

JOB = "01000000"
ACTOR, GROUP = "a1" * 12 + JOB, "b1" * 14 + JOB
NODE, HEAD = "0a" * 28, "0b" * 28
Row = dict[str, Any]
BOOK = {"state": "connected", "available": {"CPU": 2.0}}
SPEC = {"job_id": JOB, "actor_creation_task_spec": {"actor_id": ACTOR}, "required_resources": {"CPU": 1.0}}
BUNDLE = {"unit_resources": {"CPU": 1.0}}


def registered(**more: Any) -> Tale:
    return tale().call("RegisterActor", {"task_spec": {**SPEC, **more}})


def grouped(**more: Any) -> Tale:
    spec = {"placement_group_id": GROUP, "creator_job_id": JOB, "creator_actor_dead": True, **more}
    return tale().call("CreatePlacementGroup", {"placement_group_spec": spec})


def finished(told: Tale) -> Tale:
    return told.write("JOB", JOB, {"is_dead": True})


def stored(told: Tale, state: str) -> Tale:
    return told.write("PLACEMENT_GROUP", GROUP, {"state": state, "bundles": [BUNDLE]})


def looked(told: Tale, after: float = 60.0, **view: Any) -> Tale:
    base: Row = {
        "jobs": {JOB: {"dead": True}},
        "nodes": {NODE: {"state": "ALIVE"}},
        "available": {NODE: {"CPU": 2.0}},
    }
    return told.look("closing", {**base, **view}, books={NODE: BOOK}, at=told.now + after)


def actor(state: str, **more: Any) -> Row:
    return {"actors": {ACTOR: {"state": state, "detached": False, **more}}}


def group(state: str) -> Row:
    return {"groups": {GROUP: {"state": state, "nodes": [NODE]}}}


def heads(first: str = "ALIVE") -> Row:
    return {"nodes": {NODE: {"state": first, "head": True}, HEAD: {"state": "ALIVE", "head": True}}}


def two_heads(at_once: bool = False) -> Tale:
    first, second = ({"node_info": {"node_id": one, "is_head_node": True}} for one in (NODE, HEAD))
    told = tale().begin("RegisterNode", first, "first", NODE)
    if not at_once:
        told.end("first")
    told.call("RegisterNode", second, id="second", client=HEAD)
    return told.end("first") if at_once else told


def restarting() -> Tale:
    return registered().write("ACTOR", ACTOR, {"state": "RESTARTING"}).restart()


LEASE = {"fields": {"lease_spec": {"actor_id": ACTOR}}}
BROKEN = {
    "an actor of a finished job": (
        looked(finished(registered()), **actor("ALIVE")),
        "an owned actor of a finished job lives on",
    ),
    "one that was loaded again": (
        looked(finished(registered()).restart(), **actor("ALIVE")),
        "an owned actor of a finished job was loaded again",
    ),
    "a group of a finished job": (
        looked(finished(grouped()), **group("CREATED")),
        "a group of a finished job is kept",
    ),
    "a PREPARED group": (looked(stored(tale(), "PREPARED"), **group("PREPARED")), "a group is PREPARED for ever"),
    "a PENDING group": (looked(stored(tale(), "PENDING"), **group("PENDING")), "a group is PENDING for ever"),
    "a RESTARTING actor": (looked(restarting(), **actor("RESTARTING")), "an actor is RESTARTING for ever"),
    "two heads": (looked(two_heads(), **heads()), "two head nodes are ALIVE"),
}  # fmt: skip
FINE = {
    "an actor that ended with its job": looked(finished(registered()), **actor("DEAD")),
    "a detached actor": looked(finished(registered()), **actor("ALIVE", detached=True)),
    "a detached actor's child": looked(finished(registered(root_detached_actor_id="a9" * 16)), **actor("ALIVE")),
    "an actor whose job ended just now": looked(finished(registered()), 1.0, **actor("ALIVE")),
    "a removed group": looked(finished(grouped()), **group("REMOVED")),
    "a detached group": looked(finished(grouped(is_detached=True)), **group("CREATED")),
    "a group PREPARED just now": looked(stored(tale(), "PREPARED"), 1.0, **group("PREPARED")),
    "a group that has no room": looked(
        stored(tale(), "PENDING"), **group("PENDING"), available={NODE: {"CPU": 0.5}}
    ),
    "a group PENDING not so long": looked(stored(tale(), "PENDING"), 9.0, **group("PENDING")),
    "an actor that waits at a raylet": looked(
        restarting().event("order", "RequestWorkerLease", LEASE, NODE), **actor("RESTARTING")
    ),
    "a node that is ALIVE and gone": looked(
        restarting(), **actor("RESTARTING"), nodes={NODE: {"state": "ALIVE"}, HEAD: {"state": "ALIVE"}}
    ),
    "an old head that is DEAD": looked(two_heads(), **heads("DEAD")),
    "two that registered at once": looked(two_heads(at_once=True), **heads()),
    "no rest": finished(registered()).look("closing", actor("ALIVE"), quiet=False, at=99.0),
    "a fault that lasts": looked(
        finished(registered()).event("fault", "a slow link", {"phase": "inject"}), **actor("ALIVE")
    ),
}  # fmt: skip


SWEPT = {"seq": 1, "outcome": "received", "script": "delay"}


def test_a_node_that_has_not_answered_its_sweep_is_no_room() -> None:
    told = tale().event("order", "ReleaseUnusedBundles", SWEPT, NODE)
    assert not leftovers(looked(stored(told, "PENDING"), **group("PENDING")).story()).violations
    told = tale().event("order", "ReleaseUnusedBundles", SWEPT, NODE)
    told = told.event("order", "ReleaseUnusedBundles", {"seq": 1, "outcome": "answered"}, NODE)
    [found] = leftovers(looked(stored(told, "PENDING"), **group("PENDING")).story()).violations
    assert found.signature == "a group is PENDING for ever"


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_left_over_is_told(name: str) -> None:
    told, signature = BROKEN[name]
    assert [one.signature for one in leftovers(told.story()).violations] == [signature]


@pytest.mark.parametrize("name", FINE)
def test_what_may_stay_is_fine(name: str) -> None:
    assert leftovers(FINE[name].story()).violations == ()


def test_what_is_judged_is_held() -> None:
    assert leftovers(FINE["an actor that ended with its job"].story()).finding is Finding.HELD


# --- calls that wait -------------------------------------------------------------------------------

WAIT = ("WaitPlacementGroupUntilReady", {"placement_group_id": GROUP})
CREATE = ("CreateActor", {"task_spec": SPEC})
POLL = ("GcsSubscriberPoll", {"subscriber_id": "5a"})
WAITING = {
    "for a CREATED group": looked(tale().begin(*WAIT), **group("CREATED")),
    "for a REMOVED group": looked(tale().begin(*WAIT), **group("REMOVED")),
    "for an ALIVE actor": looked(tale().begin(*CREATE), **actor("ALIVE")),
    "for an actor of which nothing is begun": looked(tale().begin(*CREATE), **actor("DEPENDENCIES_UNREADY")),
    "in a poll that was overtaken": looked(tale().begin(*POLL).begin(*POLL)),
}
RIGHTLY = {
    "for a PENDING group": looked(tale().begin(*WAIT), **group("PENDING")),
    "for a group CREATED just now": looked(tale().begin(*WAIT), 1.0, **group("CREATED")),
    "for an actor being created": looked(tale().begin(*CREATE), **actor("PENDING_CREATION")),
    "in its only poll": looked(tale().begin(*POLL)),
    "in a poll after one that was answered": looked(tale().call(*POLL).begin(*POLL)),
    "in the polls of two": looked(tale().begin(*POLL).begin(*POLL, client="driver-1")),
    "since a life before": looked(tale().begin(*WAIT).restart(), **group("CREATED")),
}


@pytest.mark.parametrize("name", WAITING)
def test_a_call_that_waits_in_vain_is_told(name: str) -> None:
    assert len(answered(WAITING[name].story()).violations) == 1


@pytest.mark.parametrize("name", RIGHTLY)
def test_a_call_may_wait_for_what_is_to_come(name: str) -> None:
    assert answered(RIGHTLY[name].story()).violations == ()
