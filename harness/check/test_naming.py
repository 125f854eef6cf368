"""Two living actors with one name are told wherever they show; a name that was given up is not."""

from __future__ import annotations

from typing import Any

from harness.check.naming import one_name
from harness.check.tale import Tale, tale

A, B = "aa" * 12 + "01000000", "bb" * 12 + "01000000"
Row = dict[str, Any]


def signatures(told: Tale) -> list[str]:
    return [one.signature for one in one_name(told.story()).violations]


def row(actor: str, state: str = "ALIVE", name: str = "n", **more: Any) -> Row:
    return {"actor_id": actor, "state": state, "name": name, "ray_namespace": "ns", **more}


STORED = "two living actors with one name are stored"


def test_two_living_rows_with_one_name_are_told() -> None:
    assert signatures(tale().write("ACTOR", A, row(A)).write("ACTOR", B, row(B))) == [STORED]
    assert signatures(tale().write("ACTOR", A, row(A)).write("ACTOR", B, row(B, name="m"))) == []
    assert signatures(tale().write("ACTOR", A, row(A)).write("ACTOR", B, row(B, ray_namespace="o"))) == []


def test_a_name_of_the_dead_is_free() -> None:
    told = tale().write("ACTOR", A, row(A)).write("ACTOR", A, row(A, "DEAD"))
    assert signatures(told.write("ACTOR", B, row(B))) == []


def test_the_death_must_be_sent_before_the_next_is_stored() -> None:
    told = tale().write("ACTOR", A, row(A)).write("ACTOR", A, row(A, "DEAD"), took=3.0, at=5.0)
    assert signatures(told.write("ACTOR", B, row(B), at=6.0)) == []
    told = tale().write("ACTOR", A, row(A)).write("ACTOR", B, row(B))
    assert signatures(told.write("ACTOR", A, row(A, "DEAD"))) == [STORED]


def test_actors_of_a_finished_job_are_over_unless_detached() -> None:
    def told(**more: Any) -> Tale:
        finished = tale().write("ACTOR", A, row(A, **more)).call("MarkJobFinished", {"job_id": "01000000"})
        return finished.write("ACTOR", B, row(B, is_detached=True))

    assert signatures(told()) == []
    assert signatures(told(is_detached=True)) == [STORED]


def test_a_reply_and_a_look_show_one_holder_of_a_name() -> None:
    def told(state: str) -> Tale:
        one = tale(ledger=False).call("GetAllActorInfo", {}, {"actor_table_data": [row(A), row(B, state)]})
        actors = {A: {"state": "ALIVE", "name": "ns/n"}, B: {"state": state, "name": "ns/n"}}
        return one.look(view={"actors": actors})

    assert signatures(told("DEAD")) == []
    assert signatures(told("ALIVE")) == [
        "a client read two living actors with one name",
        "a look shows two living actors with one name",
    ]


def registered(told: Tale, actor: str) -> Tale:
    spec = {"actor_id": actor, "name": "n", "ray_namespace": "ns"}
    return told.call("RegisterActor", {"task_spec": {"actor_creation_task_spec": spec}})


def read(told: Tale, actor: str, state: str = "ALIVE") -> Tale:
    return told.call("GetActorInfo", {}, {"actor_table_data": {"actor_id": actor, "state": state}})


def test_a_name_is_acknowledged_to_a_second_actor_only_after_the_first() -> None:
    both = "RegisterActor was acknowledged for two living actors with one name"
    assert signatures(read(registered(registered(tale(ledger=False), A), B), A)) == [both]
    assert signatures(read(registered(registered(tale(ledger=False), A), B), A, "DEAD")) == []
    assert signatures(registered(read(registered(tale(ledger=False), A), A), B)) == []
    assert signatures(read(registered(registered(tale(ledger=False), A), A), A)) == []
