"""Answers that no order explains are told; those that an order, a crash or a death explains are not."""

from __future__ import annotations

from typing import Any

import pytest

from harness.check.linear import linearizable
from harness.check.ruling import Finding
from harness.check.tale import Tale, tale

SPACE = b"gauntlet".hex()
FIELD = "@namespace_gauntlet:k"
KEY = {"namespace": SPACE, "key": b"k".hex()}
X, Y = "aa" * 12 + "01000000", "bb" * 12 + "01000000"


def put(value: str, overwrite: bool = True) -> dict[str, Any]:
    return {**KEY, "value": value.encode().hex(), "overwrite": overwrite}


def found(value: str) -> dict[str, Any]:
    return {"value": value.encode().hex()}


def register(actor: str) -> dict[str, Any]:
    spec = {"actor_id": actor, "name": "n", "ray_namespace": "space"}
    return {"task_spec": {"actor_creation_task_spec": spec}}


def named(actor: str) -> dict[str, Any]:
    return {"actor_table_data": {"actor_id": actor}}


LOOK = {"name": "n", "ray_namespace": "space"}
TAKEN: dict[str, Any] = {"outcome": "refused", "code": 20}
ABSENT: dict[str, Any] = {"outcome": "refused", "code": 17}
JOB = {"data": {"job_id": "01000000"}}


def with_job() -> Tale:
    return tale().call("AddJob", JOB)


LEGAL = {
    "a value that was put": tale().call("InternalKVPut", put("a"), {"added": True}).call("InternalKVGet", KEY, found("a")),
    "an overlapping read of the old value": tale().call("InternalKVPut", put("a"), {"added": True})
    .begin("InternalKVPut", put("b"), id="p").call("InternalKVGet", KEY, found("a")).end("p"),
    "a lost put that happened": tale().begin("InternalKVPut", put("a"), id="p").restart()
    .write("KV", FIELD, "a").end("p", outcome="unknown", grpc="UNAVAILABLE").call("InternalKVGet", KEY, found("a")),
    "a key of the baseline": tale().look("baseline", stored={"KV": {FIELD.encode().hex(): found("a")}})
    .call("InternalKVGet", KEY, found("a")),
    "a lost put of what was there before, that comes late": tale(ledger=False)
    .look("baseline", stored={"KV": {FIELD.encode().hex(): found("a")}}).begin("InternalKVPut", put("a"))
    .call("InternalKVGet", KEY, found("a")).call("InternalKVPut", put("b")).call("InternalKVGet", KEY, found("a")),
    "a name that may have been taken before": tale().look("baseline").call("RegisterActor", register(X), **TAKEN),
    "a key that the baseline does not tell of": tale().look("baseline").call("InternalKVGet", {**KEY, "namespace": ""}, found("a")),
    "memory that a restart empties": tale(store="memory", ledger=False).call("InternalKVPut", put("a"), {"added": True})
    .restart().call("InternalKVGet", KEY, **ABSENT),
    "a wiped store": tale().call("InternalKVPut", put("a"), {"added": True}).event("store", "wiped").call("InternalKVGet", KEY, **ABSENT),
    "a prefix that sweeps": tale().call("InternalKVPut", put("a"), {"added": True})
    .call("InternalKVDel", {**KEY, "key": "", "del_by_prefix": True}, {"deleted_num": 1}).call("InternalKVExists", KEY, {}),
    "a put while a prefix sweeps": tale().begin("InternalKVDel", {**KEY, "key": "", "del_by_prefix": True}, id="d")
    .call("InternalKVPut", put("a"), {"added": True}).end("d").call("InternalKVExists", KEY, {"exists": True}),
    "a key that somebody else writes": tale().write("KV", FIELD, "x").call("InternalKVGet", KEY, found("x")),
    "growing job ids": tale().call("GetNextJobID", {}, {"job_id": 1}).call("GetNextJobID", {}, {"job_id": 3}),
    "a name that is taken": with_job().call("RegisterActor", register(X)).call("RegisterActor", register(Y), **TAKEN)
    .call("GetNamedActorInfo", LOOK, named(X)),
    "a name after a kill": with_job().call("RegisterActor", register(X)).call("KillActorViaGcs", {"actor_id": X})
    .call("RegisterActor", register(Y)),
    "a name after a death seen in the store": with_job().call("RegisterActor", register(X))
    .write("ACTOR", X, {"actor_id": X, "state": "DEAD"}).call("RegisterActor", register(Y)),
    "a name whose first holder was never stored": with_job().begin("RegisterActor", register(X), id="r")
    .call("RegisterActor", register(Y), **TAKEN).restart().end("r", outcome="unknown", grpc="UNAVAILABLE")
    .call("RegisterActor", register(Y)),
    "a late repeat for an actor whose name has passed on": with_job().call("RegisterActor", register(X))
    .call("KillActorViaGcs", {"actor_id": X}).call("RegisterActor", register(Y)).call("RegisterActor", register(X))
    .call("GetNamedActorInfo", LOOK, {"actor_table_data": {"actor_id": Y}}),
    "a repeat for an actor that died before its first answer": with_job().begin("RegisterActor", register(X), id="r")
    .write("ACTOR", X, {"actor_id": X, "state": "DEAD"}).end("r", outcome="unknown", grpc="UNAVAILABLE")
    .call("RegisterActor", register(Y)).call("RegisterActor", register(X)).call("GetNamedActorInfo", LOOK, named(Y)),
    "a late repeat for an actor that takes its name again": with_job().call("RegisterActor", register(X))
    .call("KillActorViaGcs", {"actor_id": X}).call("RegisterActor", register(X))
    .call("GetNamedActorInfo", LOOK, {"actor_table_data": {"actor_id": X}}),
    "a name without its job": tale().call("RegisterActor", register(X)).restart().call("RegisterActor", register(Y)),
}  # fmt: skip

