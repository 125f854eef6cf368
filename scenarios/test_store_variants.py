"""Reload, blocking and survival over the kinds of Redis: few rights, TLS, a sentinel, cluster mode; and Valkey."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

import grpc
import pytest

from harness.check import held
from harness.check.blocking import once, waited_out
from harness.check.view import differences
from harness.cluster import Cluster
from harness.errors import EnvironmentProblem
from harness.fault import KillGcs, KillStore
from harness.store import acl
from harness.store.redis_client import client_of
from harness.traffic.functions import Call, CreateActor, CreatePlacementGroup, Function
from harness.traffic.workload import populate
from harness.wait import until
from harness.wire import messages as m

pytestmark = [pytest.mark.promise("5"), pytest.mark.needs(store="redis")]

BOXED = pytest.mark.needs(store="redis", backend="docker", why="this store runs in containers only")
VARIANTS = [
    pytest.param("redis+acl+aof", id="acl"),
    pytest.param("redis+cluster+aof", id="cluster"),
    pytest.param("redis+cluster+replica+aof", id="cluster-replica"),
    pytest.param("redis+tls+aof", id="tls", marks=BOXED),
    pytest.param("redis+sentinel+aof", id="sentinel", marks=BOXED),
    pytest.param("valkey+aof", id="valkey", marks=BOXED),
]
QUICK_CONNECT = {"redis_db_connect_retries": 3, "redis_db_connect_wait_milliseconds": 200}

over_each = pytest.mark.parametrize("store", VARIANTS)


@pytest.fixture
def guarded(build: Callable[..., Cluster]) -> Callable[..., Cluster]:
    """``guarded("redis+acl")``: a cluster of which only the store runs; its GCS may do what it needs and no more."""

    def make(store: str, config: dict[str, object] | None = None) -> Cluster:
        try:
            cluster = build(store=store, config=config)
        except EnvironmentProblem as problem:
            if not store.startswith("valkey"):
                raise
            pytest.skip(str(problem))  # Redis is what a run needs; Valkey is a look beyond
        if cluster.store.settings.owner is not None:
            allow(cluster, needed(cluster))
        return cluster

    return make


def needed(cluster: Cluster, namespace: str = "") -> str:
    """The line that gives the GCS its rights; a stranger's, who may need more than Ray's, all that any needs."""
    name, own = cluster.target.name, cluster.store.settings
    if name == "reference" or name.startswith("ray=="):
        release = None if name == "reference" else str(cluster.target.dialect.release)
        return acl.minimal(namespace or cluster.namespace, release, own.username, own.password)
    return acl.anyone(own.username, own.password)


def allow(cluster: Cluster, line: str) -> None:
    """Let the GCS do what ``line`` says."""
    server: Any = cluster.store
    server.allow(line)
    if acl.login(line) == "default":
        cluster.set_store(username="")


@over_each
@pytest.mark.promise("1")
@pytest.mark.clause("L2", "C1", "D1", "D3", "D4", "D5", "D6", "D8", "D9", "D12")
def test_everything_is_the_same_after_a_kill(guarded: Callable[..., Cluster], store: str) -> None:
    cluster = guarded(store).start()
    populate(cluster)
    before = cluster.look()
    for _ in range(2):
        cluster.cycle()
        held(differences(before, cluster.look()))


@over_each
@pytest.mark.promise("1")
@pytest.mark.clause("L2", "L3", "D12")
def test_what_was_acknowledged_before_a_kill_is_stored(guarded: Callable[..., Cluster], store: str) -> None:
    cluster = guarded(store).start()
    keys = [b"%d" % number for number in range(100)]
    puts = {key: cluster.driver.begin(cluster.driver.put, key, b"v", b"burst") for key in keys}
    until("the GCS is at it", lambda: any(put.done() for put in puts.values()), every=0.001)
    cluster.kill_gcs()
    acknowledged = [key for key, put in puts.items() if put.done()]
    with closing(client_of(cluster.store.settings)) as redis:
        stored = redis.hmget(
            f"RAY{cluster.namespace}@KV", [b"@namespace_burst:%b" % key for key in acknowledged]
        )
    assert all(value == b"v" for value in stored), f"acknowledged, and not in the store: {stored}"
    cluster.revive_gcs()
    for put in puts.values():
        put.result(15)
    assert cluster.driver.keys(namespace=b"burst") == sorted(keys)


@over_each
@pytest.mark.promise("2")
@pytest.mark.clause("K2")
@pytest.mark.parametrize("function", [CreateActor, CreatePlacementGroup], ids=lambda one: one.__name__)
def test_asked_for_while_the_gcs_is_down(
    guarded: Callable[..., Cluster], store: str, function: type[Function]
) -> None:
    cluster, asked = guarded(store).start(raylets=3), function()
    asked.prepare(cluster)
    with cluster.broken(KillGcs()):
        call = Call(cluster, asked)
    held(waited_out(call.answers(), cluster.closed_until), once(asked.effects(cluster)))


@over_each
@pytest.mark.promise("3")
@pytest.mark.clause("A1", "K1", "S2", "L2")
def test_work_goes_on_without_the_store_and_the_gcs(guarded: Callable[..., Cluster], store: str) -> None:
    cluster = guarded(store).start()
    work = populate(cluster)
    before, watch = cluster.look(), work.watch()
    with cluster.broken(KillStore()):
        cluster.kill_gcs()
        held(watch.violations())
    cluster.revive_gcs()
    cluster.settled()
    held(differences(before, cluster.look()), watch.violations())


# Rights


@pytest.mark.parametrize("store", ["redis+acl", pytest.param("valkey+acl", marks=BOXED)])
def test_a_gcs_asks_for_nothing_beyond_its_rights(guarded: Callable[..., Cluster], store: str) -> None:
    """Boot, every kind of request, a recovery and an end, of which the store refused nothing."""
    cluster = guarded(store).start()
    work, driver = populate(cluster), cluster.driver
    driver.put(b"key-0", b"", overwrite=False)
    driver.keys(b"key")
    driver.gcs.checked("InternalKVExists", m.InternalKVExistsRequest(key=b"key-0", namespace=b"gauntlet"), 10)
    both = m.InternalKVMultiGetRequest(keys=[b"key-0", b"key-1"], namespace=b"gauntlet")
    driver.gcs.checked("InternalKVMultiGet", both, 10)
    driver.delete(b"key-0")
    driver.delete(b"key", by_prefix=True)
    driver.remove_placement_group(work.groups[0])
    driver.kill_actor(work.actors[0])
    driver.finish_job()
    cluster.cycle()
    cluster.settled()
    cluster.gcs.stop()
    refused = refusals(cluster)
    assert not refused, f"the line of acl.minimal() lacks a right: {refused}"


@pytest.mark.parametrize("right", ["hscan", "hget"])
def test_a_gcs_that_lacks_a_right_ends_and_says_so(guarded: Callable[..., Cluster], right: str) -> None:
    cluster = guarded("redis+acl", config=QUICK_CONNECT)
    allow(cluster, acl.without(needed(cluster), right))
    ends_at_its_start(cluster, f"it may not {right}")
    assert refusals(cluster), "the store refused nothing, so nothing was tested"
    said = "\n".join(path.read_text(errors="replace") for path in cluster.gcs.logs(0))
    assert "NOPERM" in said, f"it does not say what the store answered:\n{cluster.gcs.log_tail()}"


def test_a_user_of_another_namespace_cannot_enter(guarded: Callable[..., Cluster]) -> None:
    cluster = guarded("redis+acl", config=QUICK_CONNECT)
    line = needed(cluster, namespace="another")
    if "~RAYanother@" not in line:
        pytest.skip("nobody knows which rights of one namespace this GCS needs")
    allow(cluster, line)
    ends_at_its_start(cluster, "its user belongs to another namespace")
    with closing(client_of(cluster.store.settings)) as redis:
        assert not redis.keys("*"), "it wrote to a namespace that is not its user's"


# TLS


@BOXED
def test_a_gcs_that_speaks_no_tls_ends(guarded: Callable[..., Cluster]) -> None:
    cluster = guarded("redis+tls", config=QUICK_CONNECT)
    cluster.set_store(tls=None)
    ends_at_its_start(cluster, "it is told nothing of TLS")


@BOXED
def test_a_store_of_another_authority_is_not_trusted(guarded: Callable[..., Cluster]) -> None:
    from harness.container.tls import certify

    cluster = guarded("redis+tls", config=QUICK_CONNECT)
    own = cluster.store.settings.tls
    assert own is not None
    strangers = replace(own, ca=own.ca.with_name("other.pem"))
    certify(replace(strangers, certificate=own.ca.with_name("x.pem"), key=own.ca.with_name("x.key")), "x")
    cluster.set_store(tls=strangers)
    ends_at_its_start(cluster, "it trusts another authority")
    with closing(client_of(cluster.store.settings)) as redis:
        assert not redis.keys("*"), "it wrote to a store that it should not trust"


# Sentinel


@BOXED
@pytest.mark.clause("S2", "L2", "D12")
@pytest.mark.timeout(240)
@pytest.mark.parametrize("dead", [False, True], ids=["told", "dead"])
def test_a_failover_is_survived_or_ends_the_gcs_but_loses_nothing(
    guarded: Callable[..., Cluster], dead: bool
) -> None:
    """The replica is promoted by order, or because the primary died; whoever restarts the GCS changes nothing."""
    cluster = guarded("redis+sentinel+aof").start()
    work = populate(cluster)
    before, watch = cluster.look(), work.watch()
    keys = [b"%d" % number for number in range(100)]
    puts = [cluster.driver.begin(cluster.driver.put, key, b"v", b"mid-run") for key in keys]
    pair: Any = cluster.store
    cluster.recorder.write("store", "killed" if dead else "cut", {"why": "the replica is promoted"})
    pair.failover(kill=dead)
    cluster.recorder.write("store", "restarted", {"why": "the replica leads"})
    held(watch.violations())
    until("the GCS ends, or works again", lambda: not cluster.gcs.alive or works(cluster), within=60)
    went_on = cluster.gcs.alive
    if not went_on:
        assert cluster.gcs.exit_status != 0, "the GCS lost its store and says all is well"
        cluster.revive_gcs()
    cluster.note("failover", "the GCS went on" if went_on else "the GCS ended, and was restarted")
    cluster.settled()
    for put in puts:
        put.result(30)
    assert cluster.driver.keys(namespace=b"mid-run") == sorted(keys), "acknowledged in mid-run, and lost"
    cluster.driver.delete(b"", b"mid-run", by_prefix=True)
    held(differences(before, cluster.look()), watch.violations())
    cluster.driver.put(b"afterwards", b"value")
    before = cluster.look()
    cluster.cycle()
    held(differences(before, cluster.look()), watch.violations())


def works(cluster: Cluster) -> bool:
    """Whether a write is acknowledged."""
    try:
        return cluster.driver.put(b"probe", b"", namespace=b"elsewhere", within=1.0) in (True, False)
    except grpc.RpcError:
        return False


def ends_at_its_start(cluster: Cluster, why: str) -> None:
    """Start the GCS, which must end with a status that says so; ``why``: for the history."""
    cluster.recorder.write("store", "refuses", {"why": why})
    cluster.gcs.start()
    until("the GCS ends", lambda: not cluster.gcs.alive, within=30, evidence=cluster.gcs.log_tail)
    assert cluster.gcs.exit_status != 0, "the GCS has no store and says all is well"


def refusals(cluster: Cluster) -> list[str]:
    """What the store refused its users, as it says itself."""
    with closing(client_of(cluster.store.settings, decode=True)) as redis:
        return [f"{one['reason']} {one['object']} of {one['username']}" for one in redis.acl_log(100)]
