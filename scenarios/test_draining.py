"""Promises 2 and 3 for nodes that drain: nothing new comes to them, what is there stays, and they leave in order."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from harness.check import view
from harness.cluster import Cluster
from harness.driver import look
from harness.fault import KillGcs
from harness.raylet.handles import RayletHandle
from harness.wait import never, until
from harness.wire import messages as m

pytestmark = pytest.mark.promise("2", "3")

DEATH = m.NodeDeathInfo
WHETHER_RESTARTED = pytest.mark.parametrize("restarted", [False, True], ids=["no restart", "gcs killed"])


def with_a_place_apart(start: Callable[..., Cluster]) -> tuple[Cluster, RayletHandle]:
    """A cluster, and a node of it that alone has ``place``."""
    cluster = start(raylets=1, separate=True)
    return cluster, cluster.add_raylet({"CPU": 4.0, "place": 1.0})


def actor_on_it(cluster: Cluster, restarts: int = 0) -> bytes:
    """An actor that runs where the place is."""
    return cluster.driver.create_actor(
        resources={"CPU": 1.0, "place": 0.5}, max_restarts=restarts, detached=True
    )


def known_to_drain(cluster: Cluster, node: RayletHandle, restarted: bool = False) -> int:
    """Wait until the GCS knows (``restarted``: a new one) that the node drains; until when, in Unix milliseconds."""
    if restarted:
        cluster.cycle()
        cluster.settled()
    until("the GCS knows", lambda: node.node_id in cluster.driver.draining_nodes(), within=10)
    return cluster.driver.draining_nodes()[node.node_id]


def death(cluster: Cluster, node: RayletHandle, within: float = 15.0) -> m.NodeDeathInfo:
    """Why the node is dead, once it is."""
    found = until("it is dead", lambda: look.node_death(cluster.driver.gcs, node.node_id), within)
    assert found is not None
    return found


def free_restarts(cluster: Cluster, actor: bytes) -> tuple[int, int]:
    """How often the actor was restarted, and how many of these its budget did not pay."""
    row = cluster.driver.actor(actor)
    return row.num_restarts, row.num_restarts_due_to_node_preemption


@pytest.mark.clause("N7")
@WHETHER_RESTARTED
def test_nothing_new_is_placed_on_a_node_that_drains(start: Callable[..., Cluster], restarted: bool) -> None:
    cluster, node = with_a_place_apart(start)
    before = actor_on_it(cluster)
    assert cluster.driver.drain_node(node.node_id).is_accepted
    known_to_drain(cluster, node, restarted)
    since = cluster.now()
    actors = [cluster.driver.create_actor(resources={"CPU": 1.0}) for _ in range(3)]
    places = {view.actor(cluster.driver.actor(actor)).node for actor in actors}
    assert node.node_id.hex() not in places
    group = cluster.driver.create_placement_group([{"CPU": 0.5}] * 2, strategy="STRICT_SPREAD", ready=False)
    never("its bundles stand", lambda: cluster.bundles_of(group), during=3.0, every=0.1)
    assert not cluster.orders(since, "PrepareBundleResources", node), "a bundle was wanted of it"
    cluster.add_raylet({"CPU": 1.0})
    cluster.driver.wait_placement_group(group)
    assert node.node_id.hex() not in view.group(cluster.driver.placement_group(group)).nodes
    assert view.actor(cluster.driver.actor(before)).node == node.node_id.hex()


@pytest.mark.clause("N7")
@WHETHER_RESTARTED
def test_what_a_driver_on_it_asks_for_goes_elsewhere(start: Callable[..., Cluster], restarted: bool) -> None:
    cluster, node = with_a_place_apart(start)
    driver = cluster.add_driver(home=node)
    actor_on_it(cluster)
    assert cluster.driver.drain_node(node.node_id).is_accepted
    known_to_drain(cluster, node, restarted)
    actor = driver.create_actor(resources={"CPU": 1.0})
    assert view.actor(driver.actor(actor)).node == cluster.head.node_id.hex()


@pytest.mark.clause("N7")
def test_the_deadline_of_a_drain_is_known_again_after_a_restart(start: Callable[..., Cluster]) -> None:
    cluster, node = with_a_place_apart(start)
    actor_on_it(cluster)
    assert cluster.driver.drain_node(node.node_id, seconds=600.0).is_accepted
    before = known_to_drain(cluster, node)
    assert known_to_drain(cluster, node, restarted=True) == before


@pytest.mark.clause("N8")
@WHETHER_RESTARTED
def test_a_busy_node_is_not_ended_as_idle_and_nothing_changes(
    start: Callable[..., Cluster], restarted: bool
) -> None:
    cluster, node = with_a_place_apart(start)
    actor = actor_on_it(cluster)
    reply = cluster.driver.drain_node(node.node_id, idle=True)
    assert not reply.is_accepted
    assert reply.rejection_reason_message
    if restarted:
        cluster.cycle()
        cluster.settled()
    assert not cluster.driver.draining_nodes()
    group = cluster.driver.create_placement_group([{"CPU": 0.5}] * 2, strategy="STRICT_SPREAD")
    assert node.node_id.hex() in view.group(cluster.driver.placement_group(group)).nodes
    assert look.node_death(cluster.driver.gcs, node.node_id) is None
    assert view.actor(cluster.driver.actor(actor)).node == node.node_id.hex()


@pytest.mark.clause("N8", "A8")
@WHETHER_RESTARTED
def test_a_refused_drain_gives_no_restart_for_nothing(start: Callable[..., Cluster], restarted: bool) -> None:
    """An actor of a node that is taken away restarts for free; this one's stays."""
    cluster, node = with_a_place_apart(start)
    actor = actor_on_it(cluster, restarts=1)
    assert not cluster.driver.drain_node(node.node_id, idle=True).is_accepted
    if restarted:
        cluster.cycle()
        cluster.settled()
    cluster.kill_actor_process(actor)
    until("it is restarted", lambda: view.actor(cluster.driver.actor(actor)).restarts == 1, within=10)
    until("it lives", lambda: view.actor(cluster.driver.actor(actor)).state == "ALIVE", within=10)
    assert free_restarts(cluster, actor) == (1, 0), "its restart was for free"


