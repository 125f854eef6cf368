"""Every check can be judged and can break on each engine, or is listed as not judged there; and the list tells the truth."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from harness.check.registry import CHECKS, ENGINES, PROOFS, REAL, SIMULATOR, NotJudged, judge, unjudged
from harness.check.ruling import Finding, Ruling
from harness.check.tale import tale
from harness.fuzz.faults import AddNode, KillGcs, Rival
from harness.fuzz.operations import (
    DrainNode,
    FinishJob,
    Get,
    GetNodes,
    Intrude,
    KillActor,
    NextJobId,
    Put,
    StartActor,
    StartGroup,
    Subscribe,
    UnregisterNode,
)
from harness.fuzz.plan import Plan, Step
from harness.fuzz.real.stage import Stage
from harness.fuzz.sim.world import simulate
from harness.judge import rulings_of
from harness.mutants import proofs
from harness.mutants.hunt import drawn, elsewhere
from harness.process.guard import GUARD
from harness.target.parse import parse_target
from reference_gcs.mutants.catalogue import named

ALL_AT_ONCE = (
    Step(Subscribe("ACTOR")), Step(StartActor(0, name="a", detached=True, restarts=1)), Step(StartActor(1), 0.05),
    Step(StartGroup(0, (1.0, 1.0), "SPREAD"), 0.05), Step(Put("k", "v")), Step(Get("k"), 0.1), Step(NextJobId()),
    Step(GetNodes("alive")), Step(Intrude(), 0.1), Step(KillGcs(0.02), 0.3), Step(Put("k", "w")),
    Step(AddNode(2.0), 0.3), Step(Get("k"), 0.2), Step(NextJobId()), Step(KillActor(1), 0.1),
    Step(FinishJob(1), 0.3), Step(GetNodes("alive"), 0.2), Step(DrainNode(1), 0.2), Step(UnregisterNode(2, preempted=True), 0.2),
)  # fmt: skip
WITH_A_RIVAL = (Step(Put("k", "v")), Step(Rival(0.3), 0.1), Step(Put("k", "w"), 0.5))


def spoken(rulings: Iterable[Ruling]) -> set[str]:
    """The checks that found something to judge."""
    return {one.check for one in rulings if not one.idle}


def test_the_list_is_whole() -> None:
    assert list(PROOFS) == list(CHECKS)
    for engine in ENGINES:
        for check, mutant in proofs.declared(engine).items():
            assert named(mutant).name == mutant, check
    for check, proof in PROOFS.items():
        for one in proof:
            assert not isinstance(one, NotJudged) or len(one.why) > 20, check


@pytest.mark.parametrize(("check", "mutant"), proofs.declared(REAL).items())
def test_a_mutant_on_processes_is_expected_to_be_seen_by_its_check(check: str, mutant: str) -> None:
    assert check in named(mutant).checks
    assert named(mutant).cases


@pytest.mark.parametrize(("check", "mutant"), proofs.declared(SIMULATOR).items())
def test_each_check_is_broken_in_virtual_time(check: str, mutant: str) -> None:
    assert not elsewhere(named(mutant))
    assert proofs.in_virtual_time(check, mutant).by


def test_what_is_simulated_is_judged_by_all_that_judge_it() -> None:
    judged: set[str] = set()
    for number in range(40):
        world = simulate(drawn(proofs.SEED, number))
        judged |= spoken(rulings_of(world.record.events(), world.record.entries()))
    assert judged == set(proofs.declared(SIMULATOR))


def test_what_happens_on_processes_is_judged_by_all_that_judge_it() -> None:
    place = GUARD.directory("gauntlet-proofs-")
    stage = Stage(parse_target("reference"), place)
    rulings: list[Ruling] = []
    try:
        for steps in (ALL_AT_ONCE, WITH_A_RIVAL):
            carried = stage.carry_out(Plan(steps, nodes=(4.0, 4.0), jobs=2))
            rulings += rulings_of(carried.events, carried.entries)
    finally:
        stage.close()
        GUARD.remove(place)
    assert not [one for one in rulings if one.finding is Finding.BROKEN]
    assert spoken(rulings) == set(proofs.declared(REAL))
    assert set(unjudged(REAL)) == set(CHECKS) - spoken(rulings)


def test_a_check_that_nobody_can_break_still_tells_what_is_broken() -> None:
    """Not judged is what would be held, not what is found."""
    told = tale().event("gcs", "killed", {"life": 0}, "gcs").call("InternalKVPut", {"key": "6b"})
    told.event("gcs", "started", {"life": 1}, "gcs").event("gcs", "serving", {"life": 1}, "gcs").call(
        "CheckAlive"
    )
    found = {one.check: one for one in judge(told.story())}
    assert found["blocking"].finding is Finding.BROKEN
    assert found["assumptions"].idle


def test_what_was_tried_is_a_line_each() -> None:
    shown = proofs.Shown("durable", REAL, "forgets-jobs", "test_reload.py::test_x")
    assert (
        shown.line() == "shown    durable, real processes: broken by forgets-jobs in test_reload.py::test_x"
    )
    assert proofs.Shown("durable", REAL, "x").line() == "MISSED   durable, real processes: NOT broken by x"
    assert proofs.Shown("durable", REAL, "x", problem="no port").line().startswith("problem  durable")
