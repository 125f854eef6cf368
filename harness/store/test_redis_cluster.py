"""Redis in cluster mode through kill, hang and emptying, with a replica and without."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from harness.errors import EnvironmentProblem
from harness.store.own_redis import PRIMARY
from harness.store.parse import keeping, proxied, store_from
from harness.store.redis_client import client_of
from harness.store.redis_cluster import RedisCluster
from harness.store.redis_server import RedisServer
from harness.wait import until

Start = Callable[[str], Any]
SPECS = ("redis+cluster", "redis+cluster+replica")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with contextlib.ExitStack() as ending:

        def make(spec: str) -> Any:
            store = store_from(spec, tmp_path / "with space" / spec)
            ending.callback(store.stop)
            store.start()
            return store

        yield make
    assert not list((tmp_path / "with space").glob("*")), "files are left behind"


def put(store: Any, key: str, value: str) -> None:
    with contextlib.closing(store.client()) as client:
        client.set(key, value)


def get(store: Any, key: str) -> object:
    with contextlib.closing(store.client(decode=True)) as client:
        return client.get(key)


@pytest.mark.parametrize("spec", SPECS)
def test_one_server_has_all_slots_and_keeps_them_from_each_other(start: Start, spec: str) -> None:
    store = start(spec)
    for number in range(50):
        put(store, f"RAYns@{number}", "value")  # nobody is sent elsewhere
    with contextlib.closing(store.client()) as client:
        with pytest.raises(redis.ResponseError, match=r"CROSSSLOT|same slot"):
            client.mget("RAYns@1", "RAYns@2")
        store.forget("ns")
        assert client.dbsize() == 0


@pytest.mark.parametrize(
    ("spec", "survives"),
    [("redis+cluster", False), ("redis+cluster+aof", True), ("redis+cluster+replica+aof", True)],
)
def test_what_survives_a_kill(start: Start, spec: str, survives: bool) -> None:
    store = start(spec)
    before, pid = store.settings, store.pid
    put(store, "key", "1")
    store.kill()
    assert not store.alive
    store.restart()
    assert (store.settings, store.pid != pid) == (before, True)
    assert get(store, "key") == ("1" if survives else None)


def test_a_paused_one_says_nothing_and_forgets_nothing(start: Start) -> None:
    store = start("redis+cluster+replica")
    put(store, "key", "1")
    store.pause()
    with contextlib.closing(client_of(store.settings, timeout=0.1)) as client:
        with pytest.raises(redis.TimeoutError):
            client.ping()
        store.resume()
    assert get(store, "key") == "1"


def test_wipe(start: Start) -> None:
    store = start("redis+cluster+replica+aof")
    put(store, "key", "1")
    store.wipe()
    assert get(store, "key") is None
    put(store, "key", "1")
    store.kill()
    store.wipe()
    store.restart()
    assert get(store, "key") is None


def test_the_replica_has_what_the_primary_has_and_sends_others_there(start: Start) -> None:
    store = start("redis+cluster+replica")
    assert isinstance(store, RedisCluster)
    put(store, "key", "1")
    primary, replica = store._pair
    assert store.settings == primary.settings
    with contextlib.closing(replica.client(decode=True)) as follower:
        until("it has the key", lambda: follower.dbsize() == 1)
        with pytest.raises(
            redis.ResponseError, match=f"{primary.settings.host}:{primary.settings.port}|MOVED"
        ):
            follower.set("key", "2")


def test_one_that_cannot_found_its_cluster_is_one_clear_sentence(tmp_path: Path) -> None:
    """As one that is older than cluster-port; here its bus has no port to be at."""
    store = RedisServer(tmp_path / "store", part=PRIMARY)
    port = store.bus_port
    store.bus_port = 70_000 + port
    with pytest.raises(EnvironmentProblem, match=r"the Redis server .* ended with exit status 1"):
        store.start()
    store.bus_port = port  # what it gives back is allocated again
    store.stop()


def test_a_proxy_stands_before_it_and_plans_that_kill_it_keep_its_rows() -> None:
    assert proxied("redis+cluster+replica")
    assert not proxied("redis+sentinel") and not proxied("memory")
    assert keeping("redis+cluster") == "redis+cluster+aof"
    assert keeping("redis+rdb") == "redis+rdb"
    assert keeping("redis://127.0.0.1:1") == "redis://127.0.0.1:1"
