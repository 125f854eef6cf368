"""What was acknowledged and is gone for a moment is told, whether or not the GCS dies in that moment."""

from __future__ import annotations

from typing import Any

import pytest

from harness.check.cause import BACK
from harness.check.durable import durable
from harness.check.tale import Tale, tale

JOB = "01000000"
ACTOR, ROOT, WORKER, NODE = "ab" * 12 + JOB, "ef" * 12 + "02000000", "01" * 28, "0a" * 28
SPEC = {
    "actor_creation_task_spec": {"actor_id": ACTOR},
    "caller_address": {"worker_id": WORKER},
    "job_id": JOB,
}
SPECS, NO_SPEC = "ACTOR_TASK_SPEC", "the task spec of an actor that is not DEAD was deleted"
FIELD = "@namespace_gauntlet:k"
PUT = {"namespace": b"gauntlet".hex(), "key": b"k".hex(), "value": b"v".hex(), "overwrite": True}


def signatures(told: Tale) -> list[str]:
    return [one.signature for one in durable(told.story()).violations]


def put(**built: Any) -> Tale:
    return tale(**built).begin("InternalKVPut", PUT, id="put").write("KV", FIELD, "v").end("put")


DELETED = "InternalKVPut was acknowledged, and its row was deleted by nobody's wish"
CHANGED = "InternalKVPut was acknowledged, and its row was changed by nobody's wish"


def test_a_row_that_is_deleted_and_put_back_is_told() -> None:
    told = put().restart().write("KV", FIELD, None, id="gone").write("KV", FIELD, "v")
    (found,) = durable(told.story()).violations
    assert (found.signature, found.events) == (DELETED, ("put", "put-end", "gone"))
    assert found.detail.endswith("k: acknowledged at 3.100000, deleted at 7.100000")
    (found,) = durable(put().write("KV", FIELD, "w").write("KV", FIELD, "v").story()).violations
    assert found.signature == CHANGED
    assert found.detail.endswith(f"changed at 4.100000, to {{'value': '{b'w'.hex()}'}}")


def test_of_a_long_row_the_beginning_is_told() -> None:
    long = {**PUT, "key": (b"k" * 500).hex()}
    told = tale().begin("InternalKVPut", long).write("KV", FIELD + "k" * 499, "v").end()
    (found,) = durable(told.write("KV", FIELD + "k" * 499, None).story()).violations
    assert len(found.detail) == 400


def test_what_never_was_stored_is_told_once() -> None:
    never = tale().call("InternalKVPut", PUT).restart().write("KV", FIELD, None)
    assert signatures(never) == ["InternalKVPut was acknowledged and never stored"]


def test_what_somebody_asked_for_is_right() -> None:
    delete = {"namespace": b"gauntlet".hex(), "key": b"k".hex()}
    assert signatures(put().begin("InternalKVDel", delete).write("KV", FIELD, None).end()) == []
    swept = {**delete, "key": "", "del_by_prefix": True}
    assert signatures(put().begin("InternalKVDel", swept).write("KV", FIELD, None).end()) == []
    other = {**PUT, "value": b"w".hex()}
    assert signatures(put().begin("InternalKVPut", other).write("KV", FIELD, "w")) == []
    assert signatures(put().write("KV", FIELD, "v")) == []


def test_what_was_not_acknowledged_may_go() -> None:
    told = tale().begin("InternalKVPut", PUT).write("KV", FIELD, "v").restart().write("KV", FIELD, None)
    assert signatures(told) == []


def test_what_the_store_did_not_do_or_lost_by_itself_is_no_loss_of_the_gcs() -> None:
    assert signatures(put().write("KV", FIELD, None, applied=False)) == []
    assert signatures(put().write("KV", FIELD, None, took=None)) == []
    assert signatures(put().event("store", "wiped").write("KV", FIELD, None)) == []
    assert signatures(put().event("gcs", "started", {"life": 0}, "rival").write("KV", FIELD, None)) == []


