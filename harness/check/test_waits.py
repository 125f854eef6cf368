"""Calls that wait for what is there already are told; those that wait for what is to come are not."""

from __future__ import annotations

from typing import Any

import pytest

from harness.check.answered import answered
from harness.check.tale import Tale, tale

JOB = "01000000"
ACTOR, GROUP = "a1" * 12 + JOB, "b1" * 14 + JOB
WAIT = ("WaitPlacementGroupUntilReady", {"placement_group_id": GROUP})
CREATE = ("CreateActor", {"task_spec": {"actor_creation_task_spec": {"actor_id": ACTOR}}})
POLL = ("GcsSubscriberPoll", {"subscriber_id": "5a"})


def looked(told: Tale, after: float = 60.0, **view: Any) -> Tale:
    return told.look("closing", view, at=told.now + after)


def actor(state: str) -> dict[str, Any]:
    return {"actors": {ACTOR: {"state": state}}}


def group(state: str) -> dict[str, Any]:
    return {"groups": {GROUP: {"state": state}}}


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
