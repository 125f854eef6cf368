"""A plan in which a node dies ends when the GCS has noticed, and shows nothing where it has not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from harness.cluster import looking
from harness.fuzz.faults import KillGcs, KillNode
from harness.fuzz.operations import GetActor, GetNodes, StartActor
from harness.fuzz.plan import QUICK, Health, Plan, Step
from harness.fuzz.real.judging import Trial, judge
from harness.fuzz.real.stage import Carried, Stage
from harness.process.guard import GUARD
from harness.report.verdict import Verdict
from harness.target.parse import parse_target

NOTICED = "a node is found dead by its health check"
Start = Callable[[str], Stage]


def plan(soft: bool, looks_after: float, health: Health = QUICK) -> Plan:
    """An actor's node dies, then the GCS; who asks for the actor ``looks_after`` so many seconds."""
    actor = StartActor(0, detached=True, restarts=-1, node=1, soft=soft)
    steps = (
        Step(actor, 0.2), Step(GetActor(0), 1.0), Step(KillNode(1), 0.2), Step(KillGcs(), 0.5),
        Step(GetActor(0), looks_after), Step(GetNodes(), 0.1),
    )  # fmt: skip
    return Plan(steps, nodes=(4.0, 2.0, 2.0), health=health)


CASES = {"no time to notice": plan(False, 1.0), "time to notice": plan(True, 4.0)}


@pytest.fixture(scope="module")
def start() -> Iterator[Start]:
    with ExitStack() as ending:

        def stage(target: str) -> Stage:
            place = GUARD.directory("gauntlet-fuzz-")
            ending.callback(GUARD.remove, place)
            made = Stage(parse_target(target), place)
            ending.callback(made.close)
            return made

        yield stage


def tried(stage: Stage, one: Plan) -> tuple[Carried, Trial]:
    carried = stage.carry_out(one)
    return carried, judge(carried)


@pytest.mark.parametrize("name", CASES)
def test_the_last_look_waits_until_the_death_is_noticed(start: Start, name: str) -> None:
    carried, trial = tried(start("reference"), CASES[name])
    assert trial.verdict is Verdict.HELD, trial.reason
    assert NOTICED in trial.reached
    (look,) = (one for one in carried.events if (one.kind, one.what) == ("look", "closing"))
    assert sorted(node["state"] for node in look.facts["view"]["nodes"].values()) == [
        "ALIVE",
        "ALIVE",
        "DEAD",
    ]


def test_a_death_that_nobody_noticed_shows_nothing(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "_NOTICE_SLACK", float("-inf"))
    _, trial = tried(start("reference"), plan(False, 1.0, Health()))
    assert trial.verdict is Verdict.INCONCLUSIVE
    assert "the GCS had not noticed by the last look" in trial.reason
    assert NOTICED not in trial.reached


WRONG = {
    "leaves-actors-on-dead-nodes": "an ALIVE actor is on a node that is DEAD",
    "never-declares-a-dead-node-dead": "a raylet is long gone, and its node is ALIVE",
}


@pytest.mark.parametrize("mutant", WRONG)
def test_what_a_gcs_does_wrong_about_a_dead_node_is_seen(start: Start, mutant: str) -> None:
    _, trial = tried(start(f"reference+{mutant}"), CASES["time to notice"])
    assert trial.verdict is Verdict.BROKEN
    assert WRONG[mutant] in {one.message for one in trial.failures}
