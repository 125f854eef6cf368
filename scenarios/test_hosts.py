"""Promises 1 to 6 under faults that exist only between hosts: networks, containers, memory, clocks."""

from __future__ import annotations

import time
from collections.abc import Callable

import grpc
import pytest

from harness.check import held
from harness.check.deadline import Standing, two_state
from harness.check.view import differences
from harness.cluster import Cluster
from harness.cluster.cluster import QUICK_PING, TALKING
from harness.cluster.control_plane import PATIENT_HEALTH, QUICK_HEALTH
from harness.driver import look
from harness.errors import Unsupported
from harness.fault import (
    DisconnectGcs,
    DisconnectRaylet,
    DisconnectStore,
    KillGcs,
    ReplaceGcs,
    ReplaceStore,
    RestartGcs,
    SkewClock,
    StarveGcs,
)
from harness.fault.base import Fault
from harness.report.verdict import Inconclusive
from harness.traffic.workload import populate
from harness.wait import never, until
from harness.wire import messages as m

pytestmark = pytest.mark.needs(backend="docker", why="its faults exist only between hosts")

# A probe whose answer is lost on the way is given up after a second, and four make a node dead: 5.2 s.
LOSSY_HEALTH = {**QUICK_HEALTH, "health_check_timeout_ms": 1000}
QUICK_DNS = {"grpc.dns_min_time_between_resolutions_ms": 100}
CLOCK_SLACK_S = 600


# --- networks ------------------------------------------------------------------------------------


@pytest.mark.promise("2", "3", "4")
@pytest.mark.clause("K1", "K2", "K4", "N3")
@pytest.mark.behaviour("T1", "T2")
def test_a_gcs_that_was_cut_off_for_a_while_has_lost_nothing(start: Callable[..., Cluster]) -> None:
    cluster = start(config=PATIENT_HEALTH, channel=QUICK_PING, raylet=TALKING, reconnect_limit=30.0)
    watch = populate(cluster).watch()
    before = cluster.look()
    with cluster.broken(DisconnectGcs()):
        until(
            "every raylet waits", lambda: all(raylet.waiting_since for raylet in cluster.raylets), within=15
        )
        put = cluster.driver.begin(cluster.driver.put, b"asked", b"value", namespace=b"elsewhere")
        never("something was lost", watch.violations, during=2.0, every=0.25)
        assert not put.done(), "acknowledged by a GCS that is cut off"
    recovered(cluster)
    assert put.result(20) is True
    cluster.settled()
    for raylet in cluster.raylets:
        assert len(raylet.calls("RegisterNode")) == 1, "a raylet registered again"
    held(differences(before, cluster.look()), watch.violations())


@pytest.mark.promise("4")
@pytest.mark.clause("K3", "N1")
@pytest.mark.behaviour("T3")
def test_past_the_limit_without_a_gcs_every_raylets_container_ends(start: Callable[..., Cluster]) -> None:
    cluster = start(channel=QUICK_PING, raylet=TALKING, reconnect_limit=3.0)
    with cluster.broken(DisconnectGcs()):
        for host in cluster.hosts:
            assert host.wait_exit(within=20) == 1, f"its container ended with {host.exit_status}"
    recovered(cluster)
    until("their nodes are dead", lambda: states(cluster) == {"DEAD"}, within=20)


@pytest.mark.promise("4")
@pytest.mark.clause("N3")
def test_after_a_gcs_was_cut_off_for_long_each_node_is_back_or_gone(start: Callable[..., Cluster]) -> None:
    """A GCS that reaches nobody may take all nodes for dead. Then they leave: there is no third state."""
    cluster = start(raylets=3, config=LOSSY_HEALTH, channel=QUICK_PING, raylet=TALKING, reconnect_limit=60.0)
    with cluster.broken(DisconnectGcs()) as cut:
        until(
            "every raylet waits", lambda: all(raylet.waiting_since for raylet in cluster.raylets), within=15
        )
        until("it was long", lambda: cluster.now() > cut.at + 8.0, within=8)
    recovered(cluster)
    decided_since: float | None = None

    def decided() -> bool:
        nonlocal decided_since
        now = standings(cluster)
        if two_state(now, limit=60.0) or any(one.state == "waiting" for one in now if one.alive):
            decided_since = None
        elif decided_since is None:
            decided_since = cluster.now()
        return decided_since is not None and cluster.now() - decided_since > 2.0

    until("every node is back or gone, and stays so", decided, within=30, every=0.1)


