"""What is told of lives that went wrong: falls in recoveries, each wrong step once, and what excuses them."""

from __future__ import annotations

from typing import Any

from harness.check.lives import lives
from harness.check.tale import Tale, tale

OLD, NEW = "ab" * 12 + "01000000", "cd" * 12 + "01000000"
NODE, JOB = "0a" * 28, "01000000"
FALLS = "an actor fell from DEAD to ALIVE in a recovery"


def actor(id: str, state: str, **more: Any) -> dict[str, Any]:
    return {"actor_id": id, "state": state, **more}


def listed(told: Tale, *rows: dict[str, Any]) -> Tale:
    return told.call("GetAllActorInfo", {}, {"actor_table_data": list(rows)})


def found(told: Tale) -> list[str]:
    return [one.signature for one in lives(told.story()).violations]


def test_what_proves_a_fall_in_a_recovery() -> None:
    actor = "ab" * 12 + "01000000"
    row = {"actor_id": actor, "state": "ALIVE"}
    told = tale().write("ACTOR", actor, {**row, "state": "DEAD"}).restart()
    reply = {"actor_table_data": row}
    found = lives(told.call("GetActorInfo", {}, reply, id="get").story()).violations
    assert [one.signature for one in found] == ["an actor fell from DEAD to ALIVE in a recovery"]
    assert found[0].events[-2:] == ("get", "get-end")
    assert found[0].detail.startswith(f"ACTOR {actor}: stored Stage(state='DEAD'")
    assert lives(told.story()).judged == 2
    pending = tale().write("ACTOR", actor, {**row, "state": "DEAD"}).write("ACTOR", actor, row, took=None)
    assert "a recovery" not in str(
        lives(pending.restart().call("GetActorInfo", {}, reply).story()).violations
    )


def test_a_recovery_is_judged_only_with_a_ledger_and_only_when_there_was_one() -> None:
    assert found(listed(tale().write("ACTOR", OLD, actor(OLD, "DEAD")), actor(OLD, "ALIVE"))) == []
    assert found(listed(tale(ledger=False).restart(), actor(OLD, "ALIVE"))) == []
    first = {"ACTOR": {OLD: actor(OLD, "DEAD")}}
    assert found(listed(tale().look("baseline", stored=first, at=0.0), actor(OLD, "ALIVE"))) == []
    unseen = tale(ledger=False).look("baseline", stored=first, at=0.0)
    assert found(listed(unseen.restart(), actor(OLD, "ALIVE"))) == []


def test_a_fall_in_a_recovery_hides_no_wrong_step_before_it() -> None:
    told = tale().write("ACTOR", NEW, actor(NEW, "DEAD")).write("ACTOR", NEW, actor(NEW, "ALIVE"))
    told.write("ACTOR", OLD, actor(OLD, "DEAD")).restart()
    assert found(listed(told, actor(OLD, "ALIVE"))) == [
        "an actor went from DEAD to ALIVE in the store",
        FALLS,
    ]


def test_jobs_fall_too() -> None:
    told = tale().write("JOB", JOB, {"is_dead": True}).restart()
    told.call("GetAllJobInfo", {}, {"job_info_list": [{"job_id": JOB}]})
    assert found(told) == ["a job fell from DEAD to ALIVE in a recovery"]


def test_only_what_is_asked_for_after_a_recovery_brings_back_what_was_dead_before() -> None:
    join = {"node_info": {"node_id": NODE}}
    reply = {"node_info_list": [{"node_id": NODE, "state": "ALIVE"}]}
    early = tale().call("RegisterNode", join).write("NODE", NODE, {"state": "DEAD"}).restart()
    assert found(early.call("GetAllNodeInfo", {}, reply)) == ["a node fell from DEAD to ALIVE in a recovery"]
    late = tale().write("NODE", NODE, {"state": "DEAD"}).restart().call("RegisterNode", join)
    assert found(late.call("GetAllNodeInfo", {}, reply)) == []


def test_what_was_refused_brings_nothing_back() -> None:
    told = tale().write("NODE", NODE, {"state": "DEAD"})
    told.call("RegisterNode", {"node_info": {"node_id": NODE}}, outcome="refused", code=5)
    assert found(told.write("NODE", NODE, {"state": "ALIVE"})) == [
        "a node went from DEAD to ALIVE in the store"
    ]


def test_of_a_state_without_arrows_nothing_is_said() -> None:
    assert found(listed(listed(tale(), actor(OLD, "STRANGE")), actor(OLD, "ALIVE"))) == []


def test_what_is_published_is_judged_to_its_end() -> None:
    told = tale()
    for state in ("PENDING_CREATION", "DEAD", "ALIVE", "RESTARTING"):
        told.message("GCS_ACTOR_CHANNEL", OLD, {"state": state})
    assert found(told) == [
        f"an actor went from DEAD to {state} in what was published" for state in ("ALIVE", "RESTARTING")
    ]


