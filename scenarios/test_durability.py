"""Promise 1: what was acknowledged is there after every restart, and once only, however often it is asked for."""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Callable, Sequence
from typing import Any

import grpc
import pytest

from harness.check import held
from harness.check.view import differences
from harness.cluster import Cluster
from harness.cluster.control_plane import PATIENT_HEALTH
from harness.driver import specs
from harness.fault import KillGcs, PauseStore
from harness.report.verdict import Inconclusive
from harness.traffic.mutations import MUTATIONS, Mutation, Prepare
from harness.traffic.workload import populate
from harness.wait import never, until
from harness.wire import messages as m

pytestmark = [pytest.mark.promise("1"), pytest.mark.clause("D12")]

# Who was told that a job has finished or a node has left is gone, and asks for nothing again.
LAST_REQUESTS = ("finish_job", "unregister_node")


def mutations(without: Sequence[str] = ()) -> pytest.MarkDecorator:
    """A case for each mutation."""
    return pytest.mark.parametrize(
        "prepare",
        [
            pytest.param(one, id=name, marks=pytest.mark.clause(*clauses))
            for name, (one, clauses) in MUTATIONS.items()
            if name not in without
        ],
    )


every_mutation = mutations()


@every_mutation
def test_acknowledged_is_durable(start: Callable[..., Cluster], prepare: Prepare) -> None:
    cluster = start(config=PATIENT_HEALTH)
    mutation = prepare(cluster)
    cluster.driver.gcs.checked(mutation.method, mutation.request)
    for restart in range(1, 4):
        cluster.cycle()
        wrong = mutation.shows()
        assert not wrong, f"{mutation.method} was acknowledged; after restart {restart}: {wrong}"


@mutations(without=LAST_REQUESTS)
@pytest.mark.clause("I5")
def test_asked_again_after_its_answer_it_has_no_second_effect(
    start: Callable[..., Cluster], prepare: Prepare
) -> None:
    cluster = start(config=PATIENT_HEALTH)
    mutation = prepare(cluster)
    gcs = cluster.driver.gcs
    gcs.checked(mutation.method, mutation.request)
    assert not mutation.shows()
    before = cluster.look()
    _check_again(mutation, gcs.control(mutation.method, mutation.request, within=10))
    held(differences(before, cluster.look()))
    assert not mutation.shows()
    cluster.cycle()
    _check_again(mutation, gcs.control(mutation.method, mutation.request, within=10))
    held(differences(before, cluster.look()))
    assert not mutation.shows()


@every_mutation
@pytest.mark.needs(store="redis")
@pytest.mark.clause("I5")
def test_asked_again_before_its_answer_both_are_answered_and_it_happens_once(
    start: Callable[..., Cluster], prepare: Prepare
) -> None:
    cluster = start(config=PATIENT_HEALTH)
    mutation = prepare(cluster)
    gcs = cluster.driver.gcs
    with cluster.broken(PauseStore()):
        calls = [gcs.begin(mutation.method, mutation.request, within=15) for _ in range(3)]
        gcs.call("CheckAlive", m.CheckAliveRequest())
        never(f"{mutation.method} is answered without its store", lambda: _acknowledged(calls), during=0.3)
    for call in calls:
        _check_again(mutation, call.result())
    wrong = mutation.shows()
    assert not wrong, f"{mutation.method} sent three times at once: {wrong}"
    before = cluster.look()
    cluster.cycle()
    held(differences(before, cluster.look()))


@every_mutation
@pytest.mark.needs(store="redis")
@pytest.mark.clause("D13", "L3")
def test_nothing_is_acknowledged_before_the_store_has_it(
    start: Callable[..., Cluster], prepare: Prepare
) -> None:
    cluster = start(config=PATIENT_HEALTH)
    mutation = prepare(cluster)
    gcs = cluster.driver.gcs
    with cluster.broken(PauseStore()):
        call = gcs.begin(mutation.method, mutation.request, within=None)
        gcs.call("CheckAlive", m.CheckAliveRequest())
        never(f"{mutation.method} is answered without its store", lambda: _acknowledged([call]), during=0.3)
        cluster.kill_gcs()
        try:
            call.result(timeout=5)
        except grpc.RpcError as error:
            assert error.code() is grpc.StatusCode.UNAVAILABLE, f"ended as {error.code()}"
        else:
            raise AssertionError(f"{mutation.method} was acknowledged without its store")
    cluster.revive_gcs()
    gcs.checked(mutation.method, mutation.request)
    wrong = mutation.shows()
    assert not wrong, f"{mutation.method} sent again after the restart: {wrong}"


