"""What another life had left in a namespace is the state before: checks begin from it."""

from __future__ import annotations

from typing import Any

import pytest

from harness.check.agreement import agreement
from harness.check.assumptions import assumptions
from harness.check.durable import durable
from harness.check.inheritance import left, loadable
from harness.check.job_ids import unique_job_ids
from harness.check.leftovers import leftovers
from harness.check.linear import linearizable
from harness.check.lives import lives
from harness.check.naming import one_name
from harness.check.once_only import at_most_once
from harness.check.recovery_orders import recovery_orders
from harness.check.ruling import Finding
from harness.check.tale import Tale, tale
from harness.check.throughout import SPECS
from harness.check.unasked import unasked

OLD, NEW = "0a" * 28, "0b" * 28
JOB, OWN = "01000000", "05000000"
ACTOR, GROUP = "a1" * 12 + JOB, "b1" * 14 + JOB
SECOND = "a2" * 12 + OWN
WORKER = "0c" * 28
KEY = "@namespace_gauntlet:k"
Rows = dict[str, Any]


def spec(actor: str = ACTOR, **more: Any) -> Rows:
    creation = {"actor_id": actor, "is_detached": True, "name": "kept", "ray_namespace": "x", **more}
    return {"job_id": JOB, "actor_creation_task_spec": creation, "required_resources": {"CPU": 1.0}}


def row(state: str = "ALIVE", **more: Any) -> Rows:
    address = {"worker_id": WORKER, "node_id": OLD}
    return {
        "state": state, "is_detached": True, "max_restarts": -1, "name": "kept", "ray_namespace": "x",
        "address": address, **more,
    }  # fmt: skip


def inherited(told: Tale | None = None, /, **tables: Any) -> Tale:
    """A namespace with a node, a job, a detached actor, a key and a count; ``tables`` in the place of these."""
    stored = {
        "NODE": {OLD: {"state": "ALIVE"}},
        "JOB": {JOB: {}},
        "ACTOR": {ACTOR: row()},
        SPECS: {ACTOR: spec()},
        "KV": {KEY.encode().hex(): {"value": "76"}},
        "JobCounter": {"": {"value": 4}},
        **tables,
    }
    told = (told or tale()).look("inherited", stored=stored, quiet=False, at=-1.0)
    told.events[-1].facts["view"].clear()
    told.now = 0.0
    return told


def closing(told: Tale, at: float = 60.0, nodes: Rows | None = None, **view: Any) -> Tale:
    base = {
        "nodes": nodes or {OLD: {"state": "DEAD"}, NEW: {"state": "ALIVE"}},
        "jobs": {JOB: {"dead": False}},
        "available": {NEW: {"CPU": 4.0}},
    }
    book = {"state": "connected", "workers": {}, "bundles": [], "available": {"CPU": 4.0}}
    return told.look("closing", {**base, **view}, books={NEW: book}, at=at)


def seen(state: str, node: str = OLD, restarts: int = 0) -> Rows:
    return {
        "actors": {
            ACTOR: {
                "state": state, "node": node, "worker": WORKER, "detached": True, "restarts": restarts,
                "name": "x/kept",
            }
        }
    }  # fmt: skip


def signatures(check: Any, told: Tale) -> list[str]:
    return [one.signature for one in check(told.story()).violations]


def test_an_inherited_actor_that_is_alive_on_no_worker_is_seen() -> None:
    told = closing(inherited(), **seen("ALIVE"))
    assert signatures(agreement, told) == ["an ALIVE actor is on a node that is DEAD"]
    assert agreement(told.story()).finding is Finding.BROKEN


def test_the_same_namespace_tampered_with_is_not_judged() -> None:
    told = closing(inherited().event("store", "tampered", at=1.0), **seen("ALIVE"))
    assert agreement(told.story()).finding is Finding.UNKNOWN


def test_the_start_is_known_where_the_rows_could_be_read() -> None:
    assert assumptions(inherited().story()).finding is Finding.HELD
    blind = tale().look("inherited", stored=None, at=-1.0).story()
    assert assumptions(blind).reason == "the cluster had lived before, and nobody looked at its store"


def test_a_row_that_nobody_asked_to_end_may_not_be_deleted() -> None:
    said = "a row that another life had left was deleted by nobody's wish"
    assert signatures(durable, inherited().write("JOB", JOB, None)) == [said]
    assert signatures(durable, inherited().write("ACTOR", ACTOR, None)) == [said]
    assert signatures(durable, inherited().write("KV", KEY, None)) == [said]


