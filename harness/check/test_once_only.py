"""Second effects of one request are told; restarts, removals and deletions make a second one right."""

from __future__ import annotations

from typing import Any

import pytest

from harness.check.once_only import at_most_once
from harness.check.tale import Tale, tale

ACTOR, W1, W2, W3 = "ab" * 12 + "01000000", "01" * 28, "02" * 28, "03" * 28
N1, N2 = "0a" * 28, "0b" * 28
RESTARTING = {"state": "RESTARTING", "num_restarts": 1, "max_restarts": 9}
TWO_WORKERS = "an actor was created in a second worker while the first lived"


def signatures(told: Tale) -> list[str]:
    return [one.signature for one in at_most_once(told.story()).violations]


def given(told: Tale, worker: str, node: str = N1) -> Tale:
    return told.event("worker", "actor", {"worker": worker, "pid": 1, "actor": ACTOR}, node)


def test_a_second_worker_for_a_living_actor_is_told() -> None:
    assert signatures(given(given(tale(), W1), W2)) == [TWO_WORKERS]
    assert signatures(given(given(tale(), W1), W1)) == []


def test_a_second_worker_after_the_first_is_right() -> None:
    exited = given(tale(), W1).event("worker", "exited", {"worker": W1, "pid": 1, "actor": ACTOR}, N1)
    assert signatures(given(exited, W2)) == []
    assert signatures(given(given(tale(), W1).event("raylet", "killed", {}, N1), W2, N2)) == []
    assert signatures(given(given(tale(), W1).write("ACTOR", ACTOR, RESTARTING), W2)) == []


@pytest.mark.parametrize("given_up", [N1, N2])
def test_a_node_that_was_given_up_may_not_know_that_yet(given_up: str) -> None:
    told = given(tale().write("NODE", given_up, {"state": "DEAD"}), W1)
    assert signatures(given(told, W2, N2)) == []
    told = given(tale().write("NODE", "0c" * 28, {"state": "DEAD"}), W1)
    assert signatures(given(told, W2, N2)) == [TWO_WORKERS]


def test_a_worker_that_was_told_to_end_is_over() -> None:
    told = given(tale(), W1).event("order", "ReleaseUnusedActorWorkers", {"fields": {}}, N1)
    assert signatures(given(told, W2)) == []
    fields = {"worker_ids_in_use": [W1]}
    told = given(tale(), W1).event("order", "ReleaseUnusedActorWorkers", {"fields": fields}, N1)
    assert signatures(given(told, W2)) == [TWO_WORKERS]


def test_one_restart_pays_for_one_worker() -> None:
    told = given(given(tale(), W1).write("ACTOR", ACTOR, RESTARTING), W2)
    assert signatures(given(told, W3)) == [TWO_WORKERS]


def test_without_a_ledger_any_sign_of_a_restart_counts() -> None:
    row = {"actor_id": ACTOR, "state": "ALIVE", "num_restarts": 1, "max_restarts": 9}
    told = given(given(tale(ledger=False), W1), W2)
    assert signatures(told) == [TWO_WORKERS]
    assert signatures(told.call("GetActorInfo", {}, {"actor_table_data": row})) == []


def committed(told: Tale, node: str) -> Tale:
    return told.event("bundle", "committed", {"group": "cd", "index": 0}, node)


VIEW = {"nodes": {N1: {"state": "ALIVE"}, N2: {"state": "ALIVE"}}}


def test_a_bundle_is_held_once_at_rest() -> None:
    told = committed(committed(tale(), N1), N2)
    assert signatures(told.look(view=VIEW, quiet=False)) == []
    assert signatures(told.look(view=VIEW)) == ["a bundle is held by two nodes"]
    told.event("bundle", "returned", {"group": "cd", "index": 0}, N1)
    assert signatures(committed(committed(tale(), N1), N1).look(view=VIEW)) == []


def test_a_bundle_that_was_given_back_or_lies_on_a_dead_node_is_not_held() -> None:
    told = committed(tale(), N1).event("bundle", "returned", {"group": "cd", "index": 0}, N1)
    assert signatures(committed(told, N2).look(view=VIEW)) == []
    dead = {"nodes": {**VIEW["nodes"], N1: {"state": "DEAD"}}}
    assert signatures(committed(committed(tale(), N1), N2).look(view=dead)) == []


def put(told: Tale, added: bool = True) -> Tale:
    request = {"namespace": "", "key": b"k".hex(), "value": b"v".hex()}
    return told.call("InternalKVPut", request, {"added": True} if added else {})


def test_a_key_is_added_once_between_deletions() -> None:
    assert signatures(put(put(tale()), added=False)) == []
    assert signatures(put(put(tale()))) == ["InternalKVPut without overwrite added a key twice"]
    assert signatures(put(put(tale()).call("InternalKVDel", {"key": b"k".hex()}))) == []
    prefix: dict[str, Any] = {"key": "", "del_by_prefix": True}
    assert signatures(put(put(tale()).call("InternalKVDel", prefix))) == []


