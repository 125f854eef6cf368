"""What a returning GCS tells the raylets: each living one once, with exact lists, in a safe order."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.check import held
from harness.check.survival import unharmed
from harness.cluster import Cluster
from harness.cluster.control_plane import PATIENT_HEALTH
from harness.driver import look
from harness.traffic.workload import populate
from harness.wait import never, until
from harness.wire import messages as m

pytestmark = pytest.mark.promise("2", "3")

UNREACHABLE = 3.5  # seconds


@pytest.mark.clause("R1")
def test_every_living_node_is_told_of_the_restart_once(start: Callable[..., Cluster]) -> None:
    cluster = start(raylets=3)
    for _ in range(3):
        cluster.kill_gcs()
        since = cluster.now()
        cluster.revive_gcs()
        cluster.settled()
        told = [order.node for order in cluster.orders(since, "NotifyGCSRestart")]
        assert sorted(told) == sorted(raylet.node_id.hex() for raylet in cluster.raylets), f"told: {told}"


@pytest.mark.clause("R1", "N3")
def test_a_node_unreachable_at_first_is_told_later(start: Callable[..., Cluster]) -> None:
    cluster = start(raylets=2, config=PATIENT_HEALTH)
    deaf = cluster.raylets[1]
    cluster.kill_gcs()
    deaf.unreachable()
    since = cluster.now()
    cluster.revive_gcs()
    never(
        "declared dead", lambda: "DEAD" in look.node_states(cluster.driver.gcs).values(), during=UNREACHABLE
    )
    deaf.reachable()
    until("it is told", lambda: cluster.orders(since, "NotifyGCSRestart", deaf), within=10)
    cluster.settled()
    never("told again", lambda: len(cluster.orders(since, "NotifyGCSRestart", deaf)) > 1, during=1.0)


@pytest.mark.clause("R2", "R3")
def test_what_is_in_use_is_listed_exactly(start: Callable[..., Cluster]) -> None:
    cluster = start(raylets=3)
    work = populate(cluster)
    workers, bundles = work.workers(), work.bundles()
    cluster.kill_gcs()
    since = cluster.now()
    cluster.revive_gcs()
    for raylet in cluster.raylets:
        node = raylet.node_id.hex()
        for method, living in (("ReleaseUnusedActorWorkers", workers), ("ReleaseUnusedBundles", bundles)):
            until(
                f"{method} arrives",
                lambda: cluster.orders(since, method, raylet),
                within=5,
            )
            expected = {one for one, home in living.items() if home == node}
            for order in cluster.orders(since, method, raylet):
                assert order.ids == expected, f"{method} to {node[:8]}: lists {order.ids}, in use {expected}"


@pytest.mark.clause("R3", "P2")
def test_a_bundle_that_the_gcs_never_stored_is_swept(cluster: Cluster) -> None:
    """It died between asking for a bundle and storing that it has it."""
    cluster.script("PrepareBundleResources", "hold")
    cluster.driver.create_placement_group(({"CPU": 1.0},), ready=False)
    until("a bundle is asked for", lambda: any(raylet.bundles() for raylet in cluster.raylets), within=5)
    cluster.kill_gcs()
    cluster.release("PrepareBundleResources")
    since = cluster.now()
    cluster.revive_gcs()
    until(
        "all are told what to sweep",
        lambda: len(cluster.orders(since, "ReleaseUnusedBundles")) == 2,
        within=5,
    )
    assert not any(order.ids for order in cluster.orders(since, "ReleaseUnusedBundles")), (
        "a bundle is kept that was never stored"
    )
    until("the group stands", lambda: _created(cluster), within=15)
    assert sum(len(raylet.bundles()) for raylet in cluster.raylets) == 1, "an orphan bundle is left"


@pytest.mark.clause("R4", "A3")
def test_no_lease_before_a_node_has_swept_its_workers(start: Callable[..., Cluster]) -> None:
    cluster = start(raylets=0, driver=False)
    home = cluster.add_raylet({"CPU": 4.0, "home": 4.0})  # the actor can live nowhere else
    cluster.add_raylet({"CPU": 4.0})
    driver = cluster.add_driver()
    actor = driver.create_actor(name="phoenix", max_restarts=5, resources={"CPU": 1.0, "home": 1.0})
    cluster.kill_gcs()
    cluster.kill_actor_process(actor)
    home.script("ReleaseUnusedActorWorkers", mode="hold")
    since = cluster.now()
    cluster.revive_gcs()
    until("the sweep has arrived", lambda: cluster.orders(since, "ReleaseUnusedActorWorkers", home), within=5)
    until(
        "its worker's end is reported",
        lambda: driver.actor(actor).state == m.ActorTableData.RESTARTING,
        within=10,
    )
    never("leased before the sweep", lambda: cluster.orders(since, "RequestWorkerLease", home), during=0.7)
    home.release("ReleaseUnusedActorWorkers")
    until("the actor is back", lambda: driver.actor(actor).state == m.ActorTableData.ALIVE, within=10)
    assert cluster.orders(since, "RequestWorkerLease", home)


@pytest.mark.clause("R5")
def test_no_bundle_is_prepared_before_all_nodes_have_swept(start: Callable[..., Cluster]) -> None:
    cluster = start(raylets=3)
    slow = cluster.raylets[2]
    cluster.driver.create_placement_group(({"CPU": 99.0},), ready=False, name="waiting")
    cluster.kill_gcs()
    slow.script("ReleaseUnusedBundles", mode="hold")
    since = cluster.now()
    cluster.revive_gcs()
    until("the sweep has arrived", lambda: cluster.orders(since, "ReleaseUnusedBundles", slow), within=5)
    asked = cluster.driver.begin(cluster.driver.create_placement_group)
    never("prepared before the sweep", lambda: cluster.orders(since, "PrepareBundleResources"), during=0.7)
    slow.release("ReleaseUnusedBundles")
    assert asked.result(15)


@pytest.mark.clause("R6")
@pytest.mark.timeout(90)
def test_one_mute_node_does_not_block_groups_for_ever(start: Callable[..., Cluster]) -> None:
    cluster = start(raylets=3)
    mute = cluster.raylets[2]
    cluster.kill_gcs()
    mute.script("ReleaseUnusedBundles", mode="mute")
    cluster.revive_gcs()
    asked = cluster.driver.begin(cluster.driver.create_placement_group, within=30)
    asked.result(20)


@pytest.mark.clause("R2", "R3", "A1")
def test_a_second_kill_during_recovery_harms_nobody(start: Callable[..., Cluster]) -> None:
    cluster = start(raylets=3)
    work = populate(cluster)
    watch = work.watch()
    for _ in range(5):
        cluster.kill_gcs()
        since = cluster.now()
        cluster.gcs.restart()
        until(
            "the first order of recovery arrives",
            lambda: cluster.orders(since, "NotifyGCSRestart"),
            within=15,
        )
        cluster.cycle()
    cluster.settled()
    held(watch.violations(), unharmed(cluster.orders(), watch.workers, watch.bundles, watch.since))


def _created(cluster: Cluster) -> bool:
    reply = cluster.driver.gcs.checked("GetAllPlacementGroup", m.GetAllPlacementGroupRequest())
    return all(row.state == m.PlacementGroupTableData.CREATED for row in reply.placement_group_table_data)