def test_what_was_asked_for_or_has_ended_may_be_deleted() -> None:
    asked = {"namespace": b"gauntlet".hex(), "key": b"k".hex()}
    deleted = inherited().begin("InternalKVDel", asked).write("KV", KEY, None).end(reply={"deleted_num": 1})
    assert signatures(durable, deleted) == []
    ended = inherited().write("ACTOR", ACTOR, {"state": "DEAD"}).write("ACTOR", ACTOR, None)
    assert signatures(durable, ended) == []
    node = inherited().write("NODE", OLD, {"state": "DEAD"}).write("NODE", OLD, None)
    assert signatures(durable, node) == []


DELETED = "a row that another life had left was deleted by nobody's wish"


def test_a_deletion_is_told_with_the_row_and_its_proof() -> None:
    told = inherited(JOB={JOB: {"entrypoint": "x" * 500}}).write("JOB", JOB, None, id="gone")
    (one,) = durable(told.story()).violations
    assert one.signature == DELETED
    assert one.events == (told.events[-1].id, "gone")
    assert one.detail.startswith(f"JOB {JOB}: {{'entrypoint': 'xxx") and len(one.detail) == 400


def test_each_row_and_each_write_is_judged_by_itself() -> None:
    jobs: Rows = {JOB: {}, OWN: {}}
    told = inherited(JOB=jobs).begin("AddJob", {"data": {"job_id": JOB}}).write("JOB", JOB, None)
    assert signatures(durable, told.write("JOB", OWN, None)).count(DELETED) == 1
    again = inherited().write("JOB", JOB, {"is_dead": True}).write("JOB", JOB, None)
    assert signatures(durable, again) == [DELETED]


def test_a_death_that_was_sent_before_excuses_the_deletion() -> None:
    told = (
        inherited()
        .write("ACTOR", ACTOR, {"state": "DEAD"}, took=5.0, at=1.0)
        .write("ACTOR", ACTOR, None, at=2.0)
    )
    assert signatures(durable, told) == []


def test_a_deletion_that_the_store_did_not_confirm_is_none_yet() -> None:
    assert signatures(durable, inherited().write("JOB", JOB, None, took=None)) == []


def test_what_was_dead_before_may_be_deleted() -> None:
    assert signatures(durable, inherited(ACTOR={ACTOR: row("DEAD")}).write("ACTOR", ACTOR, None)) == []
    owned = inherited(ACTOR={ACTOR: row(is_detached=False)}).write("ACTOR", ACTOR, None)
    assert signatures(durable, owned) == []


@pytest.mark.parametrize(
    ("group", "said"),
    [
        ({"state": "CREATED", "is_detached": True}, [DELETED]),
        ({"state": "REMOVED", "is_detached": True}, []),
        ({"state": "CREATED"}, []),
    ],
)
def test_a_detached_group_that_is_not_removed_stays(group: Rows, said: list[str]) -> None:
    told = inherited(PLACEMENT_GROUP={GROUP: group}).write("PLACEMENT_GROUP", GROUP, None)
    assert signatures(durable, told) == said


def test_keys_may_go_where_somebody_deletes_by_prefix() -> None:
    wish = {"namespace": b"other".hex(), "key": "", "del_by_prefix": True}
    swept = inherited().call("InternalKVDel", wish).write("KV", KEY, None)
    assert signatures(durable, swept) == []
    other = inherited().call("InternalKVDel", {**wish, "del_by_prefix": False}).write("KV", KEY, None)
    assert DELETED in signatures(durable, other)
    put = inherited().call(
        "InternalKVPut", {"namespace": "00", "key": "00", "value": "00"}, outcome="refused"
    )
    assert signatures(durable, put.write("KV", KEY, None)) == [DELETED]


def test_without_a_ledger_or_with_two_gcs_nobody_is_accused_of_a_deletion() -> None:
    assert signatures(durable, inherited(tale(ledger=False)).write("JOB", JOB, None)) == []
    two = inherited().event("gcs", "started", {"life": 0, "pid": 9}, "rival")
    assert signatures(durable, two.write("JOB", JOB, None)) == []


def test_a_deletion_by_the_gcs_of_its_own_keys_is_its_own_affair() -> None:
    own = "@namespace_fun:01"
    told = inherited(KV={own.encode().hex(): {"value": "00"}}).write("KV", own, None)
    assert signatures(durable, told) == []


def test_a_job_id_that_another_life_has_counted_is_not_given_again() -> None:
    said = "GetNextJobID gave a number that another life had given"
    told = inherited().call("GetNextJobID", reply={"job_id": 4}, id="next")
    (one,) = unique_job_ids(told.story()).violations
    look = next(each for each in told.events if each.what == "inherited")
    assert (one.signature, one.events) == (said, (look.id, "next", "next-end"))
    assert signatures(unique_job_ids, inherited().call("GetNextJobID", reply={"job_id": 5})) == []


