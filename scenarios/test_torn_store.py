"""Promise 1 on a store that a kill, an operator or an upgrade left in a state no orderly GCS writes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from harness.cluster import Cluster
from harness.driver import look
from harness.fault import tampering
from harness.store.dump import keys, read
from harness.store.redis_server import RedisServer, client_of
from harness.traffic.workload import populate
from harness.wait import until
from harness.wire import messages as m

pytestmark = [pytest.mark.promise("1"), pytest.mark.clause("L2"), pytest.mark.needs(store="redis")]

ALIVE, DEAD = m.ActorTableData.ALIVE, m.ActorTableData.DEAD


def redis_of(cluster: Cluster) -> Any:
    return closing(client_of(cluster.store.settings))


def table(cluster: Cluster, name: str) -> str:
    return f"RAY{cluster.namespace}@{name}"


def lay_over(cluster: Cluster, name: str, key: bytes, change: m.JobTableData | m.GcsNodeInfo) -> None:
    """Set the fields of ``change`` in a stored row: protobuf merges what is appended."""
    with tampering(cluster, f"a row of {name} is changed") as redis:
        row = redis.hget(table(cluster, name), key)
        assert row, f"no row of {name} to change"
        redis.hset(table(cluster, name), key, row + cluster.target.dialect.encode(change))


def test_an_actor_without_its_task_spec_does_not_stop_the_start(cluster: Cluster) -> None:
    """ray#66073: a dangling row was FATAL on every start, until Redis was reset by hand."""
    driver = cluster.driver
    lost = driver.create_actor(name="lost", detached=True, max_restarts=-1)
    kept = driver.create_actor(name="kept", detached=True, max_restarts=-1)
    before = cluster.pulse(kept)
    cluster.kill_gcs()
    with tampering(cluster, "a task spec is deleted") as redis:
        assert redis.hdel(table(cluster, "ACTOR_TASK_SPEC"), lost) == 1
    for _ in range(2):
        cluster.revive_gcs()
        row = driver.actor(lost)
        assert row.state == DEAD or not row.actor_id, "an actor that cannot be restarted is called alive"
        assert driver.actor(kept).state == ALIVE
        cluster.kill_gcs()
    cluster.revive_gcs()
    until("the lost one's worker ends", lambda: not cluster.workers_of(lost), within=10)
    assert cluster.pulse(kept).pid == before.pid
    driver.create_actor(name="lost", detached=True)


@pytest.mark.clause("I1", "A4")
def test_a_task_spec_without_its_actor_is_no_actor_yet(cluster: Cluster) -> None:
    """What a kill between the two writes of RegisterActor leaves behind."""
    driver = cluster.driver
    spec = driver.actor_spec(name="torn")
    driver.register_actor(spec)
    cluster.kill_gcs()
    with tampering(cluster, "an actor's row is deleted") as redis:
        assert redis.hdel(table(cluster, "ACTOR"), spec.actor_id) == 1
    cluster.revive_gcs()
    assert not driver.actor(spec.actor_id).actor_id, "an actor out of a task spec alone"
    driver.register_actor(spec)
    driver.instantiate_actor(spec)
    assert len(cluster.workers_of(spec.actor_id)) == 1


@pytest.mark.clause("P4", "A6", "A7")
def test_a_job_whose_end_was_stored_and_nothing_after_it_is_cleared_up(cluster: Cluster) -> None:
    """What a kill after the first write of MarkJobFinished leaves behind."""
    other = cluster.add_driver()
    owned, detached = other.create_actor(name="owned"), other.create_actor(name="detached", detached=True)
    group, lasting = other.create_placement_group(), other.create_placement_group(detached=True)
    cluster.kill_gcs()
    lay_over(cluster, "JOB", other.job, m.JobTableData(is_dead=True))
    cluster.revive_gcs()
    driver = cluster.driver
    until("the owned actor is dead", lambda: driver.actor(owned).state == DEAD, within=10)
    until("its worker ends", lambda: not cluster.workers_of(owned), within=10)
    removed = m.PlacementGroupTableData.REMOVED
    until("the group is removed", lambda: driver.placement_group(group).state == removed, within=10)
    until("its bundle is released", lambda: not len(cluster.bundles_of(group)), within=5)
    assert driver.actor(detached).state == ALIVE
    assert len(cluster.workers_of(detached)) == 1
    assert driver.placement_group(lasting).state == m.PlacementGroupTableData.CREATED
    assert len(cluster.bundles_of(lasting)) == 1


