"""What shows that a subscriber did not hear of a change, and what it hears or reads instead."""

from __future__ import annotations

from typing import Any

import pytest

from harness.check.ear import EAR, NEIGHBOUR, NODES, OTHER, becomes, hears, listens, polls
from harness.check.published import gaps
from harness.check.tale import Tale

NODE = "0a" * 28
MISSED = "a subscriber missed that an actor became ALIVE"


def missed(told: Tale) -> list[str]:
    return [one.signature for one in gaps(told.story())[0]]


@pytest.mark.parametrize(
    ("message", "enough"),
    [
        ({}, True),
        ({"at": 12.0}, True),
        ({"at": 0.5}, False),
        ({"key": OTHER}, False),
        ({"state": "DEAD"}, False),
        ({"who": NEIGHBOUR}, False),
        ({"channel": NODES}, False),
    ],
)
def test_a_message_of_the_same_change_on_the_channel_of_the_subscription_is_heard(
    message: dict[str, Any], enough: bool
) -> None:
    told = polls(hears(becomes(listens()), **message))
    assert missed(told) == ([] if enough else [MISSED])


def test_each_change_needs_a_message_of_its_own() -> None:
    told = becomes(becomes(becomes(listens()), "RESTARTING", at=11.0), at=12.0)
    hears(hears(told, at=13.0), "RESTARTING", at=13.0)
    assert missed(polls(told)) == [MISSED]
    assert missed(hears(told, at=14.0)) == []


@pytest.mark.parametrize(
    ("asks", "enough"),
    [
        ({}, True),
        ({"method": "GetActorInfo"}, True),
        ({"at": 10.5}, True),
        ({"at": 10.25}, False),
        ({"method": "GetAllNodeInfo"}, False),
        ({"method": "InternalKVGet"}, False),
        ({"client": NEIGHBOUR}, False),
        ({"outcome": "unknown"}, False),
    ],
)
def test_what_the_subscriber_read_since_it_need_not_hear(asks: dict[str, Any], enough: bool) -> None:
    asks = {"method": "GetAllActorInfo", "client": EAR, "at": 15.0, "outcome": "ok", **asks}
    told = polls(becomes(listens())).begin("GetAllActorInfo", client=EAR, at=5.0).end(at=6.0)
    told.begin(asks["method"], client=asks["client"], at=asks["at"], id="read")
    told.end("read", outcome=asks["outcome"], at=asks["at"] + 0.25)
    assert missed(told) == ([] if enough else [MISSED])


@pytest.mark.parametrize(
    ("poll", "proof"),
    [
        ({"at": 11.5, "end": 11.75}, True),
        ({"at": 11.25, "end": 11.75}, False),
        ({"at": 5.0, "end": 15.5}, True),
        ({"at": 5.0, "end": 15.25}, False),
        ({"at": 11.0, "end": 16.0}, True),
        ({"at": 11.0, "end": 15.75}, False),
        ({"brings": None}, False),
        ({"brings": "p1"}, False),
        ({"after": 0.09375}, True),
        ({"after": 0.125}, False),
        ({"who": NEIGHBOUR}, False),
        ({"subscriber": "5c"}, False),
        ({"at": 5.0, "end": 15.5, "outcome": "unknown", "brings": None}, True),
        ({"at": 5.0, "end": 15.25, "outcome": "unknown", "brings": None}, False),
        ({"at": 12.0, "end": 17.0, "outcome": "refused", "brings": None}, True),
        ({"at": 12.0, "end": 16.75, "outcome": "refused", "brings": None}, False),
    ],
)
def test_a_poll_well_after_the_change_or_long_open_shows_that_nothing_came(
    poll: dict[str, Any], proof: bool
) -> None:
    told = polls(becomes(listens()), at=4.0, end=4.5, brings=None)
    assert missed(polls(told, **poll)) == ([MISSED] if proof else [])


@pytest.mark.parametrize("outcome", ["ok", "unknown"])
def test_a_poll_shows_nothing_beyond_the_end_of_the_subscription(outcome: str) -> None:
    told = becomes(listens(sender=NODE))
    becomes(told, "DEAD", NODE, "NODE", at=15.25)
    assert missed(polls(told, at=11.75, end=30.0, outcome=outcome)) == []
    later = becomes(becomes(listens(sender=NODE)), "DEAD", NODE, "NODE", at=17.0)
    assert missed(polls(later, at=11.75, end=30.0, outcome=outcome)) == ([] if outcome == "ok" else [MISSED])


@pytest.mark.parametrize(("last", "proof"), [(15.5, True), (15.25, False)])
def test_a_poll_that_never_ended_was_open_until_the_end_of_the_case(last: float, proof: bool) -> None:
    told = becomes(listens()).begin("GcsSubscriberPoll", {"subscriber_id": "5b"}, client=EAR, at=5.0)
    assert missed(told.event("note", "the end", at=last)) == ([MISSED] if proof else [])


@pytest.mark.parametrize(
    ("kind", "what", "excused"),
    [
        ("gcs", "paused", True),
        ("gcs", "disconnected", True),
        ("gcs", "partitioned", True),
        ("raylet", "paused", True),
        ("raylet", "disconnected", True),
        ("raylet", "waiting", False),
        ("store", "paused", False),
    ],
)
def test_a_poll_without_an_answer_shows_nothing_where_answers_cannot_arrive(
    kind: str, what: str, excused: bool
) -> None:
    told = becomes(listens()).event(kind, what, {"life": 0}, "gcs" if kind == "gcs" else NODE, at=11.0)
    assert missed(polls(told, end=60.0, outcome="unknown", brings=None)) == ([] if excused else [MISSED])
    assert missed(polls(told, at=70.0, end=70.5)) == [MISSED]
