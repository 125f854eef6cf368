"""Messages out of order, again, under an old name, and missed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from harness.check.pubsub import pubsub
from harness.check.ruling import Finding, Violation
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
    """A poll that brings messages of these ``numbers``; ``about``: key and state of each, else one never stored."""
    request = {"subscriber_id": "5b", "max_processed_sequence_id": acknowledged, "publisher_id": known}
    told.call("GcsSubscriberPoll", request, {"publisher_id": publisher}, client=EAR)
    for place, number in enumerate(numbers):
        key, state = about[place] if about else (ACTOR, "PENDING_CREATION")
        told.message(CHANNEL, key, {"state": state}, number, publisher, EAR, again=again, at=told.now)
    return told


def changes(*rows: tuple[str, str]) -> Tale:
    told = subscribe(tale())
    for key, state in rows:
        told.write("ACTOR", key, {"actor_id": key, "state": state})
    return told


HEARD = [(ACTOR, "ALIVE")]
HEARD_OTHER = [(OTHER, "ALIVE")]
HEARD_NOTHING = [(OTHER, "PENDING_CREATION")]

BROKEN = {
    "a message came after one with a later number": poll(tale(), 2, 1),
    "a message came again that the poll had acknowledged": poll(poll(tale(), 1), 1, acknowledged=1, again=True),
    "a message that was not acknowledged did not come again": poll(poll(tale(), 1, 2), 2, 3, acknowledged=0),
    "a restarted GCS publishes under its old publisher id": poll(poll(tale(), 1).restart(), 1),
    "a subscriber missed that an actor became ALIVE": poll(
        changes((ACTOR, "ALIVE"), (OTHER, "ALIVE")), 5, about=HEARD_OTHER
    ),
    "a subscriber missed that an actor became DEAD": poll(
        poll(changes((ACTOR, "ALIVE")), 1, about=HEARD), acknowledged=1
    ).write("ACTOR", ACTOR, {"actor_id": ACTOR, "state": "DEAD"}).begin(
        "GcsSubscriberPoll", {"subscriber_id": "5b"}, client=EAR
    ).event("note", "much later", at=60.0),
    "a subscriber missed that an actor became RESTARTING": changes((ACTOR, "ALIVE")).begin(
        "GcsSubscriberPoll", {"subscriber_id": "5b"}, id="open", client=EAR
    ).write("ACTOR", ACTOR, {"actor_id": ACTOR, "state": "RESTARTING"}, at=10.0).event(
        "message", CHANNEL, {"key": ACTOR, "payload": {"state": "ALIVE"}, "sequence": 1, "publisher": "p0"}, EAR, at=17.0
    ).end("open", {"publisher_id": "p0"}, at=17.0),
    "it was published that an actor is DEAD before that was stored": poll(
        changes((ACTOR, "ALIVE")), 1, 2, about=[*HEARD, (ACTOR, "DEAD")]
    ).write("ACTOR", ACTOR, {"actor_id": ACTOR, "state": "DEAD"}),
    "it was published that an actor is DEPENDENCIES_UNREADY before that was stored": poll(
        subscribe(tale()), 1, about=[(ACTOR, "DEPENDENCIES_UNREADY")]
    ),
    "it was published that an actor is RESTARTING before that was stored": subscribe(
        tale().write("ACTOR", ACTOR, {"actor_id": ACTOR, "state": "RESTARTING", "num_restarts": 1})
    ).message(CHANNEL, ACTOR, {"state": "RESTARTING", "num_restarts": 2}),
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
    "before it subscribed": poll(subscribe(tale().write("ACTOR", ACTOR, {"actor_id": ACTOR, "state": "ALIVE"})), 5, about=HEARD_NOTHING),
    "in the next life": poll(subscribe(tale()).restart().write("ACTOR", ACTOR, {"actor_id": ACTOR, "state": "ALIVE"}), 5, about=HEARD_NOTHING),
    "in a partition": poll(
        poll(changes((ACTOR, "ALIVE")), 1, about=HEARD), acknowledged=1
    ).event("gcs", "partitioned", {"life": 0}, "gcs").write("ACTOR", ACTOR, {"actor_id": ACTOR, "state": "DEAD"}).begin(
        "GcsSubscriberPoll", {"subscriber_id": "5b"}, client=EAR
    ).event("note", "much later", at=60.0),
    "never asked": changes((ACTOR, "ALIVE")),
    "the same state": poll(poll(changes((ACTOR, "ALIVE")), 1, about=HEARD).write("ACTOR", ACTOR, {"actor_id": ACTOR, "state": "ALIVE"}), 5, acknowledged=1, about=HEARD_NOTHING),
    "a state that is not published": poll(changes((ACTOR, "PENDING_CREATION")), 5, about=HEARD_NOTHING),
    "a write without a reply": poll(
        subscribe(tale()).write("ACTOR", ACTOR, {"actor_id": ACTOR, "state": "ALIVE"}, took=None), 1, about=HEARD
    ),
    "a row that was there before": poll(
        subscribe(tale().look("baseline", stored={"ACTOR": {ACTOR: {"state": "ALIVE"}}}, at=0.0)), 1, about=HEARD
    ),
    "two of them": poll(
        subscribe(tale()).event("gcs", "started", {"life": 0}, "rival"), 1, about=HEARD
    ),
    "nobody saw the store": poll(subscribe(tale(ledger=False)), 1, about=HEARD),
    "one key alone": poll(subscribe(tale(), key_id=OTHER).write("ACTOR", ACTOR, {"actor_id": ACTOR, "state": "ALIVE"}), 5, about=HEARD_NOTHING),
}  # fmt: skip


@pytest.mark.parametrize("signature", BROKEN)
def test_what_a_publisher_may_not_do_is_told(signature: str) -> None:
    ruling = pubsub(BROKEN[signature].story())
    assert [one.signature for one in ruling.violations] == [signature]


@pytest.mark.parametrize("name", FINE)
def test_what_a_publisher_may_do_is_accepted(name: str) -> None:
    ruling = pubsub(FINE[name].story())
    assert ruling.finding is not Finding.BROKEN, ruling.violations


def only(told: Tale) -> Violation:
    (found,) = pubsub(told.story()).violations
    return found


def test_what_proves_a_disorder() -> None:
    found = only(poll(tale(), 2, 1))
    assert found.events == ("e6", "e7")
    assert found.detail == f"{EAR} heard number 1 of publisher p0 on {CHANNEL}; the other is number 2"
    found = only(poll(poll(tale(), 1), 1, acknowledged=1, again=True))
    assert (found.events, found.detail) == (("e9",), f"{EAR} heard number 1 of publisher p0 on {CHANNEL}")
    found = only(poll(poll(tale(), 1, 2), 2, 3, acknowledged=0))
    assert found.events == ("e11", "e6")
    assert found.detail == f"{EAR} heard number 1 of publisher p0 on {CHANNEL}; the other is number 3"


def test_what_proves_an_old_name() -> None:
    found = only(poll(poll(tale(), 1).restart(), 1))
    assert found.events == ("e4-end", "e10-end")
    assert found.detail == "p0 in life 0 and in life 1 of the gcs"


def test_what_proves_a_miss() -> None:
    found = only(BROKEN["a subscriber missed that an actor became ALIVE"])
    assert found.events == ("e4", "s1", "e6")
    assert found.detail == (
        f"ACTOR {ACTOR[:12]} became ALIVE; {EAR} subscribed to {CHANNEL}, asked 2.1 s later, and neither heard of it "
        "nor read it"
    )


def test_what_proves_news_that_came_too_early() -> None:
    found = only(BROKEN["it was published that an actor is DEAD before that was stored"])
    assert found.events == ("e9",)
    assert (
        found.detail == f"ACTOR {ACTOR[:12]}: {EAR} heard of it at 5.100000; it was stored 1.100000 s later"
    )
    found = only(BROKEN["it was published that an actor is DEPENDENCIES_UNREADY before that was stored"])
    assert found.detail == f"ACTOR {ACTOR[:12]}: {EAR} heard of it at 4.000000; it was never stored"


def test_messages_and_changes_are_judged() -> None:
    assert (
        pubsub(
            poll(changes((ACTOR, "ALIVE"), (OTHER, "ALIVE")), 1, 2, about=[*HEARD, *HEARD_OTHER]).story()
        ).judged
        == 4
    )
    assert pubsub(poll(tale(), 1, 2).story()).judged == 2


def test_a_poll_that_knew_another_publisher_acknowledges_nothing() -> None:
    assert only(poll(poll(tale(), 1, 2), 2, acknowledged=1, known="p9")).signature == (
        "a message that was not acknowledged did not come again"
    )


def in_table(table: str, row: dict[str, Any], channel: str, *heard: dict[str, Any], **sender: Any) -> Tale:
    """A change of ``row`` that was due to a subscriber, which heard ``heard`` and something else."""
    key = "0a" * 28 if table == "NODE" else "01000000"
    command = {"channel_type": channel, "subscribe_message": {}}
    told = tale().call(
        "GcsSubscriberCommandBatch", {"subscriber_id": "5b", "commands": [command], **sender}, client=EAR
    )
    told.write(table, key, row).event("note", "a while")
    told.call("GcsSubscriberPoll", {"subscriber_id": "5b"}, {"publisher_id": "p0"}, client=EAR)
    for payload in heard:
        told.message(channel, key, payload, 0, "p0", EAR, at=told.now)
    told.message(CHANNEL, OTHER, {"state": "PENDING_CREATION"}, 0, "p0", EAR, at=told.now)
    return told


NODES_CHANNEL, JOBS_CHANNEL = "GCS_NODE_INFO_CHANNEL", "GCS_JOB_CHANNEL"


@pytest.mark.parametrize(
    ("table", "row", "channel", "payload", "said"),
    [
        ("NODE", {"state": "ALIVE"}, NODES_CHANNEL, {"state": "ALIVE"}, "a node became ALIVE"),
        ("NODE", {"state": "DEAD"}, NODES_CHANNEL, {"state": "DEAD"}, "a node became DEAD"),
        ("JOB", {}, JOBS_CHANNEL, {"job_id": "01000000"}, "a job became ALIVE"),
        ("JOB", {"is_dead": True}, JOBS_CHANNEL, {"is_dead": True}, "a job became DEAD"),
    ],
)
def test_nodes_and_jobs_are_heard_of_too(table: str, row: Any, channel: str, payload: Any, said: str) -> None:
    assert pubsub(in_table(table, row, channel, payload).story()).finding is Finding.HELD
    found = pubsub(in_table(table, row, channel).story()).violations
    assert f"a subscriber missed that {said}" in [one.signature for one in found]


def test_a_subscriber_that_is_gone_or_has_left_misses_nothing() -> None:
    node = "0a" * 28
    gone = in_table("NODE", {"state": "DEAD"}, NODES_CHANNEL, sender_id=node)
    assert pubsub(gone.story()).finding is not Finding.BROKEN
    left = poll(changes((ACTOR, "ALIVE")), 5, about=HEARD_NOTHING)
    command = {"channel_type": CHANNEL, "unsubscribe_message": {}}
    left.call("GcsSubscriberCommandBatch", {"subscriber_id": "5b", "commands": [command]}, client=EAR)
    assert pubsub(left.story()).finding is not Finding.BROKEN


def test_a_message_is_good_for_one_change() -> None:
    told = changes((ACTOR, "ALIVE"), (ACTOR, "RESTARTING"), (ACTOR, "ALIVE"))
    found = only(poll(told, 1, 2, about=[*HEARD, (ACTOR, "RESTARTING")]))
    assert found.signature == "a subscriber missed that an actor became ALIVE"
    assert pubsub(poll(told, 3, acknowledged=2, about=HEARD).story()).finding is Finding.HELD
