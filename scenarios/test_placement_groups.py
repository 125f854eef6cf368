"""Promises 2 and 3 for placement groups: where a kill finds them, and that no bundle is lost or left."""

from __future__ import annotations

from collections.abc import Callable

import grpc
import pytest

from harness.check import view
from harness.cluster import Cluster
from harness.driver.client import Refused
from harness.driver.specs import STRATEGIES
from harness.fault import KillGcs
from harness.wait import until
from harness.wire import ids
from harness.wire import messages as m

pytestmark = pytest.mark.promise("2", "3")


def placement(cluster: Cluster, group: bytes) -> dict[int, str]:
    """Bundle index -> node, as the GCS says."""
    nodes = view.group(cluster.driver.placement_group(group)).nodes
    return {index: node for index, node in enumerate(nodes) if node and not ids.is_nil(bytes.fromhex(node))}


def state(cluster: Cluster, group: bytes) -> str:
    return view.group(cluster.driver.placement_group(group)).state


@pytest.mark.clause("P1", "P2", "D6")
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_created_group_is_left_in_peace(start: Callable[..., Cluster], strategy: str) -> None:
    cluster = start(raylets=3)
    group = cluster.driver.create_placement_group([{"CPU": 1.0}] * 3, strategy=strategy)
    before = cluster.bundles_of(group)
    assert before == placement(cluster, group)
    nodes = {"STRICT_PACK": 1, "STRICT_SPREAD": 3}.get(strategy, len(set(before.values())))
    assert len(set(before.values())) == nodes, f"{strategy} on {len(set(before.values()))} nodes"
    since = cluster.now()
    cluster.cycle()
    cluster.settled()
    assert state(cluster, group) == "CREATED"
    assert cluster.bundles_of(group) == placement(cluster, group) == before
    for method in ("PrepareBundleResources", "RemovePlacementGroupBundles", "CancelResourceReserve"):
        assert not cluster.orders(since, method), f"{method} for a group that stood"


@pytest.mark.clause("P1", "P2", "L2")
@pytest.mark.parametrize("step", ["PrepareBundleResources", "CommitBundleResources"])
def test_a_group_in_the_making_is_made_after_the_restart(start: Callable[..., Cluster], step: str) -> None:
    cluster = start(raylets=3)
    cluster.script(step, "hold")
    wish = cluster.driver.begin(
        cluster.driver.create_placement_group, [{"CPU": 1.0}] * 2, strategy="STRICT_SPREAD"
    )
    until(f"{step} arrives", lambda: cluster.orders(method=step), within=5)
    with cluster.broken(KillGcs()) as kill:
        cluster.release(step)
    group = wish.result(20)
    if step == "CommitBundleResources":
        assert not cluster.orders(kill.at, "PrepareBundleResources"), (
            "prepared again what it had stored as prepared"
        )
    assert state(cluster, group) == "CREATED"
    until("books agree", lambda: cluster.bundles_of(group) == placement(cluster, group), within=5)


@pytest.mark.clause("P1", "P3")
def test_a_group_that_waits_for_room_gets_it_after_the_restart(start: Callable[..., Cluster]) -> None:
    cluster = start(raylets=1)
    group = cluster.driver.create_placement_group(({"CPU": 8.0},), ready=False)
    wait = cluster.driver.begin(cluster.driver.wait_placement_group, group)
    cluster.cycle()
    assert state(cluster, group) == "PENDING"
    cluster.add_raylet({"CPU": 8.0})
    wait.result(20)
    assert state(cluster, group) == "CREATED"
    assert cluster.bundles_of(group) == placement(cluster, group)


@pytest.mark.clause("P1", "P3", "D7", "I7")
def test_a_removed_group_stays_removed(cluster: Cluster) -> None:
    group = cluster.driver.create_placement_group()
    cluster.driver.remove_placement_group(group)
    cluster.cycle()
    cluster.settled()
    assert state(cluster, group) == "REMOVED"
    until("nothing is held for it", lambda: not cluster.bundles_of(group), within=5)
    with pytest.raises(Refused) as refused:
        cluster.driver.wait_placement_group(group, within=5)
    assert refused.value.code == 17


@pytest.mark.clause("P1")
@pytest.mark.behaviour("T7")
def test_a_group_removed_in_the_outage_is_removed_after_it(cluster: Cluster) -> None:
    group = cluster.driver.create_placement_group()
    with cluster.broken(KillGcs()):
        removal = cluster.driver.begin(cluster.driver.remove_placement_group, group)
    removal.result(15)
    until("its bundle is released", lambda: not cluster.bundles_of(group), within=5)
    cluster.cycle()
    assert state(cluster, group) == "REMOVED"


