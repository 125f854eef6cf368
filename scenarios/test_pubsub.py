"""Promise 1 for those who listen: across a restart nobody misses what they cannot read again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.cluster import Cluster
from harness.cluster.cluster import QUICK_PING, TALKING
from harness.fault import CutLink
from harness.raylet.handles import RayletHandle
from harness.wait import never, until
from harness.wire import messages as m

pytestmark = pytest.mark.promise("1", "4")


@pytest.mark.clause("B1")
def test_after_a_restart_the_publisher_is_another_and_loses_nothing(cluster: Cluster) -> None:
    listener = cluster.subscribe("ACTOR")
    first = cluster.driver.create_actor(name="before")
    until("the first actor is heard of", lambda: listener.heard(first), within=5)
    publisher = listener.publisher_id
    cluster.cycle()
    listener.subscribe_again()
    actors = [cluster.driver.create_actor(name=f"after-{number}", resources={}) for number in range(5)]
    for actor in actors:
        until(
            "each later actor is heard of",
            lambda: m.ActorTableData.ALIVE in listener.states(actor),
            within=5,
        )
    assert listener.publisher_id != publisher, "the publisher kept its id, and so would its sequence"
    assert not listener.violations(), listener.violations()


@pytest.mark.clause("B2")
def test_messages_come_in_order_and_again_until_they_are_acknowledged(cluster: Cluster) -> None:
    listener = cluster.subscribe("ACTOR", acknowledge=False)
    actor = cluster.driver.create_actor(name="told")
    once = until("messages come", lambda: listener.poll(), within=5)
    again = listener.poll()
    numbers = [one.sequence_id for one in again]
    assert numbers[: len(once)] == [one.sequence_id for one in once], "not redelivered as they were"
    assert numbers == sorted(numbers), f"out of order: {numbers}"
    listener.acknowledge_all()
    cluster.driver.kill_actor(actor)
    fresh = until("later messages come", lambda: listener.poll(), within=5)
    assert min(one.sequence_id for one in fresh) > numbers[-1], "an acknowledged message came again"


@pytest.mark.clause("B3")
def test_a_second_poll_releases_the_first(cluster: Cluster) -> None:
    listener = cluster.subscribe("JOB", polling=False)
    first = listener.begin_poll()
    cluster.driver.gcs.call("CheckAlive", m.CheckAliveRequest())
    second = listener.begin_poll()
    assert not first.result(timeout=5).pub_messages, "the first poll was not released empty"
    assert not second.done()
    cluster.add_driver()
    assert second.result(timeout=5).pub_messages


@pytest.mark.clause("B4")
@pytest.mark.parametrize("gap", [0, 1, 2])
def test_what_is_missed_in_the_outage_is_in_the_tables(cluster: Cluster, gap: int) -> None:
    """Subscribe, then read: whatever was published in between is in what is read."""
    listener = cluster.subscribe("ACTOR")
    actors = [cluster.driver.create_actor(name=f"actor-{number}", resources={}) for number in range(3)]
    cluster.kill_gcs()
    kills = [cluster.driver.begin(cluster.driver.kill_actor, actor) for actor in actors[: gap + 1]]
    cluster.revive_gcs()
    listener.subscribe_again()
    read = {actor: cluster.driver.actor(actor).state for actor in actors}
    for kill in kills:
        kill.result(15)
    for actor in actors[: gap + 1]:
        known = read[actor] == m.ActorTableData.DEAD
        until(
            "a death is read or heard of",
            lambda: known or m.ActorTableData.DEAD in listener.states(actor),
            within=5,
        )


@pytest.mark.clause("B4")
def test_every_raylet_hears_of_a_death_around_a_fast_restart(start: Callable[..., Cluster]) -> None:
    """ray#24642, ray#24721: a subscriber that a fast restart overtakes must not miss what follows it."""
    cluster = start(raylets=4, separate=True)
    for gone in (cluster.raylets[3], cluster.raylets[2]):
        cluster.kill_gcs()
        gone.kill()
        cluster.revive_gcs()
        cluster.cycle()
        for raylet in (one for one in cluster.raylets if one.alive):
            until("it hears of the death", lambda: _heard_dead(raylet, gone.node_id), within=20)


@pytest.mark.clause("B5")
def test_a_node_whose_link_was_cut_comes_back_with_a_new_stream(start: Callable[..., Cluster]) -> None:
    cluster = start(raylets=2, linked=True, separate=True, channel=QUICK_PING, raylet=TALKING)
    raylet = cluster.raylets[1]
    until("the node streams", lambda: raylet.syncing, within=10)
    with cluster.broken(CutLink("up")):
        # The raylet gives its stream up, and nothing tells the GCS. It comes back by another way.
        until("its stream ends", lambda: not raylet.syncing, within=10)
        second = cluster.open_sync_stream(raylet)
        never("its new stream is refused", second.done, during=1.0)
        second.cancel()
    until("it streams again", lambda: raylet.syncing, within=20)
    raylet.resize({"CPU": 9.0})
    cluster.settled()
    assert cluster.gcs.alive, cluster.gcs.log_tail()


@pytest.mark.clause("B6")
def test_a_nodes_view_reaches_all_others_and_newcomers(start: Callable[..., Cluster]) -> None:
    cluster = start(raylets=3)
    speaker = cluster.raylets[2]
    speaker.resize({"CPU": 2.5})
    for _ in range(2):
        newcomer = cluster.add_raylet({"CPU": 1.0})
        for raylet in (*cluster.raylets[:2], newcomer):
            until(
                "the others see its view",
                lambda: (raylet.seen(speaker.node_id) or {}).get("CPU") == 2.5,
                within=10,
            )
        own = [one for one in speaker.syncs("view") if one["node_id"] == speaker.node_id]
        assert not own, "its own view came back to it"
        cluster.cycle()


@pytest.mark.clause("K4", "B1")
def test_raylets_subscribe_and_read_again_after_each_restart(start: Callable[..., Cluster]) -> None:
    cluster = start(raylets=2)
    for _ in range(3):
        cluster.cycle()
        cluster.settled()
    joined = cluster.add_raylet({"CPU": 1.0})
    for raylet in cluster.raylets[:2]:
        until(
            "a raylet hears of a node that joins after three restarts",
            lambda: any(heard.key_id == joined.node_id for heard in raylet.messages()),
            within=10,
        )


def _heard_dead(raylet: RayletHandle, node: bytes) -> bool:
    return any(heard.key_id == node and heard.summary.get("state") == "DEAD" for heard in raylet.messages())
