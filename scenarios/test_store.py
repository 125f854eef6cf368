"""Promise 5 and what it rests on: the store with its password and namespace, late, gone, hung or emptied."""

from __future__ import annotations

from collections.abc import Callable

import grpc
import pytest

from harness.check import held
from harness.check.view import differences
from harness.cluster import Cluster
from harness.errors import TargetFailed
from harness.fault import CutStore, KillGcs, KillStore, PauseStore, WipeStore
from harness.report.verdict import Inconclusive
from harness.store.redis_server import RedisServer, client_of
from harness.target.base import Target
from harness.target.parse import parse_target
from harness.traffic.workload import populate
from harness.wait import never, until
from harness.wire.dialect import NEWEST

pytestmark = [pytest.mark.promise("5"), pytest.mark.needs(store="redis")]

QUICK_CONNECT = {"redis_db_connect_retries": 3, "redis_db_connect_wait_milliseconds": 200}


@pytest.mark.parametrize(
    "store",
    [
        "redis+password",
        pytest.param(
            "redis+username", marks=[pytest.mark.behaviour("T11"), pytest.mark.needs(min_ray="2.49")]
        ),
    ],
)
def test_the_password_opens_the_store_again_after_a_kill(start: Callable[..., Cluster], store: str) -> None:
    cluster = start(store=store)
    populate(cluster)
    before = cluster.look()
    cluster.cycle()
    held(differences(before, cluster.look()))


@pytest.mark.parametrize("password", ["", "wrong"])
def test_a_wrong_password_ends_the_gcs_and_changes_nothing(
    build: Callable[..., Cluster], password: str
) -> None:
    cluster = build(store="redis+password", config=QUICK_CONNECT)
    cluster.set_store(password=password)
    cluster.recorder.write("store", "refuses", {"why": "the password is wrong"})
    cluster.gcs.start()
    until("the GCS ends", lambda: not cluster.gcs.alive, within=20, evidence=cluster.gcs.log_tail)
    assert cluster.gcs.exit_status != 0
    assert not client_of(cluster.store.settings).keys("*"), "it wrote to a store that it may not open"


def test_a_store_that_comes_late_is_awaited(build: Callable[..., Cluster]) -> None:
    cluster = build()
    with cluster.broken(KillStore()):
        cluster.gcs.start()
        never("it served or gave up", lambda: cluster.gcs.accepts() or not cluster.gcs.alive, during=1.5)
    cluster.gcs.wait_until_serving(within=20)


def test_a_store_that_never_comes_ends_the_gcs(build: Callable[..., Cluster]) -> None:
    cluster = build(config=QUICK_CONNECT)
    with cluster.broken(KillStore()):
        cluster.gcs.start()
        until("the GCS gives up", lambda: not cluster.gcs.alive, within=20, evidence=cluster.gcs.log_tail)
    assert cluster.gcs.exit_status != 0


@pytest.mark.clause("S2", "L2")
def test_a_killed_store_is_survived_or_ends_the_gcs_but_loses_nothing(start: Callable[..., Cluster]) -> None:
    """Either way no acknowledgement is stale, and the cluster comes through a restart."""
    cluster = start(store="redis+aof")
    work = populate(cluster)
    before, watch = cluster.look(), work.watch()
    with cluster.broken(KillStore()):
        until(
            "the GCS notices, or lives on",
            lambda: not cluster.gcs.alive or not cluster.gcs_is_connected_to_store(),
            within=15,
        )
        held(watch.violations())
    until("the GCS ends, or works again", lambda: not cluster.gcs.alive or _works(cluster), within=30)
    if not cluster.gcs.alive:
        assert cluster.gcs.exit_status != 0, "the GCS lost its store and says all is well"
    cluster.revive_gcs()
    cluster.settled()
    held(differences(before, cluster.look()), watch.violations())


@pytest.mark.clause("S2", "L2", "D12")
@pytest.mark.parametrize("busy", [False, True], ids=["idle", "writing"])
def test_cut_connections_are_survived_or_end_the_gcs_but_lose_nothing(
    start: Callable[..., Cluster], busy: bool
) -> None:
    """ray#53475, ray#46982, ray#64204: an idle timeout or a proxy cuts them; the store itself is well."""
    cluster = start(store="redis")
    work = populate(cluster)
    before, watch = cluster.look(), work.watch()
    puts = {}
    if busy:
        keys = [b"%d" % number for number in range(50)]
        puts = {key: cluster.driver.begin(cluster.driver.put, key, b"v", b"cut") for key in keys}
    if not cluster.gcs_is_connected_to_store():
        raise Inconclusive("the GCS had no connection to cut")
    with cluster.broken(CutStore()):
        held(watch.violations())
        until("the GCS ends, or works again", lambda: not cluster.gcs.alive or _works(cluster), within=15)
    if not cluster.gcs.alive:
        assert cluster.gcs.exit_status != 0, "the GCS lost its store and says all is well"
    acknowledged = [key for key, put in puts.items() if put.done()]
    cluster.cycle()
    for put in puts.values():
        put.result(15)
    lost = [key for key in acknowledged if cluster.driver.get(key, b"cut") != b"v"]
    assert not lost, f"acknowledged and lost: {lost}"
    cluster.settled()
    held(differences(before, cluster.look()), watch.violations())