@pytest.mark.clause("N9", "N8")
def test_an_idle_node_leaves_as_idle(start: Callable[..., Cluster]) -> None:
    cluster, node = with_a_place_apart(start)
    assert cluster.driver.drain_node(node.node_id, idle=True, why="idle for long").is_accepted
    died = death(cluster, node)
    assert (died.reason, died.reason_message) == (DEATH.AUTOSCALER_DRAIN_IDLE, "idle for long")
    until("it has ended", lambda: not node.alive)
    assert node.exit_status == 0


@pytest.mark.clause("N9", "A1")
@WHETHER_RESTARTED
def test_a_preempted_node_keeps_its_work_and_leaves_after_it(
    start: Callable[..., Cluster], restarted: bool
) -> None:
    cluster, node = with_a_place_apart(start)
    actor = actor_on_it(cluster)
    pulse = cluster.pulse(actor)
    assert cluster.driver.drain_node(node.node_id, why="taken away").is_accepted
    known_to_drain(cluster, node, restarted)
    assert cluster.pulse(actor).pid == pulse.pid
    cluster.kill_actor_process(actor)
    died = death(cluster, node)
    assert (died.reason, died.reason_message) == (DEATH.AUTOSCALER_DRAIN_PREEMPTED, "taken away")


@pytest.mark.clause("N9", "P2")
@WHETHER_RESTARTED
def test_a_group_stays_on_a_preempted_node_until_it_is_removed(
    start: Callable[..., Cluster], restarted: bool
) -> None:
    cluster, node = with_a_place_apart(start)
    group = cluster.driver.create_placement_group([{"place": 1.0}])
    assert not cluster.driver.drain_node(node.node_id, idle=True).is_accepted
    assert cluster.driver.drain_node(node.node_id).is_accepted
    known_to_drain(cluster, node, restarted)
    assert cluster.bundles_of(group) == {0: node.node_id.hex()}
    assert view.group(cluster.driver.placement_group(group)).state == "CREATED"
    cluster.driver.remove_placement_group(group)
    assert death(cluster, node).reason == DEATH.AUTOSCALER_DRAIN_PREEMPTED