ILLEGAL = {
    "a value from nowhere": tale().call("InternalKVPut", put("a"), {"added": True}).call("InternalKVGet", KEY, found("b")),
    "a stale read": tale().call("InternalKVPut", put("a"), {"added": True}).call("InternalKVPut", put("b"))
    .call("InternalKVGet", KEY, found("a")),
    "a lost put that never reached the store": tale().call("InternalKVPut", put("a"), {"added": True}).write("KV", FIELD, "a")
    .begin("InternalKVPut", put("b"), id="p").restart().end("p", outcome="unknown", grpc="UNAVAILABLE")
    .call("InternalKVGet", KEY, found("b")),
    "a lost put that was stored and is gone": tale().begin("InternalKVPut", put("a"), id="p").write("KV", FIELD, "a")
    .restart().end("p", outcome="unknown", grpc="UNAVAILABLE").call("InternalKVGet", KEY, **ABSENT),
    "a baseline forgotten": tale().look("baseline", stored={"KV": {FIELD.encode().hex(): found("a")}})
    .call("InternalKVGet", KEY, **ABSENT),
    "a durable value lost by a restart": tale().call("InternalKVPut", put("a"), {"added": True}).restart()
    .call("InternalKVGet", KEY, **ABSENT),
    "a wiped store that forgot before": tale().call("InternalKVPut", put("a"), {"added": True})
    .call("InternalKVGet", KEY, **ABSENT).event("store", "wiped"),
    "a prefix that leaves a key": tale().call("InternalKVPut", put("a"), {"added": True})
    .call("InternalKVDel", {**KEY, "key": "", "del_by_prefix": True}, {"deleted_num": 1})
    .call("InternalKVExists", KEY, {"exists": True}),
    "a put that replaced without leave": tale().call("InternalKVPut", put("a"), {"added": True})
    .call("InternalKVPut", put("b", overwrite=False)).call("InternalKVGet", KEY, found("b")),
    "a key added twice": tale().call("InternalKVPut", put("a", overwrite=False), {"added": True})
    .call("InternalKVPut", put("b", overwrite=False), {"added": True}),
    "a key that a list forgets": tale().call("InternalKVPut", put("a"), {"added": True})
    .call("InternalKVKeys", {"namespace": SPACE, "prefix": ""}, {"results": []}),
    "a key that many ask for": tale().call("InternalKVPut", put("a"), {"added": True})
    .call("InternalKVMultiGet", {"namespace": SPACE, "keys": [KEY["key"]]}, {"results": []}),
    "a job id twice": tale().call("GetNextJobID", {}, {"job_id": 1}).restart().call("GetNextJobID", {}, {"job_id": 1}),
    "no job id": tale().call("GetNextJobID"),
    "two with one name": with_job().call("RegisterActor", register(X)).call("RegisterActor", register(Y)),
    "two with one name after a restart": with_job().call("RegisterActor", register(X)).restart().call("RegisterActor", register(Y)),
    "a repeat for an actor that nobody saw dead": with_job().begin("RegisterActor", register(X), id="r").restart()
    .end("r", outcome="unknown", grpc="UNAVAILABLE").call("RegisterActor", register(Y)).call("RegisterActor", register(X)),
    "a late repeat that takes a name": with_job().call("RegisterActor", register(X))
    .call("KillActorViaGcs", {"actor_id": X}).call("RegisterActor", register(Y)).call("RegisterActor", register(X))
    .call("GetNamedActorInfo", LOOK, {"actor_table_data": {"actor_id": X}}),
    "a late repeat refused though nobody has the name": with_job().call("RegisterActor", register(X))
    .call("GetNamedActorInfo", LOOK, **ABSENT).call("RegisterActor", register(X), **TAKEN),
    "a name refused that nobody has": with_job().call("RegisterActor", register(Y), **TAKEN),
    "a name that is not found": with_job().call("RegisterActor", register(X)).call("GetNamedActorInfo", LOOK, **ABSENT),
}  # fmt: skip


