"""Promise 1: with Redis a restarted GCS reloads everything and resumes; without it, all is lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.check import held
from harness.check.view import TABLES, differences
from harness.cluster import Cluster
from harness.traffic.workload import populate

pytestmark = pytest.mark.promise("1")


@pytest.mark.clause("L2", "C1", "D1", "D3", "D4", "D5", "D6", "D8", "D9", "D12")
def test_everything_is_the_same_after_a_kill(cluster: Cluster) -> None:
    populate(cluster)
    before = cluster.look()
    cluster.cycle()
    held(differences(before, cluster.look()))


@pytest.mark.clause("L4", "D12")
def test_everything_is_the_same_after_an_orderly_end(cluster: Cluster) -> None:
    populate(cluster)
    before = cluster.look()
    status = cluster.gcs.stop(within=5.0)
    cluster.revive_gcs()
    held(differences(before, cluster.look()))
    assert status == 0, f"ended with {status}"


@pytest.mark.behaviour("T12")
def test_everything_is_the_same_after_thirty_kills_with_growing_state(cluster: Cluster) -> None:
    populate(cluster)
    for number in range(30):
        cluster.driver.put(b"round-%d" % number, b"x" * 1000)
        cluster.driver.create_actor(name=f"round-{number}", resources={})
        before = cluster.look()
        cluster.cycle()
        held(differences(before, cluster.look()))


@pytest.mark.clause("D2")
def test_job_ids_never_repeat(cluster: Cluster) -> None:
    given = [cluster.driver.next_job_id()]
    for _ in range(15):
        given += [cluster.driver.next_job_id() for _ in range(10)]
        cluster.cycle()
        given += [cluster.driver.next_job_id() for _ in range(10)]
    assert len(set(given)) == len(given), f"job ids given twice: {sorted(given)}"


def test_without_a_store_a_failure_loses_the_cluster(
    start: Callable[..., Cluster], record_property: Callable[[str, object], None]
) -> None:
    """The documented default, and the negative control: a suite that passes here sees nothing."""
    cluster = start(store="memory")
    populate(cluster)
    before = cluster.look()
    assert all(getattr(before, table) for table in TABLES), f"not everything was there to lose: {before}"
    cluster.cycle()
    client = cluster.client()
    assert client.ask_cluster_id().hex() != before.cluster_id
    after = cluster.look_anew()
    left = [table for table in TABLES if getattr(after, table)]
    assert not left, f"survived without a store: {left}"
    record_property("note", "without a store all is lost with the GCS: Ray's documented default")
