"""The check of drains: what it accuses, and what it lets be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.check.drains import drains
from harness.check.ruling import Finding
from harness.check.tale import Tale, tale

NODE, OTHER, ACTOR, GROUP = "0a" * 28, "0b" * 28, "a1" * 16, "b1" * 18
PREEMPTION, IDLE = "DRAIN_NODE_REASON_PREEMPTION", "DRAIN_NODE_REASON_IDLE_TERMINATION"
PREEMPTED, UNEXPECTED = "AUTOSCALER_DRAIN_PREEMPTED", "UNEXPECTED_TERMINATION"
DEADLINE = 1_000_000


def decided(what: str | None, said: bool, reason: str = PREEMPTION, told: Tale | None = None) -> Tale:
    """A drain that the raylet decided as ``what``, and that the GCS answered with ``said``."""
    told = told or tale().event("raylet", "joins", {}, NODE)
    told.begin("DrainNode", {"node_id": NODE, "reason": reason}, id="asked")
    if what is not None:
        facts = {"reason": reason, "deadline_timestamp_ms": DEADLINE}
        told.event("drain", what, facts, NODE, id="decided")
    return told.end("asked", {"is_accepted": True} if said else {})


def actor(told: Tale, preempted: bool) -> Tale:
    row = {"state": "ALIVE", "address": {"node_id": NODE}, **({"preempted": True} if preempted else {})}
    return told.write("ACTOR", ACTOR, row)


def prepare(told: Tale, at: float) -> Tale:
    bundle = {"bundle_id": {"placement_group_id": GROUP}}
    return told.event("order", "PrepareBundleResources", {"fields": {"bundle_specs": [bundle]}}, NODE, at)


def died(told: Tale, reason: str, ended: int = DEADLINE + 5000) -> Tale:
    row = {"state": "DEAD", "end_time_ms": ended, "death_info": {"reason": reason}}
    return told.write("NODE", NODE, row)


def failed(told: Tale, reason: str, ended: int = DEADLINE + 5000) -> Tale:
    return died(told.event("raylet", "killed", {}, NODE, told.now + 1.0), reason, ended)


def left(told: Tale, said: str, reason: str) -> Tale:
    request = {"node_id": NODE, "node_death_info": {"reason": said}}
    told.begin("UnregisterNode", request, id="bye", client=NODE)
    return died(told, reason).end("bye")


def head(node: str, told: Tale) -> Tale:
    return told.event("raylet", "joins", {"is_head": True}, node)


def restarted(told: Tale) -> Tale:
    return told.restart().event("sync", "open", {}, NODE)


ACCUSED: dict[str, tuple[Callable[[], Tale], str]] = {
    "a refusal that nobody gave": (
        lambda: decided("accepted", said=False),
        "a drain was answered otherwise than its raylet decided",
    ),
    "accepted against the raylet": (
        lambda: decided("refused", said=True, reason=IDLE),
        "a drain was answered otherwise than its raylet decided",
    ),
    "accepted without asking": (
        lambda: decided(None, said=True),
        "a drain was answered otherwise than its raylet decided",
    ),
    "a mark after a refusal": (
        lambda: actor(decided("refused", said=False, reason=IDLE), preempted=True),
        "an actor is marked as preempted after a drain that was refused",
    ),
    "a new bundle": (
        lambda: prepare(decided("accepted", said=True), at=20.0),
        "a new bundle was wanted of a node that drains",
    ),
    "a new bundle after a restart": (
        lambda: prepare(restarted(decided("accepted", said=True)), at=60.0),
        "a new bundle was wanted of a node that drains",
    ),
    "a head's other reason, with a head that came before it": (
        lambda: left(head(NODE, head(OTHER, tale())), PREEMPTED, UNEXPECTED),
        "a node that left is DEAD for another reason than it gave",
    ),
    "another reason than it gave": (
        lambda: left(decided("accepted", said=True), PREEMPTED, UNEXPECTED),
        "a node that left is DEAD for another reason than it gave",
    ),
    "failed when due, and not as preempted": (
        lambda: failed(decided("accepted", said=True), UNEXPECTED),
        "a node failed after the deadline of its drain, and is DEAD and not as preempted",
    ),
    "the same over a restart": (
        lambda: failed(restarted(decided("accepted", said=True)), UNEXPECTED),
        "a node failed after the deadline of its drain, and is DEAD and not as preempted",
    ),
    "failed too early to be preempted": (
        lambda: failed(decided("accepted", said=True), PREEMPTED, DEADLINE - 5000),
        "a node failed before the deadline of its drain, and is DEAD as preempted",
    ),
}
LET_BE: dict[str, Callable[[], Tale]] = {
    "accepted": lambda: decided("accepted", said=True),
    "refused": lambda: actor(decided("refused", said=False, reason=IDLE), preempted=False),
    "preempted at last": lambda: actor(
        decided("accepted", said=True, told=decided("refused", said=False, reason=IDLE)), preempted=True
    ),
    "one that comes from a preempted node": lambda: decided("refused", said=False, reason=IDLE).write(
        "ACTOR", ACTOR, {"state": "PENDING_CREATION", "address": {"node_id": NODE}, "preempted": True}
    ),
    "a bundle on its way": lambda: prepare(decided("accepted", said=True), at=3.0),
    "a bundle that it holds": lambda: prepare(
        decided(
            "accepted",
            said=True,
            told=tale()
            .event("raylet", "joins", {}, NODE)
            .event("bundle", "prepared", {"group": GROUP, "index": 0}, NODE),
        ),
        at=20.0,
    ),
    "a head that another one retires while it leaves": lambda: left(
        decided("accepted", said=True, told=head(OTHER, head(NODE, tale()))), PREEMPTED, UNEXPECTED
    ),
    "left for its reason": lambda: left(decided("accepted", said=True), PREEMPTED, PREEMPTED),
    "failed when due": lambda: failed(decided("accepted", said=True), PREEMPTED),
    "failed before": lambda: failed(decided("accepted", said=True), UNEXPECTED, DEADLINE - 5000),
    "a node that is gone": lambda: decided(
        None, said=True, told=tale().event("raylet", "joins", {}, NODE).event("raylet", "exit", {}, NODE)
    ),
    "a node that is DEAD on a store that lost a row": lambda: decided(
        None,
        said=True,
        told=died(
            tale().event("raylet", "joins", {}, NODE).event("store", "tampered", {}, at=1.0), UNEXPECTED
        ),
    ),
    "a node whose death is not stored yet": lambda: decided(
        None,
        said=True,
        told=tale()
        .event("raylet", "joins", {}, NODE)
        .write("NODE", NODE, {"state": "DEAD"}, took=None, applied=False),
    ),
    "a node that is gone after it refused another": lambda: decided(
        "refused",
        said=True,
        reason=IDLE,
        told=left(tale().event("raylet", "joins", {}, NODE), UNEXPECTED, UNEXPECTED),
    ),
    "a restart before which nothing was told": lambda: failed(
        decided("accepted", said=True).restart(), UNEXPECTED
    ),
}


@pytest.mark.parametrize("name", ACCUSED)
def test_what_is_accused(name: str) -> None:
    told, sentence = ACCUSED[name]
    ruling = drains(told().story())
    assert [one.signature for one in ruling.violations] == [sentence]
    assert all(one.events for one in ruling.violations)


@pytest.mark.parametrize("name", LET_BE)
def test_what_is_let_be(name: str) -> None:
    ruling = drains(LET_BE[name]().story())
    assert (ruling.finding, ruling.violations) == (Finding.HELD, ())


def test_it_is_idle_where_nothing_drains() -> None:
    assert drains(tale().call("CheckAlive").story()).idle


def test_a_second_drain_with_another_deadline_leaves_open_what_was_due() -> None:
    told: Any = decided("accepted", said=True)
    told.event("drain", "accepted", {"reason": PREEMPTION, "deadline_timestamp_ms": 10 * DEADLINE}, NODE)
    before = drains(told.story()).judged
    assert drains(failed(told, UNEXPECTED).story()).judged == before
