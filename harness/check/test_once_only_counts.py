"""Bundles, added keys, spent restarts: what is between two of them, and who is meant."""

from __future__ import annotations

from typing import Any

import pytest

from harness.check.once_only import at_most_once
from harness.check.tale import Tale, tale

ACTOR, OTHER = "ab" * 12 + "01000000", "cd" * 12 + "01000000"
W1, N1, N2, N3 = "01" * 28, "0a" * 28, "0b" * 28, "0c" * 28
VIEW = {"nodes": {node: {"state": "ALIVE"} for node in (N1, N2, N3)}}
KEY, ANOTHER = {"namespace": "", "key": b"k".hex()}, {"namespace": "", "key": b"l".hex()}
ADDED_TWICE = "InternalKVPut without overwrite added a key twice"
TWO_RESTARTS = "the death of one worker cost its actor two restarts"
TOO_MANY = "an actor was restarted more often than it may be"


def signatures(told: Tale) -> list[str]:
    return [one.signature for one in at_most_once(told.story()).violations]


def bundle(told: Tale, what: str, node: str) -> Tale:
    return told.event("bundle", what, {"group": "cd", "index": 0}, node)


def test_a_node_that_holds_nothing_gives_nothing_back() -> None:
    told = bundle(bundle(bundle(tale(), "committed", N1), "returned", N2), "committed", N3)
    told.event("raylet", "killed", {}, N2)
    assert signatures(told.look(view=VIEW)) == ["a bundle is held by two nodes"]


def put(told: Tale, id: str, at: float, end: float) -> Tale:
    told.begin("InternalKVPut", {**KEY, "value": b"v".hex()}, id, at=at)
    return told.end(id, {"added": True}, at=end)


def delete(told: Tale, key: dict[str, str], at: float, end: float) -> Tale:
    return told.begin("InternalKVDel", key, at=at).end(at=end)


def test_any_deletion_between_makes_a_second_addition_right() -> None:
    told = delete(delete(put(tale(), "a", 1.0, 2.0), KEY, 3.0, 4.0), ANOTHER, 5.0, 6.0)
    assert signatures(put(told, "b", 7.0, 8.0)) == []
    during = delete(put(tale(), "a", 1.0, 2.0), KEY, 4.0, 5.0)
    assert signatures(put(during, "b", 3.0, 6.0)) == []


def test_what_ended_once_the_store_lost_rows_hides_nothing_before() -> None:
    told = delete(tale(), ANOTHER, 1.0, 20.0).event("store", "wiped", at=10.0)
    assert signatures(put(put(told, "a", 2.0, 3.0), "b", 4.0, 5.0)) == [ADDED_TWICE]


def test_a_deletion_that_was_under_way_when_the_store_lost_rows_may_have_come_between() -> None:
    told = delete(put(tale(), "a", 1.0, 2.0), KEY, 3.0, 20.0).event("store", "wiped", at=10.0)
    assert signatures(put(told, "b", 4.0, 5.0)) == []


def row(state: str, restarts: int = 0, **more: Any) -> dict[str, Any]:
    return {"state": state, "num_restarts": restarts, "max_restarts": 9, **more}


def died(*outcomes: str) -> Tale:
    """The death of an actor's worker is reported with these outcomes."""
    told = tale().write("ACTOR", ACTOR, row("ALIVE", address={"worker_id": W1}))
    report = {"worker_failure": {"worker_address": {"worker_id": W1}}}
    for outcome in outcomes:
        told.call("ReportWorkerFailure", report, outcome=outcome)
    return told


def restarting(told: Tale, *restarts: int, actor: str = ACTOR) -> Tale:
    for count in restarts:
        told.write("ACTOR", actor, row("RESTARTING", count))
    return told


@pytest.mark.parametrize("outcome", ["ok", "unknown", "refused"])
def test_a_report_that_was_refused_costs_nothing(outcome: str) -> None:
    told = restarting(died("ok", outcome), 1, 2)
    assert signatures(told) == ([] if outcome == "refused" else [TWO_RESTARTS])


def test_a_report_that_names_no_worker_is_of_nobody() -> None:
    told = tale()
    for _ in range(2):
        told.begin("ReportWorkerFailure", {"worker_failure": {}})
    assert signatures(restarting(told, 1, 2)) == []


def test_the_same_restart_written_twice_is_one() -> None:
    assert signatures(restarting(died("ok", "ok"), 1, 1)) == []


def test_a_row_that_is_deleted_names_no_worker() -> None:
    told = died("ok", "ok").write("ACTOR", ACTOR, None)
    assert signatures(restarting(told, 1, 2)) == [TWO_RESTARTS]


def test_every_actor_that_restarted_is_judged() -> None:
    told = restarting(restarting(died(), 1), 1, actor=OTHER)
    told.write("ACTOR", "ef" * 12 + "01000000", row("ALIVE"))
    assert at_most_once(told.story()).judged == 4, "each by its worker's death, and by its budget"


def test_without_a_budget_no_restart_is_paid_for() -> None:
    bare = {"actor_id": ACTOR, "state": "ALIVE", "num_restarts": 1}
    for told in (
        tale().write("ACTOR", ACTOR, bare),
        tale().call("GetActorInfo", {}, {"actor_table_data": bare}),
        tale().write("ACTOR", ACTOR, row("ALIVE", 1, max_restarts=0)),
    ):
        assert signatures(told) == [TOO_MANY]
        assert signatures(told.event("store", "wiped", at=0.5)) == []
