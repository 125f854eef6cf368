"""Promise 4: raylets reconnect; one that cannot within its limit exits, and its node fails."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.check import held
from harness.check.deadline import Standing, exited_on_time, two_state
from harness.cluster import Cluster
from harness.driver import look
from harness.fault import KillGcs, KillRaylet
from harness.report.verdict import Inconclusive
from harness.wait import until
from harness.wire import messages as m

pytestmark = [pytest.mark.promise("4"), pytest.mark.clause("K3")]

LIMIT = 3.0  # seconds; Ray's own is 60


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


@pytest.mark.clause("K4", "R1", "N3")
def test_back_at_once_every_raylet_reconnects_without_registering_again(
    start: Callable[..., Cluster],
) -> None:
    cluster = start(raylets=3, separate=True, reconnect_limit=LIMIT)
    for _ in range(3):
        cluster.cycle()
        cluster.settled()
    assert all(raylet.alive for raylet in cluster.raylets), "a raylet left"
    for raylet in cluster.raylets:
        assert len(raylet.calls("RegisterNode")) == 1, "a raylet registered again"
    held(two_state(standings(cluster), LIMIT))


@pytest.mark.behaviour("T3")
@pytest.mark.needs(backend="loopback", why="an engine takes its time to start the GCS's container")
def test_back_just_before_the_limit_nobody_leaves(start: Callable[..., Cluster]) -> None:
    limit = 6.0
    cluster = start(raylets=2, separate=True, reconnect_limit=limit)
    with cluster.broken(KillGcs()):
        until("every raylet waits", lambda: all(raylet.waiting_since for raylet in cluster.raylets), within=5)
        first = min(raylet.waiting_since or 0.0 for raylet in cluster.raylets)
        until("the limit is near", lambda: cluster.now() > first + limit - 2.0, within=limit)
        assert all(raylet.alive for raylet in cluster.raylets), "a raylet left before its limit"
    if cluster.now() > first + limit - 1.0:
        raise Inconclusive("the GCS itself took too long to come back")
    cluster.settled()
    assert all(raylet.alive for raylet in cluster.raylets), "a raylet left within its limit"
    held(two_state(standings(cluster), limit))


@pytest.mark.behaviour("T3")
@pytest.mark.parametrize(
    "limit",
    [
        pytest.param(
            1.0,
            marks=pytest.mark.needs(
                backend="loopback", why="a second may pass while an engine takes the GCS's container down"
            ),
        ),
        LIMIT,
        pytest.param(60.0, marks=[pytest.mark.long, pytest.mark.timeout(150)]),
    ],
)
def test_past_the_limit_the_raylet_exits(start: Callable[..., Cluster], limit: float) -> None:
    cluster = start(raylets=2, separate=True, reconnect_limit=limit)
    pids = [raylet.start_task("work").pid for raylet in cluster.raylets]
    with cluster.broken(KillGcs()):
        until("every raylet waits", lambda: all(raylet.waiting_since for raylet in cluster.raylets), within=5)
        first = {raylet.node_id: raylet.waiting_since for raylet in cluster.raylets}
        ended = {}
        for raylet in cluster.raylets:
            until("the raylet's process ends", lambda: not raylet.alive, within=limit + 10)
            ended[raylet.node_id] = cluster.now()
        for raylet in cluster.raylets:
            assert raylet.exit_status == 1, f"exit status {raylet.exit_status}"
            held(exited_on_time(first[raylet.node_id] or 0.0, ended[raylet.node_id], limit))
        until("its workers end with it", lambda: not any(cluster.runs(pid) for pid in pids), within=5)


@pytest.mark.clause("N1", "N2", "P1", "P2")
@pytest.mark.behaviour("T3")
def test_past_the_limit_the_node_fails_and_its_work_moves(start: Callable[..., Cluster]) -> None:
    """The GCS comes back to find one node gone: actors restart by their budget, bundles move."""
    cluster = start(raylets=1, separate=True, reconnect_limit=60)
    doomed = cluster.add_raylet({"CPU": 4.0, "place": 4.0}, reconnect_limit=1.0)
    cluster.add_raylet({"CPU": 4.0})
    group = cluster.driver.create_placement_group([{"CPU": 1.0}] * 3, strategy="STRICT_SPREAD")
    # On the doomed node alone, and detached: it is not an owner's death that ends them.
    there = {"CPU": 1.0, "place": 1.0}
    restartable = cluster.driver.create_actor(
        name="restartable", detached=True, max_restarts=1, resources=there
    )
    final = cluster.driver.create_actor(name="final", detached=True, max_restarts=0, resources=there)
    cluster.add_raylet({"CPU": 4.0, "place": 4.0})
    with cluster.broken(KillGcs()):
        until("the doomed raylet exits", lambda: not doomed.alive, within=15)
    driver = cluster.driver
    until(
        "its node is declared dead",
        lambda: look.node_states(driver.gcs)[doomed.node_id.hex()] == "DEAD",
        within=20,
    )

    def moved() -> bool:
        row = driver.actor(restartable)
        return row.state == m.ActorTableData.ALIVE and row.address.node_id != doomed.node_id

    until("the actor with a budget restarts elsewhere", moved, within=20)
    assert driver.actor(restartable).num_restarts == 1
    until("the one without dies", lambda: driver.actor(final).state == m.ActorTableData.DEAD, within=10)

    def replaced() -> bool:
        row = driver.placement_group(group)
        nodes = [bundle.node_id for bundle in row.bundles]
        return row.state == m.PlacementGroupTableData.CREATED and doomed.node_id not in nodes

    until("the group's bundle moves", replaced, within=20)
    held(two_state(standings(cluster), limit=60.0))


@pytest.mark.clause("N3")
def test_nobody_ends_in_a_third_state(start: Callable[..., Cluster]) -> None:
    """ray#64349: a node neither reconnected nor left, and was called ALIVE for ever."""
    cluster = start(raylets=2, separate=True, reconnect_limit=60)
    cluster.add_raylet({"CPU": 1.0}, reconnect_limit=1.0)
    cluster.add_raylet({"CPU": 1.0}, reconnect_limit=60.0)
    short = cluster.raylets[2]
    with cluster.broken(KillGcs()), cluster.broken(KillRaylet(3)):
        until("the impatient one exits", lambda: not short.alive, within=10)

    def decided() -> bool:
        now = standings(cluster)
        return not two_state(now, limit=60.0) and all(one.state != "waiting" for one in now if one.alive)

    until("every raylet is back or gone", decided, within=25)
    assert [raylet.alive for raylet in cluster.raylets] == [True, True, False, False]


@pytest.mark.clause("R1", "R7")
@pytest.mark.behaviour("T3")
def test_the_dead_are_not_told_of_restarts(start: Callable[..., Cluster]) -> None:
    cluster = start(raylets=3, separate=True)
    gone = cluster.raylets[2]
    gone.kill()
    until(
        "its node is declared dead",
        lambda: look.node_states(cluster.driver.gcs)[gone.node_id.hex()] == "DEAD",
        within=20,
    )
    witness = cluster.witness(gone)
    cluster.cycle()
    cluster.settled()
    assert not witness.calls(), f"a dead node was told: {witness.calls()}"