def registered(state: str = "ALIVE", job: str = "ok", outcome: str = "ok", told: Tale | None = None) -> Tale:
    """An actor that was registered; ``job`` and ``outcome``: what became of the requests for its job and itself."""
    told = told or tale()
    told.begin("AddJob", {"data": {"job_id": JOB}}).write("JOB", JOB, {"job_id": JOB}).end(outcome=job)
    told.begin("RegisterActor", {"task_spec": SPEC}, id="register")
    told.write(SPECS, ACTOR, {"job_id": JOB}).write("ACTOR", ACTOR, row("DEPENDENCIES_UNREADY"))
    told.end("register", outcome=outcome)
    return told.write("ACTOR", ACTOR, row(state))


def row(state: str) -> dict[str, Any]:
    return {"actor_id": ACTOR, "state": state}


def test_a_task_spec_that_is_deleted_and_put_back_is_told() -> None:
    told = registered().restart().write(SPECS, ACTOR, None, id="gone").write(SPECS, ACTOR, {"job_id": JOB})
    (found,) = durable(told.story()).violations
    assert (found.signature, found.events) == (NO_SPEC, ("register", "register-end", "gone"))
    assert found.detail == f"{SPECS} {ACTOR}: there since 7.300000, deleted at 12.400000"


def test_the_task_spec_of_what_is_dead_or_has_to_end_may_go() -> None:
    assert signatures(registered("DEAD").write(SPECS, ACTOR, None)) == []
    dying = registered().write("ACTOR", ACTOR, row("DEAD"), took=5.0, at=20.0)
    assert signatures(dying.write(SPECS, ACTOR, None, at=21.0)) == []
    assert (
        signatures(
            registered().call("MarkJobFinished", {"job_id": JOB}, outcome="unknown").write(SPECS, ACTOR, None)
        )
        == []
    )
    assert signatures(registered(job="refused").restart().write(SPECS, ACTOR, None)) == []


@pytest.mark.parametrize("outcome", ["refused", "unknown"])
def test_the_task_spec_of_what_was_not_acknowledged_may_go(outcome: str) -> None:
    assert signatures(registered(outcome=outcome).write(SPECS, ACTOR, None)) == []


def test_no_row_hides_a_task_spec_that_is_lost_later() -> None:
    stranger = {"task_spec": {"actor_creation_task_spec": {"actor_id": "cd" * 12 + "02000000"}}}
    told = tale().call("RegisterActor", stranger, outcome="ok")
    assert NO_SPEC in signatures(registered(told=told).write(SPECS, ACTOR, None))
    again = registered("DEAD").write(SPECS, ACTOR, None).write("ACTOR", ACTOR, row("RESTARTING"))
    assert signatures(again.write(SPECS, ACTOR, {"job_id": JOB}).write(SPECS, ACTOR, None)) == [NO_SPEC]


def test_of_an_actor_whose_row_nobody_can_read_nothing_is_said() -> None:
    unseen = {"jobs": {JOB: {"dead": False}}}
    told = tale().look("baseline", unseen, None, at=0.0).call("RegisterActor", {"task_spec": SPEC})
    assert NO_SPEC not in signatures(told.write(SPECS, ACTOR, None))
    cut = {"JOB": {JOB: {}}, "ACTOR": {ACTOR: {"$cut": "00"}}, SPECS: {ACTOR: {"job_id": JOB}}}
    assert signatures(tale().look("baseline", unseen, cut, at=0.0).write(SPECS, ACTOR, None)) == []


def test_a_task_spec_of_the_start_without_its_actor_counts_once_that_is_there() -> None:
    first = {"JOB": {JOB: {}}, SPECS: {ACTOR: {"job_id": JOB}}}
    told = tale().look("baseline", {"jobs": {JOB: {"dead": False}}}, first, at=0.0)
    assert signatures(told.write("ACTOR", ACTOR, row("ALIVE")).write(SPECS, ACTOR, None)) == [NO_SPEC]