@pytest.mark.promise("4")
@pytest.mark.clause("K3", "N1", "N2")
@pytest.mark.behaviour("T3")
def test_a_raylet_that_is_cut_off_is_declared_dead_and_its_container_ends(
    start: Callable[..., Cluster],
) -> None:
    cluster = start(raylets=1, config=LOSSY_HEALTH, channel=QUICK_PING, raylet=TALKING, reconnect_limit=3.0)
    there = {"CPU": 1.0, "place": 1.0}
    far = cluster.add_raylet({"CPU": 4.0, "place": 4.0})
    actor = cluster.driver.create_actor(name="restartable", detached=True, max_restarts=1, resources=there)
    cluster.add_raylet({"CPU": 4.0, "place": 4.0})
    driver = cluster.driver
    with cluster.broken(DisconnectRaylet(1)):
        until("its node is declared dead", lambda: state_of(cluster, far.node_id) == "DEAD", within=30)
        status = cluster.host_of(far).wait_exit(within=20)
        assert status == 1, f"its container ended with {status}"

        def moved() -> bool:
            row = driver.actor(actor)
            return row.state == m.ActorTableData.ALIVE and row.address.node_id != far.node_id

        until("its actor restarts elsewhere", moved, within=30)
    held(two_state(standings(cluster), limit=3.0))
    assert cluster.raylets[0].alive and cluster.raylets[2].alive, "a raylet left that nobody had cut off"


@pytest.mark.promise("3", "4")
@pytest.mark.clause("K1", "N3")
@pytest.mark.behaviour("T1", "T2")
def test_a_raylet_that_was_cut_off_for_a_while_comes_back(start: Callable[..., Cluster]) -> None:
    cluster = start(config=PATIENT_HEALTH, channel=QUICK_PING, raylet=TALKING, reconnect_limit=30.0)
    watch = populate(cluster).watch()
    before, far = cluster.look(), cluster.raylets[1]
    with cluster.broken(DisconnectRaylet(1)):
        never("it was given up", lambda: "DEAD" in states(cluster), during=5.0, every=0.1)
    cluster.settled()
    if not any(one["kind"] == "waiting" for one in far.transitions()):
        raise Inconclusive("the raylet did not notice that it was cut off")
    assert len(far.calls("RegisterNode")) == 1, "the raylet registered again"
    held(differences(before, cluster.look()), watch.violations())


@pytest.mark.promise("4")
@pytest.mark.clause("N1", "N3")
def test_a_raylet_declared_dead_while_it_was_cut_off_leaves_when_it_is_back(
    start: Callable[..., Cluster],
) -> None:
    cluster = start(config=LOSSY_HEALTH, channel=QUICK_PING, raylet=TALKING, reconnect_limit=60.0)
    far = cluster.raylets[1]
    with cluster.broken(DisconnectRaylet(1)):
        until("its node is declared dead", lambda: state_of(cluster, far.node_id) == "DEAD", within=30)
        assert cluster.host_of(far).exit_status is None, "it left within its limit"
    assert cluster.host_of(far).wait_exit(within=20) == 1
    assert cluster.raylets[0].alive, "a raylet left that nobody had cut off"


@pytest.mark.promise("1", "3")
@pytest.mark.clause("S2", "L2", "D12")
@pytest.mark.needs(store="redis")
def test_a_store_that_was_cut_off_has_all_that_was_acknowledged(start: Callable[..., Cluster]) -> None:
    cluster = start(store="redis")
    watch = populate(cluster).watch()
    before = cluster.look()
    with cluster.broken(DisconnectStore()):
        put = cluster.driver.begin(cluster.driver.put, b"asked", b"value", namespace=b"elsewhere")
        held(watch.violations())
        never("acknowledged without its store", put.done, during=3.0)
    recovered(cluster)
    cluster.cycle()
    assert put.result(20) in (True, False)
    assert cluster.driver.get(b"asked", b"elsewhere") == b"value"
    cluster.settled()
    held(differences(before, cluster.look()), watch.violations())


# --- containers ----------------------------------------------------------------------------------


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
    ids=["with its files", "without its files", "out of memory"],
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


# --- clocks --------------------------------------------------------------------------------------


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


def recovered(cluster: Cluster) -> None:
    """Wait until the GCS works with its store; one that has ended for want of it is started again, once."""
    until("the GCS ends, or works again", lambda: not cluster.gcs.alive or works(cluster), within=30)
    if not cluster.gcs.alive:
        assert cluster.gcs.exit_status != 0, "the GCS lost its store and says all is well"
        cluster.revive_gcs()


def started(cluster: Cluster, job: bytes) -> float:
    """When ``job`` began by the GCS's own clock, in seconds since the epoch."""
    rows = cluster.driver.gcs.checked("GetAllJobInfo", m.GetAllJobInfoRequest()).job_info_list
    return next(float(row.start_time) / 1000 for row in rows if row.job_id == job)


def states(cluster: Cluster) -> set[str]:
    """Those in which the GCS sees nodes."""
    return set(look.node_states(cluster.driver.gcs).values())


def state_of(cluster: Cluster, node: bytes) -> str:
    return look.node_states(cluster.driver.gcs)[node.hex()]


def standings(cluster: Cluster) -> list[Standing]:
    """Where every raylet stands now, by its own account and by the GCS's."""
    listed = look.node_states(cluster.driver.gcs)
    return [
        Standing(
            node=raylet.node_id.hex(),
            at=cluster.now(),
            state=raylet.state,
            alive=raylet.alive,
            listed=listed.get(raylet.node_id.hex()) == "ALIVE",
            since=raylet.waiting_since,
        )
        for raylet in cluster.raylets
    ]


def works(cluster: Cluster) -> bool:
    try:
        return cluster.driver.put(b"probe", b"", namespace=b"probes", within=1.0) in (True, False)
    except grpc.RpcError:
        return False