@pytest.mark.parametrize("name", LEGAL)
def test_what_an_order_explains_is_accepted(name: str) -> None:
    ruling = linearizable(LEGAL[name].story())
    assert ruling.finding is not Finding.BROKEN, ruling.violations


@pytest.mark.parametrize("name", ILLEGAL)
def test_what_no_order_explains_is_told(name: str) -> None:
    ruling = linearizable(ILLEGAL[name].story())
    assert ruling.finding is Finding.BROKEN
    assert all(one.signature.startswith("no order of the calls explains what") for one in ruling.violations)


def test_the_calls_that_prove_it_are_named() -> None:
    story = (
        tale()
        .call("InternalKVPut", put("a"), {"added": True}, id="p")
        .call("InternalKVGet", KEY, found("b"), id="g")
    )
    (violation,) = linearizable(story.story()).violations
    assert violation.events == ("p", "p-end", "g", "g-end")
    assert violation.signature == "no order of the calls explains what InternalKVGet answered of a key-value"


def test_an_old_release_has_another_code_for_a_taken_name() -> None:
    told = (
        tale(release="2.40.0")
        .call("RegisterActor", register(X))
        .call("RegisterActor", register(Y), outcome="refused", code=17)
    )
    assert linearizable(told.story()).finding is Finding.HELD


def test_nothing_asked_is_nothing_judged() -> None:
    assert linearizable(tale().restart().story()).idle


def only(told: Tale) -> Any:
    (found,) = linearizable(told.story()).violations
    return found


def test_what_fits_nowhere_is_told_with_what_came_before() -> None:
    told = tale().call("GetNextJobID", {}, {"job_id": 2}).call("GetNextJobID", {}, {"job_id": 2})
    found = only(told)
    assert found.signature == "no order of the calls explains what GetNextJobID answered of a job id"
    assert (
        found.detail
        == "the job ids: 'next' → 2 by driver-0 fits nowhere after 'next' → 2 by driver-0 with state 2"
    )
    assert found.events == ("e4", "e4-end", "e6", "e6-end")


def test_only_the_last_three_of_what_came_before_are_told() -> None:
    told = tale()
    for number in (1, 2, 3, 4, 4):
        told.call("GetNextJobID", {}, {"job_id": number})
    found = only(told)
    assert found.detail.count("→") == 4
    assert len(found.events) == 8