@pytest.mark.clause("S2")
def test_a_store_that_pauses_shortly_is_waited_for(start: Callable[..., Cluster]) -> None:
    cluster = start()
    watch = populate(cluster).watch()
    life = cluster.gcs.pid
    with cluster.broken(PauseStore()):
        put = cluster.driver.begin(cluster.driver.put, b"paused", b"value")
        held(watch.violations())
        assert not put.done(), "acknowledged by a GCS whose store does not answer"
    assert put.result(15) is True
    assert cluster.driver.get(b"paused") == b"value"
    assert cluster.gcs.pid == life, "a pause that a client would not notice ended the GCS"
    held(watch.violations())


@pytest.mark.clause("S3")
@pytest.mark.timeout(90)
def test_a_hung_store_is_noticed(start: Callable[..., Cluster]) -> None:
    """ray#56417: nobody noticed, until somebody restarted it by hand."""
    cluster = start()
    with cluster.broken(PauseStore()):
        until("the GCS gives up on its store", lambda: not cluster.gcs.alive, within=20)
    assert cluster.gcs.exit_status != 0


@pytest.mark.clause("C1", "C2")
def test_a_store_that_lost_its_data_makes_another_cluster_and_the_old_nodes_leave(
    start: Callable[..., Cluster],
) -> None:
    cluster = start(raylets=2, separate=True, raylet={"self_check": 1.0})
    old = cluster.look()
    with cluster.broken(KillGcs()), cluster.broken(WipeStore()):
        pass  # both at once: the GCS returns to an empty store
    client = cluster.client()
    assert client.learn_cluster_id().hex() != old.cluster_id, "the new cluster has the old one's id"
    for raylet in cluster.raylets:
        until("the raylet of the lost cluster leaves", lambda: not raylet.alive, within=20)
    assert not cluster.look_anew().nodes, "nodes of the lost cluster are in the new one"


@pytest.mark.clause("S1")
@pytest.mark.parametrize("first", ["reference", "target"])
def test_the_reference_and_the_target_take_over_from_each_other(
    start: Callable[..., Cluster], target: Target, first: str
) -> None:
    """The layout in the store is one: each reads what the other wrote."""
    if target.name == "reference":
        pytest.skip("the reference with itself shows nothing")
    if target.dialect.release < NEWEST:
        pytest.skip("the reference writes the rows of 2.60.0")
    reference = parse_target("reference")
    order = (reference, target) if first == "reference" else (target, reference)
    cluster = start(target=order[0])
    work = populate(cluster)
    before, watch, given = cluster.look(), work.watch(), [cluster.driver.next_job_id()]
    for successor in (order[1], order[0]):
        cluster.kill_gcs()
        cluster.gcs.target = successor
        cluster.revive_gcs()
        cluster.settled()
        held(differences(before, cluster.look()), watch.violations())
        given.append(cluster.driver.next_job_id())
    assert given == sorted(set(given)), f"job ids {given}"


@pytest.mark.clause("S5", "D12")
@pytest.mark.needs(store="rocksdb", min_ray="2.57")
def test_rocksdb_keeps_everything_and_has_one_writer(start: Callable[..., Cluster]) -> None:
    cluster = start(store="rocksdb")
    populate(cluster)
    before = cluster.look()
    cluster.cycle()
    held(differences(before, cluster.look()))
    rival = cluster.start_rival()
    with pytest.raises(TargetFailed, match="exited"):
        rival.wait_until_serving(within=15)
    assert rival.exit_status not in (None, 0), "a second GCS opened the database"
    held(differences(before, cluster.look()))


def test_two_namespaces_live_through_each_others_kills(
    start: Callable[..., Cluster], redis_server: RedisServer
) -> None:
    clusters = [start(store=redis_server, raylets=1) for _ in range(3)]
    for number, cluster in enumerate(clusters):
        cluster.driver.put(b"mine", b"%d" % number)
        cluster.driver.create_actor(name="keeper", detached=True)
    before = [cluster.look() for cluster in clusters]
    for cluster in clusters:
        cluster.kill_gcs()
    for cluster in reversed(clusters):
        cluster.revive_gcs()
    for was, cluster in zip(before, clusters, strict=True):
        held(differences(was, cluster.look()))


def _works(cluster: Cluster) -> bool:
    try:
        return cluster.driver.put(b"probe", b"", namespace=b"elsewhere", within=1.0) in (True, False)
    except grpc.RpcError:
        return False
