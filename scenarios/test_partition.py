"""Promises 1 to 4 when a network parts what was together: one way or both, for a while or for long."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.check import held
from harness.check.deadline import exited_on_time, two_state
from harness.check.view import differences
from harness.cluster import Cluster
from harness.cluster.cluster import QUICK_PING, TALKING
from harness.cluster.control_plane import PATIENT_HEALTH, QUICK_HEALTH
from harness.driver import look
from harness.fault import CutLink, DisconnectGcs, DisconnectRaylet, DisconnectStore
from harness.proxy.link import Direction
from harness.report.verdict import Inconclusive
from harness.traffic.afterwards import recovered, standings
from harness.traffic.workload import populate
from harness.wait import never, until
from harness.wire import messages as m

# A probe whose answer is lost on the way is given up after a second, and four make a node dead: 5.2 s.
LOSSY_HEALTH = {**QUICK_HEALTH, "health_check_timeout_ms": 1000}

every_way = pytest.mark.parametrize("direction", ["up", "down"])
between_hosts = pytest.mark.needs(backend="docker", why="one host alone is taken off the network")


def all_wait(cluster: Cluster) -> bool:
    return all(raylet.waiting_since for raylet in cluster.raylets)


def noticed(cluster: Cluster) -> bool:
    """Whether every raylet has waited for the GCS since it joined."""
    return all(any(one["kind"] == "waiting" for one in raylet.transitions()) for raylet in cluster.raylets)


def states(cluster: Cluster) -> set[str]:
    """Those in which the GCS sees nodes."""
    return set(look.node_states(cluster.driver.gcs).values())


def state_of(cluster: Cluster, node: bytes) -> str:
    return look.node_states(cluster.driver.gcs)[node.hex()]


# --- one way: the GCS's own connections to raylets, by which it orders and probes them, are not cut ---


@every_way
@pytest.mark.promise("3", "4")
@pytest.mark.clause("K1", "K2", "K4", "N3", "B5")
@pytest.mark.behaviour("T1", "T2")
def test_a_short_partition_ends_nothing(start: Callable[..., Cluster], direction: Direction) -> None:
    cluster = start(linked=True, separate=True, channel=QUICK_PING, raylet=TALKING, reconnect_limit=20.0)
    watch = populate(cluster).watch()
    before = cluster.look()
    with cluster.broken(CutLink(direction)):
        until("every raylet notices", lambda: noticed(cluster), within=10)
        asked = cluster.driver.begin(cluster.driver.create_actor, name="asked", detached=True)
        never("something was lost", watch.violations, during=2.0, every=0.25)
    created = asked.result(20)
    cluster.settled()
    assert cluster.pulse(created).incarnation == 1, "an actor asked for in the partition was made twice"
    assert all(raylet.alive for raylet in cluster.raylets), "a raylet left within its limit"
    for raylet in cluster.raylets:
        assert len(raylet.calls("RegisterNode")) == 1, "a raylet registered again"
    unchanged = ("nodes", "jobs", "groups", "kv")
    held(differences(before, cluster.look(), unchanged), watch.violations())


@pytest.mark.promise("3", "4")
@pytest.mark.clause("K3")
@pytest.mark.behaviour("T3")
def test_a_partition_that_ends_just_before_the_limit_costs_nobody(start: Callable[..., Cluster]) -> None:
    limit = 5.0
    cluster = start(linked=True, separate=True, channel=QUICK_PING, raylet=TALKING, reconnect_limit=limit)
    watch = populate(cluster).watch()
    with cluster.broken(CutLink("down")):
        until("every raylet waits", lambda: all_wait(cluster), within=10)
        first = min(raylet.waiting_since or 0.0 for raylet in cluster.raylets)
        until("the limit is near", lambda: cluster.now() > first + limit - 1.5, within=limit)
        assert all(raylet.alive for raylet in cluster.raylets), "a raylet left before its limit"
    if cluster.now() > first + limit - 1.0:
        raise Inconclusive("the partition took too long to heal")
    cluster.settled()
    assert all(raylet.alive for raylet in cluster.raylets), "a raylet left within its limit"
    held(two_state(standings(cluster), limit), watch.violations())


@pytest.mark.promise("4")
@pytest.mark.clause("K3", "N1")
@pytest.mark.behaviour("T3")
def test_raylets_that_get_no_answers_leave_at_their_limit(start: Callable[..., Cluster]) -> None:
    limit = 3.0
    cluster = start(
        linked=True,
        separate=True,
        config=LOSSY_HEALTH,
        channel=QUICK_PING,
        raylet=TALKING,
        reconnect_limit=limit,
    )
    with cluster.broken(CutLink("down")):
        until("every raylet waits", lambda: all_wait(cluster), within=10)
        first = {raylet.node_id: raylet.waiting_since or 0.0 for raylet in cluster.raylets}
        for raylet in cluster.raylets:
            status = cluster.host_of(raylet).wait_exit(within=limit + 10)
            held(exited_on_time(first[raylet.node_id], cluster.now(), limit))
            assert status == 1, f"exit status {status}"
    until("their nodes are declared dead", lambda: states(cluster) == {"DEAD"}, within=20)


@pytest.mark.promise("3", "4")
@pytest.mark.clause("K1", "K3", "N3")
@pytest.mark.behaviour("T3")
def test_raylets_that_are_not_heard_stay_and_are_heard_again(start: Callable[..., Cluster]) -> None:
    """A GCS greets first, so that a raylet's channel is ready again and again, and its limit starts anew."""
    limit = 3.0
    cluster = start(linked=True, separate=True, channel=QUICK_PING, raylet=TALKING, reconnect_limit=limit)
    watch = populate(cluster).watch()
    with cluster.broken(CutLink("up")) as cut:
        until("every raylet notices", lambda: noticed(cluster), within=10)
        until("the limit has passed twice", lambda: cluster.now() > cut.at + 3 * limit, within=3 * limit)
        assert states(cluster) == {"ALIVE"}, "a node was declared dead that was probed without fail"
    cluster.settled()
    assert all(raylet.alive for raylet in cluster.raylets), "a raylet left, whose channel was ready"
    held(watch.violations())