def test_a_store_in_memory_forgets_keys() -> None:
    assert signatures(put(put(tale(store="memory", ledger=False)).restart())) == []


def test_one_death_costs_one_restart() -> None:
    def told(between: bool, reports: int) -> Tale:
        one = tale().write("ACTOR", ACTOR, {"state": "ALIVE", "address": {"worker_id": W1}})
        for _ in range(reports):
            one.begin("ReportWorkerFailure", {"worker_failure": {"worker_address": {"worker_id": W1}}})
        one.write("ACTOR", ACTOR, RESTARTING)
        if between:
            one.write("ACTOR", ACTOR, {**RESTARTING, "address": {"worker_id": W2}})
        return one.write("ACTOR", ACTOR, {**RESTARTING, "num_restarts": 2})

    assert signatures(told(False, 2)) == ["the death of one worker cost its actor two restarts"]
    assert signatures(told(True, 2)) == []
    assert signatures(told(False, 1)) == []


PUSH = {"fields": {"task_spec": {"actor_creation_task_spec": {"actor_id": ACTOR}}}, "worker": W1}
AGAIN = "an actor that was ALIVE was created again"


def stored(*states: str, **built: Any) -> Tale:
    told = tale(**built)
    for state in states:
        told.write("ACTOR", ACTOR, {"actor_id": ACTOR, "state": state})
    return told


def test_a_creation_task_for_an_actor_that_is_alive_is_told() -> None:
    pushed = stored("PENDING_CREATION", "ALIVE").event("order", "PushTask", PUSH, N1, id="push")
    (found,) = at_most_once(pushed.story()).violations
    assert (found.signature, found.events) == (AGAIN, ("push", "s2"))
    assert found.detail == f"actor {ACTOR}: node {N1} was sent its creation task at 3.200000"


def test_a_creation_task_while_an_actor_is_made_is_right() -> None:
    for states in ((), ("PENDING_CREATION",), ("ALIVE", "RESTARTING"), ("ALIVE", "DEAD")):
        assert signatures(stored(*states).event("order", "PushTask", PUSH, N1)) == [], states
    under_way = stored("ALIVE").write("ACTOR", ACTOR, {"state": "RESTARTING"}, took=9.0, at=2.0)
    assert signatures(under_way.event("order", "PushTask", PUSH, N1, at=3.0)) == []


def test_only_what_the_ledger_of_one_gcs_shows_says_who_was_alive() -> None:
    assert signatures(stored("ALIVE", ledger=False).event("order", "PushTask", PUSH, N1)) == []
    rivals = stored("ALIVE").event("gcs", "started", {"life": 0}, "rival")
    assert signatures(rivals.event("order", "PushTask", PUSH, N1)) == []
    task = {"fields": {"task_spec": {"actor_task_spec": {"actor_id": ACTOR}}}}
    assert signatures(stored("ALIVE").event("order", "PushTask", task, N1)) == []
    assert signatures(stored("ALIVE").event("store", "wiped").event("order", "PushTask", PUSH, N1)) == []


def restarts(spent: int, most: int, free: int = 0) -> dict[str, Any]:
    row = {"actor_id": ACTOR, "state": "ALIVE", "num_restarts": spent, "max_restarts": most}
    return {**row, "num_restarts_due_to_node_preemption": free}


def test_more_restarts_than_there_may_be_are_told_once() -> None:
    told = tale().write("ACTOR", ACTOR, restarts(3, 2), id="w")
    reply = {"actor_table_data": restarts(3, 2)}
    (found,) = at_most_once(told.call("GetActorInfo", {}, reply).story()).violations
    assert found.signature == "an actor was restarted more often than it may be"
    assert (found.detail, found.events) == (f"actor {ACTOR}: 3 restarts of 2 at 1.100000", ("w",))
    assert len(signatures(tale().call("GetActorInfo", {}, reply))) == 1


def test_restarts_within_the_budget_without_one_or_for_free_are_right() -> None:
    for row in (restarts(2, 2), restarts(9, -1), restarts(3, 2, free=1), restarts(0, 0)):
        assert signatures(tale().write("ACTOR", ACTOR, row)) == [], row
    ruling = at_most_once(tale().write("ACTOR", ACTOR, restarts(2, 2)).story())
    assert ruling.judged == 1


def test_what_proves_a_bundle_held_twice() -> None:
    told = committed(committed(tale(), N1), N2).look(view=VIEW, id="look")
    (found,) = at_most_once(told.story()).violations
    assert found.events == ("e4", "e5", "look")
    assert found.detail == f"bundle cd:0: node {N1} since 1.000000, node {N2} since 2.000000"


def test_every_bundle_is_told_once_and_judged_in_every_look() -> None:
    told = committed(committed(tale(), N1), N2).event("bundle", "committed", {"group": "cd", "index": 1}, N1)
    twice = told.look(view=VIEW).look(view=VIEW)
    ruling = at_most_once(twice.story())
    assert (len(ruling.violations), ruling.judged) == (1, 4)
    assert signatures(committed(committed(tale(), N1), N2).look(view=VIEW, quiet=False)) == []
    lost = committed(committed(tale(), N1), N2).event("store", "wiped").look(view=VIEW)
    assert signatures(lost) == []


