"""Promises 3 and 4 under partitions of one direction: what is sent that way vanishes, and nobody is told.

The GCS's own connections to raylets, by which it orders and probes them, are not cut.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.check import held
from harness.check.deadline import exited_on_time
from harness.check.view import differences
from harness.cluster import Cluster
from harness.cluster.cluster import QUICK_PING, TALKING
from harness.driver import look
from harness.fault import CutLink
from harness.proxy.link import Direction
from harness.traffic.workload import populate
from harness.wait import never, until

pytestmark = [pytest.mark.promise("3", "4"), pytest.mark.clause("K1", "N3")]

every_way = pytest.mark.parametrize("direction", ["up", "down"])


def noticed(cluster: Cluster) -> bool:
    """Whether every raylet has waited for the GCS since it joined."""
    return all(any(one["kind"] == "waiting" for one in raylet.transitions()) for raylet in cluster.raylets)


@every_way
@pytest.mark.clause("K2", "K4", "B5")
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


@pytest.mark.clause("K3", "N1")
@pytest.mark.behaviour("T3")
def test_raylets_that_get_no_answers_leave_at_their_limit(start: Callable[..., Cluster]) -> None:
    limit = 3.0
    cluster = start(linked=True, separate=True, channel=QUICK_PING, raylet=TALKING, reconnect_limit=limit)
    with cluster.broken(CutLink("down")):
        until(
            "every raylet waits", lambda: all(raylet.waiting_since for raylet in cluster.raylets), within=10
        )
        first = {raylet.node_id: raylet.waiting_since or 0.0 for raylet in cluster.raylets}
        for raylet in cluster.raylets:
            status = cluster.host_of(raylet).wait_exit(within=limit + 10)
            held(exited_on_time(first[raylet.node_id], cluster.now(), limit))
            assert status == 1, f"exit status {status}"
    gcs = cluster.driver.gcs
    until("their nodes are declared dead", lambda: set(look.node_states(gcs).values()) == {"DEAD"}, within=20)


@pytest.mark.clause("K3")
@pytest.mark.behaviour("T3")
def test_raylets_that_are_not_heard_stay_and_are_heard_again(start: Callable[..., Cluster]) -> None:
    """A GCS greets first, so that a raylet's channel is ready again and again, and its limit starts anew."""
    limit = 3.0
    cluster = start(linked=True, separate=True, channel=QUICK_PING, raylet=TALKING, reconnect_limit=limit)
    watch = populate(cluster).watch()
    with cluster.broken(CutLink("up")) as cut:
        until("every raylet notices", lambda: noticed(cluster), within=10)
        until("the limit has passed twice", lambda: cluster.now() > cut.at + 3 * limit, within=3 * limit)
        states = look.node_states(cluster.driver.gcs)
        assert set(states.values()) == {"ALIVE"}, f"declared dead, and probed without fail: {states}"
    cluster.settled()
    assert all(raylet.alive for raylet in cluster.raylets), "a raylet left, whose channel was ready"
    held(watch.violations())
