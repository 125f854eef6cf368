"""What a subscriber had to hear of: which changes, and in which subscriptions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.check.ear import ACTOR, ACTORS, EAR, NEIGHBOUR, NODES, OTHER, becomes, listens, polls
from harness.check.published import gaps
from harness.check.story import Story
from harness.check.tale import Tale, tale

GROUP, NODE = "cd" * 14 + "01000000", "0a" * 28
MISSED = "a subscriber missed that an actor became ALIVE"


def missed(told: Tale) -> list[str]:
    return [one.signature for one in gaps(told.story())[0]]


def due(told: Tale) -> int:
    return gaps(told.story())[1]


def test_of_two_gcs_and_of_an_unknown_start_nothing_is_said() -> None:
    told = polls(becomes(listens()))
    assert missed(told) == [MISSED]
    gcs = [
        replace(one, facts={**one.facts, "life": 1}) if one.kind == "gcs" else one
        for one in told.story().events
    ]
    assert gaps(Story(gcs, told.story().ledger)) == ([], 0)
    assert gaps(told.event("gcs", "started", {"life": 0}, "rival").story()) == ([], 0)
    assert gaps(polls(listens()).story()) == ([], 0)


def test_every_change_is_due_to_every_subscriber_and_told_once_of_each_table() -> None:
    told = listens(listens(), NEIGHBOUR, "5c")
    for node in ("0a" * 28, "0b" * 28):
        becomes(told, key=node, table="NODE")
    becomes(becomes(told), key=OTHER)
    listens(told, channel=NODES)
    polls(polls(told), NEIGHBOUR, "5c")
    assert (missed(told), due(told)) == ([MISSED, MISSED, "a subscriber missed that a node became ALIVE"], 6)


def test_of_a_subscriber_that_never_polls_nothing_is_due() -> None:
    told = listens(listens(who=NEIGHBOUR, subscriber="5c"), at=2.0)
    polls(becomes(told))
    assert (missed(told), due(told)) == ([MISSED], 1)


@pytest.mark.parametrize(
    ("writes", "count"),
    [
        ([("PLACEMENT_GROUP", GROUP, "CREATED"), ("ACTOR", ACTOR, "ALIVE")], 1),
        ([("ACTOR", OTHER, None), ("ACTOR", ACTOR, "ALIVE")], 1),
        ([("ACTOR", ACTOR, "PENDING_CREATION"), ("ACTOR", ACTOR, "ALIVE")], 1),
        ([("ACTOR", ACTOR, "ALIVE"), ("ACTOR", ACTOR, "ALIVE")], 1),
        ([("ACTOR", ACTOR, "ALIVE"), ("ACTOR", ACTOR, "PENDING_CREATION"), ("ACTOR", ACTOR, "ALIVE")], 2),
        ([("ACTOR", ACTOR, "ALIVE"), ("ACTOR", OTHER, "ALIVE")], 2),
        ([("ACTOR", ACTOR, "RESTARTING"), ("ACTOR", ACTOR, "DEAD")], 2),
    ],
)
def test_a_change_is_a_write_of_another_state_that_is_published(
    writes: list[tuple[str, str, Any]], count: int
) -> None:
    told = listens()
    for place, (table, key, state) in enumerate(writes):
        becomes(told, state, key, table, at=10.0 + place)
    assert due(polls(told)) == count


@pytest.mark.parametrize(
    ("at", "key", "count"),
    [(10.4, ACTOR, 1), (10.5, ACTOR, 2), (10.4, OTHER, 2)],
    ids=["before", "after", "another"],
)
def test_a_state_that_is_written_over_before_its_answer_is_not_due(at: float, key: str, count: int) -> None:
    told = becomes(becomes(listens(), at=10.0), "RESTARTING", key, at=at)
    assert due(polls(told)) == count


def test_what_the_baseline_found_is_no_change() -> None:
    first = {"ACTOR": {ACTOR: {"state": "ALIVE"}, OTHER: {"state": "ALIVE"}}}
    told = polls(listens(tale().look("baseline", stored=first, at=2.0), at=1.0))
    becomes(becomes(told), "DEAD", OTHER)
    assert due(told) == 1
    assert due(polls(becomes(listens(tale().look("baseline", stored={}, at=0.0))))) == 1


def test_what_is_written_once_the_store_lost_rows_is_not_due() -> None:
    told = becomes(becomes(listens()), key=OTHER, at=12.0).event("store", "wiped", at=11.0)
    assert due(polls(told)) == 1
    assert (
        due(polls(becomes(becomes(listens(), at=12.0), key=OTHER, at=8.0).event("store", "wiped", at=11.0)))
        == 1
    )


@pytest.mark.parametrize(
    "other",
    [
        {"outcome": "refused"},
        {"key_id": ACTOR},
        {"channel": "RAY_LOG_CHANNEL"},
        {"channel": NODES, "what": "unsubscribe_message"},
        {"subscriber": "5c", "what": "unsubscribe_message", "who": NEIGHBOUR},
    ],
    ids=["refused", "one actor's alone", "no table's channel", "another channel left", "another left"],
)
def test_what_is_no_subscription_neither_is_one_nor_hides_one(other: dict[str, Any]) -> None:
    assert due(polls(becomes(listens(**other)))) == 0
    told = polls(becomes(listens(listens(**other), at=5.0)))
    assert (missed(told), due(told)) == ([MISSED], 1)
    assert due(polls(becomes(listens(listens(**other), at=5.0), at=3.0))) == 0


def test_commands_of_one_batch_count_each_for_itself() -> None:
    commands = [{"channel_type": one, "subscribe_message": {}} for one in ("RAY_LOG_CHANNEL", ACTORS)]
    told = tale().call("GcsSubscriberPoll", {"subscriber_id": "5b"}, client=EAR)
    told.call("GcsSubscriberCommandBatch", {"subscriber_id": "5b", "commands": commands}, client=EAR)
    assert missed(polls(becomes(told))) == [MISSED]


def test_a_subscription_lasts_as_long_as_the_life_that_took_it() -> None:
    told = listens().event("gcs", "killed", {"life": 0}, "gcs", at=5.0)
    told.event("gcs", "started", {"life": 1}, "gcs", at=6.0).event(
        "gcs", "serving", {"life": 1}, "gcs", at=7.0
    )
    assert due(polls(becomes(told))) == 0
    listens(told, at=8.0)
    assert (missed(told), due(told)) == ([MISSED], 1)
    assert due(listens(told, at=9.0)) == 1
    told.event("gcs", "killed", {"life": 1}, "gcs", at=30.0)
    assert due(becomes(told, "DEAD", at=31.0)) == 1


def test_whose_life_took_it_is_unknown_starts_nothing() -> None:
    told = tale().event("gcs", "killed", {"life": 0}, "gcs", at=1.2)
    told.event("gcs", "started", {"life": 1}, "gcs", at=1.3).event(
        "gcs", "serving", {"life": 1}, "gcs", at=1.4
    )
    assert due(polls(becomes(listens(told)))) == 0
    assert due(listens(told, at=2.0)) == 1


def test_a_node_that_registers_anew_hears_again_and_not_in_between() -> None:
    told = listens(sender=NODE)
    becomes(told, "DEAD", NODE, "NODE", at=5.0)
    becomes(told, "ALIVE", ACTOR, at=7.0)
    becomes(told, "ALIVE", NODE, "NODE", at=9.0)
    assert due(polls(told, at=20.0)) == 0, "it was dead when the actor came alive"
    again = listens(told, sender=NODE, subscriber="5c", at=10.0)
    becomes(again, "ALIVE", OTHER, at=12.0)
    assert due(polls(polls(again), subscriber="5c")) == 1
    becomes(again, "DEAD", NODE, "NODE", at=30.0)
    assert due(polls(polls(again), subscriber="5c")) == 1


def test_a_node_whose_death_is_being_stored_when_it_subscribes_hears_no_more() -> None:
    told = becomes(tale(), "DEAD", NODE, "NODE", at=0.2)
    early = listens(sender=NODE).write("NODE", NODE, {"state": "DEAD"}, took=1.0, at=1.2)
    assert due(polls(becomes(early, at=3.0))) == 0
    told_first = tale().write("NODE", NODE, {"state": "DEAD"}, took=0.5, at=0.8)
    assert due(polls(becomes(listens(told_first, sender=NODE)))) == 0, "nobody knows which came first"
    assert due(polls(becomes(listens(told, sender=NODE)))) == 1


def test_a_node_hears_until_it_is_dead() -> None:
    told = becomes(becomes(listens(sender=NODE)), "DEAD", NODE, "NODE", at=11.0)
    assert due(polls(told)) == 1
    assert due(becomes(told, key=OTHER, at=12.0)) == 1
    assert due(becomes(listens(told, NEIGHBOUR, "5c", sender="0b" * 28), key=OTHER, at=13.0)) == 1
    assert due(polls(told, NEIGHBOUR, "5c")) == 3
    alive = becomes(becomes(listens(sender=NODE), "ALIVE", NODE, "NODE", at=5.0), None, NODE, "NODE", at=6.0)
    assert due(polls(becomes(alive))) == 1
    actor = becomes(listens(sender=ACTOR), "DEAD", at=5.0)
    assert due(polls(becomes(actor, "RESTARTING"))) == 2