def test_the_job_of_another_life_is_taken() -> None:
    told = inherited(JobCounter={}).call("GetNextJobID", reply={"job_id": 1})
    assert signatures(unique_job_ids, told) == ["GetNextJobID gave the number of a job that existed"]


def test_a_key_has_the_value_that_it_was_left_with() -> None:
    get = {"namespace": b"gauntlet".hex(), "key": b"k".hex()}
    right = inherited().call("InternalKVGet", get, {"value": "76"})
    assert linearizable(right.story()).finding is Finding.HELD
    wrong = inherited().call("InternalKVGet", get, {"value": "77"})
    assert linearizable(wrong.story()).finding is Finding.BROKEN


def taken(told: Tale, name: str) -> Tale:
    """A registration is refused because its name is taken."""
    wish = {"task_spec": spec(SECOND, name=name)}
    return told.call("RegisterActor", wish, outcome="refused", code=20)


def test_a_name_that_nobody_had_is_free() -> None:
    assert linearizable(taken(inherited(), "other").story()).finding is Finding.BROKEN
    assert linearizable(taken(inherited(), "kept").story()).finding is Finding.HELD


def test_an_inherited_name_is_given_once() -> None:
    told = inherited().write("ACTOR", SECOND, row("DEPENDENCIES_UNREADY"))
    assert signatures(one_name, told) == ["two living actors with one name are stored"]


@pytest.mark.parametrize("rows", [{SPECS: {}}, {"ACTOR": {ACTOR: row("DEAD")}}], ids=["no spec", "dead"])
def test_the_name_of_what_nobody_can_load_is_free(rows: Rows) -> None:
    told = inherited(**rows).write("ACTOR", SECOND, row("DEPENDENCIES_UNREADY"))
    assert signatures(one_name, told) == []


def test_a_name_of_its_own_is_not_shared() -> None:
    rows = {ACTOR: row(name="one"), SECOND: row(ray_namespace="y")}
    told = inherited(ACTOR=rows, **{SPECS: {ACTOR: spec(), SECOND: spec(SECOND)}})
    third = "a3" * 12 + OWN
    both = told.write("ACTOR", third, row("DEPENDENCIES_UNREADY", name="one"))
    assert signatures(one_name, both) == ["two living actors with one name are stored"]


def test_two_with_one_name_that_were_left_so_are_not_this_life_s_doing() -> None:
    both = {ACTOR: row(), SECOND: row()}
    told = inherited(ACTOR=both, **{SPECS: {ACTOR: spec(), SECOND: spec(SECOND)}})
    assert signatures(one_name, told.write("NODE", NEW, {"state": "ALIVE"})) == []


def test_the_first_life_takes_over_what_was_stored() -> None:
    said = "an actor fell from ALIVE to DEPENDENCIES_UNREADY in a recovery"
    got = {"actor_table_data": {"actor_id": ACTOR, **row("DEPENDENCIES_UNREADY")}}
    assert signatures(lives, inherited().call("GetActorInfo", {}, got)) == [said]
    moved = {"actor_table_data": {"actor_id": ACTOR, **row("RESTARTING", num_restarts=1)}}
    assert signatures(lives, inherited().call("GetActorInfo", {}, moved)) == []


def test_an_inherited_dead_actor_is_not_brought_back() -> None:
    told = inherited(ACTOR={ACTOR: row("DEAD")}).write("ACTOR", ACTOR, row("ALIVE"))
    assert signatures(lives, told) == ["an actor went from DEAD to ALIVE in the store"]


def test_restarts_that_another_life_gave_too_many_of_are_not_counted() -> None:
    spent = row(num_restarts=3, max_restarts=1)
    assert signatures(at_most_once, inherited(ACTOR={ACTOR: spent})) == []
    again = inherited(ACTOR={ACTOR: spent}).write("ACTOR", ACTOR, {**spent, "num_restarts": 4})
    assert signatures(at_most_once, again) == ["an actor was restarted more often than it may be"]


def test_raylets_that_write_another_record_are_owed_nothing_here() -> None:
    told = inherited().read("HSCAN", "RAYns@NODE", "0", at=0.1)
    assert signatures(recovery_orders, closing(told, nodes={OLD: {"state": "ALIVE"}})) == []


