"""Messages out of order, again, under an old name, and missed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from harness.check.pubsub import pubsub
from harness.check.ruling import Finding
from harness.check.tale import Tale, tale

ACTOR, OTHER = "aa" * 12 + "01000000", "bb" * 12 + "01000000"
CHANNEL = "GCS_ACTOR_CHANNEL"
EAR = "listener-0"


def subscribe(told: Tale, **more: Any) -> Tale:
    command = {"channel_type": CHANNEL, "subscribe_message": {}, **more}
    return told.call("GcsSubscriberCommandBatch", {"subscriber_id": "5b", "commands": [command]}, client=EAR)


def poll(
    told: Tale,
    *numbers: int,
    acknowledged: int = 0,
    publisher: str = "p0",
    known: str = "p0",
    about: Sequence[tuple[str, str]] = (),
    again: bool = False,
) -> Tale:
    """A poll that brings messages of these ``numbers``; ``about``: key and state of each."""
    request = {"subscriber_id": "5b", "max_processed_sequence_id": acknowledged, "publisher_id": known}
    told.call("GcsSubscriberPoll", request, {"publisher_id": publisher}, client=EAR)
    for place, number in enumerate(numbers):
        key, state = about[place] if about else (ACTOR, "ALIVE")
        told.message(CHANNEL, key, {"state": state}, number, publisher, EAR, again=again, at=told.now)
    return told


def changes(*rows: tuple[str, str]) -> Tale:
    told = subscribe(tale())
    for key, state in rows:
        told.write("ACTOR", key, {"actor_id": key, "state": state})
    return told


HEARD_OTHER = [(OTHER, "ALIVE")]

BROKEN = {
    "a message came after one with a later number": poll(tale(), 2, 1),
    "a message came again that the poll had acknowledged": poll(poll(tale(), 1), 1, acknowledged=1, again=True),
    "a message that was not acknowledged did not come again": poll(poll(tale(), 1, 2), 2, 3, acknowledged=0),
    "a restarted GCS publishes under its old publisher id": poll(poll(tale(), 1).restart(), 1),
    "a subscriber missed that an actor became ALIVE": poll(
        changes((ACTOR, "ALIVE"), (OTHER, "ALIVE")), 5, about=HEARD_OTHER
    ),
    "a subscriber missed that an actor became DEAD": poll(
        poll(changes((ACTOR, "ALIVE")), 1), acknowledged=1
    ).write("ACTOR", ACTOR, {"actor_id": ACTOR, "state": "DEAD"}).begin(
        "GcsSubscriberPoll", {"subscriber_id": "5b"}, client=EAR
    ).event("note", "much later", at=60.0),
}  # fmt: skip
FINE = {
    "in order": poll(poll(tale(), 1, 4), 7, acknowledged=4),
    "again until acknowledged": poll(poll(tale(), 1, 2), 1, 2, 3),
    "another publisher": poll(poll(tale(), 4).restart(), 1, publisher="p1", acknowledged=4),
    "an answer that may be either's": poll(tale(), 1).begin(
        "GcsSubscriberPoll", {"subscriber_id": "5b"}, id="open", client=EAR
    ).restart().end("open", {"publisher_id": "p0"}),
    "all heard": poll(changes((ACTOR, "ALIVE"), (OTHER, "ALIVE")), 1, 2, about=[(ACTOR, "ALIVE"), *HEARD_OTHER]),
    "read instead": poll(changes((ACTOR, "ALIVE"), (OTHER, "ALIVE")), 5, about=HEARD_OTHER).call(
        "GetAllActorInfo", {}, {}, client=EAR
    ),
    "before it subscribed": poll(subscribe(tale().write("ACTOR", ACTOR, {"actor_id": ACTOR, "state": "ALIVE"})), 5, about=HEARD_OTHER),
    "in the next life": poll(subscribe(tale()).restart().write("ACTOR", ACTOR, {"actor_id": ACTOR, "state": "ALIVE"}), 5, about=HEARD_OTHER),
    "in a partition": poll(
        poll(changes((ACTOR, "ALIVE")), 1), acknowledged=1
    ).event("gcs", "partitioned", {"life": 0}, "gcs").write("ACTOR", ACTOR, {"actor_id": ACTOR, "state": "DEAD"}).begin(
        "GcsSubscriberPoll", {"subscriber_id": "5b"}, client=EAR
    ).event("note", "much later", at=60.0),
    "never asked": changes((ACTOR, "ALIVE")),
    "the same state": poll(poll(changes((ACTOR, "ALIVE")), 1).write("ACTOR", ACTOR, {"actor_id": ACTOR, "state": "ALIVE"}), 5, acknowledged=1, about=HEARD_OTHER),
    "a state that is not published": poll(changes((ACTOR, "PENDING_CREATION")), 5, about=HEARD_OTHER),
    "one key alone": poll(subscribe(tale(), key_id=OTHER).write("ACTOR", ACTOR, {"actor_id": ACTOR, "state": "ALIVE"}), 5, about=HEARD_OTHER),
}  # fmt: skip


@pytest.mark.parametrize("signature", BROKEN)
def test_what_a_publisher_may_not_do_is_told(signature: str) -> None:
    ruling = pubsub(BROKEN[signature].story())
    assert [one.signature for one in ruling.violations] == [signature]


@pytest.mark.parametrize("name", FINE)
def test_what_a_publisher_may_do_is_accepted(name: str) -> None:
    ruling = pubsub(FINE[name].story())
    assert ruling.finding is not Finding.BROKEN, ruling.violations