# --- a host alone ---------------------------------------------------------------------------------


@between_hosts
@pytest.mark.promise("2", "3", "4")
@pytest.mark.clause("K1", "K2", "K4", "N3")
@pytest.mark.behaviour("T1", "T2")
def test_a_gcs_that_was_cut_off_for_a_while_has_lost_nothing(start: Callable[..., Cluster]) -> None:
    cluster = start(config=PATIENT_HEALTH, channel=QUICK_PING, raylet=TALKING, reconnect_limit=30.0)
    watch = populate(cluster).watch()
    before = cluster.look()
    with cluster.broken(DisconnectGcs()):
        until("every raylet waits", lambda: all_wait(cluster), within=15)
        put = cluster.driver.begin(cluster.driver.put, b"asked", b"value", namespace=b"elsewhere")
        never("something was lost", watch.violations, during=2.0, every=0.25)
        assert not put.done(), "acknowledged by a GCS that is cut off"
    recovered(cluster)
    assert put.result(20) in (True, False)
    assert cluster.driver.get(b"asked", b"elsewhere") == b"value"
    cluster.settled()
    for raylet in cluster.raylets:
        assert len(raylet.calls("RegisterNode")) == 1, "a raylet registered again"
    held(differences(before, cluster.look()), watch.violations())


@between_hosts
@pytest.mark.promise("4")
@pytest.mark.clause("K3", "N1")
@pytest.mark.behaviour("T3")
def test_past_the_limit_without_a_gcs_every_raylets_container_ends(start: Callable[..., Cluster]) -> None:
    cluster = start(config=LOSSY_HEALTH, channel=QUICK_PING, raylet=TALKING, reconnect_limit=3.0)
    with cluster.broken(DisconnectGcs()):
        for host in cluster.hosts:
            assert host.wait_exit(within=20) == 1, f"its container ended with {host.exit_status}"
    recovered(cluster)
    until("their nodes are dead", lambda: states(cluster) == {"DEAD"}, within=20)


@between_hosts
@pytest.mark.promise("4")
@pytest.mark.clause("N3")
def test_after_a_gcs_was_cut_off_for_long_each_node_is_back_or_gone(start: Callable[..., Cluster]) -> None:
    """A GCS that reaches nobody may take all nodes for dead. Then they leave: there is no third state."""
    cluster = start(raylets=3, config=LOSSY_HEALTH, channel=QUICK_PING, raylet=TALKING, reconnect_limit=60.0)
    with cluster.broken(DisconnectGcs()) as cut:
        until("every raylet waits", lambda: all_wait(cluster), within=15)
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


@between_hosts
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


@between_hosts
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


@between_hosts
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


@between_hosts
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
