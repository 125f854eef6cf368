"""A cause is the same however a check puts it; what the words alone tell is what the evidence tells."""

from __future__ import annotations

import pytest

from harness.check.agreement import ON_A_DEAD_NODE, agreement
from harness.check.cause import cause_of, of_words
from harness.check.durable import durable
from harness.check.lives import lives
from harness.check.over_history import two_state_raylet
from harness.check.process import process
from harness.check.ruling import About, Ruling
from harness.check.tale import Tale, tale

SAME = [
    ("durable", "AddJob was acknowledged before it was stored", "AddJob was acknowledged and never stored"),
    (
        "durable",
        "AddJob was acknowledged and never stored",
        "AddJob was acknowledged and is gone after a recovery",
    ),
    (
        "legal lives",
        "a placement group fell from REMOVED to CREATED in a recovery",
        "a placement group went from REMOVED to PENDING in what clients read",
    ),
    (
        "one name, one actor",
        "RegisterActor was acknowledged for two living actors with one name",
        "two living actors with one name are stored",
    ),
    (
        "process",
        "the GCS ended by itself before it served with signal 6",
        "the GCS ended by itself while it served",
    ),
]
DIFFERENT = [
    ("durable", "AddJob was acknowledged before it was stored", "FinishJob was acknowledged before it was stored"),
    ("durable", "AddJob was acknowledged and never stored", "AddJob was acknowledged and is not there"),
    (
        "legal lives",
        "an actor went from DEAD to ALIVE in the store",
        "a placement group went from REMOVED to CREATED in the store",
    ),
    (
        "legal lives",
        "a placement group went from CREATED to PENDING in the store",
        "a placement group went from RESCHEDULING to PENDING in the store",
    ),
    ("process", "the GCS wrote: Check failed: a", "the GCS wrote: Check failed: b"),
]  # fmt: skip


@pytest.mark.parametrize(("check", "one", "other"), SAME)
def test_sentences_that_put_one_cause(check: str, one: str, other: str) -> None:
    assert of_words(check, one) == of_words(check, other)


@pytest.mark.parametrize(("check", "one", "other"), DIFFERENT)
def test_sentences_that_do_not(check: str, one: str, other: str) -> None:
    assert of_words(check, one) != of_words(check, other)


def test_what_went_before_parts_two_causes_and_when_an_end_came_does_not() -> None:
    assert cause_of("agreement", "it differs", About(origin="x")) != of_words("agreement", "it differs")
    early, late = (About("Check failed: x", moment=one) for one in ("before it served", "while it served"))
    assert cause_of("process", "", early) == cause_of("process", "", late) == cause_of("scenario", "", early)
    assert str(cause_of("process", "", early)) == "process: Check failed: x"


def told_by_words(ruling: Ruling) -> None:
    assert ruling.violations
    for one in ruling.violations:
        assert cause_of(ruling.check, one.signature, one.about) == of_words(ruling.check, one.signature)


ACTOR, NODE, GROUP = "ab" * 12 + "01000000", "0a" * 28, "cd" * 14 + "01000000"
HEX, KEY = b"k".hex(), "@namespace_gauntlet:k"
PUT = {"namespace": b"gauntlet".hex(), "key": HEX, "value": b"v".hex(), "overwrite": True}
REGISTER = {"task_spec": {"actor_creation_task_spec": {"actor_id": ACTOR}}}


def test_an_early_answer_and_its_loss_are_one_cause_and_name_the_row() -> None:
    ruling = durable(tale().call("RegisterActor", REGISTER).restart().look(view={}, stored={}).story())
    told_by_words(ruling)
    assert {cause_of(ruling.check, one.signature, one.about) for one in ruling.violations} == {
        of_words("durable", "RegisterActor was acknowledged before it was stored")
    }
    assert {one.about.keys for one in ruling.violations} == {(ACTOR,)}
    assert any(one.about.lost for one in ruling.violations)


def test_what_was_sent_to_the_store_and_never_confirmed_is_lost_too() -> None:
    told = tale().begin("InternalKVPut", PUT).write("KV", KEY, "v", took=None, applied=None).end()
    (found,) = durable(told.story()).violations
    assert found.signature == "InternalKVPut was acknowledged and never stored" and found.about.lost
    written = tale().begin("InternalKVPut", PUT).write("KV", KEY, "v", took=None, applied=True).end()
    assert not any(one.about.lost for one in durable(written.story()).violations)


