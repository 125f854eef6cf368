"""Promise 7: at any time only one GCS may be active; Ray restarts nothing, something else must."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from harness.check import held
from harness.check.view import differences
from harness.cluster import Cluster
from harness.driver.client import GcsClient
from harness.fault import HangGcs, Rival
from harness.report.verdict import Inconclusive
from harness.supervisor import Supervisor
from harness.traffic.workload import populate
from harness.wait import never, until
from harness.wire import messages as m

pytestmark = [pytest.mark.promise("7"), pytest.mark.clause("S4")]

BOUND = 10.0  # seconds within which a supervisor must have brought a GCS back


@pytest.mark.behaviour("T9")
@pytest.mark.needs(store="redis")
def test_a_second_gcs_corrupts_nothing(cluster: Cluster) -> None:
    """Both are asked to write; what either acknowledged must be there when one is left."""
    work = populate(cluster)
    before, watch = cluster.look(), work.watch()
    acknowledged: dict[bytes, bytes] = {}
    with cluster.broken(Rival()):
        rival = cluster.settled_rival()
        ours, theirs = cluster.client(), cluster.client_of(rival)
        jobs = []
        for number in range(10):
            for who, client in (("ours", ours), ("theirs", theirs)):
                key = f"{who}-{number}".encode()
                put = m.InternalKVPutRequest(key=key, value=key, namespace=b"gauntlet", overwrite=True)
                if _acknowledged(client, "InternalKVPut", put):
                    acknowledged[key] = key
                taken = _acknowledged(client, "GetNextJobID", m.GetNextJobIDRequest())
                if taken:
                    jobs.append(taken.job_id)
    assert len(set(jobs)) == len(jobs), f"job ids given twice: {jobs}"
    cluster.kill_gcs()
    cluster.revive_gcs()
    lost = [key for key, value in acknowledged.items() if cluster.driver.get(key) != value]
    assert acknowledged, "neither of them works"
    assert not lost, f"acknowledged and lost: {lost}"
    cluster.settled()
    tables = ("nodes", "jobs", "actors", "names", "groups")
    held(differences(before, cluster.look(), tables), watch.violations())


@pytest.mark.behaviour("T9")
@pytest.mark.needs(store="redis")
def test_one_name_has_one_actor_even_with_two_gcs(cluster: Cluster) -> None:
    with cluster.broken(Rival()):
        rival = cluster.settled_rival()
        winners = []
        for client in (cluster.driver.gcs, cluster.client_of(rival)):
            spec = cluster.driver.actor_spec(name="contested", detached=True)
            if _acknowledged(client, "RegisterActor", cluster.driver.registration(spec)):
                winners.append(spec.actor_id.hex())
    if not winners:
        raise Inconclusive("neither GCS registered the actor")
    assert len(winners) == 1, f"two GCS gave one name to {winners}"


@pytest.mark.behaviour("T9")
@pytest.mark.needs(store="redis")
def test_a_hung_gcs_that_wakes_after_its_successor_took_over_writes_nothing(cluster: Cluster) -> None:
    populate(cluster)
    with cluster.broken(HangGcs()):
        late = cluster.driver.gcs.begin(
            "InternalKVPut",
            m.InternalKVPutRequest(
                key=b"late", value=b"from the old one", namespace=b"gauntlet", overwrite=True
            ),
            within=None,
        )
        cluster.start_rival()
        rival = cluster.settled_rival()
        if not rival.alive:
            raise Inconclusive("the successor did not serve")
        successor = cluster.client_of(rival)
        put = m.InternalKVPutRequest(
            key=b"late", value=b"from the new one", namespace=b"gauntlet", overwrite=True
        )
        assert _acknowledged(successor, "InternalKVPut", put)
        cluster.gcs.resume()
        until("the old one answers or ends", lambda: late.done() or not cluster.gcs.alive, within=20)
        get = m.InternalKVGetRequest(key=b"late", namespace=b"gauntlet")
        kept = successor.call("InternalKVGet", get).value
    assert kept == b"from the new one", f"the one that woke overwrote its successor's {kept!r}"


@pytest.mark.parametrize("how", ["killed", "hung"])
def test_a_supervisor_brings_the_cluster_through_unattended(start: Callable[..., Cluster], how: str) -> None:
    cluster = start(raylets=2, separate=True)
    work = populate(cluster)
    before, watch = cluster.look(), work.watch()
    with Supervisor(cluster.gcs) as supervisor:
        for number in range(3):
            life = cluster.gcs.pid
            struck = cluster.now()
            cluster.gcs.kill() if how == "killed" else cluster.gcs.pause()
            until("another GCS serves", lambda: _count(supervisor, "restarted") > number, within=BOUND)
            assert cluster.gcs.pid != life
            cluster.note("supervisor", "restarted it", seconds=round(cluster.now() - struck, 2))
        noticed = [event.kind for event in supervisor.events if event.kind in ("exited", "hung")]
        assert noticed == ["exited" if how == "killed" else "hung"] * 3
    cluster.settled()
    held(differences(before, cluster.look()), watch.violations())


def test_nothing_restarts_a_gcs_by_itself(cluster: Cluster) -> None:
    """The other half of the promise: without a supervisor it stays dead."""
    cluster.kill_gcs()
    never("it came back unasked", cluster.gcs.accepts, during=1.5)


def _count(supervisor: Supervisor, kind: str) -> int:
    return sum(event.kind == kind for event in supervisor.events)


def _acknowledged(client: GcsClient, name: str, request: Message) -> Any:
    """The reply, if the GCS said yes; None when it refused or is gone. Inconclusive when it is only slow."""
    try:
        reply = client.call(name, request, within=10.0)
    except grpc.RpcError as error:
        if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            raise Inconclusive(f"{name}: no answer within 10 s") from None
        return None
    return None if reply.status.code else reply
