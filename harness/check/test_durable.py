"""What was acknowledged too early, never stored, or lost is told; what a lawful GCS does is not."""

from __future__ import annotations

from typing import Any

import pytest

from harness.check.durable import durable
from harness.check.effects import EFFECTS
from harness.check.ruling import Finding
from harness.check.tale import Tale, tale
from harness.history.outcomes import about
from harness.wire.rpc import METHODS

ACTOR, MATE = "ab" * 12 + "01000000", "ac" * 12 + "01000000"
WORKER, OTHER = "01" * 28, "02" * 28
NODE, JOB, GROUP = "0a" * 28, "01000000", "cd" * 14 + "01000000"
REGISTER = {"task_spec": {"actor_creation_task_spec": {"actor_id": ACTOR}}}
KEY = b"@namespace_gauntlet:k"
PUT = {"namespace": b"gauntlet".hex(), "key": b"k".hex(), "value": b"v".hex(), "overwrite": True}
DELETE = {"namespace": b"gauntlet".hex(), "key": b"k".hex()}


def signatures(told: Tale) -> list[str]:
    return [one.signature for one in durable(told.story()).violations]


def actor(state: str, **more: Any) -> dict[str, Any]:
    return {"actor_id": ACTOR, "state": state, **more}


def test_every_method_that_changes_a_table_has_an_effect() -> None:
    changing = {one.name for one in METHODS.values() if "Gcs" in one.service and about(one.name).changes}
    assert changing == set(EFFECTS)


def test_stored_before_the_acknowledgement_holds() -> None:
    ruling = durable(tale().begin("InternalKVPut", PUT).write("KV", KEY.decode(), "v").end().story())
    assert (ruling.finding, ruling.judged) == (Finding.HELD, 1)


def test_stored_after_the_acknowledgement_is_told_with_the_late_write() -> None:
    story = tale().call("InternalKVPut", PUT, id="put").write("KV", KEY.decode(), "v", id="late").story()
    (found,) = durable(story).violations
    assert found.signature == "InternalKVPut was acknowledged before it was stored"
    assert found.events == ("put", "put-end", "late")


def test_a_reply_of_the_store_that_came_too_late_is_told() -> None:
    told = tale().begin("InternalKVPut", PUT).write("KV", KEY.decode(), "v", took=2.0, at=2.0).end(at=3.0)
    assert signatures(told) == ["InternalKVPut was acknowledged before it was stored"]


def test_never_stored_is_told() -> None:
    assert signatures(tale().call("InternalKVPut", PUT)) == [
        "InternalKVPut was acknowledged and never stored"
    ]


def test_a_retry_answered_while_the_first_write_is_under_way_is_told() -> None:
    told = (
        tale()
        .begin("RegisterActor", REGISTER, id="first")
        .write("ACTOR_TASK_SPEC", ACTOR, {})
        .begin("RegisterActor", REGISTER, id="second", again="first")
        .write("ACTOR", ACTOR, actor("DEPENDENCIES_UNREADY"), took=5.0, at=4.0)
        .end("second", at=5.0)
        .end("first", at=10.0)
    )
    assert signatures(told) == ["RegisterActor was acknowledged before it was stored"]


def test_a_write_that_a_new_gcs_has_read_counts_although_nobody_answered_it() -> None:
    written = tale().write("ACTOR_TASK_SPEC", ACTOR, {}).write("ACTOR", ACTOR, actor("ALIVE"), None, None)
    assert signatures(written.restart().call("RegisterActor", REGISTER)) == []
    unread = tale().write("ACTOR_TASK_SPEC", ACTOR, {}).write("ACTOR", ACTOR, actor("ALIVE"), None, None)
    assert signatures(unread.call("RegisterActor", REGISTER)) == [
        "RegisterActor was acknowledged and never stored"
    ]


def test_a_retry_that_finds_the_actor_dead_holds() -> None:
    told = tale().write("ACTOR", ACTOR, actor("DEAD")).call("RegisterActor", REGISTER)
    assert signatures(told) == []


@pytest.mark.parametrize("state", ["ALIVE", "PENDING_CREATION"])
def test_a_created_actor_is_stored_alive_at_its_address(state: str) -> None:
    told = (
        tale()
        .begin("CreateActor", REGISTER)
        .write("ACTOR", ACTOR, actor(state, address={"worker_id": WORKER}))
        .end("", {"actor_address": {"worker_id": WORKER}})
    )
    assert bool(signatures(told)) == (state != "ALIVE")


def test_the_actor_of_a_failed_worker_is_stored_without_it() -> None:
    report = {"worker_failure": {"worker_address": {"worker_id": WORKER}}}

    def told(*states: str) -> Tale:
        one = tale().write("ACTOR", ACTOR, actor("ALIVE", address={"worker_id": WORKER}))
        one.begin("ReportWorkerFailure", report)
        for state in states:
            one.write("ACTOR", ACTOR, actor(state))
        return one.write("WORKERS", WORKER, {"worker_address": {"worker_id": WORKER}}).end()

    assert signatures(told("RESTARTING")) == []
    assert signatures(told()) == ["ReportWorkerFailure was acknowledged and never stored"]


@pytest.mark.parametrize(
    ("ending", "left"), [({}, [MATE]), ({"took": None}, [MATE]), ({"applied": False}, [ACTOR, MATE])]
)
def test_only_an_actor_that_certainly_ran_in_the_failed_worker_has_to_leave_it(
    ending: dict[str, Any], left: list[str]
) -> None:
    """One moves to another worker before, which is stored, or perhaps, or not; its mate stays."""
    told = tale()
    for one in (ACTOR, MATE):
        told.write("ACTOR", one, actor("ALIVE", address={"worker_id": WORKER}))
    told.write("ACTOR", ACTOR, actor("ALIVE", address={"worker_id": OTHER}), **ending)
    told.begin("ReportWorkerFailure", {"worker_failure": {"worker_address": {"worker_id": WORKER}}})
    told.write("WORKERS", WORKER, {"worker_address": {"worker_id": WORKER}}).end()
    late = [one.detail.partition(" was acknowledged")[0] for one in durable(told.story()).violations]
    assert late == [f"ReportWorkerFailure (ACTOR {one})" for one in left]


