"""What begins unasked, and a node that is given up for no reason, is told; what was asked for, or was lost, is not."""

from __future__ import annotations

import pytest

from harness.check.asked import (
    ACTOR,
    EARLY,
    GROUP,
    JOB,
    LEASE,
    NODE,
    OTHER,
    PUSH,
    ROOT,
    created,
    died,
    given_up,
    held,
    living,
    registered,
    spec,
)
from harness.check.ruling import Finding
from harness.check.tale import Tale, tale
from harness.check.unasked import NAME, unasked

GIVEN_UP, UNASKED = "a node is DEAD for no reason", "an actor was created though nobody had asked for that"
ENDED = "an actor is DEAD for no reason"
BROKEN = {
    "a node is given up": (given_up(living()), GIVEN_UP),
    "a node is given up long after a fault": (
        given_up(living().event("note", "nobody heard", {"method": "Check"}, NODE).event("note", "-", at=99.0)),
        GIVEN_UP,
    ),
    "a node is given up, as a client read": (
        living().call("GetAllNodeInfo", {}, {"node_info_list": [{"node_id": NODE, "state": "DEAD"}]}),
        GIVEN_UP,
    ),
    "a lease for an actor that was only registered": (
        registered().event("order", "RequestWorkerLease", LEASE, NODE),
        UNASKED,
    ),
    "a creation task of such a one": (registered().event("order", "PushTask", PUSH, NODE), UNASKED),
    "such a one is published as on its way": (
        registered().message("GCS_ACTOR_CHANNEL", ACTOR, {"state": "PENDING_CREATION"}),
        UNASKED,
    ),
    "such a one is seen as ALIVE": (
        registered().call("GetActorInfo", {}, {"actor_table_data": {"actor_id": ACTOR, "state": "ALIVE"}}),
        UNASKED,
    ),
    "such a one is stored as RESTARTING": (
        registered().write("ACTOR", ACTOR, {"state": "RESTARTING"}),
        UNASKED,
    ),
    "such a one is in a worker": (held(registered()), UNASKED),
    "the creation of another is asked for": (
        held(registered().call("CreateActor", spec(ROOT))),
        UNASKED,
    ),
    "its reconstruction is asked for only later": (
        held(registered()).call("RestartActorForLineageReconstruction", {"actor_id": ACTOR}),
        UNASKED,
    ),
    "before the store lost its rows": (
        registered().event("order", "RequestWorkerLease", LEASE, NODE).event("store", "lost"),
        UNASKED,
    ),
    "a node is given up, and then its raylet is killed": (
        given_up(living()).event("raylet", "killed", {}, NODE),
        GIVEN_UP,
    ),
    "a node is given up more than a minute after a fault": (
        living()
        .event("note", "nobody heard", {"method": "Check"}, NODE, at=10.0)
        .write("NODE", NODE, {"state": "DEAD"}, at=70.1),
        GIVEN_UP,
    ),
    "a node is called DEAD": (
        living().message("GCS_NODE_INFO_CHANNEL", NODE, {"state": "DEAD"}),
        GIVEN_UP,
    ),
    "it is asked for only later": (
        registered().event("order", "RequestWorkerLease", LEASE, NODE).call("CreateActor", spec()),
        UNASKED,
    ),
}  # fmt: skip
FINE = {
    "it lives": living(),
    "only registered": registered().write("ACTOR", ACTOR, {"state": "DEPENDENCIES_UNREADY"}),
    "its row was deleted": registered().write("ACTOR", ACTOR, None),
    "a strange worker": held(registered(), actor=""),
    "another thing in the store": registered().write("PLACEMENT_GROUP", GROUP, {"state": "PENDING"}),
    "asked for twice": held(created()).call("CreateActor", spec()),
    "its reconstruction is asked for twice": held(
        registered().call("RestartActorForLineageReconstruction", {"actor_id": ACTOR})
    ).call("RestartActorForLineageReconstruction", {"actor_id": ACTOR}),
    "its reconstruction was asked for before it was registered": held(
        tale()
        .call("RestartActorForLineageReconstruction", {"actor_id": ACTOR})
        .call("AddJob", {"data": {"job_id": JOB}})
        .call("RegisterActor", spec())
    ),
    "a reconstruction": died(registered().call("ReportActorOutOfScope", {"actor_id": ACTOR}))
    .call("RestartActorForLineageReconstruction", {"actor_id": ACTOR})
    .event("order", "RequestWorkerLease", LEASE, NODE),
    "it begins when the store has lost its rows": held(registered().event("store", "lost")),
    "it was there before the record": held(
        tale()
        .look("baseline", {}, stored={})
        .call("AddJob", {"data": {"job_id": JOB}})
        .call("RegisterActor", spec())
    ),
    "its node was killed": given_up(died(living().event("raylet", "killed", {}, NODE))),
    "a node that was cut off": given_up(living().event("raylet", "disconnected", {}, NODE)),
    "a node whose probes were lost": given_up(
        living().event("note", "nobody heard", {"method": "Check"}, NODE)
    ),
    "a node that was out of reach not long ago": living()
    .event("note", "nobody heard", {"method": "Check"}, NODE, at=10.0)
    .write("NODE", NODE, {"state": "DEAD"}, at=69.9),
    "a node whose raylet was killed at that moment": given_up(living()).event(
        "raylet", "killed", {}, NODE, at=11.6
    ),
    "a node that is none of ours": living()
    .event("raylet", "paused", {}, OTHER)
    .write("NODE", OTHER, {"state": "DEAD"}, at=99.0),
    "a node that says goodbye": given_up(living().call("UnregisterNode", {"node_id": NODE})),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_what_nobody_asked_for_is_told(name: str) -> None:
    told, signature = BROKEN[name]
    assert [one.signature for one in unasked(told.story()).violations] == [signature]


@pytest.mark.parametrize("name", FINE)
def test_what_has_a_reason_is_fine(name: str) -> None:
    ruling = unasked(FINE[name].story())
    assert ruling.violations == ()
    assert ruling.finding is Finding.HELD


def test_a_reader_has_seen_an_actor_begin_when_it_is_answered_and_not_when_it_asks() -> None:
    reading = registered().begin("GetAllActorInfo", {}, id="read")
    began = {"actor_table_data": [{"actor_id": ACTOR, "state": "PENDING_CREATION"}]}
    told = reading.call("CreateActor", spec()).end("read", began)
    assert not unasked(told.story()).violations
    told = registered().call("GetAllActorInfo", {}, began)
    assert [one.signature for one in unasked(told.story()).violations] == [UNASKED]


def test_of_two_gcs_neither_is_judged() -> None:
    assert unasked(died(living()).event("gcs", "started", {"life": 0}, "rival").story()).idle


def test_each_actor_and_each_node_is_judged() -> None:
    told = registered().call("RegisterActor", spec(ROOT)).call("RegisterActor", spec())
    told.write("NODE", NODE, {"state": "ALIVE"}).write("NODE", NODE, {"state": "ALIVE"})
    ruling = unasked(told.write("NODE", OTHER, {"state": "DEAD"}).story())
    assert (ruling.check, ruling.judged) == (NAME, 4)
    assert unasked(tale().story()).check == NAME


def test_what_was_seen_first_is_what_proves_it() -> None:
    def told(story: Tale) -> tuple[str, tuple[str, ...]]:
        [found] = unasked(story.story()).violations
        return found.detail, found.events

    def dies(story: Tale, *places: str) -> Tale:
        """It is seen as DEAD by each of these."""
        for place in places:
            if place == "stored":
                story.write("ACTOR", ACTOR, {"state": "DEAD"}, id="stored")
            elif place == "called":
                story.message("GCS_ACTOR_CHANNEL", ACTOR, {"state": "DEAD"})
            else:
                row = {"actor_id": ACTOR, "state": "DEAD"}
                story.call("GetActorInfo", {}, {"actor_table_data": row}, id="read")
        return story

    said = f"actor {ACTOR}: DEAD at 11.200000; nothing that it depends on had ended"
    asked = ("e7", "e7-end")
    assert told(dies(living(), "stored", "called", "read")) == (said, (*asked, "stored"))
    assert told(dies(living(), "called", "stored", "read")) == (said, (*asked, "e12"))
    assert told(dies(living(), "read", "stored", "called"))[1] == (*asked, "read-end")
    said = f"node {NODE}: DEAD at 11.200000; its raylet lived, and nothing stood in its way"
    assert told(given_up(living())) == (said, ("s3",))
    said = f"actor {ACTOR}: registered, and on its way at 5.000000 without any CreateActor"
    for name in ("such a one is published as on its way", "it is asked for only later"):
        assert told(BROKEN[name][0]) == (said, ("e6", "e6-end", "e8"))


def test_what_lives_hides_nothing_that_ends() -> None:
    def beside_another() -> Tale:
        told = tale().event("raylet", "joins", {}, EARLY).write("NODE", EARLY, {"state": "ALIVE"})
        return living(told.call("RegisterActor", spec(ROOT)).call("CheckAlive", spec(ROOT)))

    assert [one.signature for one in unasked(died(beside_another()).story()).violations] == [ENDED]
    assert [one.signature for one in unasked(given_up(beside_another()).story()).violations] == [GIVEN_UP]