def test_a_name_is_told_by_its_name() -> None:
    found = only(ILLEGAL["a name refused that nobody has"])
    assert found.signature == "no order of the calls explains what RegisterActor answered of an actor's name"
    assert found.detail == f"name 'space/n': 'register' {Y!r} → False by driver-0 fits nowhere"


def test_losses_deaths_and_what_nobody_answered_are_told_as_such() -> None:
    dead = with_job().call("RegisterActor", register(X)).call("KillActorViaGcs", {"actor_id": X})
    dead.call("RegisterActor", register(Y)).call("GetNamedActorInfo", LOOK, **ABSENT)
    assert f"'register' {X!r} → True by driver-0, a death, 'register' {Y!r}" in only(dead).detail
    lost = tale(store="memory").call("GetNextJobID", {}, {"job_id": 5}).restart()
    assert linearizable(lost.call("GetNextJobID", {}, {"job_id": 1}).story()).finding is Finding.HELD
    lost.call("GetNextJobID", {}, {"job_id": 1})
    assert "'next' → 5 by driver-0, the loss of everything, 'next' → 1 by driver-0" in only(lost).detail
    guessed = tale(ledger=False).begin("InternalKVPut", put("a"), client="driver-1")
    guessed.call("InternalKVGet", KEY, found("a")).call("InternalKVGet", KEY, **ABSENT)
    assert f"nowhere after 'put' {b'a'.hex()!r} True by driver-1, 'get' → " in only(guessed).detail


def test_of_a_name_whose_holder_is_brought_back_nothing_is_said() -> None:
    told = with_job().call("RegisterActor", register(X)).call("GetNamedActorInfo", LOOK, **ABSENT)
    assert linearizable(told.story()).violations
    told.call("RestartActorForLineageReconstruction", {"actor_id": Y})
    assert linearizable(told.story()).violations
    told.call("RestartActorForLineageReconstruction", {"actor_id": X})
    assert linearizable(told.story()).idle


def test_every_history_is_judged_and_no_other() -> None:
    told = tale().call("GetNextJobID", {}, {"job_id": 1}).begin("RegisterActor", register(X))
    assert linearizable(told.story()).judged == 1
    assert (
        linearizable(
            with_job().call("RegisterActor", register(X)).call("GetNextJobID", {}, {"job_id": 2}).story()
        ).judged
        == 2
    )
    gone = tale().event("store", "wiped").call("GetNextJobID", {}, {"job_id": 0})
    assert linearizable(gone.story()).idle


def test_a_search_without_budget_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.check import linear

    monkeypatch.setattr(linear, "BUDGET", -1)
    ruling = linearizable(tale().call("GetNextJobID", {}, {"job_id": 1}).story())
    assert ruling.finding is Finding.UNKNOWN
    assert ruling.reason == "the search for an order was given up: the job ids"


K, J, N, M = (
    "key b'@namespace_gauntlet:k'",
    "key b'@namespace_gauntlet:j'",
    "name 'space/n'",
    "name 'space/m'",
)


@pytest.mark.parametrize(
    ("budget", "given_up"), [(0, [K, J, N]), (2, [J, N, M]), (8, [N, M]), (9, [M]), (11, [])]
)
def test_all_searches_of_a_story_share_one_budget(
    monkeypatch: pytest.MonkeyPatch, budget: int, given_up: list[str]
) -> None:
    """Two steps for each history, and four more for the name whose first holder died; three at most are named."""
    from harness.check import linear

    other = {"actor_creation_task_spec": {"actor_id": Y, "name": "m", "ray_namespace": "space"}}
    told = with_job().call("RegisterActor", register(X)).call("KillActorViaGcs", {"actor_id": X})
    told.call("RegisterActor", register(Y)).call("RegisterActor", {"task_spec": other})
    told.call("GetNamedActorInfo", {**LOOK, "name": "m"}, named(Y))
    for key in (KEY, {**KEY, "key": b"j".hex()}):
        told.call("InternalKVPut", {**put("a"), **key}, {"added": True}).call(
            "InternalKVGet", key, found("a")
        )
    monkeypatch.setattr(linear, "BUDGET", budget)
    said = f"the search for an order was given up: {', '.join(given_up)}" if given_up else ""
    assert linearizable(told.story()).reason == said