def test_an_order_to_kill_with_restart_promises_nothing() -> None:
    kill = {"actor_id": ACTOR, "force_kill": True}
    told = tale().write("ACTOR", ACTOR, actor("ALIVE"))
    assert signatures(told.call("KillActorViaGcs", kill)) == []
    assert signatures(told.call("KillActorViaGcs", {**kill, "no_restart": True})) == [
        "KillActorViaGcs was acknowledged and never stored"
    ]


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("MarkJobFinished", {"job_id": JOB}),
        ("RemovePlacementGroup", {"placement_group_id": GROUP}),
        ("UnregisterNode", {"node_id": NODE}),
        ("InternalKVDel", DELETE),
        ("AddJob", {"data": {"job_id": "ff"}}),
        ("InternalKVPut", {"$cut": 300_000}),
    ],
)
def test_requests_about_nothing_promise_nothing(method: str, request_: dict[str, Any]) -> None:
    assert signatures(tale().call(method, request_)) == []


def test_a_job_id_is_counted_before_it_is_given() -> None:
    told = tale().begin("GetNextJobID").write("JobCounter", "", 1).end("", {"job_id": 1})
    assert signatures(told) == []
    assert signatures(told.call("GetNextJobID", {}, {"job_id": 2}))


def test_an_unknown_request_leaves_the_check_undecided() -> None:
    ruling = durable(tale().call("RenameActor", {"x": 1}).story())
    assert (ruling.finding, ruling.reason) == (Finding.UNKNOWN, "no effect is known of RenameActor")


def test_all_that_was_acknowledged_and_all_that_was_looked_at_is_judged() -> None:
    other = {**PUT, "key": b"other".hex()}
    told = tale().begin("InternalKVPut", PUT).write("KV", KEY.decode(), "v").end()
    told.begin("InternalKVPut", other).write("KV", "@namespace_gauntlet:other", "v").end()
    told.look(view={"kv": {b"k".hex(): b"v".hex(), b"other".hex(): b"v".hex()}})
    assert durable(told.story()).judged == 4


def test_only_what_was_acknowledged_is_promised() -> None:
    assert signatures(tale().call("InternalKVPut", PUT, outcome="refused", code=5)) == []
    assert signatures(tale().event("store", "wiped").call("InternalKVPut", PUT)) == []
    assert signatures(tale().begin("InternalKVPut", PUT).event("store", "wiped").end()) == []


def test_methods_of_which_no_effect_is_known_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.check import effects

    known = {name: one for name, one in EFFECTS.items() if name not in ("AddJob", "InternalKVPut")}
    monkeypatch.setattr(effects, "EFFECTS", known)
    ruling = durable(tale().call("InternalKVPut", PUT).call("AddJob").story())
    assert ruling.reason == "no effect is known of AddJob, InternalKVPut"


def test_a_sweep_that_leaves_a_key_is_told() -> None:
    sweep = {"namespace": b"gauntlet".hex(), "key": b"k".hex(), "del_by_prefix": True}
    told = tale().write("KV", "@namespace_gauntlet:kk", "v").write("KV", "@namespace_gauntlet:ka", "v")
    told.begin("InternalKVDel", sweep, id="sweep").write("KV", "@namespace_gauntlet:ka", None).end()
    (found,) = durable(told.story()).violations
    assert found.signature == "InternalKVDel was acknowledged and never stored"
    assert found.detail.startswith("InternalKVDel (KV @namespace_gauntlet:kk) was acknowledged at ")
    told = tale().write("KV", "@namespace_gauntlet:kk", "v").begin("InternalKVDel", sweep)
    assert signatures(told.write("KV", "@namespace_gauntlet:kk", None).end()) == []


def test_what_proves_that_nothing_was_stored_in_time() -> None:
    (found,) = durable(tale().call("InternalKVPut", PUT, id="put").story()).violations
    assert found.events == ("put", "put-end")
    assert found.detail == (
        "InternalKVPut (KV @namespace_gauntlet:k) was acknowledged at 2.000000; never written"
    )
    told = tale().call("InternalKVPut", PUT, id="put").write("KV", KEY.decode(), "v", took=None, id="open")
    (found,) = durable(told.story()).violations
    assert found.events == ("put", "put-end", "open")
    assert found.detail.endswith("was acknowledged at 2.000000; written at 3.000000, never confirmed")
    told = tale().call("InternalKVPut", PUT).write("KV", KEY.decode(), "w").write("KV", KEY.decode(), "v")
    late = [one for one in durable(told.story()).violations if "before" in one.signature]
    assert [one.detail.partition("; ")[2] for one in late] == [
        "written at 4.100000, stored at 4.200000, 2.200000 s late"
    ]


@pytest.mark.parametrize("namespace", ["", b"gauntlet".hex()])
def test_the_empty_key_is_a_key_and_one_too_long_to_record_is_none(namespace: str) -> None:
    for key, promised in (("", 1), ("sha256:ab:9999", 0)):
        request = {"key": key, "namespace": namespace, "value": b"v".hex(), "overwrite": True}
        (call,) = tale().call("InternalKVPut", request).story().calls
        assert len(EFFECTS[call.method](call)) == promised, key
