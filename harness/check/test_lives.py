"""Steps that no arrow allows are told, in each view; lawful lives and overlapping sights are not."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from harness.check.lives import lives
from harness.check.tale import Tale, tale

ACTOR, W1, W2 = "ab" * 12 + "01000000", "01" * 28, "02" * 28
NODE, JOB, GROUP = "0a" * 28, "01000000", "cd" * 14 + "01000000"
LINEAGE = "RestartActorForLineageReconstruction"
ID = {"ACTOR": ACTOR, "NODE": NODE, "JOB": JOB, "PLACEMENT_GROUP": GROUP}
Row = dict[str, Any]


def alive(worker: str, restarts: int = 0) -> Row:
    return {"state": "ALIVE", "num_restarts": restarts, "address": {"worker_id": worker}}


def signatures(told: Tale) -> list[str]:
    return [one.signature for one in lives(told.story()).violations]


def stored(table: str, *rows: Row) -> Tale:
    told = tale()
    for row in rows:
        told.write(table, ID[table], row)
    return told


def published(*rows: Row) -> Tale:
    told = tale()
    for row in rows:
        told.message("GCS_ACTOR_CHANNEL", ACTOR, row)
    return told


def asked(told: Tale, row: Row) -> Tale:
    return told.call("GetActorInfo", {"actor_id": ACTOR}, {"actor_table_data": {"actor_id": ACTOR, **row}})


def read(*rows: Row) -> Tale:
    told = tale()
    for row in rows:
        asked(told, row)
    return told


LIFE = [
    {"state": "DEPENDENCIES_UNREADY"},
    {"state": "PENDING_CREATION"},
    alive(W1),
    {"state": "RESTARTING", "num_restarts": 1},
    alive(W2, 1),
    {"state": "DEAD", "num_restarts": 1},
]


@pytest.mark.parametrize("view", [lambda *rows: stored("ACTOR", *rows), published, read])
def test_an_actors_life_is_lawful_in_every_view_and_no_other_order_is(view: Any) -> None:
    assert signatures(view(*LIFE)) == []
    assert signatures(view(*LIFE[::2])) == []
    for earlier, later in pairwise(LIFE):
        told = signatures(view(later, earlier))
        assert bool(told) == (later["state"] != "ALIVE" or earlier["state"] != "RESTARTING"), (later, earlier)


def test_dead_is_dead_unless_someone_asked_for_the_actor_again() -> None:
    wrong = ["an actor went from DEAD to RESTARTING in the store"]
    again = {"state": "RESTARTING", "num_restarts": 1}
    assert signatures(stored("ACTOR", {"state": "DEAD"}, again)) == wrong
    told = stored("ACTOR", {"state": "DEAD"}).call(LINEAGE, {"actor_id": ACTOR}).write("ACTOR", ACTOR, again)
    assert signatures(told) == []
    unready = stored("ACTOR", {"state": "DEAD"}).call(LINEAGE, {"actor_id": ACTOR})
    assert signatures(unready.write("ACTOR", ACTOR, {"state": "DEPENDENCIES_UNREADY"})) != []


def test_restarts_do_not_sink_and_a_move_costs_one() -> None:
    assert signatures(stored("ACTOR", alive(W2, 2), {"state": "DEAD", "num_restarts": 1})) == [
        "the restarts of an actor sank in the store"
    ]
    assert signatures(published(alive(W1), alive(W2))) == [
        "an actor moved to another worker without a restart in what was published"
    ]
    assert signatures(published(alive(W1), alive(W2, 1))) == []


@pytest.mark.parametrize(
    ("states", "lawful"),
    [
        (("PENDING", "PREPARED", "CREATED", "RESCHEDULING", "PREPARED", "CREATED", "REMOVED"), True),
        (("PENDING", "CREATED", "PREPARED"), True),
        (("CREATED", "PENDING"), False),
        (("RESCHEDULING", "PENDING"), False),
        (("REMOVED", "PENDING"), False),
        (("REMOVED", "CREATED"), False),
    ],
)
def test_placement_groups(states: tuple[str, ...], lawful: bool) -> None:
    assert (signatures(stored("PLACEMENT_GROUP", *({"state": one} for one in states))) == []) == lawful


def test_a_dead_node_comes_back_only_by_registering() -> None:
    told = stored("NODE", {"state": "ALIVE"}, {"state": "DEAD"}).write("NODE", NODE, {"state": "ALIVE"})
    assert signatures(told) == ["a node went from DEAD to ALIVE in the store"]
    told = stored("NODE", {"state": "DEAD"}).begin("RegisterNode", {"node_info": {"node_id": NODE}})
    assert signatures(told.write("NODE", NODE, {"state": "ALIVE"}).end()) == []


def test_a_registration_before_the_death_does_not_bring_a_node_back() -> None:
    told = (
        tale().call("RegisterNode", {"node_info": {"node_id": NODE}}).write("NODE", NODE, {"state": "DEAD"})
    )
    assert signatures(told.write("NODE", NODE, {"state": "ALIVE"})) != []


def test_a_finished_job_runs_again_only_if_it_was_added_again() -> None:
    assert signatures(stored("JOB", {"is_dead": True}, {"is_dead": False})) == [
        "a job went from DEAD to ALIVE in the store"
    ]
    told = stored("JOB", {"is_dead": True}).begin("AddJob", {"data": {"job_id": JOB}})
    assert signatures(told.write("JOB", JOB, {"is_dead": False}).end()) == []


def test_replies_of_overlapping_calls_have_no_order() -> None:
    told = tale().begin("GetActorInfo", id="one").begin("GetActorInfo", id="two")
    told.end("one", {"actor_table_data": {"actor_id": ACTOR, "state": "DEAD"}})
    told.end("two", {"actor_table_data": {"actor_id": ACTOR, "state": "ALIVE"}})
    assert signatures(told) == []
    assert signatures(asked(told, alive(W1))) == ["an actor went from DEAD to ALIVE in what clients read"]


def test_a_deleted_row_begins_anew() -> None:
    told = stored("ACTOR", {"state": "DEAD"}).write("ACTOR", ACTOR, None)
    assert signatures(told.write("ACTOR", ACTOR, {"state": "DEPENDENCIES_UNREADY"})) == []


def test_a_message_that_comes_again_is_the_same_and_publishers_are_judged_apart() -> None:
    told = published(alive(W1), {"state": "DEAD"})
    told.message("GCS_ACTOR_CHANNEL", ACTOR, alive(W1), sequence=1, again=True)
    told.message("GCS_ACTOR_CHANNEL", ACTOR, alive(W1), sequence=1, publisher="p1")
    assert signatures(told) == []


def test_what_was_never_stored_may_fall_back_in_a_recovery() -> None:
    told = stored("ACTOR", {"state": "DEPENDENCIES_UNREADY"})
    asked(told, {"state": "PENDING_CREATION"}).restart()
    assert signatures(asked(told, {"state": "DEPENDENCIES_UNREADY"})) == []


def test_what_was_stored_may_not() -> None:
    told = stored("ACTOR", {"state": "DEPENDENCIES_UNREADY"}, alive(W1)).restart()
    assert signatures(asked(told, {"state": "DEPENDENCIES_UNREADY"})) == [
        "an actor fell from ALIVE to DEPENDENCIES_UNREADY in a recovery"
    ]


def test_a_write_that_nobody_answered_may_count_or_not() -> None:
    told = stored("ACTOR", {"state": "DEPENDENCIES_UNREADY"})
    told.write("ACTOR", ACTOR, {"state": "DEAD"}, took=None, applied=None).restart()
    assert signatures(asked(told, {"state": "DEPENDENCIES_UNREADY"})) == []


def test_without_a_ledger_nothing_is_said_across_recoveries() -> None:
    told = asked(tale(ledger=False), {"state": "PENDING_CREATION"}).restart()
    assert signatures(asked(told, {"state": "DEPENDENCIES_UNREADY"})) == []


def test_two_gcs_are_judged_by_their_store_alone() -> None:
    told = tale().event("gcs", "started", {"life": 1}, "rival")
    asked(told, {"state": "DEAD"})
    assert signatures(asked(told, alive(W1))) == []
    told.write("ACTOR", ACTOR, {"state": "DEAD"}).write("ACTOR", ACTOR, alive(W1), via="rival")
    assert signatures(told) == ["an actor went from DEAD to ALIVE in the store"]


def test_what_proves_a_wrong_step() -> None:
    told = tale().write("JOB", "01000000", {"is_dead": True}, id="was").write("JOB", "01000000", {}, id="now")
    (found,) = lives(told.story()).violations
    assert found.signature == "a job went from DEAD to ALIVE in the store"
    assert found.events == ("was", "now")
    assert lives(told.story()).judged == 2
    assert lives(told.event("store", "wiped", at=0.5).story()).idle
