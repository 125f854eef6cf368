"""Promises 1, 3, 5 and 6 when containers are replaced, memory runs out and clocks differ."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from harness.check import held
from harness.check.view import differences
from harness.cluster import Cluster
from harness.errors import Unsupported
from harness.fault import KillGcs, ReplaceGcs, ReplaceStore, RestartGcs, SkewClock, StarveGcs
from harness.fault.base import Fault
from harness.traffic.afterwards import recovered
from harness.traffic.workload import populate
from harness.wire import messages as m

pytestmark = pytest.mark.needs(backend="docker", why="its faults exist only between hosts")

QUICK_DNS = {"grpc.dns_min_time_between_resolutions_ms": 100}
CLOCK_SLACK_S = 600


@pytest.mark.promise("6")
@pytest.mark.behaviour("T10")
@pytest.mark.parametrize("address", ["new", "same"])
def test_a_gcs_in_a_new_container_is_found_by_its_name(start: Callable[..., Cluster], address: str) -> None:
    """The name service is the engine's own; nothing is told to it but the container's alias."""
    cluster = start(named=True, channel=QUICK_DNS, reconnect_limit=20.0)
    watch = populate(cluster).watch()
    before, was = cluster.look(), cluster.gcs.address
    with cluster.broken(ReplaceGcs(address="new" if address == "new" else "same")):
        put = cluster.driver.begin(cluster.driver.put, b"asked", b"value", namespace=b"elsewhere")
        held(watch.violations())
    cluster.settled(within=20)
    assert (cluster.gcs.address == was) == (address == "same"), (
        f"it was at {was} and is at {cluster.gcs.address}"
    )
    assert put.result(20) is True, "a driver did not find it"
    held(differences(before, cluster.look()), watch.violations())


@pytest.mark.promise("1", "3")
@pytest.mark.clause("L2", "L4", "D12")
@pytest.mark.needs(store="redis")
@pytest.mark.parametrize(
    "fault",
    [RestartGcs(keep_files=True), RestartGcs(keep_files=False), StarveGcs()],
    ids=["with-its-files", "without-its-files", "out-of-memory"],
)
def test_a_restarted_gcs_needs_nothing_but_its_store(start: Callable[..., Cluster], fault: Fault) -> None:
    cluster = start()
    watch = populate(cluster).watch()
    before = cluster.look()
    with cluster.broken(fault):
        held(watch.violations())
    cluster.settled()
    held(differences(before, cluster.look()), watch.violations())


@pytest.mark.promise("1", "3")
@pytest.mark.clause("S2", "L2")
@pytest.mark.needs(store="redis")
def test_a_store_in_a_new_container_on_its_old_volume_has_everything(start: Callable[..., Cluster]) -> None:
    cluster = start(store="redis+aof")
    watch = populate(cluster).watch()
    before = cluster.look()
    with cluster.broken(ReplaceStore(keep_data=True)):
        held(watch.violations())
    recovered(cluster)
    cluster.cycle()
    cluster.settled()
    held(differences(before, cluster.look()), watch.violations())


@pytest.mark.promise("1", "5")
@pytest.mark.clause("C1", "C2")
@pytest.mark.needs(store="redis")
def test_a_store_in_a_new_container_without_its_volume_makes_another_cluster(
    start: Callable[..., Cluster],
) -> None:
    cluster = start(store="redis+aof", raylet={"self_check": 1.0})
    old = cluster.look()
    with cluster.broken(KillGcs()), cluster.broken(ReplaceStore(keep_data=False)):
        pass  # both at once: the GCS returns to an empty store
    client = cluster.client()
    assert client.learn_cluster_id().hex() != old.cluster_id, "the new cluster has the old one's id"
    for host in cluster.hosts:
        assert host.wait_exit(within=20) != 0, "a raylet of the lost cluster says that all is well"
    assert not cluster.look_anew().nodes, "nodes of the lost cluster are in the new one"


@pytest.mark.promise("1", "3")
@pytest.mark.clause("D2", "D12", "N3")
@pytest.mark.needs(store="redis")
@pytest.mark.parametrize("hours", [1, -1])
def test_a_wall_clock_that_differs_changes_nothing(start: Callable[..., Cluster], hours: int) -> None:
    cluster = start()
    watch = populate(cluster).watch()
    given = [cluster.driver.next_job_id()]
    before = cluster.look()
    with cluster.broken(SkewClock(offset=f"{hours:+d}h")):
        cluster.settled()
        held(differences(before, cluster.look()), watch.violations())
        given.append(cluster.driver.next_job_id())
        driver = cluster.add_driver()
        differs = started(cluster, driver.job) - time.time()
        driver.finish_job()
        if abs(differs - 3600 * hours) > CLOCK_SLACK_S:
            raise Unsupported(
                f"libfaketime does not reach the clock of {cluster.target.name}: {differs:+.0f} s"
            )
        before = cluster.look()
    cluster.settled()
    given.append(cluster.driver.next_job_id())
    assert given == sorted(set(given)), f"job ids {given}"
    held(differences(before, cluster.look()), watch.violations())


def started(cluster: Cluster, job: bytes) -> float:
    """When ``job`` began by the GCS's own clock, in seconds since the epoch."""
    rows = cluster.driver.gcs.checked("GetAllJobInfo", m.GetAllJobInfoRequest()).job_info_list
    return next(float(row.start_time) / 1000 for row in rows if row.job_id == job)
