"""One plan, two runs: the same target agrees with itself, and what one does otherwise is named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.check.registry import CHECKS
from harness.errors import EnvironmentProblem
from harness.fuzz import faults as fault
from harness.fuzz import operations as op
from harness.fuzz.differing.compare import Difference, differences
from harness.fuzz.differing.final import Final, Thing, outcome_of
from harness.fuzz.differing.running import CALM, calm, compare, compared, lasting
from harness.fuzz.grammar import Size
from harness.fuzz.plan import Plan, Step
from harness.fuzz.real.stage import Stage
from harness.fuzz.sim.world import simulate
from harness.guarantees import CLAUSES
from harness.target.parse import parse_target
from reference_gcs.mutants.catalogue import named

SMALL = Size(operations=(3, 6), kills=(0, 0), faults=(0, 0), ladders=(0,))
PAUSE = 0.4
NAMES = Plan(
    steps=(
        Step(op.StartActor(0, name="a"), PAUSE),
        Step(op.StartActor(3, name="a"), PAUSE),
        Step(op.Put("k", "v"), PAUSE),
        Step(op.Get("k"), PAUSE),
        Step(op.GetNamedActor("a"), PAUSE),
    )
)
KILLED = Plan(
    steps=(
        Step(op.StartActor(0, name="a", restarts=1, detached=True), PAUSE),
        Step(op.Put("k", "v"), PAUSE),
        Step(fault.KillWorker(0), PAUSE),
        Step(fault.KillGcs(down=0.1), 2 * PAUSE),
        Step(op.Get("k"), 2 * PAUSE),
        Step(op.GetNamedActor("a"), PAUSE),
    )
)
"""Five small plans: what real processes and the simulator must agree on."""
BOTH = (
    NAMES,
    KILLED,
    Plan(
        steps=(
            Step(op.StartGroup(0, (1.0, 1.0)), PAUSE),
            Step(op.StartActor(0, group=0), PAUSE),
            Step(op.RemoveGroup(0), PAUSE),
            Step(op.GetGroup(0), 2 * PAUSE),
            Step(op.GetActor(0), PAUSE),
        )
    ),
    Plan(
        steps=(
            Step(op.Put("k", "v", overwrite=False), PAUSE),
            Step(op.Put("k", "w", overwrite=False), PAUSE),
            Step(op.Delete("", prefix=True), PAUSE),
            Step(op.Read("Keys", ("",)), PAUSE),
            Step(op.GetActor(-1), PAUSE),
            Step(op.GetGroup(-1), PAUSE),
        )
    ),
    Plan(
        steps=(
            Step(op.StartActor(0, detached=True), PAUSE),
            Step(op.StartActor(3, name="b"), PAUSE),
            Step(op.FinishJob(0), PAUSE),
            Step(op.GetActor(3), 2 * PAUSE),
            Step(op.ListJobs(), PAUSE),
        )
    ),
)


def simulated(plan: Plan) -> Final:
    record = simulate(plan).record
    return outcome_of(record.events(), record.entries())


def sentences(found: list[Difference]) -> list[str]:
    return [f"{one.guarantee}: {one.sentence}" for one in found]


@pytest.mark.parametrize("number", range(12))
def test_a_plan_twice_in_virtual_time_shows_no_difference(number: int) -> None:
    plan = calm(3, number)
    # Another seed is another network: nothing that may depend on it is compared.
    weathered = replace(plan, weather=replace(plan.weather, delay=0.02), seed=plan.seed + 1)
    assert not sentences(differences(simulated(plan), simulated(plan)))
    assert not sentences(differences(simulated(plan), simulated(weathered)))


def test_much_of_a_calm_plan_is_compared() -> None:
    finals = [simulated(calm(3, number)) for number in range(12)]
    asked = [one for final in finals for one in final.answers]
    assert sum(one.steady for one in asked) > len(asked) / 2
    things = [one for final in finals for one in final.things.values()]
    assert sum(one.course is not None for one in things) > len(things) / 2


@pytest.mark.parametrize(
    ("mutant", "plan", "guarantee"),
    [
        ("gives-a-name-twice", NAMES, "I8"),
        ("acks-a-put-without-a-write", NAMES, "D8"),
        ("resets-the-count-of-restarts", KILLED, "A8"),
        ("loses-the-name-index", KILLED, "L6"),
    ],
)
def test_what_a_broken_variant_does_otherwise_is_named(mutant: str, plan: Plan, guarantee: str) -> None:
    sound = simulated(plan)
    mend = named(mutant).plant()
    try:
        broken = simulated(plan)
    finally:
        mend()
    found = differences(sound, broken)
    assert guarantee in {one.guarantee for one in found}, sentences(found)
    assert {one.guarantee for one in found} <= {*CLAUSES, *CHECKS}
    assert not differences(sound, simulated(plan))


def test_a_verdict_of_one_side_alone_is_a_difference() -> None:
    sound = simulated(NAMES)
    broken = replace(sound, broken=frozenset({("durable", "a put is gone")}))
    (found,) = differences(sound, broken)
    assert found == Difference("durable", "a put is gone", "held", "broken")
    assert not differences(broken, broken)
    ended = replace(broken, ends=("ended with 1",))
    assert {one.guarantee for one in differences(sound, ended)} == {"process"}


def test_what_depends_on_who_comes_first_is_left_out() -> None:
    sound = simulated(NAMES)
    name, thing = "actor 0", sound.things["actor 0"]
    raced = replace(sound, things={**sound.things, name: replace(thing, course=None)})
    other = replace(
        sound, things={**sound.things, name: Thing({**thing.facts, "state": "DEAD"}, thing.course)}
    )
    assert differences(sound, other)
    assert not differences(raced, other)
    late = replace(
        sound,
        things={**sound.things, name: Thing({**thing.facts, "state": "PENDING_CREATION"}, thing.course)},
    )
    assert differences(sound, late), "there was room, and all had come to rest"
    assert not differences(replace(sound, quiet=False), late)
    assert not differences(replace(sound, lost=frozenset({"node 0"})), other)


def test_a_call_that_something_else_was_under_way_with_is_left_out() -> None:
    at_once = replace(NAMES, steps=tuple(replace(step, pause=0.0) for step in NAMES.steps))
    unsteady = {one.method for one in simulated(at_once).answers if not one.steady}
    assert {"RegisterActor", "GetNamedActorInfo", "InternalKVGet"} <= unsteady
    calmly = [one for one in simulated(NAMES).answers if one.method in ("RegisterActor", "GetNamedActorInfo")]
    assert all(one.steady for one in calmly)


def test_only_what_differs_every_time_counts() -> None:
    sound = simulated(NAMES)
    gone = replace(sound, things={name: one for name, one in sound.things.items() if name != "actor 0"})
    assert lasting([sound], [gone])
    assert not lasting([sound, gone], [gone])
    runs = iter([gone, sound])
    (found,) = compared(NAMES, [("left", lambda _: sound), ("right", lambda _: next(runs))], again=2)
    assert not found.found


def test_nothing_is_said_of_a_case_without_a_record() -> None:
    with pytest.raises(ValueError, match="no record"):
        outcome_of([], [])


def test_compare_wants_targets_and_a_plan(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="two targets"):
        compare(None, 0, 1, ["reference"], tmp_path)
    with pytest.raises(EnvironmentProblem, match="cannot be read"):
        compare(tmp_path / "none.json", 0, 1, ["reference", "reference"], tmp_path)
    assert calm(1, 2) == calm(1, 2) != calm(1, 3)
    assert calm(1, 2, CALM).weather == Plan().weather


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(parse_target("reference"), tmp_path_factory.mktemp("stage"))
    yield stage
    stage.close()


def real(stage: Stage, plan: Plan) -> Final:
    carried = stage.carry_out(plan)
    return outcome_of(carried.events, carried.entries)


@pytest.mark.parametrize("number", range(3))
def test_a_plan_twice_on_real_processes_shows_no_difference(stage: Stage, number: int) -> None:
    plan = calm(5, number, SMALL)
    assert not sentences(differences(real(stage, plan), real(stage, plan)))


@pytest.mark.parametrize("plan", BOTH, ids=["names", "kills", "groups", "key-values", "jobs"])
def test_real_processes_and_the_simulator_agree(stage: Stage, plan: Plan) -> None:
    found, expected = real(stage, plan), simulated(plan)
    assert not sentences(differences(found, expected))
    assert [one.key for one in found.answers] == [one.key for one in expected.answers]
    assert any(
        one.steady and other.steady for one, other in zip(found.answers, expected.answers, strict=True)
    )


def test_a_broken_target_differs_on_real_processes(stage: Stage, tmp_path: Path) -> None:
    broken = Stage(parse_target("reference+gives-a-name-twice"), tmp_path / "broken")
    try:
        sides = [("reference", lambda plan: real(stage, plan)), ("broken", lambda plan: real(broken, plan))]
        (comparison,) = compared(NAMES, sides, again=1)
    finally:
        broken.close()
    assert "I8" in {one.guarantee for one in comparison.found}