@pytest.mark.clause("N2")
def test_a_node_whose_death_was_stored_and_nothing_after_it_loses_its_work(
    start: Callable[..., Cluster],
) -> None:
    """What a kill between a node's DEAD row and its actors' rows leaves behind."""
    cluster = start(raylets=1, separate=True)
    gone = cluster.add_raylet({"CPU": 4.0, "place": 4.0})
    wish = {"CPU": 1.0, "place": 1.0}
    moves = cluster.driver.create_actor(name="moves", detached=True, max_restarts=1, resources=wish)
    ends = cluster.driver.create_actor(name="ends", detached=True, resources=wish)
    cluster.kill_gcs()
    gone.kill()
    lay_over(cluster, "NODE", gone.node_id, m.GcsNodeInfo(state=m.GcsNodeInfo.DEAD))
    cluster.revive_gcs()
    cluster.add_raylet({"CPU": 4.0, "place": 4.0})
    until("the one without a budget is dead", lambda: cluster.driver.actor(ends).state == DEAD, within=15)
    until("the other is restarted", lambda: cluster.driver.actor(moves).num_restarts == 1, within=15)
    until("elsewhere", lambda: len(cluster.workers_of(moves)) == 1, within=15)


@pytest.mark.clause("C1", "N3")
def test_nodes_newer_than_a_store_set_back_leave(start: Callable[..., Cluster]) -> None:
    """A restored backup: what it does not know must go, not mix with what it does."""
    cluster = start(raylets=1, separate=True, raylet={"self_check": 1.0})
    actor = cluster.driver.create_actor(name="known", detached=True)
    with redis_of(cluster) as redis:
        backup = {key: redis.dump(key) for key in keys(redis, cluster.namespace)}
    late = cluster.add_raylet({"CPU": 4.0})
    cluster.kill_gcs()
    with tampering(cluster, "a backup is restored") as redis:
        redis.delete(*keys(redis, cluster.namespace))
        for key, value in backup.items():
            redis.restore(key, 0, value)
    cluster.revive_gcs()
    until("the unknown raylet leaves", lambda: not late.alive, within=20)
    assert late.exit_status == 1
    assert set(look.node_states(cluster.driver.gcs)) == {cluster.head.node_id.hex()}
    assert late.node_id.hex() not in look.available(cluster.driver.gcs)
    assert cluster.head.alive
    assert len(cluster.workers_of(actor)) == 1


@pytest.mark.clause("N1", "N2", "N4", "A7")
def test_a_new_cluster_on_a_lost_ones_namespace_keeps_no_ghosts(
    start: Callable[..., Cluster], redis_server: RedisServer
) -> None:
    """kuberay#1296, ray#66057: one namespace, two clusters, one after the other."""
    lost = start(raylets=2, separate=True, store=redis_server, namespace="default")
    keeper = lost.driver.create_actor(name="keeper", detached=True, max_restarts=-1)
    owned = lost.driver.create_actor(name="owned", max_restarts=-1)
    old_nodes, old_job = [raylet.node_id.hex() for raylet in lost.raylets], lost.driver.job
    lost.close()
    cluster = start(raylets=2, store=redis_server, namespace="default")
    driver = cluster.driver
    assert driver.job != old_job
    until(
        "the old nodes are dead",
        lambda: all(look.node_states(driver.gcs)[node] == "DEAD" for node in old_nodes),
        within=20,
    )
    until("the detached actor moves over", lambda: len(cluster.workers_of(keeper)) == 1, within=20)
    until("the owned one is dead", lambda: driver.actor(owned).state == DEAD, within=20)
    assert not cluster.workers_of(owned)
    cluster.settled()
    assert not set(old_nodes) & set(look.available(driver.gcs)), "a ghost's resources are offered"


@pytest.mark.clause("D3", "D9")
def test_the_history_of_jobs_is_kept_to_the_letter(cluster: Cluster) -> None:
    """ray#44218: old jobs were lost after a recovery."""
    for number in range(6):
        other = cluster.add_driver()
        if number % 2:
            other.finish_job()
            other.die()
    before = _jobs(cluster)
    assert len(before) == 7
    for _ in range(3):
        cluster.cycle()
        assert _jobs(cluster) == before


@pytest.mark.clause("D12")
def test_restarts_leave_nothing_behind_in_the_store(cluster: Cluster) -> None:
    """ray#64241: a cluster that only restarts must not grow."""
    populate(cluster)
    cluster.cycle()
    cluster.settled()
    before = _sizes(cluster)
    for _ in range(10):
        cluster.cycle()
        cluster.settled()
    assert _sizes(cluster) == before


def _jobs(cluster: Cluster) -> dict[str, tuple[object, ...]]:
    request = m.GetAllJobInfoRequest(skip_submission_job_info_field=True, skip_is_running_tasks_field=True)
    rows = cluster.driver.gcs.checked("GetAllJobInfo", request).job_info_list
    return {
        row.job_id.hex(): (row.is_dead, row.start_time, row.end_time, row.entrypoint, row.driver_pid)
        for row in rows
    }


def _sizes(cluster: Cluster) -> dict[str, int]:
    with redis_of(cluster) as redis:
        return {name: len(rows) for name, rows in read(redis, cluster.namespace).items() if name != "KV"}