def test_what_was_stored_and_is_gone_has_another_cause_in_the_same_words() -> None:
    stored = tale().begin("InternalKVPut", PUT).write("KV", KEY, "v").end()
    ruling = durable(stored.restart().look(view={"kv": {}}, stored={}).story())
    (gone,) = [one for one in ruling.violations if one.signature.endswith("is gone after a recovery")]
    assert gone.about.lost
    assert cause_of("durable", gone.signature, gone.about) != of_words("durable", gone.signature)


def steps(table: str, key: str, *states: str) -> Ruling:
    told = tale()
    for state in states:
        told.write(table, key, {"state": state})
    return lives(told.story())


def names(ruling: Ruling) -> set[str]:
    return {str(cause_of(ruling.check, one.signature, one.about)) for one in ruling.violations}


def test_a_step_is_told_by_words_as_by_states() -> None:
    group = steps("PLACEMENT_GROUP", GROUP, "CREATED", "PENDING")
    told_by_words(group)
    assert names(group) == {"legal lives: PLACEMENT_GROUP CREATED to PENDING"}
    actor = steps("ACTOR", ACTOR, "ALIVE", "PENDING_CREATION")
    told_by_words(actor)
    assert names(actor) == {"legal lives: ACTOR ALIVE to PENDING_CREATION"}
    assert names(steps("ACTOR", ACTOR, "DEAD", "ALIVE")) == {"legal lives: ACTOR back from the dead"}


def test_what_is_back_from_the_dead_is_so_from_each_of_its_states() -> None:
    back = steps("ACTOR", ACTOR, "PENDING_CREATION", "ALIVE", "DEAD", "DEPENDENCIES_UNREADY")
    assert len({one.signature for one in back.violations}) == 3
    assert names(back) == {"legal lives: ACTOR back from the dead"}


def a_log(line: str, file: str = "src/ray/gcs/where.cc:17") -> Tale:
    told = tale().event("gcs", "started", {"life": 0}, "gcs").event("gcs", "serving", {"life": 0}, "gcs")
    line = f"[2025-06-01 10:11:12,123 C 1 1] (gcs_server) {file}:  {line}"
    return told.event("log", "fatal", {"life": 0, "line": line}, "gcs")


def test_the_failed_line_of_a_log_is_told_with_its_file_and_without_its_place() -> None:
    ruling = process(a_log("Check failed: it != map.end() actor 0123456789abcdef01000000").story())
    (found,) = ruling.violations
    assert found.about.kind == "where.cc" and found.about.moment == "while it served"
    assert str(cause_of("process", found.signature, found.about)) == (
        "process: where.cc Check failed: it != map.end() actor <id>"
    )
    (elsewhere,) = process(a_log("Check failed: x", "there.cc:18").story()).violations
    (moved,) = process(a_log("Check failed: x", "there.cc:99").story()).violations
    assert elsewhere.about == moved.about


def group_of_two(second_loss: str, told: Tale | None = None) -> Tale:
    """Both nodes of a group leave, the second while the group is ``second_loss``; after a restart it is CREATED."""
    other = "0b" * 28
    told = (told or tale()).write("NODE", NODE, {"state": "ALIVE"})
    told.write("NODE", other, {"state": "ALIVE"})

    def group(state: str, *nodes: str) -> None:
        bundles = [{"node_id": node} for node in nodes]
        told.write("PLACEMENT_GROUP", GROUP, {"state": state, "bundles": bundles})

    group("CREATED", NODE, other)
    if second_loss == "CREATED":
        told.write("NODE", NODE, {"state": "DEAD"})
    group("RESCHEDULING", NODE, "")
    if second_loss == "RESCHEDULING":
        told.write("NODE", NODE, {"state": "DEAD"})
    told.restart()
    group("PREPARED", NODE, other)
    if second_loss == "PREPARED":
        told.write("NODE", NODE, {"state": "DEAD"})
    group("CREATED", NODE, other)
    view = {
        "nodes": {NODE: {"state": "DEAD"}, other: {"state": "ALIVE"}},
        "groups": {GROUP: {"state": "CREATED", "nodes": [NODE, other]}},
    }
    return told.look("closing", view=view, at=told.now + 10.0)


