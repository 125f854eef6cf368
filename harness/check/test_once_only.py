"""Second effects of one request are told; restarts, removals and deletions make a second one right."""

from __future__ import annotations

from typing import Any

from harness.check.once_only import at_most_once
from harness.check.tale import Tale, tale

ACTOR, W1, W2, W3 = "ab" * 12 + "01000000", "01" * 28, "02" * 28, "03" * 28
N1, N2 = "0a" * 28, "0b" * 28
RESTARTING = {"state": "RESTARTING", "num_restarts": 1}
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
    row = {"actor_id": ACTOR, "state": "ALIVE", "num_restarts": 1}
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
        return one.write("ACTOR", ACTOR, {"state": "RESTARTING", "num_restarts": 2})

    assert signatures(told(False, 2)) == ["the death of one worker cost its actor two restarts"]
    assert signatures(told(True, 2)) == []
    assert signatures(told(False, 1)) == []