def test_a_node_that_is_gone_or_disobeys_holds_nothing() -> None:
    for gone in ("gone", "exit", "killed"):
        assert (
            signatures(
                committed(tale(), N1)
                .event("raylet", gone, {}, N1)
                .event("bundle", "committed", {"group": "cd", "index": 0}, N2)
                .look(view=VIEW)
            )
            == []
        )
    waits = committed(committed(tale(), N1).event("raylet", "waiting", {}, N1), N2).look(view=VIEW)
    assert len(signatures(waits)) == 1
    for order, script, count in (
        ("ReleaseUnusedBundles", "mute", 0),
        ("CancelResourceReserve", "fail", 0),
        ("ReleaseUnusedBundles", "", 1),
        ("KillLocalActor", "mute", 1),
    ):
        told = committed(tale().event("order", order, {"script": script, "fields": {}}, N1), N1)
        assert len(signatures(committed(told, N2).look(view=VIEW))) == count, (order, script)
    dead = {"nodes": {N1: {"state": "DEAD"}, N2: {"state": "ALIVE"}}}
    assert signatures(committed(committed(tale(), N1), N2).look(view=dead)) == []


GIVE = {"namespace": b"gauntlet".hex(), "key": b"k".hex(), "value": b"v".hex()}
ADDED_TWICE = "InternalKVPut without overwrite added a key twice"


def added(told: Tale, **more: Any) -> Tale:
    return told.call("InternalKVPut", {**GIVE, **more}, {"added": True})


def test_what_proves_a_key_added_twice() -> None:
    (found,) = at_most_once(added(added(tale())).story()).violations
    assert (found.signature, found.events) == (ADDED_TWICE, ("e4", "e4-end", "e6", "e6-end"))
    assert found.detail == "key @namespace_gauntlet:k: added by the calls at 1.000000 and 3.000000"
    raw = added(added(tale(), key="ff"), key="ff")
    assert "\ufffd" in at_most_once(raw.story()).violations[0].detail
    assert at_most_once(added(added(tale()), key=b"l".hex()).story()).judged == 2


def test_a_key_that_may_have_gone_is_added_again_rightly() -> None:
    gone = {key: GIVE[key] for key in ("namespace", "key")}
    endings: list[dict[str, Any]] = [{}, {"outcome": "unknown", "grpc": "UNAVAILABLE"}]
    for ending in endings:
        assert signatures(added(added(tale()).call("InternalKVDel", gone, **ending))) == []
    assert signatures(added(added(tale()).begin("InternalKVDel", gone))) == []
    early = tale().begin("InternalKVDel", gone, id="d").end("d", outcome="unknown", grpc="UNAVAILABLE")
    assert signatures(added(added(early))) == []
    refused = added(tale()).call("InternalKVDel", gone, outcome="refused", code=5)
    assert signatures(added(refused)) == [ADDED_TWICE]
    assert signatures(added(added(tale().call("InternalKVDel", gone)))) == [ADDED_TWICE]
    assert signatures(added(added(tale())).call("InternalKVDel", gone)) == [ADDED_TWICE]
    other = {**gone, "key": b"other".hex()}
    assert signatures(added(added(tale()).call("InternalKVDel", other))) == [ADDED_TWICE]
    assert signatures(added(added(tale(), overwrite=True), overwrite=True)) == []


def test_a_store_in_memory_and_the_end_of_a_job_make_keys_go() -> None:
    assert signatures(added(added(tale(store="memory")).restart())) == []
    assert signatures(added(added(tale(store="memory").restart()))) == [ADDED_TWICE]
    assert signatures(added(added(tale()).restart())) == [ADDED_TWICE]
    function = {"namespace": b"fun".hex(), "key": b"RemoteFunction:01000000:x".hex()}
    finished = added(tale(), **function).call("MarkJobFinished", {"job_id": "01000000"})
    assert signatures(added(finished, **function)) == []
    assert signatures(added(added(tale(), **function), **function)) == [ADDED_TWICE]
    assert signatures(added(added(tale()).call("MarkJobFinished", {"job_id": "01000000"}))) == [ADDED_TWICE]


def test_what_proves_two_restarts_for_one_death() -> None:
    told = tale().write("ACTOR", ACTOR, {"state": "ALIVE", "address": {"worker_id": W1}})
    for _ in range(2):
        told.call("ReportWorkerFailure", {"worker_failure": {"worker_address": {"worker_id": W1}}})
    told.write("ACTOR", ACTOR, RESTARTING).write("ACTOR", ACTOR, {**RESTARTING, "num_restarts": 2})
    (found,) = at_most_once(told.story()).violations
    assert found.events == ("s2", "s3", "e4", "e4-end", "e6", "e6-end")
    assert found.detail == (
        f"actor {ACTOR}, worker {W1}, reported 2 times: restarts 1, then 2 with no worker between"
    )
    assert at_most_once(told.story()).judged == 3
    assert signatures(told.event("store", "wiped", at=0.5)) == []
