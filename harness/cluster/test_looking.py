"""The history of a running cluster, and the looks at it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from harness.check.story import Story, stories
from harness.cluster import Cluster
from harness.fault import HangGcs, KillGcs, Rival
from harness.history.log import HISTORY, LEDGER, entries, events
from harness.history.recorder import Recorder
from harness.store.parse import store_from
from harness.store.redis_server import client_of
from harness.target.parse import parse_target
from harness.traffic.workload import populate
from harness.wait import until
from harness.wire import messages as m
from harness.wire.layout import kv_field

Make = Callable[..., Cluster]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    with ExitStack() as ending:

        def make(store: str = "redis", raylets: int = 2, recorded: bool = True, **options: Any) -> Cluster:
            place = store_from(store, tmp_path / "store")
            ending.callback(place.stop)
            place.start()
            recorder = Recorder(tmp_path / "run", "case") if recorded else None
            target = parse_target("reference")
            cluster = Cluster(target, place, tmp_path / "cluster", recorder=recorder, **options)
            ending.callback(cluster.close)
            return cluster.start(raylets)

        yield make


def story(cluster: Cluster) -> Story:
    directory, case = cluster.recorder.directory, cluster.recorder.case
    assert directory is not None
    return stories(events(directory / HISTORY, case), entries(directory / LEDGER, case))[0]


def test_a_healthy_cluster_is_quiet_and_agrees(make: Make) -> None:
    cluster = make()
    work = populate(cluster)
    cluster.closing_look()
    look = story(cluster).closing
    assert look is not None
    assert (look.quiet, look.complaints) == (True, [])
    assert {row["name"] for row in look.view["actors"].values()} == {"gauntlet/keeper", "gauntlet/owned", ""}
    assert look.view["kv"]
    held = {actor for book in look.books.values() for actor in book["workers"].values() if actor}
    assert held == {actor.hex() for actor in work.actors}
    assert all(book["state"] == "connected" and book["bundles"] for book in look.books.values())
    assert look.stored is not None
    assert look.stored["ACTOR"].keys() == look.view["actors"].keys()
    assert look.stored["KV"][kv_field(b"gauntlet", b"key-1").hex()] == {"value": b"value-1".hex()}
    assert look.stored["JobCounter"] == {"": {"value": 2}}


def test_what_the_cluster_is_and_who_calls_is_written(make: Make) -> None:
    cluster = make()
    cluster.subscribe("ACTOR")
    cluster.client().call("CheckAlive", m.CheckAliveRequest())
    found = story(cluster)
    assert found.built["target"] == "reference"
    assert (found.built["store"], found.built["persistence"]) == ("redis", "none")
    assert found.built["namespace"] == cluster.namespace
    assert {"driver-0", "listener-1", "client-2"} <= {call.client for call in found.calls}
    assert {raylet.node_id.hex() for raylet in cluster.raylets} <= {call.client for call in found.calls}
    cluster.note("supervisor", "restarted it", seconds=1)
    with cluster.broken(KillGcs()):
        pass
    assert [(life.number, life.why) for life in found.lives] == [(0, "")]
    assert [(life.number, life.why) for life in story(cluster).lives] == [(0, "killed"), (1, "")]
    journal = "\n".join(cluster.journal)
    for words in (
        "built",
        "supervisor: restarted it seconds=1",
        KillGcs().name,
        "killed life=0",
        "serving life=1",
    ):
        assert words in journal


def test_no_look_without_a_gcs_to_look_at(make: Make) -> None:
    cluster = make(raylets=1)
    cluster.kill_gcs()
    began = time.monotonic()
    cluster.closing_look()
    assert time.monotonic() - began < 1.5
    assert story(cluster).closing is None
    assert "the GCS is dead" in story(cluster).of("cluster")[-1].facts["why"]


def test_a_hung_gcs_is_not_waited_for(make: Make) -> None:
    cluster = make(raylets=1)
    with cluster.broken(HangGcs()):
        began = time.monotonic()
        cluster.closing_look()
        assert time.monotonic() - began < 1.5
    assert story(cluster).closing is None


def test_a_rival_disturbs_the_quiet(make: Make) -> None:
    cluster = make(raylets=1)
    with cluster.broken(Rival()):
        cluster.settled_rival()
        cluster.closing_look()
    why = story(cluster).of("cluster")[-1].facts["why"]
    assert {f"fault not healed: {Rival().name}", "a rival GCS lives"} <= {*why}
    assert {life.who for life in story(cluster).lives} == {"gcs", "rival"}


def test_an_open_call_disturbs_the_quiet(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = make(raylets=1)
    monkeypatch.setattr(cluster.driver.gcs, "outstanding", lambda: ["MarkJobFinished"])
    cluster.closing_look(0.1)
    (look,) = story(cluster).of("look")
    assert not look.facts["quiet"]
    assert look.facts["why"] == "calls are outstanding: MarkJobFinished"


def test_a_disagreement_is_waited_for_and_then_written(make: Make) -> None:
    cluster = make(raylets=1)
    actor = cluster.driver.create_actor(detached=True)
    cluster.tampered("a row is deleted by hand")
    with closing(client_of(cluster.store.settings)) as redis:
        assert redis.hdel(f"RAY{cluster.namespace}@ACTOR", actor) == 1
    cluster.closing_look(0.3)
    look = story(cluster).closing
    assert look is not None
    assert look.quiet
    assert look.complaints
    assert story(cluster).store_lost is not None


def test_another_case_begins_with_what_there_is(make: Make) -> None:
    cluster = make()
    cluster.cycle()
    actor = cluster.driver.create_actor(detached=True)
    cluster.turn_to("another")
    found = story(cluster)
    assert found.built["namespace"] == cluster.namespace
    assert [(life.number, life.serving is not None, life.ended) for life in found.lives] == [(1, True, None)]
    assert found.baseline is not None
    assert actor.hex() in found.baseline.view["actors"]
    cluster.driver.kill_actor(actor)
    until("raylets write of it too", lambda: story(cluster).of("order"))


def test_without_a_history_nothing_is_looked_at(make: Make) -> None:
    cluster = make(raylets=1, recorded=False)
    sent = cluster.gcs.log_tail()
    cluster.closing_look()
    cluster.baseline_look()
    assert cluster.journal == []
    assert cluster.gcs.log_tail() == sent


def test_a_memory_store_has_no_rows_to_read(make: Make) -> None:
    cluster = make("memory", raylets=1)
    cluster.closing_look()
    look = story(cluster).closing
    assert look is not None
    assert look.stored is None
    assert look.quiet
