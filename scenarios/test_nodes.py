"""Promises 2 and 4 for nodes: who is alive, what they have, and how the GCS finds out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.cluster import Cluster
from harness.cluster.control_plane import PATIENT_HEALTH, QUICK_HEALTH
from harness.driver import look
from harness.fault import KillGcs, KillRaylet
from harness.wait import never, until
from harness.wire import ids
from harness.wire import messages as m

pytestmark = pytest.mark.promise("2", "4")


@pytest.mark.clause("N1")
def test_a_node_that_died_in_the_outage_is_declared_dead(start: Callable[..., Cluster]) -> None:
    cluster = start(raylets=3, separate=True)
    gone = cluster.raylets[2]
    with cluster.broken(KillGcs()), cluster.broken(KillRaylet(2)):
        pass  # both at once
    since = cluster.now()
    until(
        "it is declared dead",
        lambda: look.node_states(cluster.driver.gcs)[gone.node_id.hex()] == "DEAD",
        within=20,
    )
    took = cluster.now() - since
    health = {name: float(value) / 1000 for name, value in QUICK_HEALTH.items() if str(name).endswith("_ms")}  # type: ignore[arg-type]
    misses = int(QUICK_HEALTH["health_check_failure_threshold"])  # type: ignore[call-overload]
    bound = health["health_check_initial_delay_ms"] + (misses - 1) * health["health_check_period_ms"]
    assert took < bound + 3.0, f"took {took:.1f} s; refused probes allow {bound:.1f} s"
    states = look.node_states(cluster.driver.gcs)
    assert sorted(states.values()) == ["ALIVE", "ALIVE", "DEAD"]


@pytest.mark.clause("N3")
def test_a_living_node_is_never_declared_dead_over_restarts(start: Callable[..., Cluster]) -> None:
    cluster = start(raylets=3)
    events = cluster.subscribe("NODE_INFO")
    for _ in range(20):
        cluster.cycle()
        events.subscribe_again()
        assert set(look.node_states(cluster.driver.gcs).values()) == {"ALIVE"}
    cluster.settled()
    never(
        "declared dead",
        lambda: "DEAD" in look.node_states(cluster.driver.gcs).values(),
        during=3.0,
        every=0.1,
    )
    dead = [one for one in events.messages() if one.node_info_message.state == m.GcsNodeInfo.DEAD]
    assert not dead, f"declared dead: {[one.key_id.hex() for one in dead]}"


@pytest.mark.clause("N4")
def test_a_new_head_retires_the_old_one(start: Callable[..., Cluster]) -> None:
    """ray#39122, ray#54791: two heads were alive after a recovery."""
    cluster = start(raylets=2, separate=True, config=PATIENT_HEALTH)
    old = cluster.head.node_id.hex()
    cluster.kill_gcs()
    cluster.head.kill()
    cluster.revive_gcs()
    new = cluster.add_raylet({"CPU": 1.0}, is_head=True)
    heads = {key: one for key, one in cluster.look().nodes.items() if one.head and one.state == "ALIVE"}
    assert set(heads) == {new.node_id.hex()}, f"heads alive: {sorted(heads)}"
    cluster.cycle()
    states = look.node_states(cluster.driver.gcs)
    assert states[old] == "DEAD"
    assert states[new.node_id.hex()] == "ALIVE"


@pytest.mark.clause("N4")
def test_a_new_head_retires_one_that_still_runs(start: Callable[..., Cluster]) -> None:
    """ray#39122, ray#54791."""
    cluster = start(raylets=2, separate=True, config=PATIENT_HEALTH)
    old = cluster.head.node_id.hex()
    cluster.cycle()
    new = cluster.add_raylet({"CPU": 1.0}, is_head=True)
    for _ in range(2):
        heads = [key for key, one in cluster.look().nodes.items() if one.head and one.state == "ALIVE"]
        assert heads == [new.node_id.hex()], f"heads alive: {heads}"
        cluster.cycle()
    never("the old head is back", lambda: look.node_states(cluster.driver.gcs)[old] == "ALIVE", during=3.0)


@pytest.mark.clause("N5")
def test_a_node_that_has_not_synced_has_all_its_resources(start: Callable[..., Cluster]) -> None:
    cluster = start(raylets=1)
    silent = cluster.add_raylet({"CPU": 3.0}, sync=False, wait=False).wait_registered()
    for _ in range(2):
        assert look.available(cluster.driver.gcs)[silent.node_id.hex()].get("CPU") == 3.0
        cluster.cycle()


@pytest.mark.clause("N5")
@pytest.mark.behaviour("T6")
def test_resources_are_exactly_right_after_recovery(start: Callable[..., Cluster]) -> None:
    cluster = start(raylets=0, driver=False)
    for number in range(2):  # each has a resource of its own, so that an actor can be put there
        cluster.add_raylet({"CPU": 4.0, f"place-{number}": 1.0})
    driver = cluster.add_driver()
    driver.create_actor(resources={"CPU": 1.0, "place-0": 0.5})
    driver.create_actor(resources={"CPU": 2.5, "place-1": 1.0})
    cluster.settled()
    for _ in range(3):
        cluster.cycle()
        cluster.settled()
        seen = look.available(cluster.driver.gcs)
        assert [seen[raylet.node_id.hex()].get("CPU") for raylet in cluster.raylets] == [3.0, 1.5]
        totals = look.totals(cluster.driver.gcs)
        assert [totals[raylet.node_id.hex()].get("CPU") for raylet in cluster.raylets] == [4.0, 4.0]


@pytest.mark.clause("N6")
@pytest.mark.needs(min_ray="2.49")  # releases before name nodes by their address
def test_check_alive_answers_one_for_one_in_order(start: Callable[..., Cluster]) -> None:
    cluster = start(raylets=2)
    known = [raylet.node_id for raylet in cluster.raylets]
    asked = [known[0], ids.unique_id(), known[1], known[0]]
    for _ in range(2):
        reply = cluster.driver.gcs.control("CheckAlive", m.CheckAliveRequest(node_ids=asked))
        assert list(reply.raylet_alive) == [True, False, True, True]
        cluster.cycle()


@pytest.mark.clause("I4")
def test_registering_a_node_again_keeps_one_node(cluster: Cluster) -> None:
    row = cluster.driver.gcs.checked("GetAllNodeInfo", m.GetAllNodeInfoRequest()).node_info_list[0]
    for _ in range(2):
        cluster.driver.gcs.checked("RegisterNode", m.RegisterNodeRequest(node_info=row))
        cluster.cycle()
    assert sorted(look.node_states(cluster.driver.gcs).values()) == ["ALIVE", "ALIVE"]


@pytest.mark.clause("D1")
@pytest.mark.behaviour("T5")
def test_nodes_that_join_during_the_outage_are_all_there_after_it(start: Callable[..., Cluster]) -> None:
    cluster = start(raylets=1)
    with cluster.broken(KillGcs()):
        joining = [cluster.add_raylet({"CPU": 1.0}, wait=False) for _ in range(5)]
    for raylet in joining:
        raylet.wait_registered(within=15)
    cluster.settled()
    cluster.cycle()
    states = look.node_states(cluster.driver.gcs)
    assert [states[raylet.node_id.hex()] for raylet in cluster.raylets] == ["ALIVE"] * 6