@pytest.mark.clause("D8")
def test_a_put_without_overwrite_never_replaces(start: Callable[..., Cluster]) -> None:
    cluster = start()
    assert cluster.driver.put(b"key", b"first", overwrite=False)
    with cluster.broken(KillGcs()):
        again = cluster.driver.begin(cluster.driver.put, b"key", b"second", overwrite=False)
    assert again.result(10) is False
    assert cluster.driver.get(b"key") == b"first"


@pytest.mark.clause("D9", "I5")
def test_a_late_repeat_of_its_addition_does_not_bring_a_finished_job_back(cluster: Cluster) -> None:
    other = cluster.add_driver()
    addition, job = m.AddJobRequest(data=specs.job(other.owner, driver_pid=1)), other.job.hex()
    other.finish_job()
    for when in ("at once", "after a restart"):
        cluster.driver.gcs.checked("AddJob", addition)
        assert cluster.look().jobs[job].dead, f"a finished job lives again: its addition was repeated {when}"
        cluster.cycle()
        assert cluster.look().jobs[job].dead, "a finished job lives again after a restart"


@pytest.mark.clause("L2", "D2", "D4", "D8")
@pytest.mark.behaviour("T12")
@pytest.mark.parametrize("seed", range(3))
def test_kills_at_any_instant_lose_nothing_that_was_acknowledged(
    start: Callable[..., Cluster], seed: int
) -> None:
    cluster, dice, stop = start(raylets=3), random.Random(seed), threading.Event()
    watch = populate(cluster).watch()
    driver, gcs = cluster.driver, cluster.driver.gcs
    jobs: list[int] = []
    actors: list[bytes] = []
    puts: list[bytes] = []

    def client(name: int) -> None:
        for step in itertools.count():
            if stop.is_set():
                return
            key = b"%d-%d" % (name, step)
            driver.put(key, key, b"traffic")
            puts.append(key)
            jobs.append(driver.next_job_id())
            if step % 20 == 0 and len(actors) < 100:  # one owner bears a few hundred
                spec = driver.actor_spec(name=key.decode())
                driver.register_actor(spec)
                actors.append(spec.actor_id)

    clients = [driver.begin(client, name) for name in range(4)]
    for _ in range(10):
        enough = gcs.sent + dice.randint(1, 60)
        until("some calls are out", lambda: gcs.sent >= enough, every=0.0005)
        cluster.cycle()
    stop.set()
    for one in clients:
        one.result(30)
    if len(puts) < 50:
        raise Inconclusive(f"only {len(puts)} puts were acknowledged")
    assert len(set(jobs)) == len(jobs), "a job id was given twice"
    assert not [key for key in puts if driver.get(key, b"traffic") != key], "puts lost"
    assert not [one for one in actors if driver.actor(one).actor_id != one], "actors lost"
    cluster.settled()
    held(watch.violations())


@pytest.mark.clause("D13")
@pytest.mark.needs(store="redis")
def test_what_is_not_stored_yet_is_not_shown(cluster: Cluster) -> None:
    driver, gcs = cluster.driver, cluster.driver.gcs
    listener, spec = cluster.subscribe("ACTOR"), driver.actor_spec(name="early")
    by_name = m.GetNamedActorInfoRequest(name="early", ray_namespace="gauntlet")
    with cluster.broken(PauseStore()):
        call = gcs.begin("RegisterActor", driver.registration(spec), within=None)
        gcs.call("CheckAlive", m.CheckAliveRequest())
        assert not call.done(), "acknowledged without its store"
        shown = gcs.call("GetActorInfo", m.GetActorInfoRequest(actor_id=spec.actor_id)).actor_table_data
        named, told = gcs.call("GetNamedActorInfo", by_name), listener.heard(spec.actor_id)
    assert not shown.actor_id, "found by its id"
    assert named.status.code, "found by its name"
    assert not told, "published"
    call.result(timeout=10)
    assert driver.actor_named("early").actor_id == spec.actor_id


def _check_again(mutation: Mutation, reply: Any) -> None:
    refused = mutation.again_is_ok and reply.status.code
    assert not refused, f"{mutation.method} sent again: refused with {reply.status}"


def _acknowledged(calls: Sequence[Any]) -> bool:
    return any(call.done() and not call.exception() for call in calls)
