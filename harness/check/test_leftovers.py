"""What is left at rest although it had to end is told; what may stay as it is, is not."""

from __future__ import annotations

import pytest

from harness.check.leftovers import NAME, leftovers
from harness.check.rested import (
    ACTOR,
    FRESH,
    GROUP,
    GROUP_SPEC,
    HEAD,
    JOB,
    NODE,
    OTHER,
    SECOND,
    SPEC,
    YOUNG,
    actor,
    again,
    finished,
    group,
    grouped,
    heads,
    looked,
    registered,
    stored,
    two_heads,
)
from harness.check.ruling import Finding
from harness.check.tale import tale

OWNED, KEPT = "an owned actor of a finished job lives on", "a group of a finished job is kept"
TWO = "two head nodes are ALIVE"
BROKEN = {
    "an actor of a finished job": (
        looked(finished(registered()), **actor("ALIVE")),
        OWNED,
    ),
    "one that was loaded again": (
        looked(finished(registered()).restart(), **actor("ALIVE")),
        "an owned actor of a finished job was loaded again",
    ),
    "a group of a finished job": (
        looked(finished(grouped()), **group("CREATED")),
        KEPT,
    ),
    "two heads": (looked(two_heads(), **heads()), TWO),
    "an actor whose job ended long enough ago": (
        looked(registered().write("JOB", JOB, {"is_dead": True}, took=0.5, at=3.0), 2.5, **actor("ALIVE")),
        OWNED,
    ),
    "an actor, though a write was never answered": (
        looked(finished(registered().write("JOB", YOUNG, {"is_dead": True}, took=None)), **actor("ALIVE")),
        OWNED,
    ),
    "a group that was stored before its job ended": (
        looked(finished(stored(grouped(), "CREATED")), **group("CREATED")),
        KEPT,
    ),
}  # fmt: skip
FINE = {
    "an actor that ended with its job": looked(finished(registered()), **actor("DEAD")),
    "a detached actor": looked(finished(registered()), **actor("ALIVE", detached=True)),
    "a detached actor's child": looked(finished(registered(root_detached_actor_id="a9" * 16)), **actor("ALIVE")),
    "an actor whose job ended just now": looked(finished(registered()), 1.0, **actor("ALIVE")),
    "a removed group": looked(finished(grouped()), **group("REMOVED")),
    "a detached group": looked(finished(grouped(is_detached=True)), **group("CREATED")),
    "an old head that is DEAD": looked(two_heads(), **heads("DEAD")),
    "two that registered at once": looked(two_heads(at_once=True), **heads()),
    "no rest": finished(registered()).look("closing", actor("ALIVE"), quiet=False, at=99.0),
    "an actor whose job the store calls finished, and nobody else": looked(
        finished(registered()), jobs={JOB: {"dead": False}}, **actor("ALIVE")
    ),
    "an actor whose job is finished for everybody but the store": looked(registered(), **actor("ALIVE")),
    "an actor whose job is stored as finished after the look": finished(looked(registered(), **actor("ALIVE"))),
    "a group of a job that goes on": looked(grouped(), **group("CREATED")),
    "a group whose job ended just now": looked(finished(grouped()), 1.0, **group("CREATED")),
    "a group that was stored just now": looked(
        stored(finished(grouped()), "CREATED", at=60.0), 1.0, **group("CREATED")
    ),
    "a group whose creator lives": looked(finished(grouped(creator_actor_dead=False)), **group("CREATED")),
    "two heads of which one registered just now": looked(two_heads(), 1.0, **heads()),
    "one head that registers twice": looked(again(), **heads()),
    "two that are no heads": looked(
        two_heads(), nodes={NODE: {"state": "ALIVE"}, HEAD: {"state": "ALIVE", "head": True}}
    ),
    "a second head that never got an answer": looked(
        tale()
        .call("RegisterNode", {"node_info": {"node_id": NODE}})
        .begin("RegisterNode", {"node_info": {"node_id": HEAD}}),
        **heads(),
    ),
    "two that did not register": looked(
        tale()
        .call("CheckAlive", {"node_info": {"node_id": NODE}})
        .call("CheckAlive", {"node_info": {"node_id": HEAD}}),
        **heads(),
    ),
    "a fault that lasts": looked(
        finished(registered()).event("fault", "a slow link", {"phase": "inject"}), **actor("ALIVE")
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_left_over_is_told(name: str) -> None:
    told, signature = BROKEN[name]
    assert [one.signature for one in leftovers(told.story()).violations] == [signature]


@pytest.mark.parametrize("name", FINE)
def test_what_may_stay_is_fine(name: str) -> None:
    assert leftovers(FINE[name].story()).violations == ()


JUDGED = {
    "an actor": (FINE["an actor that ended with its job"], 1),
    "an actor that registers twice": (
        looked(finished(registered().call("RegisterActor", {"task_spec": SPEC})), **actor("DEAD")),
        2,
    ),
    "a group": (FINE["a removed group"], 1),
    "a group that is created twice": (
        looked(
            finished(grouped().call("CreatePlacementGroup", {"placement_group_spec": GROUP_SPEC})),
            **group("REMOVED"),
        ),
        2,
    ),
    "a head": (FINE["an old head that is DEAD"], 1),
    "no head": (looked(two_heads()), 0),
}  # fmt: skip


@pytest.mark.parametrize("name", JUDGED)
def test_each_thing_is_judged(name: str) -> None:
    told, judged = JUDGED[name]
    assert leftovers(told.story()).judged == judged


def test_what_is_judged_is_held() -> None:
    ruling = leftovers(FINE["an actor that ended with its job"].story())
    assert (ruling.check, ruling.finding) == (NAME, Finding.HELD)


def test_without_a_ledger_or_rest_nothing_is_judged() -> None:
    for told in (FINE["no rest"], looked(tale(ledger=False).call("RegisterActor", {"task_spec": SPEC}))):
        ruling = leftovers(told.story())
        assert ruling.idle
        assert ruling.check == NAME


def test_what_proves_it_is_told() -> None:
    def told(name: str) -> tuple[str, tuple[str, ...]]:
        [found] = leftovers(BROKEN[name][0].story()).violations
        return found.detail, found.events

    said = f"actor {ACTOR} is ALIVE; job {JOB} was finished at 3.100000"
    assert told("an actor of a finished job") == (said, ("e4", "e4-end", "e6"))
    said = f"group {GROUP} is CREATED; job {JOB} was finished at 3.100000"
    assert told("a group of a finished job") == (said, ("e4", "e4-end", "e6"))
    said = f"nodes {NODE} and, later, {HEAD}"
    assert told("two heads") == (said, ("first", "first-end", "second", "second-end", "e8"))


def test_what_else_there_is_hides_nothing_that_is_left() -> None:
    young = {"actor_creation_task_spec": {"actor_id": SECOND}}
    told = tale().call("CheckAlive", {"task_spec": SPEC}).call("RegisterActor", {"task_spec": {}})
    told.call("RegisterActor", {"task_spec": young}).call("RegisterActor", {"task_spec": SPEC}, id="left")
    seen = {one: {"state": "ALIVE", "detached": False} for one in (SECOND, ACTOR)}
    [found] = leftovers(looked(finished(told), actors=seen).story()).violations
    assert found.events[0] == "left"

    told = tale().call("CheckAlive", {"placement_group_spec": GROUP_SPEC})
    for spec in (
        {},
        {"placement_group_id": OTHER, "creator_job_id": YOUNG, "creator_actor_dead": True},
        {"placement_group_id": FRESH, "creator_job_id": JOB, "creator_actor_dead": True},
        {"placement_group_id": GROUP, "creator_job_id": JOB},
    ):
        told.call("CreatePlacementGroup", {"placement_group_spec": spec})
    told.call("CreatePlacementGroup", {"placement_group_spec": GROUP_SPEC}, id="left")
    told = finished(told).write("PLACEMENT_GROUP", FRESH, {"state": "RESCHEDULING"}, at=60.0)
    seen = {one: {"state": "CREATED", "nodes": []} for one in (OTHER, FRESH, GROUP)}
    [found] = leftovers(looked(told, 1.0, groups=seen).story()).violations
    assert found.events[0] == "left"