@pytest.mark.clause("P1", "N2", "P2")
def test_a_group_that_lost_a_node_in_the_outage_is_whole_again(start: Callable[..., Cluster]) -> None:
    cluster = start(raylets=4, separate=True)
    group = cluster.driver.create_placement_group([{"CPU": 1.0}] * 3, strategy="STRICT_SPREAD")
    doomed = next(
        raylet for raylet in cluster.raylets[1:] if raylet.node_id.hex() in placement(cluster, group).values()
    )
    kept = {index: node for index, node in placement(cluster, group).items() if node != doomed.node_id.hex()}
    with cluster.broken(KillGcs()):
        doomed.kill()

    def whole() -> bool:
        return (
            state(cluster, group) == "CREATED"
            and doomed.node_id.hex() not in placement(cluster, group).values()
        )

    until("the lost bundle is placed anew", whole, within=25)
    now = placement(cluster, group)
    assert {index: now[index] for index in kept} == kept, "a bundle that stood was moved"
    until("books agree", lambda: cluster.bundles_of(group) == placement(cluster, group), within=5)


@pytest.mark.clause("P1")
def test_a_group_being_rescheduled_is_finished_after_the_restart(start: Callable[..., Cluster]) -> None:
    cluster = start(raylets=3, separate=True)
    group = cluster.driver.create_placement_group([{"CPU": 1.0}] * 3, strategy="STRICT_SPREAD")
    doomed = cluster.raylets[2]
    doomed.kill()
    until("the group waits for a node", lambda: state(cluster, group) == "RESCHEDULING", within=20)
    kept = cluster.bundles_of(group)
    cluster.cycle()
    cluster.settled()
    assert cluster.bundles_of(group) == kept, "a bundle that stood was swept"
    assert state(cluster, group) in ("RESCHEDULING", "PENDING")
    cluster.add_raylet({"CPU": 4.0})
    until("it is whole again", lambda: state(cluster, group) == "CREATED", within=20)
    until("books agree", lambda: cluster.bundles_of(group) == placement(cluster, group), within=5)


@pytest.mark.clause("P4", "D9")
def test_a_group_of_a_job_that_ended_in_the_outage_is_removed(cluster: Cluster) -> None:
    other = cluster.add_driver()
    owned = other.create_placement_group()
    detached = other.create_placement_group(detached=True)
    with cluster.broken(KillGcs()):
        finish = other.begin(other.finish_job)
    finish.result(15)
    until("the owned group is removed", lambda: state(cluster, owned) == "REMOVED", within=10)
    until("its bundle is released", lambda: not cluster.bundles_of(owned), within=5)
    cluster.cycle()
    assert state(cluster, owned) == "REMOVED"
    assert state(cluster, detached) == "CREATED"


@pytest.mark.clause("P3")
def test_waiting_for_a_pending_group_survives_the_kill(start: Callable[..., Cluster]) -> None:
    cluster = start(raylets=1)
    group = cluster.driver.create_placement_group(({"CPU": 8.0},), ready=False)
    request = m.WaitPlacementGroupUntilReadyRequest(placement_group_id=group)
    bare = cluster.driver.gcs.begin("WaitPlacementGroupUntilReady", request, within=None)
    cluster.driver.gcs.call("CheckAlive", m.CheckAliveRequest())
    cluster.kill_gcs()
    assert bare.exception(timeout=5).code() is grpc.StatusCode.UNAVAILABLE
    cluster.revive_gcs()
    wait = cluster.driver.begin(cluster.driver.wait_placement_group, group)
    cluster.add_raylet({"CPU": 8.0})
    wait.result(15)


@pytest.mark.clause("P2")
@pytest.mark.behaviour("T6")
def test_resources_add_up_after_groups_come_and_go_around_a_kill(start: Callable[..., Cluster]) -> None:
    cluster = start(raylets=2)
    free = [raylet.available().get("CPU") for raylet in cluster.raylets]
    groups = [cluster.driver.create_placement_group(({"CPU": 1.0},)) for _ in range(4)]
    cluster.cycle()
    for group in groups:
        cluster.driver.remove_placement_group(group)
    until(
        "all is given back",
        lambda: [raylet.available().get("CPU") for raylet in cluster.raylets] == free,
        within=5,
    )
    cluster.settled()
