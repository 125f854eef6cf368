"""Promise 3: running tasks and actors stay alive, existing objects stay readable."""

from __future__ import annotations

import pytest

from harness.check import held
from harness.cluster import Cluster
from harness.fault import HangGcs, KillGcs, TerminateGcs
from harness.fault.base import Fault
from harness.traffic.workload import populate
from harness.wait import never, until

AFTERWARDS = 3.0  # seconds: harm from health checks (2 s) and questions to owners (1 s) comes late

pytestmark = [pytest.mark.promise("3"), pytest.mark.clause("A1", "K1")]


@pytest.mark.behaviour("T1", "T2")
@pytest.mark.parametrize(
    "fault", [KillGcs(), TerminateGcs(), HangGcs()], ids=lambda fault: type(fault).__name__
)
def test_work_goes_on_without_the_gcs(cluster: Cluster, fault: Fault) -> None:
    work = populate(cluster)
    watch = work.watch()
    with cluster.broken(fault):
        held(watch.violations())
    cluster.settled()
    held(watch.violations())


@pytest.mark.parametrize("seconds", [0.0, 1.0, pytest.param(12.0, marks=pytest.mark.long)])
@pytest.mark.behaviour("T1", "T2", "T12")
def test_an_outage_of_any_length_ends_nothing(cluster: Cluster, seconds: float) -> None:
    work = populate(cluster)
    watch = work.watch()
    with cluster.broken(KillGcs()):
        never("something was lost", watch.violations, during=seconds, every=0.25)
    cluster.settled()
    never("something was lost", watch.violations, during=AFTERWARDS, every=0.25)


@pytest.mark.behaviour("T1")
def test_a_task_that_ran_through_an_outage_returns_the_right_result(cluster: Cluster) -> None:
    task = cluster.raylets[1].start_task("sum")
    cluster.kill_gcs()
    reached = task.value()
    until("the task advances without a GCS", lambda: task.value() > reached + 5)
    cluster.revive_gcs()
    result = task.finish()
    assert result.value == sum(range(1, result.steps + 1)), f"wrong result: {result}"


@pytest.mark.clause("N3", "R2", "R3")
@pytest.mark.timeout(240)
def test_twenty_kills_in_a_row_lose_nobody(cluster: Cluster) -> None:
    """ray#52480: worker nodes were lost along with the head."""
    work = populate(cluster)
    before = cluster.look()
    watch = work.watch()
    for _ in range(20):
        cluster.cycle()
        held(watch.violations())
    cluster.settled()
    never("somebody was lost", watch.violations, during=AFTERWARDS, every=0.25)
    assert all(raylet.alive for raylet in cluster.raylets), "a raylet left"
    after = cluster.look()
    assert after.nodes == before.nodes, f"nodes were {before.nodes}, are {after.nodes}"