def test_what_nobody_knows_hides_no_other_fall() -> None:
    told = tale().write("ACTOR", OLD, actor(OLD, "DEAD")).restart()
    assert found(listed(told, actor(NEW, "ALIVE"), actor(OLD, "ALIVE"))) == [FALLS]


def test_a_write_under_way_may_be_what_the_next_life_loads() -> None:
    told = (
        tale()
        .write("ACTOR", OLD, actor(OLD, "DEAD"))
        .write("ACTOR", OLD, actor(OLD, "ALIVE"), took=9.0, at=3.0)
    )
    told.event("gcs", "killed", {"life": 0}, "gcs", at=4.0).event(
        "gcs", "started", {"life": 1}, "gcs", at=5.0
    )
    told.event("gcs", "serving", {"life": 1}, "gcs", at=6.0)
    assert FALLS not in found(listed(told, actor(OLD, "ALIVE")))


def test_everything_that_was_seen_is_judged() -> None:
    told = listed(tale().write("ACTOR", OLD, actor(OLD, "ALIVE")), actor(OLD, "ALIVE"))
    told.message("GCS_ACTOR_CHANNEL", OLD, {"state": "ALIVE"}).message(
        "GCS_ACTOR_CHANNEL", OLD, {"state": "ALIVE"}
    )
    assert lives(told.story()).judged == 4


def test_each_kind_of_wrong_step_of_each_thing_is_told_once_and_the_first() -> None:
    told = tale()
    for place, id in enumerate((OLD, NEW, OLD)):
        told.write("ACTOR", id, actor(id, "DEAD"), id=f"was-{place}").write(
            "ACTOR", id, actor(id, "ALIVE"), id=f"is-{place}"
        )
    violations = lives(told.story()).violations
    assert [one.detail.partition(":")[0] for one in violations] == [f"ACTOR {OLD}", f"ACTOR {NEW}"]
    assert [one.events[0] for one in violations] == ["was-0", "was-1"]
    moving = tale()
    for worker in ("01" * 28, "02" * 28, "03" * 28):
        moving.write("ACTOR", OLD, actor(OLD, "ALIVE", address={"worker_id": worker}))
    assert found(moving) == ["an actor moved to another worker without a restart in the store"]


def test_a_row_that_does_not_tell_hides_no_later_one() -> None:
    told = tale().write("ACTOR", OLD, actor(OLD, "DEAD")).write("ACTOR", OLD, None)
    assert found(told.write("ACTOR", OLD, actor(OLD, "ALIVE"))) == []
    told.write("ACTOR", OLD, actor(OLD, "DEAD")).write("ACTOR", OLD, actor(OLD, "ALIVE"))
    assert found(told) == ["an actor went from DEAD to ALIVE in the store"]
    told = tale().write("ACTOR", NEW, None).write("ACTOR", OLD, actor(OLD, "DEAD"))
    assert found(told.write("ACTOR", OLD, actor(OLD, "ALIVE"))) == [
        "an actor went from DEAD to ALIVE in the store"
    ]


def test_what_was_asked_for_may_come_back() -> None:
    ask = {"actor_id": OLD}
    told = tale().begin("RestartActorForLineageReconstruction", ask, id="ask").end("ask", outcome="unknown")
    told.message("GCS_ACTOR_CHANNEL", OLD, {"state": "DEAD"}).message(
        "GCS_ACTOR_CHANNEL", OLD, {"state": "RESTARTING"}
    )
    assert found(told) == []
    silent = tale().message("GCS_ACTOR_CHANNEL", OLD, {"state": "DEAD"})
    assert len(found(silent.message("GCS_ACTOR_CHANNEL", OLD, {"state": "RESTARTING"}))) == 1
    stored = tale().call("RestartActorForLineageReconstruction", ask, outcome="unknown")
    stored.write("ACTOR", OLD, actor(OLD, "DEAD")).write("ACTOR", OLD, actor(OLD, "RESTARTING"))
    assert found(stored) == []


def test_one_answer_that_tells_two_states_of_an_actor_is_told_and_its_first_row_counts() -> None:
    both = (actor(OLD, "PENDING_CREATION"), actor(OLD, "DEPENDENCIES_UNREADY"))
    told = listed(listed(tale(), *both), *both)
    assert found(told) == ["an actor is in two states in one answer"]
    assert found(listed(tale(), actor(OLD, "ALIVE"), actor(OLD, "ALIVE"), actor(NEW, "DEAD"))) == []
    later = listed(told, actor(OLD, "DEPENDENCIES_UNREADY"))
    assert "an actor went from PENDING_CREATION to DEPENDENCIES_UNREADY in what clients read" in found(later)
