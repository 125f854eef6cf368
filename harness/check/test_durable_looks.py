"""What later looks show of acknowledged requests: what is gone or came back is told, what may be so is not."""

from __future__ import annotations

from typing import Any

import pytest

from harness.check.durable import durable
from harness.check.tale import Tale, tale

ACTOR, WORKER, OTHER = "ab" * 12 + "01000000", "01" * 28, "02" * 28
NODE, JOB, GROUP = "0a" * 28, "01000000", "cd" * 14 + "01000000"
REGISTER = {"task_spec": {"actor_creation_task_spec": {"actor_id": ACTOR}}}
GROUP_REQUEST = {"placement_group_spec": {"placement_group_id": GROUP}}
KEY = b"@namespace_gauntlet:k"
HEX = b"k".hex()
PUT = {"namespace": b"gauntlet".hex(), "key": HEX, "value": b"v".hex(), "overwrite": True}
DELETE = {"namespace": b"gauntlet".hex(), "key": HEX}


def signatures(told: Tale) -> list[str]:
    return [one.signature for one in durable(told.story()).violations]


def after(*calls: tuple[str, dict[str, Any]], view: dict[str, Any], **built: Any) -> list[str]:
    told = tale(ledger=False, **built)
    for method, request_ in calls:
        told.call(method, request_)
    return signatures(told.restart().look(view=view))


def test_a_value_is_there_after_a_recovery_or_told() -> None:
    assert after(("InternalKVPut", PUT), view={"kv": {HEX: b"v".hex()}}) == []
    lost = ["InternalKVPut was acknowledged and is gone after a recovery"]
    assert after(("InternalKVPut", PUT), view={"kv": {}}) == lost
    assert after(("InternalKVPut", PUT), view={"kv": {HEX: b"old".hex()}}) == lost


def test_a_deleted_key_stays_away() -> None:
    calls = (("InternalKVPut", PUT), ("InternalKVDel", DELETE))
    assert after(*calls, view={"kv": {}}) == []
    assert after(*calls, view={"kv": {HEX: b"v".hex()}}) == [
        "InternalKVDel was acknowledged and is gone after a recovery"
    ]
    by_prefix = (calls[0], ("InternalKVDel", {**DELETE, "key": "", "del_by_prefix": True}))
    assert after(*by_prefix, view={"kv": {}}) == []
    assert after(*by_prefix, view={"kv": {HEX: b"v".hex()}}) != []


def test_a_request_whose_end_nobody_knows_may_have_changed_the_row() -> None:
    told = tale(ledger=False).call("InternalKVPut", PUT).begin("InternalKVDel", DELETE).restart()
    assert signatures(told.look(view={"kv": {}})) == []
    assert signatures(told.look(view={"kv": {HEX: b"x".hex()}})) != []


def test_the_ledger_tells_that_it_did_not() -> None:
    told = tale().begin("InternalKVPut", PUT).write("KV", KEY.decode(), "v").end()
    told.begin("InternalKVDel", DELETE).restart()
    assert signatures(told.look(view={"kv": {}})) == [
        "InternalKVPut was acknowledged and is gone after a recovery"
    ]


def test_what_is_acknowledged_while_a_look_reads_may_be_in_it_or_not() -> None:
    told = tale(ledger=False).call("InternalKVPut", PUT).look(view={"kv": {}}, at=10.0)
    assert signatures(told) != []
    told = tale(ledger=False).begin("InternalKVPut", PUT).look(view={"kv": {}}, at=10.0).end("", at=11.0)
    assert signatures(told) == []
    told = tale(ledger=False).call("InternalKVPut", PUT).look(view={"kv": {}}, at=10.0)
    told.begin("InternalKVMultiGet").begin("InternalKVDel", DELETE, client="driver-1")
    assert signatures(told) == []


@pytest.mark.parametrize(
    ("row", "lawful"),
    [
        ({"state": "ALIVE", "worker": WORKER, "restarts": 0}, True),
        ({"state": "RESTARTING", "worker": "", "restarts": 1}, True),
        ({"state": "ALIVE", "worker": OTHER, "restarts": 1}, True),
        ({"state": "DEAD", "worker": "", "restarts": 0}, True),
        ({"state": "ALIVE", "worker": OTHER, "restarts": 0}, False),
        ({"state": "DEPENDENCIES_UNREADY", "worker": "", "restarts": 0}, False),
    ],
)
def test_a_created_actor_lives_on_by_the_rules(row: dict[str, Any], lawful: bool) -> None:
    told = tale(ledger=False).call("CreateActor", REGISTER, {"actor_address": {"worker_id": WORKER}})
    assert (signatures(told.restart().look(view={"actors": {ACTOR: row}})) == []) == lawful


def test_a_killed_actor_stays_dead_and_may_be_forgotten() -> None:
    kill = ("KillActorViaGcs", {"actor_id": ACTOR, "no_restart": True})
    assert after(kill, view={}) == []
    assert after(kill, view={"actors": {ACTOR: {"state": "DEAD"}}}) == []
    assert after(kill, view={"actors": {ACTOR: {"state": "ALIVE"}}}) != []


def test_a_finished_job_lives_again_only_if_it_was_added_again() -> None:
    add, finish = ("AddJob", {"data": {"job_id": JOB}}), ("MarkJobFinished", {"job_id": JOB})
    running = {"jobs": {JOB: {"dead": False, "entrypoint": ""}}}
    assert after(add, finish, view=running) != []
    assert after(finish, add, view=running) == []


def test_a_store_in_memory_forgets_with_its_gcs_and_only_then() -> None:
    assert after(("InternalKVPut", PUT), view={"kv": {}}, store="memory") == []
    told = tale(ledger=False, store="memory").call("InternalKVPut", PUT).look(view={"kv": {}})
    assert signatures(told) == ["InternalKVPut was acknowledged and is not there"]


def test_what_was_lost_on_purpose_is_not_judged() -> None:
    told = tale(ledger=False).call("InternalKVPut", PUT).event("store", "wiped").restart()
    assert signatures(told.look(view={"kv": {}})) == []


def test_a_row_that_nobody_touched_is_still_there() -> None:
    view = {"nodes": {NODE: {"state": "ALIVE"}}, "kv": {HEX: b"v".hex()}}
    stored = {"NODE": {NODE: {"state": "ALIVE"}}, "KV": {KEY.hex(): {"value": b"v".hex()}}}
    told = tale().look("baseline", view, stored).restart()
    assert signatures(told.look("closing", view, stored)) == []
    assert signatures(told.look("closing", {**view, "nodes": {}}, stored)) == [
        "a row that nobody touched is gone after a recovery"
    ]


def test_a_row_of_the_baseline_that_was_deleted_is_not_missed() -> None:
    view, stored = {"kv": {HEX: b"v".hex()}}, {"KV": {KEY.hex(): {"value": b"v".hex()}}}
    told = (
        tale().look("baseline", view, stored).begin("InternalKVDel", DELETE).write("KV", KEY.decode(), None)
    )
    assert signatures(told.end().restart().look("closing", {}, {"KV": {}})) == []


def test_two_gcs_may_know_different_things_but_not_store_them() -> None:
    told = tale().event("gcs", "started", {"life": 1}, "rival").begin("CreatePlacementGroup", GROUP_REQUEST)
    told.write("PLACEMENT_GROUP", GROUP, {"state": "PENDING"}).end()
    assert signatures(told.look(view={}, stored={"PLACEMENT_GROUP": {GROUP: {"state": "PENDING"}}})) == []
    assert signatures(told.look(view={}, stored={})) != []
