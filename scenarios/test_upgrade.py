"""Promise 1 for another cluster: all pods are made anew, perhaps of another release, and the namespace stays."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from packaging.version import Version

from harness.check import view
from harness.cluster import Cluster
from harness.driver import look
from harness.target.base import Target
from harness.wait import until
from harness.wire import messages as m

pytestmark = [pytest.mark.promise("1"), pytest.mark.needs(store="redis")]

NAMESPACE = "kept"
SAME_TASK_SPECS = Version("2.50.0")
"""Since then releases number the fields of a stored task spec alike, the reference too."""
RELEASES = ("2.40.0", "2.49.2", "2.55.1", "2.60.0")
WAYS = (
    "after itself",
    "after reference",
    "before reference",
    *(pytest.param(f"after ray=={one}", marks=pytest.mark.long) for one in RELEASES),
)


def order(way: str, target: Target, beside: Callable[[str], Target]) -> tuple[Target, Target]:
    """Whose namespace it is first, and who takes it over; skips a pair that shows nothing, or that nobody promises."""
    word, _, name = way.partition(" ")
    if name == "itself":
        return target, target
    if name == target.name:
        pytest.skip(f"{name} after itself is a case of its own")
    release = Version(name.removeprefix("ray==")) if name.startswith("ray==") else None
    if release is not None and not target.name.startswith(("ray==", "reference")):
        pytest.skip("a target of somebody's own is paired with itself and with the reference")
    if target.name.startswith("reference") and release is not None and release < SAME_TASK_SPECS:
        pytest.skip(f"the reference reads the task specs of Ray {SAME_TASK_SPECS} and later")
    if target.dialect.release < SAME_TASK_SPECS <= (release or SAME_TASK_SPECS):
        pytest.skip("no release promises to read the task specs of a later one")
    other = beside(name)
    return (other, target) if word == "after" else (target, other)


@pytest.mark.clause("C1", "D2", "D3", "D4", "D6", "D8", "N1", "N2", "N4", "A7")
@pytest.mark.parametrize("way", WAYS)
def test_a_new_cluster_takes_the_namespace_over(
    start: Callable[..., Cluster], target: Target, beside: Callable[[str], Target], way: str
) -> None:
    """kuberay#4185: what is detached goes on in the new cluster, and nothing of the old one is left."""
    first, second = order(way, target, beside)
    lost = start(target=first, separate=True, namespace=NAMESPACE)
    driver = lost.driver
    driver.put(b"key", b"value")
    actor = driver.create_actor(name="kept", detached=True, max_restarts=-1)
    group = driver.create_placement_group(name="kept", detached=True)
    number, cluster_id, job = driver.next_job_id(), driver.gcs.cluster_id, driver.job
    lost.kill_gcs()
    for raylet in lost.raylets:
        raylet.kill()

    cluster = start(target=second, namespace=NAMESPACE, store=lost.store)
    driver = cluster.driver
    assert driver.gcs.cluster_id == cluster_id
    assert driver.get(b"key") == b"value"
    assert driver.next_job_id() > number
    assert job.hex() in cluster.look().jobs
    nodes = {raylet.node_id.hex() for raylet in cluster.raylets}
    until("the old nodes are dead", lambda: _living(cluster) == nodes, within=15)
    until("the group is placed anew", lambda: _stands(cluster, group), within=15)
    until("the detached actor lives on in a worker", lambda: _lives(cluster, actor), within=15)
    assert driver.actor_named("kept").actor_id == actor
    cluster.settled()


def _living(cluster: Cluster) -> set[str]:
    states = look.node_states(cluster.driver.gcs)
    return {node for node, state in states.items() if state == "ALIVE"}


def _stands(cluster: Cluster, group: bytes) -> bool:
    row = view.group(cluster.driver.placement_group(group))
    return row.state == "CREATED" and len(cluster.bundles_of(group)) == 1


def _lives(cluster: Cluster, actor: bytes) -> bool:
    row = cluster.driver.actor(actor)
    return row.state == m.ActorTableData.ALIVE and len(cluster.workers_of(actor)) == 1