@pytest.mark.clause("N9")
@WHETHER_RESTARTED
def test_a_node_that_fails_after_its_deadline_was_preempted(
    start: Callable[..., Cluster], restarted: bool
) -> None:
    cluster, node = with_a_place_apart(start)
    actor_on_it(cluster)
    fail_after_the_deadline(cluster, node, restarted)
    assert death(cluster, node).reason == DEATH.AUTOSCALER_DRAIN_PREEMPTED, "it did not die as preempted"


def fail_after_the_deadline(cluster: Cluster, node: RayletHandle, restarted: bool) -> None:
    """The node's machine is taken away, as was announced."""
    assert cluster.driver.drain_node(node.node_id, seconds=1.0).is_accepted
    deadline = known_to_drain(cluster, node, restarted)
    until("the deadline has passed", lambda: time.time() * 1000 > deadline + 100, within=5)
    node.kill()


@pytest.mark.clause("N9", "N2", "A8")
@pytest.mark.needs(min_ray="2.49")  # releases before count such a restart as any other
@WHETHER_RESTARTED
def test_the_actors_of_a_preempted_node_restart_for_nothing(
    start: Callable[..., Cluster], restarted: bool
) -> None:
    cluster, node = with_a_place_apart(start)
    actor = actor_on_it(cluster, restarts=1)
    fail_after_the_deadline(cluster, node, restarted)
    cluster.add_raylet({"CPU": 4.0, "place": 1.0})
    until("it moved", lambda: view.actor(cluster.driver.actor(actor)).restarts == 1, within=20)
    until("it lives", lambda: view.actor(cluster.driver.actor(actor)).state == "ALIVE", within=20)
    assert free_restarts(cluster, actor) == (1, 1)


@pytest.mark.clause("N9")
def test_a_node_that_fails_before_its_deadline_died_as_any_other(start: Callable[..., Cluster]) -> None:
    cluster, node = with_a_place_apart(start)
    actor_on_it(cluster)
    assert cluster.driver.drain_node(node.node_id, seconds=600.0).is_accepted
    known_to_drain(cluster, node)
    node.kill()
    assert death(cluster, node).reason == DEATH.UNEXPECTED_TERMINATION


@pytest.mark.clause("N8", "I5")
@WHETHER_RESTARTED
def test_a_drain_asked_for_again_is_accepted_again(start: Callable[..., Cluster], restarted: bool) -> None:
    cluster, node = with_a_place_apart(start)
    actor = actor_on_it(cluster)
    for _ in range(2):
        assert cluster.driver.drain_node(node.node_id).is_accepted
        known_to_drain(cluster, node, restarted)
    cluster.kill_actor_process(actor)
    assert death(cluster, node).reason == DEATH.AUTOSCALER_DRAIN_PREEMPTED
    assert cluster.driver.drain_node(node.node_id).is_accepted, "what is dead is as good as drained"


@pytest.mark.clause("N8")
def test_a_drain_that_waits_while_the_gcs_is_away_is_answered_after_it(start: Callable[..., Cluster]) -> None:
    cluster, node = with_a_place_apart(start)
    actor_on_it(cluster)
    with cluster.broken(KillGcs()):
        wish = cluster.driver.begin(cluster.driver.drain_node, node.node_id)
    assert wish.result(20).is_accepted
    known_to_drain(cluster, node)


@pytest.mark.clause("N10")
def test_the_older_word_ends_nodes_in_order(start: Callable[..., Cluster]) -> None:
    cluster, node = with_a_place_apart(start)
    actor_on_it(cluster)
    assert cluster.driver.shut_nodes_down(node.node_id) == [node.node_id]
    assert death(cluster, node).reason == DEATH.EXPECTED_TERMINATION
    until("it has ended", lambda: not node.alive)
    assert node.exit_status == 0
