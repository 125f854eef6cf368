"""Requests without an answer, and what they assume."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.check.answered import answered
from harness.check.assumptions import assumptions
from harness.check.ruling import Finding
from harness.check.tale import Tale, tale


def waiting(
    told: Tale, method: str = "AddJob", deadline: float | None = 5.0, at: float = 10.0, **facts: Any
) -> Tale:
    """A call that is sent at ``at``."""
    told.call("CheckAlive", {}) if not any(one.kind == "call" for one in told.events) else None
    return told.event("call", method, {"request": {}, "deadline": deadline, **facts}, "driver-0", at, "lost")


def in_vain(told: Tale, until: float = 15.0, grpc: str = "DEADLINE_EXCEEDED") -> Tale:
    facts = {"call": "lost", "outcome": "unknown", "grpc": grpc, "code": 0, "said": "", "reply": None}
    return told.event("return", "AddJob", facts, "driver-0", until)


BROKEN = {
    "a deadline": in_vain(waiting(tale())),
    "no deadline": waiting(tale(), deadline=None).event("note", "later", at=30.0),
}
FINE = {
    "a short deadline": in_vain(waiting(tale(), deadline=0.5), until=10.5),
    "one that waits for a lease": waiting(tale(), "CreateActor", None).event("note", "later", at=30.0),
    "a poll": waiting(tale(), "GcsSubscriberPoll", None).event("note", "later", at=30.0),
    "the end of the case": waiting(tale(), deadline=None).event("note", "later", at=12.0),
    "a killed GCS": in_vain(waiting(tale()).restart(at=12.0), until=16.0),
    "a GCS found dead": in_vain(waiting(tale())).event(
        "gcs", "ended", {"life": 0, "exit": 1}, "gcs", at=30.0
    ),
    "a paused GCS": in_vain(waiting(tale().event("gcs", "paused", {"life": 0}, "gcs", at=9.0))),
    "a paused store": in_vain(waiting(tale().event("store", "paused", at=9.0))),
    "a fault": in_vain(waiting(tale().event("fault", "a slow link", {"phase": "inject"}, at=9.0))),
    "a store that never answered": in_vain(waiting(tale()).write("KV", "k", "v", took=None, at=11.0)),
    "a client that never got through": in_vain(
        tale().event("call", "AddJob", {"request": {}, "deadline": 5.0}, "driver-0", 10.0, "lost")
    ),
    "unavailable": in_vain(waiting(tale()), grpc="UNAVAILABLE"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_request_that_a_serving_gcs_forgot_is_told(name: str) -> None:
    ruling = answered(BROKEN[name].story())
    assert [one.signature for one in ruling.violations] == ["AddJob was not answered"]
    assert ruling.violations[0].events[0] == "lost"


@pytest.mark.parametrize("name", FINE)
def test_a_wait_that_something_explains_is_accepted(name: str) -> None:
    assert answered(FINE[name].story()).finding is not Finding.BROKEN


def test_a_struck_rule_explains_a_wait() -> None:
    told = in_vain(waiting(tale()).write("KV", "k", "v", at=11.0))
    told.ledger[0] = replace(told.ledger[0], rule="Stall")
    assert answered(told.story()).finding is Finding.HELD


def fault(name: str, deed: tuple[str, str] | None = None) -> Tale:
    told = tale().event("fault", name, {"phase": "inject"})
    if deed is not None:
        told.event(*deed, {"life": 0}, "gcs")
    return told.event("fault", name, {"phase": "healed"})


def lived_before() -> Tale:
    """A cluster in its fourth life when the case begins."""
    told = tale()
    told.events = [
        replace(one, facts={**one.facts, "life": 3}) if one.kind == "gcs" else one for one in told.events
    ]
    return told


def crashed(told: Tale, life: int = 0) -> Tale:
    """It ends by itself, and comes back."""
    told.event("gcs", "ended", {"life": life, "exit": 1}, "gcs").event(
        "gcs", "started", {"life": life + 1, "pid": 9}, "gcs"
    )
    return told.event("gcs", "serving", {"life": life + 1}, "gcs")


UNKNOWN = {
    "hit nothing": fault("kill -9 of the GCS"),
    "cut off» hit nothing": fault("the GCS is cut off", ("gcs", "serving")),
    "nobody knows what shows": fault("the moon is full"),
    "was never reached": tale().event("note", "rule", {"struck": False}),
    "nothing was asked": tale().call("CheckAlive").restart(),
    "nothing was asked of the GCS": crashed(tale().call("CheckAlive").restart(), life=1),
    "had lived before": lived_before(),
}
HELD = {
    "it hit": fault("kill -9 of the GCS", ("gcs", "killed")),
    "it cut it off": fault("the GCS is cut off", ("gcs", "disconnected")),
    "it struck": tale().event("note", "rule", {"struck": True}),
    "traffic": tale().restart().call("CheckAlive"),
    "no calls at all": tale().restart(),
    "a GCS that ends by itself": crashed(tale().call("CheckAlive")),
    "a GCS that ends by itself after it was asked": crashed(tale().restart().call("CheckAlive"), life=1),
    "a baseline": lived_before().look("baseline"),
    "clients that overlap": tale().begin("AddJob", id="a").begin("AddJob", id="b").end("a").end("b"),
}


@pytest.mark.parametrize("why", UNKNOWN)
def test_a_case_that_shows_nothing_is_inconclusive_never_broken(why: str) -> None:
    ruling = assumptions(UNKNOWN[why].story())
    assert ruling.finding is Finding.UNKNOWN
    assert not ruling.idle
    assert why in ruling.reason


@pytest.mark.parametrize("name", HELD)
def test_a_case_that_shows_something_is_held(name: str) -> None:
    assert assumptions(HELD[name].story()).finding is Finding.HELD


def in_time(told: Tale, at: float = 40.0) -> Tale:
    return told.call("CheckAlive", at=at)


@pytest.mark.parametrize(
    ("method", "request_", "judged"),
    [
        ("GetAllJobInfo", {}, 0),
        ("GetAllJobInfo", {"skip_is_running_tasks_field": True}, 1),
        ("GetAllActorInfo", {}, 1),
        ("DrainNode", {}, 0),
        ("GcsSubscriberPoll", {}, 0),
    ],
)
def test_what_a_gcs_has_to_answer_by_itself(method: str, request_: dict[str, Any], judged: int) -> None:
    told = tale().call("CheckAlive").begin(method, request_, at=5.0).event("note", "much later", at=60.0)
    ruling = answered(told.story())
    assert ruling.judged == judged + 1
    assert [one.signature for one in ruling.violations] == [f"{method} was not answered"] * judged


def hung(told: Tale, end: float = 60.0, **more: Any) -> Tale:
    """A call in vain from 20 on, after one that was answered."""
    return told.call("CheckAlive", at=2.0).begin("AddJob", id="hung", at=20.0).event("note", "later", at=end)


def test_how_long_it_waited_is_told() -> None:
    (found,) = answered(hung(tale()).story()).violations
    assert found.detail == "driver-0 waited 10.0 s while life 0 of the gcs served"
    assert found.events == ("hung",)
    assert answered(hung(tale(), end=29.0).story()).finding is Finding.HELD


def test_a_deadline_of_the_caller_may_be_later() -> None:
    told = hung(tale(), end=45.0)
    told.events[-2] = replace(told.events[-2], facts={"request": {}, "deadline": 30.0})
    assert answered(told.story()).finding is Finding.HELD
    assert answered(told.event("note", "later still", at=60.0).story()).finding is Finding.BROKEN


EXPLAINED: dict[str, tuple[str, str, dict[str, Any], str, float]] = {
    "a fault until its end": ("fault", "the moon is full", {"phase": "inject"}, "harness", 15.0),
    "a paused GCS": ("gcs", "paused", {"life": 0}, "gcs", 15.0),
    "a lost store": ("store", "lost", {}, "harness", 15.0),
    "a wiped store": ("store", "wiped", {}, "harness", 15.0),
    "a killed store": ("store", "killed", {}, "harness", 15.0),
    "a tampered store": ("store", "tampered", {}, "harness", 15.0),
    "a raylet that was told to deviate": ("order", "PushTask", {"script": "hold"}, "0a" * 28, 15.0),
}


@pytest.mark.parametrize("name", EXPLAINED)
def test_what_explains_a_wait_until_it_is_undone(name: str) -> None:
    kind, what, facts, who, at = EXPLAINED[name]
    assert answered(hung(tale().event(kind, what, facts, who, at=at)).story()).finding is Finding.HELD
    later = tale().event(kind, what, facts, who, at=50.0)
    assert answered(hung(later).story()).finding is Finding.BROKEN
    if kind in ("gcs", "store"):
        for undone in ("resumed", "restarted", "serving"):
            over = tale().event(kind, what, facts, who, at=15.0).event(kind, undone, facts, who, at=16.0)
            if kind == "store":
                assert answered(hung(over).story()).finding is Finding.BROKEN, undone
    if kind == "fault":
        over = (
            tale().event(kind, what, facts, who, at=15.0).event(kind, what, {"phase": "healed"}, who, at=16.0)
        )
        assert answered(hung(over).story()).finding is Finding.BROKEN


def test_a_raylet_that_obeys_explains_nothing() -> None:
    told = tale().event("order", "PushTask", {"script": ""}, "0a" * 28, at=15.0)
    assert answered(hung(told).story()).finding is Finding.BROKEN


@pytest.mark.parametrize(
    ("at", "took", "finding"),
    [
        (19.5, 0.1, "broken"),
        (19.5, 3.0, "held"),
        (18.0, 1.5, "broken"),
        (25.0, None, "held"),
        (31.5, 2.0, "broken"),
    ],
)
def test_a_slow_store_explains_a_wait(at: float, took: float | None, finding: str) -> None:
    told = hung(tale().write("KV", "k", "v", took=took, at=at))
    assert answered(told.story()).finding.value == finding


def test_a_client_that_this_life_never_answered_may_have_lost_its_way() -> None:
    told = (
        tale().begin("AddJob", at=20.0).call("CheckAlive", client="driver-1").event("note", "later", at=60.0)
    )
    assert answered(told.story()).finding is Finding.HELD


def test_a_life_that_ended_or_began_meanwhile_is_not_to_blame() -> None:
    ended = tale().call("CheckAlive").begin("AddJob", at=20.0).restart(at=25.0)
    assert answered(ended.event("note", "later", at=60.0).story()).finding is Finding.HELD
    began = tale().call("CheckAlive").restart(at=10.0).begin("AddJob", at=10.5).call("CheckAlive", at=13.0)
    assert answered(began.event("note", "later", at=60.0).story()).finding is Finding.HELD


def test_what_need_not_be_answered_hides_nothing() -> None:
    told = tale().begin("GcsSubscriberPoll", at=1.0).begin("CreateActor", at=1.5)
    assert [one.signature for one in answered(hung(told).story()).violations] == ["AddJob was not answered"]
    told = tale().begin("AddJob", client="driver-1", at=1.0)  # of a client that never got through
    assert [one.events for one in answered(hung(told).story()).violations] == [("hung",)]


def test_each_call_has_the_troubles_of_its_own_time() -> None:
    told = hung(tale().event("fault", "a slow link", {"phase": "inject"}, at=15.0))
    told.event("fault", "a slow link", {"phase": "healed"}, at=40.0).begin("AddJob", id="second", at=50.0)
    assert [one.events for one in answered(told.event("note", "later", at=90.0).story()).violations] == [
        ("second",)
    ]


def test_a_deadline_that_ended_at_once_says_nothing() -> None:
    told = in_vain(waiting(tale(), deadline=5.0), until=11.0)
    assert answered(told.story()).finding is Finding.HELD
    without = in_vain(waiting(tale(), deadline=None), until=15.0)
    assert answered(without.story()).finding is Finding.HELD


def test_the_first_of_two_pauses_counts() -> None:
    told = tale().event("gcs", "paused", {"life": 0}, "gcs", at=21.0)
    told.event("gcs", "paused", {"life": 0}, "gcs", at=45.0).event(
        "gcs", "resumed", {"life": 0}, "gcs", at=46.0
    )
    assert answered(hung(told).story()).finding is Finding.HELD


def test_a_struck_reply_is_trouble_for_a_while() -> None:
    told = hung(tale().write("KV", "k", "v", at=19.5))
    told.ledger[-1] = replace(told.ledger[-1], rule="Delay")
    assert answered(told.story()).finding is Finding.HELD


def test_a_life_that_was_over_long_before_is_not_in_the_way() -> None:
    told = tale().restart(at=1.0).call("CheckAlive", at=5.0).begin("AddJob", at=20.0)
    assert answered(told.event("note", "later", at=60.0).story()).finding is Finding.BROKEN
