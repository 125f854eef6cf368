"""Numbers of messages, what polls acknowledge, and whose publisher's id it is: by subscriber, publisher and life."""

from __future__ import annotations

from typing import Any

import pytest

from harness.check.pubsub import pubsub
from harness.check.ruling import Violation
from harness.check.tale import Tale, tale

EAR, NEIGHBOUR, NODE = "listener-0", "listener-1", "0a" * 28
CHANNEL, ACTOR = "GCS_ACTOR_CHANNEL", "aa" * 12 + "01000000"
LATER = "a message came after one with a later number"
SKIPPED = "a message that was not acknowledged did not come again"
OLD_NAME = "a restarted GCS publishes under its old publisher id"


def poll(
    told: Tale,
    *numbers: int,
    who: str = EAR,
    subscriber: str = "5b",
    publisher: str = "p0",
    acknowledged: int | None = None,
    at: float | None = None,
    end: float | None = None,
    late: float = 0.0,
) -> Tale:
    """A poll that brings messages of these numbers, ``late`` seconds after its end."""
    request: dict[str, Any] = {"subscriber_id": subscriber, "publisher_id": "p0"}
    if acknowledged is not None:
        request["max_processed_sequence_id"] = acknowledged
    told.begin("GcsSubscriberPoll", request, client=who, at=at)
    told.end(reply={"publisher_id": publisher}, at=end)
    for number in numbers:
        told.message(
            CHANNEL, ACTOR, {"state": "PENDING_CREATION"}, number, publisher, who, at=told.now + late
        )
        late = 0.0
    return told


def found(told: Tale) -> list[Violation]:
    return list(pubsub(told.story()).violations)


def signatures(told: Tale) -> list[str]:
    return [one.signature for one in found(told)]


def test_within_an_answer_no_number_comes_twice() -> None:
    assert signatures(poll(tale(), 1, 1)) == [LATER]


@pytest.mark.parametrize(
    "other", [{"subscriber": "5c"}, {"who": NEIGHBOUR}], ids=["of one client", "of another client"]
)
def test_every_subscriber_has_numbers_of_its_own(other: dict[str, Any]) -> None:
    assert signatures(poll(poll(tale(), 1, 2), 3, **other)) == []
    assert signatures(poll(poll(poll(tale(), 1, 2), 3, **other), 3)) == [SKIPPED]


def test_every_publisher_has_numbers_of_its_own() -> None:
    assert signatures(poll(poll(tale(), 1, 2).restart(), 3, publisher="p1")) == []


def test_a_poll_that_names_no_number_acknowledges_nothing() -> None:
    assert signatures(poll(poll(tale(), 1, 2), 2)) == [SKIPPED]
    assert signatures(poll(poll(tale(), 1, 2), 2, acknowledged=1)) == []


def test_a_message_belongs_to_an_answer_though_the_next_poll_was_sent_before_it_was_written() -> None:
    told = poll(tale(), 1, who=NODE, at=1.0, end=2.0, late=0.25)
    assert signatures(poll(told, 2, who=NODE, at=2.125, end=3.0)) == [SKIPPED]
    under_way = poll(tale(), 1, at=1.0, end=2.0)
    assert signatures(poll(under_way, 2, at=1.5, end=3.0)) == []


def restarted() -> Tale:
    """A poll of the first life is answered, the next one by either of two."""
    told = poll(tale(), 1, at=1.0, end=2.0).event("gcs", "killed", {"life": 0}, "gcs", at=4.0)
    return told.event("gcs", "started", {"life": 1}, "gcs", at=5.0)


def test_an_answer_belongs_to_the_life_that_may_have_given_it_alone() -> None:
    either = poll(restarted(), 1, publisher="p1", at=3.0, end=6.0)
    assert signatures(poll(either, 1, publisher="p1", at=7.0, end=8.0)) == []
    again = poll(either, 1, at=7.0, end=8.0)
    assert signatures(again) == [OLD_NAME]


def test_an_old_name_is_told_once_with_its_first_polls() -> None:
    told = poll(poll(restarted(), 1, at=6.0, end=7.0), 1, at=8.0, end=9.0)
    assert [(one.signature, one.events) for one in found(told)] == [(OLD_NAME, ("e4-end", "e9-end"))]
