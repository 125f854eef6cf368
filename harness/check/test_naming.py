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


def test_one_that_had_died_before_its_acknowledgement_is_not_another_holder() -> None:
    def told(state: str) -> Tale:
        first = read(tale(ledger=False), B, state)
        return read(registered(registered(first, A), B), A)

    assert signatures(told("DEAD")) == []
    assert signatures(told("ALIVE")) == [BOTH]
    late = read(registered(registered(tale(ledger=False), A), B), A)
    assert signatures(read(late, B, "DEAD")) == [BOTH]


READ = "a client read two living actors with one name"
LOOKED = "a look shows two living actors with one name"
BOTH = "RegisterActor was acknowledged for two living actors with one name"


def listed(told: Tale, *rows: Row, **ending: Any) -> Tale:
    return told.call("GetAllActorInfo", {}, {"actor_table_data": list(rows)}, id="list", **ending)


def test_what_proves_two_stored_names() -> None:
    told = tale().write("ACTOR", A, row(A), id="first").write("ACTOR", B, row(B), id="second")
    (found,) = one_name(told.story()).violations
    assert found.events == ("first", "second")
    assert found.detail == f"ns/n: actor {A} from 1.100000 to inf, actor {B} from 2.200000"


def test_two_names_in_one_reply_are_told_but_not_of_a_call_that_failed() -> None:
    (found,) = one_name(listed(tale(), row(A), row(B)).story()).violations
    assert (found.signature, found.events) == (READ, ("list", "list-end"))
    assert found.detail == f"ns/n: actors {A} and {B}"
    assert signatures(listed(tale(), row(A), row(B), outcome="unknown")) == []
    assert signatures(listed(tale(), row(A), row(B, ray_namespace="other"))) == []
    reply = {"actor_table_data": [row(A), row(B)]}
    assert signatures(tale().call("GetActorInfo", {}, reply)) == []


def test_a_look_after_the_store_was_lost_shows_nothing() -> None:
    view = {"actors": {A: {"name": "ns/x/n", "state": "ALIVE"}, B: {"name": "ns/x/n", "state": "ALIVE"}}}
    (found,) = one_name(tale().look(view=view, id="look").story()).violations
    assert (found.signature, found.events) == (LOOKED, ("look",))
    assert found.detail == f"ns/x/n: actors {A} and {B}"
    for told in (
        tale().event("store", "wiped").look(view=view),
        listed(tale().event("store", "lost"), row(A), row(B)),
    ):
        assert signatures(told) == []
    lost = tale().event("store", "tampered").write("ACTOR", A, row(A)).write("ACTOR", B, row(B))
    assert signatures(lost) == []
    other = {"actors": {A: {"name": "ns/n", "state": "ALIVE"}, B: {"name": "os/n", "state": "ALIVE"}}}
    assert signatures(tale().look(view=other)) == []


def register(actor: str, **more: Any) -> Row:
    spec = {"actor_id": actor, "name": "n", **more}
    return {"task_spec": {"actor_creation_task_spec": spec, "job_config": {"ray_namespace": "job's"}}}


def acknowledged(told: Tale, *actors: str, **more: Any) -> Tale:
    for actor in actors:
        told.call("RegisterActor", register(actor, **more), id=f"register-{actor[:2]}")
    return told


def alive(told: Tale, actor: str, state: str = "ALIVE") -> Tale:
    return told.call("GetActorInfo", {}, {"actor_table_data": row(actor, state)}, id=f"get-{actor[:2]}")


def test_two_acknowledged_that_both_live_are_told() -> None:
    (found,) = one_name(alive(acknowledged(tale(), A, B), A).story()).violations
    assert found.signature == BOTH
    assert found.events == (
        "register-aa",
        "register-aa-end",
        "register-bb",
        "register-bb-end",
        "get-aa",
        "get-aa-end",
    )
    assert found.detail == f"job's/n: actor {A} at 2.000000, actor {B} at 4.000000"
    assert signatures(alive(alive(acknowledged(tale(), B, A), A), B)) == [BOTH]
    assert one_name(acknowledged(tale(), A, B).story()).judged == 1


def test_a_name_that_was_handed_on_is_right() -> None:
    assert signatures(alive(acknowledged(tale(), A, B), B)) == []
    assert signatures(alive(alive(acknowledged(tale(), A, B), A, "DEAD"), B)) == []
    assert signatures(acknowledged(alive(acknowledged(tale(), A), A), B)) == []
    told = tale().call("RegisterActor", register(A)).call("RegisterActor", register(B, ray_namespace="own"))
    assert signatures(alive(told, A)) == []
    back = acknowledged(tale(), A, B).call("RestartActorForLineageReconstruction", {"actor_id": A})
    assert signatures(alive(back, A)) == []
    back = acknowledged(tale(), A, B).call("RestartActorForLineageReconstruction", {"actor_id": "cc" * 16})
    assert signatures(alive(back, A)) == [BOTH]


def test_what_was_not_acknowledged_has_no_name() -> None:
    told = tale().call("RegisterActor", register(A), outcome="refused", code=6)
    assert signatures(alive(acknowledged(told, B), A)) == []
    told = tale().begin("RegisterActor", register(A), id="open")
    assert signatures(alive(acknowledged(told, B), A)) == []
    nameless = tale().call("RegisterActor", register(A, name="")).call("RegisterActor", register(B, name=""))
    assert signatures(alive(nameless, A)) == []


def test_two_at_once_are_told_only_if_both_are_seen() -> None:
    told = tale().begin("RegisterActor", register(A), id="a").begin("RegisterActor", register(B), id="b")
    told.end("a").end("b")
    assert signatures(alive(told, A)) == []
    assert signatures(alive(told, B)) == [BOTH]


def test_a_job_that_is_stored_as_dead_ends_its_actors() -> None:
    def told(dead: bool) -> Tale:
        job = {"job_id": "01000000", "is_dead": dead}
        stored = tale().write("ACTOR", A, row(A)).write("JOB", "01000000", job)
        return stored.write("ACTOR", B, row(B, is_detached=True))

    assert signatures(told(True)) == []
    assert signatures(told(False)) == [STORED]


def test_a_row_that_is_written_anew_still_has_its_name() -> None:
    told = tale().write("ACTOR", A, row(A)).write("ACTOR", A, row(A, "RESTARTING")).write("ACTOR", B, row(B))
    assert signatures(told) == [STORED]
    third = told.write("ACTOR", A, row(A, "DEAD")).write(
        "ACTOR", "cc" * 12 + "01000000", row("cc" * 12 + "01000000")
    )
    assert signatures(third) == [STORED, STORED]


def test_who_was_acknowledged_first_is_first_whatever_its_id() -> None:
    assert signatures(alive(acknowledged(tale(), B, A), B)) == [BOTH]
    assert signatures(alive(acknowledged(tale(), B, A), A)) == []
    assert signatures(alive(acknowledged(tale().call("CheckAlive"), A, B), A)) == [BOTH]


def test_one_that_was_brought_back_hides_no_other_pair() -> None:
    third = "cc" * 12 + "01000000"
    told = acknowledged(tale(), A, B, third).call("RestartActorForLineageReconstruction", {"actor_id": A})
    assert signatures(alive(told, B)) == [BOTH]


def test_a_death_of_which_no_life_was_seen_is_no_life() -> None:
    told = tale().write("ACTOR", A, row(A, "DEAD")).write("ACTOR", A, None).write("ACTOR", B, row(B))
    assert signatures(told) == []
