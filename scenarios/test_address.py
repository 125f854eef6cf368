"""Promise 6: if the GCS returns at another IP, a domain name lets the raylets find it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.check import held
from harness.cluster import Cluster
from harness.cluster.control_plane import GCS_NAME
from harness.fault import KillGcs, MoveGcs
from harness.traffic.workload import populate
from harness.wait import until

pytestmark = [pytest.mark.promise("6"), pytest.mark.behaviour("T10")]

# gRPC asks a resolver at most every 30 s by default, half of Ray's 60 s limit; scenarios that do
# not measure that ask sooner.
QUICK_DNS = {"grpc.dns_min_time_between_resolutions_ms": 100}


def test_raylets_with_a_name_find_the_moved_gcs(start: Callable[..., Cluster]) -> None:
    cluster = start(raylets=2, named=True, separate=True, channel=QUICK_DNS)
    work = populate(cluster)
    before, watch = cluster.look(), work.watch()
    with cluster.broken(MoveGcs()):
        held(watch.violations())
    cluster.settled(within=20)
    after = cluster.look()
    assert (after.nodes, after.actors, after.groups, after.kv) == (
        before.nodes,
        before.actors,
        before.groups,
        before.kv,
    )
    held(watch.violations())


@pytest.mark.clause("K3")
def test_raylets_with_a_bare_ip_give_up_at_their_limit(start: Callable[..., Cluster]) -> None:
    cluster = start(raylets=2, fronted=True, separate=True, reconnect_limit=2.0)
    with cluster.broken(MoveGcs()):
        until("every raylet waits", lambda: all(raylet.waiting_since for raylet in cluster.raylets), within=5)
    for raylet in cluster.raylets:
        until("the raylet gives up", lambda: not raylet.alive, within=10)
        assert raylet.exit_status == 1


@pytest.mark.needs(backend="loopback", why="the name servers of an engine are right at all times")
def test_a_stale_answer_delays_but_does_not_lose(start: Callable[..., Cluster]) -> None:
    cluster = start(raylets=2, named=True, separate=True, channel=QUICK_DNS)
    with cluster.broken(MoveGcs(tell=False)):
        pass  # the name still leads to the old, dead address
    names = cluster.names
    assert names is not None
    asked = len(names.queries)
    until(
        "the raylets ask again and get the stale answer",
        lambda: len(names.queries) > asked + 2,
        within=15,
    )
    assert all(raylet.alive for raylet in cluster.raylets)
    assert all(raylet.state != "connected" for raylet in cluster.raylets)
    cluster.tell_names()
    cluster.settled(within=20)


@pytest.mark.needs(backend="loopback", why="the name servers of an engine are right at all times")
@pytest.mark.parametrize("answer", ["silence", "missing"])
def test_no_answer_delays_but_does_not_lose(start: Callable[..., Cluster], answer: str) -> None:
    cluster = start(raylets=2, named=True, separate=True, channel=QUICK_DNS)
    names = cluster.names
    assert names is not None
    with cluster.broken(KillGcs()):
        getattr(names, answer)(GCS_NAME)
        asked = len(names.queries)
        until("the raylets ask the name service", lambda: len(names.queries) > asked, within=15)
        cluster.move_gcs(tell=False)
        cluster.tell_names()
    cluster.settled(within=30)
    assert all(raylet.alive for raylet in cluster.raylets)


@pytest.mark.long
@pytest.mark.timeout(150)
def test_what_the_resolver_eats_of_the_limit(
    start: Callable[..., Cluster], record_property: Callable[[str, object], None]
) -> None:
    """With gRPC's own pace of asking, a move must still fit into Ray's 60 s."""
    cluster = start(raylets=2, named=True, separate=True, reconnect_limit=60.0)
    with cluster.broken(MoveGcs()) as move:
        pass  # the name leads to the new address from the first moment on
    cluster.settled(within=60)
    eaten = cluster.now() - move.at
    share = f"{eaten / 60:.0%} of the 60 s limit"
    record_property(
        "note", f"{eaten:.1f} s from the loss until all raylets found the new IP by name: {share}"
    )
    assert all(raylet.alive for raylet in cluster.raylets), "a move cost a raylet"
