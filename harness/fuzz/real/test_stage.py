"""Plans on real processes: what they break is broken, what they ask is asked, and a broken GCS is seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.errors import TimedOut
from harness.fuzz.faults import (
    AddNode,
    BreakLinks,
    CrashGcs,
    CutNode,
    CutStore,
    Disobey,
    DropRef,
    FailStore,
    HangGcs,
    KillDriver,
    KillGcs,
    KillNode,
    KillStore,
    KillWorker,
    Rival,
    StallStore,
    TerminateGcs,
)
from harness.fuzz.operations import (
    AddJob,
    GetActor,
    KillActor,
    Put,
    StartActor,
    StartGroup,
    Subscribe,
    UnregisterNode,
)
from harness.fuzz.plan import Plan, Step
from harness.fuzz.real.judging import Trial, judge
from harness.fuzz.real.performance import Performance
from harness.fuzz.real.stage import Carried, Stage
from harness.process.guard import GUARD
from harness.report.verdict import Verdict
from harness.target.parse import parse_target

ACTOR, GROUP = Step(StartActor(0, name="a", restarts=1)), Step(StartGroup(0, (1.0, 1.0), "SPREAD"))


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    place = GUARD.directory("gauntlet-fuzz-")
    made = Stage(parse_target("reference"), place)
    yield made
    made.close()
    GUARD.remove(place)


def calls(carried: Carried, method: str) -> int:
    return sum(one.kind == "call" and one.what == method for one in carried.events)


def test_every_kind_of_fault_hits(stage: Stage) -> None:
    steps = (
        ACTOR, GROUP, Step(AddNode(2.0), 0.05), Step(KillWorker(0), 0.3), Step(CutNode(1, 0.2), 0.05),
        Step(BreakLinks(), 0.05), Step(StallStore(0.1), 0.05), Step(KillGcs(0.02), 0.2), Step(DropRef(0), 0.3),
        Step(KillDriver(0), 0.1), Step(Disobey(0), 0.1), Step(KillNode(2), 0.1),
    )  # fmt: skip
    carried = stage.carry_out(Plan(steps, nodes=(4.0, 4.0, 4.0)))
    assert set(carried.hits) == {
        "a node that joins", "a dead worker", "a node cut off", "broken connections", "a stalled store", "a kill",
        "a dropped reference", "a dead driver", "a dead node",
        "a raylet that disobeys",
    }  # fmt: skip
    assert judge(carried).verdict is Verdict.HELD, judge(carried).reason


def test_a_crash_at_a_command_and_the_recoveries_that_die_after_it(stage: Stage) -> None:
    carried = stage.carry_out(Plan((Step(CrashGcs(2, 0.01, recoveries=(1, 3))), ACTOR)))
    trial = judge(carried)
    assert carried.hits["a crash at a command"] == 1
    deaths = [one for one in carried.events if one.kind == "gcs" and one.what == "killed"]
    assert len(deaths) == 3
    assert carried.recoveries == 1
    assert {
        "a crash during recovery",
        "two kills within one recovery",
        "a crash between two commands",
    } <= trial.reached
    assert trial.verdict is Verdict.HELD, trial.reason


def test_a_store_that_refuses_a_command(stage: Stage) -> None:
    carried = stage.carry_out(Plan((Step(FailStore()), Step(Put("k", "v"), 0.05))))
    assert carried.hits["a refused command"] == 1
    assert judge(carried).verdict is Verdict.HELD, judge(carried).reason


def test_a_gcs_that_hangs_goes_on(stage: Stage) -> None:
    steps = (ACTOR, Step(KillGcs(0.02), 0.1), Step(HangGcs(0.3), 0.02), Step(Put("k", "v"), 0.05))
    carried = stage.carry_out(Plan(steps))
    trial = judge(carried)
    assert carried.hits["a GCS that hangs"] == 1
    assert "a GCS hangs" in trial.reached
    assert trial.verdict is Verdict.HELD, trial.reason


def test_a_store_that_dies_comes_back_with_its_rows(stage: Stage) -> None:
    steps = (ACTOR, Step(KillStore(0.2), 0.2), Step(KillGcs(0.02), 0.05), Step(GetActor(0), 0.3))
    carried = stage.carry_out(Plan(steps))
    trial = judge(carried)
    assert carried.hits["a dead store"] == 1
    assert "the store dies" in trial.reached
    assert trial.verdict is Verdict.HELD, trial.reason


def test_a_gcs_ends_in_order_and_a_store_cuts_its_connections(stage: Stage) -> None:
    steps = (
        ACTOR,
        Step(TerminateGcs(0.02), 0.1),
        Step(CutStore(), 0.1),
        Step(Put("k", "v"), 0.05),
        Step(GetActor(0), 0.3),
    )
    carried = stage.carry_out(Plan(steps))
    trial = judge(carried)
    assert {"an orderly end", "cut connections to the store"} <= set(carried.hits)
    assert {"a GCS ends in order", "the store cuts its connections"} <= trial.reached
    assert trial.verdict is Verdict.HELD, trial.reason


def test_a_second_gcs_comes_and_goes(stage: Stage) -> None:
    carried = stage.carry_out(Plan((ACTOR, Step(Rival(0.6), 0.05), Step(Put("k", "v"), 0.3))))
    trial = judge(carried)
    assert "a second GCS comes" in trial.reached
    last = [one.what for one in carried.events if one.kind == "gcs" and one.who == "rival"][-1]
    assert last in ("killed", "ended"), "ended: the first one came back, and took the namespace over again"
    assert trial.verdict is Verdict.HELD, trial.reason


def test_what_was_armed_and_never_struck_is_missed(stage: Stage) -> None:
    carried = stage.carry_out(Plan((Step(CrashGcs(400)), Step(GetActor(0)))))
    trial = judge(carried)
    assert (carried.hits.total(), trial.missed) == (0, 1)
    assert trial.verdict is Verdict.INCONCLUSIVE


def test_requests_are_repeated_and_followed_by_what_waits_for_them(stage: Stage) -> None:
    steps = (
        Step(AddJob(1), times=3),
        Step(StartActor(1, cpus=0.0), 0.05),
        Step(Subscribe(), 0.1),
        Step(KillActor(1)),
    )
    carried = stage.carry_out(Plan(steps, jobs=0))
    assert calls(carried, "AddJob") == 3
    ends = [one.facts["grpc"] for one in carried.events if one.kind == "return" and one.what == "AddJob"]
    assert ends == ["OK"] * 3, "a repeat was called off"
    assert calls(carried, "RegisterActor") == calls(carried, "CreateActor") == 1
    assert calls(carried, "GcsSubscriberPoll") >= 1
    assert judge(carried).verdict is Verdict.HELD, judge(carried).reason


def test_an_actor_creates_an_actor_which_dies_with_it(stage: Stage) -> None:
    child = Step(StartActor(3, cpus=0.0, owner=0), 1.0)
    carried = stage.carry_out(Plan((ACTOR, child, Step(KillActor(0), 1.0)), nodes=(4.0, 4.0)))
    assert judge(carried).verdict is Verdict.INCONCLUSIVE or not judge(carried).new
    closing = [one for one in carried.events if one.kind == "look" and one.what == "closing"][-1]
    actors = closing.facts["view"]["actors"]
    assert len(actors) == 2
    assert {one["state"] for one in actors.values()} == {"DEAD"}


def cut_short(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, plan: Plan, left: Callable[[Performance], bool]
) -> None:
    """Carry out a plan that ends before its time, where something is ``left`` as it should not stay."""

    def late(run: Performance) -> None:
        assert left(run)
        raise TimedOut("nobody can say why")

    with monkeypatch.context() as broken:
        broken.setattr(Performance, "_come_to_rest", late)
        carried = stage.carry_out(plan)
    assert len(carried.own) == 1


def test_a_plan_that_ends_before_its_time_leaves_no_stalled_store(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_short(stage, monkeypatch, Plan((ACTOR, Step(StallStore(60.0)))), lambda run: run.store_stalled)
    carried = stage.carry_out(Plan((ACTOR, Step(KillGcs(), 0.1), Step(GetActor(0)))))
    assert judge(carried).verdict is Verdict.HELD, judge(carried).reason


def test_a_plan_that_ends_before_its_time_leaves_nothing_that_strikes_the_next(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_short(stage, monkeypatch, Plan((Step(CrashGcs(400)), ACTOR)), lambda run: bool(run.armed))
    carried = stage.carry_out(Plan((ACTOR, *[Step(Put("k", "v"), 0.01)] * 300)))
    assert not [one for one in carried.events if one.kind == "gcs" and one.what in ("killed", "ended")]


def test_nothing_of_one_plan_is_there_for_the_next(stage: Stage) -> None:
    """Ids are the same in every plan."""
    for _ in range(2):
        carried = stage.carry_out(
            Plan((ACTOR, Step(UnregisterNode(1), 0.1), Step(KillGcs(), 0.1)), nodes=(2.0, 2.0))
        )
        assert not carried.own
        assert judge(carried).verdict is Verdict.HELD, judge(carried).reason
    closing = [one for one in carried.events if one.kind == "look" and one.what == "closing"]
    assert len(closing[-1].facts["view"]["actors"]) == 1


def judged(mutant: str, plan: Plan, place: Path) -> Trial:
    stage = Stage(parse_target(f"reference+{mutant}"), place)
    try:
        return judge(stage.carry_out(plan))
    finally:
        stage.close()


@pytest.mark.parametrize(
    ("mutant", "plan", "check"),
    [
        ("forgets-actors", Plan((ACTOR, Step(KillGcs(), 1.0))), "durable"),
        ("forgets-jobs", Plan((Step(KillGcs(), 0.1),)), "agreement"),
        ("dies-of-an-unknown-actor", Plan((Step(GetActor(5)), Step(KillGcs(), 1.0))), "process"),
    ],
)
def test_a_broken_gcs_is_seen(mutant: str, plan: Plan, check: str, tmp_path: Path) -> None:
    trial = judged(mutant, plan, tmp_path)
    assert trial.verdict is Verdict.BROKEN
    assert check in {one.check for one in trial.new}, trial.failures


def test_a_life_that_does_not_come_so_far_dies_soon_after_it_serves(stage: Stage) -> None:
    carried = stage.carry_out(Plan((ACTOR, Step(KillGcs(0.01, recoveries=(400, 400)), 0.3))))
    lives = [one.what for one in carried.events if one.kind == "gcs" and one.what in ("serving", "killed")]
    assert lives == ["serving", "killed"] * 3 + ["serving"]
    assert carried.recoveries == 3
    assert judge(carried).verdict is Verdict.HELD, judge(carried).reason


def test_recoveries_after_a_crash_that_does_not_come_die_all_the_same(stage: Stage) -> None:
    carried = stage.carry_out(Plan((Step(CrashGcs(400, 0.01, recoveries=(3,))), Step(GetActor(0)))))
    assert (carried.hits, carried.missed) == ({"a kill": 1}, 1)
    assert sum(one.kind == "gcs" and one.what == "killed" for one in carried.events) == 2


def test_each_crash_is_of_an_operation_of_its_own(stage: Stage) -> None:
    two = (Step(CrashGcs(0, 0.01)), Step(CrashGcs(0, 0.01)))
    carried = stage.carry_out(Plan((*two, Step(Put("k", "v")), Step(Put("l", "w"), 2.0))))
    assert carried.hits["a crash at a command"] == 2
