"""What scenes bring about in the simulated world: each is in its record, and the reference bears it."""

from __future__ import annotations

from typing import Any

import pytest

from harness.fuzz.faults import Disobey, KillGcs, KillNode, SyncAgain, TearStore
from harness.fuzz.operations import (
    ANOTHER_CLUSTER,
    CLAIMS,
    AddJob,
    GetNodes,
    Intrude,
    StartActor,
    StartGroup,
    Subscribe,
)
from harness.fuzz.plan import QUICK, Health, Plan, Step, Weather
from harness.fuzz.sim.world import World, simulate
from harness.fuzz.verdict import judged_world
from harness.history.event import Event
from reference_gcs.core import access

TWO = (4.0, 4.0)


def events(world: World, kind: str, what: str) -> list[Event]:
    return [one for one in world.record.events() if (one.kind, one.what) == (kind, what)]


def held(*steps: Step, **plan: Any) -> World:
    world = simulate(Plan(steps=steps, **plan))
    found = judged_world(world)
    assert found.held, found.conclusion.reason
    return world


def ends_of_claims(world: World) -> dict[str, str]:
    """Claim -> the gRPC status with which its call ended."""
    claims = {one.id: one.facts["claims"] for one in world.record.events() if "claims" in one.facts}
    returns = events(world, "return", "InternalKVPut")
    return {claims[one.facts["call"]]: one.facts["grpc"] for one in returns if one.facts["call"] in claims}


def test_intruders_are_refused_each_for_its_claim() -> None:
    steps = [Step(Intrude(claim), 0.1) for claim in CLAIMS]
    assert ends_of_claims(held(*steps, token=True)) == dict.fromkeys(CLAIMS, "UNAUTHENTICATED")
    assert ends_of_claims(held(*steps)) == {ANOTHER_CLUSTER: "UNAUTHENTICATED"}


def test_a_gcs_that_lets_an_intruder_in_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "refusal", lambda *_about: None)
    world = simulate(Plan(steps=(Step(Intrude(), 0.1),)))
    assert ends_of_claims(world) == {ANOTHER_CLUSTER: "OK"}
    assert judged_world(world).broken


def test_a_cluster_in_token_mode_recovers_as_any_other() -> None:
    world = held(Step(StartActor(0), 0.1), Step(KillGcs(), 1.0), token=True, nodes=TWO)
    assert world.recoveries == 1


def test_a_look_that_is_refused_is_recorded_and_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = access.refusal

    def unfriendly(gcs: Any, method: str, cluster_id: str | None, bearer: str | None) -> str | None:
        named = cluster_id if method == access.BOOTSTRAP else cluster_id or ""
        return sound(gcs, method, named, bearer)

    monkeypatch.setattr(access, "refusal", unfriendly)
    world = simulate(Plan(steps=(Step(AddJob(), 0.1),)))
    (refused,) = events(world, "look", "refused")
    assert "UNAUTHENTICATED" in refused.facts["why"]
    assert not judged_world(world).held


def test_a_second_poll_of_a_subscriber_releases_the_first() -> None:
    world = held(Step(Subscribe("JOB", twice=True), 1.0), Step(AddJob(1), 1.0))
    calls = [one for one in events(world, "call", "GcsSubscriberPoll") if one.who.startswith("listener")]
    ended = {one.facts["call"]: one.at for one in events(world, "return", "GcsSubscriberPoll")}
    first, second = calls[:2]
    assert first.at < second.at <= ended[first.id] < second.at + 0.1


def test_a_second_stream_takes_the_place_of_the_first() -> None:
    world = held(Step(SyncAgain(0), 0.5), Step(StartActor(0), 0.5), nodes=TWO)
    raylet = world.raylets[0]
    mine = [one for one in world.record.events() if one.kind == "sync" and one.who == raylet.who]
    told = [(one.what, one.facts["stream"]) for one in mine if one.what in ("open", "closed")]
    assert told == [("open", 1), ("open", 2), ("closed", 1)]
    assert raylet.syncer.open
    assert any(one.what == "view" and one.facts["of"] == [world.raylets[1].who] for one in mine)


def test_a_torn_store_is_survived_and_only_torn_while_no_gcs_is_there() -> None:
    start, tear = Step(StartActor(0), 0.1), Step(TearStore(0), 0.05)
    world = held(start, Step(KillGcs(0.5), 0.5), tear)
    assert world.conditions["an actor without its task spec"] == 1
    assert len(events(world, "store", "tampered")) == 1
    assert not events(held(start, tear), "store", "tampered")


def test_a_mute_raylet_is_not_waited_for_and_the_look_waits_until_that_shows() -> None:
    mute = Disobey(1, "ReleaseUnusedBundles", "delay", 5, 60.0)
    world = held(Step(mute, 0.1), Step(KillGcs(), 0.1), Step(StartGroup(0), 0.5), nodes=TWO)
    (look,) = events(world, "look", "closing")
    assert [one["state"] for one in look.facts["view"]["groups"].values()] == ["CREATED"]
    serving = events(world, "gcs", "serving")[-1]
    assert look.at >= serving.at + 15.0


def test_orders_of_a_recovery_to_a_dead_nodes_door_are_noted() -> None:
    world = held(Step(KillNode(1), 0.5), Step(KillGcs(0.02), 0.0), nodes=TWO)
    unheard = events(world, "note", "nobody heard")
    assert {one.who for one in unheard} == {world.raylets[1].who}
    assert {one.facts["method"] for one in unheard} >= {"NotifyGCSRestart"}


def test_an_answer_that_is_lost_is_recorded_as_lost() -> None:
    stormy = Weather(delay=0.02, loss=0.4)
    lost = [
        one
        for seed in range(5)
        for one in simulate(
            Plan(steps=(Step(StartActor(0), 1.0), Step(KillGcs(), 1.0)), weather=stormy, seed=seed)
        ).record.events()
        if one.kind == "order" and one.facts.get("outcome") == "lost"
    ]
    assert lost
    assert all(one.facts["seq"] > 0 for one in lost)


def test_the_look_knows_workers_and_check_alive_is_asked_of_several() -> None:
    world = held(Step(GetNodes("alive", nodes=(1, -1, 0)), 0.5), nodes=TWO)
    (look,) = events(world, "look", "closing")
    assert list(look.facts["view"]["workers"].values()) == [{"alive": True}]
    asked = [one for one in events(world, "return", "CheckAlive") if one.who == "driver-0"]
    assert [list(one.facts["reply"]["raylet_alive"]) for one in asked] == [[True, False, True]]


def test_a_death_is_noticed_as_soon_as_the_plan_says() -> None:
    steps = (Step(KillNode(1), 1.0), Step(GetNodes(), 5.0))
    for health, seen in ((QUICK, "DEAD"), (Health(), "ALIVE")):
        world = held(*steps, nodes=TWO, health=health)
        assert world.conditions["a node is found dead by its health check"] == 1
        (reply,) = events(world, "return", "GetAllNodeInfo")[:1]
        states = [one["state"] for one in reply.facts["reply"]["node_info_list"]]
        assert seen in states, (health, states)