@pytest.mark.parametrize(
    ("state", "origin"),
    [
        ("CREATED", ""),
        ("RESCHEDULING", "lost its node while RESCHEDULING"),
        ("PREPARED", "lost its node while PREPARED"),
    ],
)
def test_a_group_on_a_dead_node_tells_how_it_stood_when_the_node_died(state: str, origin: str) -> None:
    (found,) = agreement(group_of_two(state).story()).violations
    assert found.signature == ON_A_DEAD_NODE
    assert found.about.origin == origin
    assert set(found.about.keys) == {GROUP, NODE}


def test_a_signal_that_strikes_while_it_ends_as_told_has_a_cause_of_its_own() -> None:
    def struck(**asked: bool) -> str:
        told = tale().event("gcs", "started", {"life": 0}, "gcs").event("gcs", "serving", {"life": 0}, "gcs")
        told.event("gcs", "ended", {"life": 0, "exit": -11, **asked}, "gcs")
        line = "*** SIGSEGV received at time=1760000000 on cpu 1 ***"
        ruling = process(told.event("log", "fatal", {"life": 0, "line": line}, "gcs").story())
        return names(ruling).pop()

    assert struck(asked=True) == f"{struck()} (when it was told to end)"


def registered(times: int) -> Tale:
    """A head registers so often."""
    told = tale()
    for _ in range(times):
        told.call("RegisterNode", {"node_info": {"node_id": NODE, "is_head_node": True}}, client=NODE)
    return told


@pytest.mark.parametrize("times", [1, 2])
def test_what_a_head_that_registered_again_breaks_has_a_cause_of_its_own(times: int) -> None:
    dead = {"nodes": {NODE: {"state": "DEAD"}}}
    books, stored = {NODE: {"state": "connected"}}, {"NODE": {NODE: {"state": "ALIVE"}}}
    story = registered(times).look("closing", dead, books=books, stored=stored).story()
    of_node = "NODE a head that registered again is DEAD"
    here = of_node if times > 1 else "a node has another state in the store (DEAD, stored as ALIVE)"
    assert names(agreement(story)) == {f"agreement: {here}"}
    here = of_node if times > 1 else "a raylet is connected, and its node is DEAD"
    assert names(two_state_raylet(story)) == {f"two-state raylet: {here}"}


def test_a_group_on_such_a_head_has_the_same_cause() -> None:
    ruling = agreement(group_of_two("RESCHEDULING", registered(2)).story())
    assert names(ruling) == {"agreement: NODE a head that registered again is DEAD"}


@pytest.mark.parametrize("over", [False, True])
def test_an_alive_actor_on_a_dead_node_tells_whether_its_row_is_loaded(over: bool) -> None:
    where = {"node": NODE, "worker": "01" * 28}
    view = {
        "nodes": {NODE: {"state": "DEAD"}},
        "actors": {ACTOR: {"state": "ALIVE", "name": "", "restarts": 0, **where}},
    }
    stored = {
        "ACTOR": {ACTOR: {"state": "ALIVE"}},
        "ACTOR_TASK_SPEC": {ACTOR: {}},
        "JOB": {ACTOR[-8:]: {"is_dead": over}},
        "NODE": {NODE: {"state": "DEAD"}},
    }
    by = " (its row is not loaded)" if over else ""
    told = tale().look("closing", view, stored=stored)
    assert f"agreement: an ALIVE actor is on a node that is DEAD{by}" in names(agreement(told.story()))


def test_another_state_in_the_store_tells_both_states() -> None:
    view = {"groups": {GROUP: {"state": "RESCHEDULING", "nodes": []}}}
    story = tale().look("closing", view, stored={"PLACEMENT_GROUP": {GROUP: {"state": "PREPARED"}}}).story()
    told = "a group has another state in the store (RESCHEDULING, stored as PREPARED)"
    assert names(agreement(story)) == {f"agreement: {told}"}
