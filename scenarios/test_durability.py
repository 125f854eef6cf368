"""Promise 1: what was acknowledged is there after every restart, and once only, however often it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import grpc
import pytest

from harness.check import held
from harness.check.view import differences
from harness.cluster import Cluster
from harness.fault import KillGcs, PauseStore
from harness.mutations import MUTATIONS, Prepare
from harness.wait import never
from harness.wire import messages as m

pytestmark = [pytest.mark.promise("1"), pytest.mark.clause("D12")]

every_mutation = pytest.mark.parametrize(
    "prepare",
    [
        pytest.param(one, id=name, marks=pytest.mark.clause(*clauses))
        for name, (one, clauses) in MUTATIONS.items()
    ],
)


@every_mutation
def test_acknowledged_is_durable(cluster: Cluster, prepare: Prepare) -> None:
    mutation = prepare(cluster)
    cluster.driver.gcs.checked(mutation.method, mutation.request)
    for restart in range(1, 4):
        cluster.cycle()
        wrong = mutation.shows()
        assert not wrong, f"{mutation.method} was acknowledged; after restart {restart}: {wrong}"


@every_mutation
@pytest.mark.clause("I5")
def test_asked_again_after_its_answer_it_has_no_second_effect(cluster: Cluster, prepare: Prepare) -> None:
    mutation = prepare(cluster)
    gcs = cluster.driver.gcs
    gcs.checked(mutation.method, mutation.request)
    assert not mutation.shows()
    before = cluster.look()
    gcs.control(mutation.method, mutation.request, within=10)
    held(differences(before, cluster.look()))
    assert not mutation.shows()
    cluster.cycle()
    gcs.control(mutation.method, mutation.request, within=10)
    held(differences(before, cluster.look()))
    assert not mutation.shows()


@every_mutation
@pytest.mark.needs(store="redis")
@pytest.mark.clause("I5")
def test_asked_again_before_its_answer_both_are_answered_and_it_happens_once(
    cluster: Cluster, prepare: Prepare
) -> None:
    mutation = prepare(cluster)
    gcs = cluster.driver.gcs
    with cluster.broken(PauseStore()):
        calls = [gcs.begin(mutation.method, mutation.request, within=15) for _ in range(3)]
        gcs.call("CheckAlive", m.CheckAliveRequest())
        never(f"{mutation.method} is answered without its store", lambda: _acknowledged(calls), during=0.3)
    for call in calls:
        call.result()
    wrong = mutation.shows()
    assert not wrong, f"{mutation.method} sent three times at once: {wrong}"
    before = cluster.look()
    cluster.cycle()
    held(differences(before, cluster.look()))


@every_mutation
@pytest.mark.needs(store="redis")
@pytest.mark.clause("D13", "L3")
def test_nothing_is_acknowledged_before_the_store_has_it(cluster: Cluster, prepare: Prepare) -> None:
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


def _acknowledged(calls: Sequence[Any]) -> bool:
    return any(call.done() and not call.exception() for call in calls)
