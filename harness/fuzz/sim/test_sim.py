"""The simulator: deterministic, judged by the very checks of real runs, and able to crash anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from harness.fuzz import campaign
from harness.fuzz.faults import CrashGcs, FailStore, KillGcs, KillNode, KillWorker
from harness.fuzz.grammar import Chance, Size, plan
from harness.fuzz.operations import AddJob, GetNamedActor, Put, StartActor, StartGroup
from harness.fuzz.plan import Plan, Step, Weather
from harness.fuzz.sim.world import World, simulate
from harness.fuzz.verdict import judged_world
from harness.report.verdict import Verdict
from reference_gcs.core import actors as core_actors
from reference_gcs.core import effects as fx
from reference_gcs.core import kv, serving, state
from reference_gcs.core.state import Gcs

ACTOR = Step(StartActor(0, name="a", restarts=1), 0.05)
GROUP = Step(StartGroup(0, (1.0, 1.0), "SPREAD"), 0.05)
STORMY = Weather(delay=0.02, loss=0.05, duplication=0.3, store=0.01)


def judged(drawn: Plan) -> Verdict:
    return judged_world(simulate(drawn)).conclusion.verdict


@pytest.mark.parametrize("seed", range(6))
def test_the_same_plan_gives_the_same_record_byte_for_byte(seed: int) -> None:
    drawn = plan(Chance(seed), Size((15, 25), (2, 4), (2, 5)))
    first, second = ("\n".join(simulate(drawn).record.lines()) for _ in range(2))
    assert first == second
    assert len(first.splitlines()) > 50


def test_another_seed_gives_another_record() -> None:
    drawn = Plan(steps=(ACTOR, GROUP), weather=STORMY)
    records = [
        "\n".join(simulate(Plan(drawn.steps, weather=STORMY, seed=one)).record.lines()) for one in (1, 2)
    ]
    assert records[0] != records[1]


def test_what_comes_alive_is_judged_by_nearly_every_check() -> None:
    drawn = Plan(
        steps=(Step(AddJob()), ACTOR, GROUP, Step(Put("k", "v"), 1.0), Step(KillGcs(), 1.0)), nodes=(4.0, 4.0)
    )
    found = judged_world(simulate(drawn)).conclusion
    assert found.verdict is Verdict.HELD, found.reason
    assert len(found.rulings) >= 13


def effects_of(step: Step) -> int:
    """How many effects ``step`` has when nothing strikes, until all has come to rest for a second."""
    world = simulate(Plan(steps=(Step(CrashGcs(10_000)), step)))
    left = world.server.budget
    assert left is not None
    return 10_000 - left


@pytest.mark.parametrize("step", [ACTOR, GROUP, Step(Put("k", "v"))], ids=["actor", "group", "put"])
def test_every_point_between_two_effects_is_reached_and_the_reference_survives(step: Step) -> None:
    count = effects_of(step)
    assert count >= 2
    for place in range(count):
        for applied in (0, 2):
            world = simulate(Plan(steps=(Step(CrashGcs(place, applied=applied)), step)))
            assert world.kills == 1, f"no crash after {place} of {count} effects"
            found = judged_world(world).conclusion
            assert found.verdict is Verdict.HELD, f"after {place}, {applied} applied: {found.reason}"


def test_recoveries_are_crashed_in_their_turn() -> None:
    world = simulate(Plan(steps=(ACTOR, GROUP, Step(KillGcs(recoveries=(3, 7, 11)), 1.0))))
    assert world.kills == 4
    assert world.conditions["two kills within one recovery"]
    assert judged_world(world).held


@pytest.mark.parametrize("applied", [False, True])
def test_a_gcs_leaves_when_its_store_refuses_and_the_next_one_goes_on(applied: bool) -> None:
    world = simulate(Plan(steps=(Step(FailStore(applied=applied)), ACTOR)))
    assert world.conditions["the GCS gives up a store that fails"]
    assert world.recoveries == 1
    assert judged_world(world).held


def test_deaths_of_workers_and_nodes_are_survived() -> None:
    steps = (ACTOR, GROUP, Step(KillWorker(0), 1.0), Step(KillGcs(), 1.0), Step(KillNode(1), 0.5))
    world = simulate(Plan(steps=steps, nodes=(4.0, 4.0, 4.0)))
    assert world.conditions["an actor is created again"]
    assert judged_world(world).held


def test_the_reference_survives_a_short_campaign() -> None:
    found = campaign.run(seed=11, plans=40)
    assert found.failures == {}, campaign.failure_of(simulate(found.first or Plan()))
    assert found.status == 0
    assert found.recoveries > 10


# -- what is broken must be found ------------------------------------------------------------------


@contextmanager
def served_by(method: str, behave: Any) -> Iterator[None]:
    served = serving.SERVED[method]
    serving.SERVED[method] = serving.Served(behave, served.needs)
    try:
        yield
    finally:
        serving.SERVED[method] = served


def put_too_early(gcs: Gcs, call: int, request: Any) -> None:
    kv._put(gcs, call, True)
    field = b"@namespace_%b:%b" % (request.namespace, request.key) if request.namespace else request.key
    gcs.write(fx.Put("KV", field, request.value), state.NOTHING)


def forgetful_register(gcs: Gcs, call: int, request: Any) -> None:
    gcs.actors.names.clear()
    core_actors.register_actor(gcs, call, request)


def found_by_campaign(plans: int) -> campaign.Campaign:
    found = campaign.run(seed=5, plans=plans)
    assert found.status == 1, f"{found.plans} plans held"
    return found


def test_an_acknowledgement_before_the_write_is_found_and_shrunk() -> None:
    with served_by("InternalKVGcsService.InternalKVPut", put_too_early):
        found = found_by_campaign(60)
        assert any(check in ("durable", "linearizable") for check, _ in found.failures)
        shortest = campaign.shortened(found, within=60.0)
    assert shortest is not None
    assert len(shortest.steps) <= 3
    assert any(isinstance(one.do, Put) for one in shortest.steps)
    assert judged(shortest) is Verdict.HELD  # mended, the same plan holds


def test_a_lost_index_of_names_is_found() -> None:
    with served_by("ActorInfoGcsService.RegisterActor", forgetful_register):
        found = found_by_campaign(250)
    assert any(check in ("one name, one actor", "linearizable") for check, _ in found.failures)


def test_a_core_that_raises_fails_its_plan_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_gcs: Gcs, _call: int, _request: Any) -> None:
        raise KeyError("no such row")

    served = serving.SERVED["InternalKVGcsService.InternalKVPut"]
    monkeypatch.setitem(
        serving.SERVED, "InternalKVGcsService.InternalKVPut", serving.Served(broken, served.needs)
    )
    world = simulate(Plan(steps=(Step(Put("k", "v")), ACTOR)))
    (failure,) = judged_world(world).conclusion.failures
    assert (failure.check, failure.message) == ("process", "KeyError in broken")
    assert "no such row" in failure.detail
    monkeypatch.undo()
    assert judged(Plan(steps=(Step(Put("k", "v")), ACTOR))) is Verdict.HELD


def dies_of_a_put(gcs: Gcs, _call: int, _request: Any) -> None:
    gcs.exit(134, "Check failed: nobody puts")


def test_a_gcs_that_dies_of_a_call_that_is_sent_again_dies_ever_more_rarely() -> None:
    with served_by("InternalKVGcsService.InternalKVPut", dies_of_a_put):
        world = simulate(Plan(steps=(Step(Put("k", "v")), ACTOR)))
        assert world.problem is None
        assert 5 < world.kills < 60, "each life costs real time, and a closing look waits for minutes"
        assert "process" in {check for check, _signature in judged_world(world).kinds}


def test_a_simulated_world_needs_no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*_arguments: Any, **_named: Any) -> Any:
        raise AssertionError("a file was opened")

    monkeypatch.setattr("builtins.open", nothing)
    world = World(Plan(steps=(ACTOR, Step(KillGcs()), Step(GetNamedActor("a")))))
    world.run()
    assert world.recoveries == 1