def test_an_actor_without_limit_does_not_die_of_its_old_node() -> None:
    said = "an inherited detached actor is DEAD for no reason"
    (one,) = unasked(inherited().write("ACTOR", ACTOR, row("DEAD"), id="dead").story()).violations
    assert (one.signature, one.events) == (said, ("dead",))
    retired = inherited().write("NODE", OLD, {"state": "DEAD"}).write("ACTOR", ACTOR, row("DEAD"))
    assert signatures(unasked, retired) == [said]
    address = {"worker_id": WORKER, "node_id": NEW}
    moved = inherited().write("ACTOR", ACTOR, row(address=address)).write("NODE", NEW, {"state": "DEAD"})
    assert signatures(unasked, moved.write("ACTOR", ACTOR, row("DEAD", address=address))) == []
    killed = inherited().call("KillActorViaGcs", {"actor_id": ACTOR}).write("ACTOR", ACTOR, row("DEAD"))
    assert signatures(unasked, killed) == []
    limited = inherited(ACTOR={ACTOR: row(max_restarts=0)}).write("ACTOR", ACTOR, row("DEAD"))
    assert signatures(unasked, limited) == []


def creation(told: Tale, actor: str) -> Tale:
    task = {"type": "ACTOR_CREATION_TASK", "task_id": "00", "actor_creation_task_spec": {"actor_id": actor}}
    return told.event("order", "PushTask", {"fields": {"task_spec": task}, "worker": WORKER}, NEW)


@pytest.mark.parametrize(
    ("actor", "what"), [("", "an actor without an id"), (SECOND, "an actor that nobody had registered")]
)
def test_no_worker_is_told_to_create_what_nobody_registered(actor: str, what: str) -> None:
    said = f"a worker was told to create {what}"
    told = creation(inherited(), actor)
    (one,) = unasked(told.story()).violations
    assert (one.signature, one.events) == (said, (told.events[-1].id,))
    assert one.detail == f"worker {WORKER} on node {NEW} at {told.now:.6f}: {actor}"
    late = inherited().event("store", "tampered", at=0.5)
    assert signatures(unasked, creation(late, actor)) == []
    assert signatures(unasked, creation(tale(), actor)) == [said]
    assert signatures(unasked, creation(inherited(), ACTOR)) == []
    for what_there_was in ("inherited", "baseline"):
        blind = creation(tale().look(what_there_was, stored=None, at=-1.0), actor)
        assert signatures(unasked, blind) == []
        assert unasked(blind.story()).judged == 0
    assert unasked(told.story()).judged == 1


def test_an_inherited_actor_is_restarted_where_there_is_room() -> None:
    told = inherited(ACTOR={ACTOR: row("RESTARTING")})
    assert signatures(leftovers, closing(told, **seen("RESTARTING"))) == ["an actor is RESTARTING for ever"]


def test_an_inherited_job_s_end_takes_its_actors_and_groups_along() -> None:
    owned = row(is_detached=False)
    group = {
        "placement_group_id": GROUP,
        "creator_job_id": JOB,
        "creator_actor_dead": True,
        "state": "CREATED",
    }
    told = inherited(JOB={JOB: {"is_dead": True}}, ACTOR={ACTOR: owned}, PLACEMENT_GROUP={GROUP: group})
    view = seen("ALIVE")
    view["actors"][ACTOR]["detached"] = False
    groups = {GROUP: {"state": "CREATED", "nodes": [NEW]}}
    told = closing(told, jobs={JOB: {"dead": True}}, groups=groups, **view)
    assert signatures(leftovers, told) == [
        "an owned actor of a finished job was loaded again", "a group of a finished job is kept",
    ]  # fmt: skip


def test_an_inherited_head_retires() -> None:
    head = {"node_info": {"node_id": NEW, "is_head_node": True}}
    told = inherited().call("RegisterNode", head, client=NEW)
    nodes = {OLD: {"state": "ALIVE", "head": True}, NEW: {"state": "ALIVE", "head": True}}
    both = closing(told, nodes=nodes)
    (one,) = leftovers(both.story()).violations
    assert one.signature == "two head nodes are ALIVE"
    assert one.events[0] == next(each.id for each in both.events if each.what == "inherited")
    assert one.events[-1] == both.events[-1].id and len(one.events) == 4
    worker = {OLD: {"state": "ALIVE", "head": False}, NEW: {"state": "ALIVE", "head": True}}
    again = inherited().call("RegisterNode", head, client=NEW)
    assert signatures(leftovers, closing(again, nodes=worker)) == []


def test_only_what_a_gcs_has_to_load_is_loadable() -> None:
    rows = {ACTOR: row(), SECOND: row(is_detached=False)}
    both = inherited(ACTOR=rows, **{SPECS: {ACTOR: spec(), SECOND: spec(SECOND)}}).story()
    assert [*loadable(both)] == [ACTOR]
    assert [*loadable(inherited(ACTOR={ACTOR: row("DEAD")}).story())] == []
    assert left(both, "JOB") == {JOB: {}}
    assert loadable(tale().story()) == {}
    assert left(tale().story(), "JOB") == {}