def test_a_task_spec_that_is_written_anew_or_not_surely_deleted_is_there() -> None:
    assert signatures(registered().write(SPECS, ACTOR, {"job_id": JOB})) == []
    assert signatures(registered().write(SPECS, ACTOR, None, took=None)) == []
    assert signatures(registered().event("store", "tampered").write(SPECS, ACTOR, None)) == []


def from_before(dead: bool = False, root: str = "", **more: Any) -> Tale:
    """An actor that was there at the start, with its job; ``root``: the detached actor that it descends from."""
    spec = {"job_id": JOB, "root_detached_actor_id": root}
    rows = {"JOB": {JOB: {}}, "ACTOR": {ACTOR: {**row("ALIVE"), **more}}, SPECS: {ACTOR: spec}}
    return tale().look("baseline", {"jobs": {JOB: {"dead": dead}}}, rows, at=0.0, id="first")


def test_the_task_specs_of_the_start_count_too() -> None:
    (found,) = durable(from_before().restart().write(SPECS, ACTOR, None, id="gone").story()).violations
    assert (found.signature, found.events) == (NO_SPEC, ("first", "gone"))
    assert signatures(from_before(dead=True).write(SPECS, ACTOR, None)) == []


ENDS: dict[str, Any] = {
    "its job": lambda told: told.call("MarkJobFinished", {"job_id": JOB}, outcome="unknown"),
    "its worker": lambda told: told.event("worker", "exited", {"worker": WORKER}, NODE),
    "its node": lambda told: told.event("raylet", "killed", {}, NODE),
    "itself": lambda told: told.call(
        "KillActorViaGcs", {"actor_id": ACTOR, "no_restart": True}, outcome="unknown"
    ),
    "its root": lambda told: told.call(
        "KillActorViaGcs", {"actor_id": ROOT, "no_restart": True}, outcome="unknown"
    ),
}
OWNED = {"owner_address": {"worker_id": WORKER, "node_id": NODE}}


@pytest.mark.parametrize(
    ("more", "ends", "excused"),
    [
        ({}, "its job", True),
        (OWNED, "its worker", True),
        (OWNED, "its node", True),
        ({**OWNED, "root": ROOT}, "its root", True),
        (OWNED, "itself", True),
        ({"is_detached": True}, "itself", True),
        ({"is_detached": True, "root": ROOT}, "its root", True),
        ({}, "its root", False),
        ({}, "its worker", False),
        ({"is_detached": True, **OWNED}, "its job", False),
        ({"is_detached": True, **OWNED}, "its worker", False),
        ({"is_detached": True, **OWNED}, "its node", False),
    ],
)
def test_an_actor_of_the_start_ends_with_its_owner_job_or_root(
    more: dict[str, Any], ends: str, excused: bool
) -> None:
    told = ENDS[ends](from_before(**more)).write(SPECS, ACTOR, None)
    assert signatures(told) == ([] if excused else [NO_SPEC])


def test_the_jobs_of_the_start_count_too() -> None:
    told = tale().look("baseline", {"jobs": {JOB: {"dead": False}}}, {"JOB": {JOB: {}}}, at=0.0)
    told.begin("RegisterActor", {"task_spec": SPEC}).write(SPECS, ACTOR, {"job_id": JOB})
    told.write("ACTOR", ACTOR, row("ALIVE")).end().write(SPECS, ACTOR, None)
    assert signatures(told) == [NO_SPEC]


@pytest.mark.parametrize(("before", "condition"), [("DEAD", BACK), ("ALIVE", "")])
def test_a_row_that_was_dead_when_it_changed_is_back_from_the_dead(before: str, condition: str) -> None:
    told = (
        tale().begin("CreateActor", {"task_spec": SPEC}, id="made").write("ACTOR", ACTOR, {"state": "ALIVE"})
    )
    told.end("made").write("ACTOR", ACTOR, {"state": before}).write(
        "ACTOR", ACTOR, {"state": "DEPENDENCIES_UNREADY"}
    )
    found = [one for one in durable(told.story()).violations if "nobody's wish" in one.signature]
    assert {one.about.condition for one in found} == {condition}
