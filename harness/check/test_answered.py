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


UNKNOWN = {
    "hit nothing": fault("kill -9 of the GCS"),
    "cut off» hit nothing": fault("the GCS is cut off", ("gcs", "serving")),
    "was never reached": tale().event("note", "rule", {"struck": False}),
    "nothing was asked": tale().call("CheckAlive").restart(),
    "had lived before": lived_before(),
}
HELD = {
    "it hit": fault("kill -9 of the GCS", ("gcs", "killed")),
    "it cut it off": fault("the GCS is cut off", ("gcs", "disconnected")),
    "a fault that nobody knows": fault("the moon is full"),
    "it struck": tale().event("note", "rule", {"struck": True}),
    "traffic": tale().restart().call("CheckAlive"),
    "no calls at all": tale().restart(),
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
