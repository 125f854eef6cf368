"""Promise 5: one Redis, several clusters, kept apart by namespace; each knows its own by its cluster id."""

from __future__ import annotations

from collections.abc import Callable

import grpc
import pytest
from redis import Redis

from harness.check import held
from harness.check.view import differences
from harness.cluster import Cluster
from harness.driver import look
from harness.store.redis_server import RedisServer
from harness.traffic.unknowns import REQUESTS
from harness.wire import ids
from harness.wire import messages as m
from harness.wire.rpc import method as method_of

pytestmark = pytest.mark.promise("5")


@pytest.mark.clause("C1")
def test_the_cluster_id_is_made_once_and_kept(start: Callable[..., Cluster]) -> None:
    cluster = start(raylets=0, driver=False)
    client = cluster.client()
    first = client.ask_cluster_id()
    assert len(first) == ids.UNIQUE, f"a cluster id of {len(first)} bytes"
    for _ in range(10):
        cluster.cycle()
        assert client.ask_cluster_id() == first


@pytest.mark.clause("C2", "C5")
@pytest.mark.needs(store="redis")
def test_two_clusters_in_one_store_do_not_see_each_other(
    start: Callable[..., Cluster], redis_server: RedisServer
) -> None:
    one, other = start(store=redis_server), start(store=redis_server)
    assert one.look().cluster_id != other.look().cluster_id
    one.driver.put(b"key", b"of one")
    one.driver.create_actor(name="keeper", detached=True)
    before = other.look()
    one.cycle()
    other.cycle()
    held(differences(before, other.look()))
    assert other.driver.get(b"key") is None
    assert one.driver.get(b"key") == b"of one"


@pytest.mark.clause("C2")
@pytest.mark.needs(store="redis")
def test_the_same_namespace_is_the_same_cluster_at_another_address(
    start: Callable[..., Cluster], redis_server: RedisServer
) -> None:
    first = start(store=redis_server, namespace="shared")
    before = first.look()
    first.kill_gcs()
    second = start(store=redis_server, namespace="shared", raylets=0, driver=False)
    assert second.client().ask_cluster_id().hex() == before.cluster_id


@pytest.mark.clause("C5")
@pytest.mark.needs(store="redis")
@pytest.mark.parametrize("namespace", ["alpha", "alphabet", "a*", "with space", "[x]"])
def test_nothing_outside_the_namespace_is_touched(
    start: Callable[..., Cluster], redis_server: RedisServer, namespace: str
) -> None:
    redis = redis_server.client()
    neighbours = ["alpha", "alph", "alphabets", "default", "", "a", "ab", "x", namespace + "2"]
    for name in neighbours:
        if name != namespace:
            redis.hset(f"RAY{name}@KV", "key", name)
            redis.hset(f"RAY{name}@NODE", b"n" * 28, b"not a row")
    redis.set("unrelated", "value")
    before = dump(redis)
    cluster = start(store=redis_server, namespace=namespace)
    cluster.driver.put(b"key", b"value")
    cluster.driver.create_actor(name="keeper", detached=True)
    cluster.driver.delete(b"", by_prefix=True)
    cluster.cycle()
    cluster.driver.create_placement_group()
    own = f"RAY{namespace}@".encode()
    after = {key: value for key, value in dump(redis).items() if not key.startswith(own)}
    assert set(after) <= set(before), f"keys outside the namespace: {sorted(set(after) - set(before))}"
    assert after == {key: value for key, value in before.items() if not key.startswith(own)}


@pytest.mark.clause("C3")
def test_a_foreign_cluster_id_is_refused_without_effect(cluster: Cluster) -> None:
    stranger = cluster.client()
    foreign = ids.unique_id()
    row = m.GcsNodeInfo(
        node_id=ids.unique_id(),
        node_manager_address=cluster.head.address,
        node_manager_port=cluster.head.port,
        object_manager_port=1,
    )
    before = look.node_states(cluster.driver.gcs)
    for name, request in (
        ("RegisterNode", m.RegisterNodeRequest(node_info=row)),
        ("InternalKVPut", m.InternalKVPutRequest(key=b"key", value=b"foreign", namespace=b"gauntlet")),
        ("GetNextJobID", m.GetNextJobIDRequest()),
        ("GetAllNodeInfo", m.GetAllNodeInfoRequest()),
    ):
        with pytest.raises(grpc.RpcError) as refused:
            stranger.call(name, request, cluster_id=foreign)
        assert refused.value.code() is cluster.target.dialect.wrong_cluster_id, f"{name}: {refused.value}"
    assert look.node_states(cluster.driver.gcs) == before
    assert cluster.driver.get(b"key") is None


@pytest.mark.clause("C3")
def test_the_right_cluster_id_is_still_right_after_a_restart(cluster: Cluster) -> None:
    cluster.cycle()
    cluster.driver.gcs.control("GetAllNodeInfo", m.GetAllNodeInfoRequest(), within=10)


@pytest.mark.clause("C4")
def test_a_missing_cluster_id_is_accepted(start: Callable[..., Cluster]) -> None:
    cluster = start(raylets=0, driver=False)
    client = cluster.client()
    assert not client.call("GetAllNodeInfo", m.GetAllNodeInfoRequest(), cluster_id=None).status.code
    assert client.call("GetClusterId", m.GetClusterIdRequest(), cluster_id=None).cluster_id
    assert client.call("GetClusterId", m.GetClusterIdRequest(), cluster_id=ids.NIL_CLUSTER).cluster_id


TOKEN = "a-token-of-forty-characters-and-no-less!"


@pytest.mark.clause("C6")
@pytest.mark.needs(min_ray="2.53")
def test_in_token_mode_every_call_needs_the_token(start: Callable[..., Cluster]) -> None:
    cluster = start(raylets=0, driver=False, env={"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN})
    client = cluster.client()
    with_a_token = ("GetClusterId", "GetAllNodeInfo", "GetNextJobID")
    requests = [(name, make()) for (name, _), make in REQUESTS.items()]
    for name, request in [*requests, *((name, method_of(name).request()) for name in with_a_token)]:
        for token in (None, "wrong"):
            call = client.begin(name, request, cluster_id=None, token=token)
            assert call.code() is grpc.StatusCode.UNAUTHENTICATED, f"{name} with token {token}"
    for name in with_a_token:
        assert not client.call(name, method_of(name).request(), cluster_id=None, token=TOKEN).status.code


def dump(redis: Redis) -> dict[bytes, bytes]:
    """Every key of the server, as Redis would write it down."""
    return {key: redis.dump(key) for key in redis.keys("*")}  # type: ignore[misc]
