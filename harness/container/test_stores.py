"""Stores in containers: what survives what, who is let in, and what a failover keeps."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from harness.container.engine import engine
from harness.container.images import redis_image, valkey_image
from harness.container.redis_container import RedisContainer
from harness.container.sentinel import SentinelRedis
from harness.container.stores import container_store
from harness.container.testing import lacking, need_engine
from harness.errors import EnvironmentProblem
from harness.store.memory import Memory
from harness.store.redis_client import client_of
from harness.store.rocksdb import RocksDb

pytestmark = pytest.mark.docker

Start = Callable[[str], Any]


@pytest.fixture(autouse=True)
def answering() -> None:
    need_engine()


def image() -> str:
    """One that is here: a test pulls and builds nothing."""
    try:
        return redis_image(None)
    except EnvironmentProblem as problem:
        lacking(str(problem))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with contextlib.ExitStack() as ending:

        def make(spec: str) -> Any:
            store = container_store(spec, tmp_path / "with space" / spec, image())
            ending.callback(store.stop)
            store.start()
            return store

        yield make
    assert not list((tmp_path / "with space").glob("*")), "files are left behind"


def put(store: Any, value: str) -> None:
    with contextlib.closing(store.client()) as client:
        client.set("key", value)


def get(store: Any) -> object:
    with contextlib.closing(store.client(decode=True)) as client:
        return client.get("key")


@pytest.mark.parametrize(
    ("spec", "survives"), [("redis", False), ("redis+aof", True), ("redis+username+aof", True)]
)
def test_what_survives_a_kill(start: Start, spec: str, survives: bool) -> None:
    store = start(spec)
    before, pid = store.settings, store.pid
    put(store, "1")
    store.kill()
    assert not store.alive
    store.restart()
    assert (store.settings, store.pid != pid) == (before, True)
    assert get(store) == ("1" if survives else None)


@pytest.mark.parametrize("spec", ["redis+cluster+aof", "redis+cluster+replica+aof"])
def test_a_cluster_survives_a_kill_and_a_wipe(start: Start, spec: str) -> None:
    store = start(spec)
    put(store, "1")
    store.kill()
    assert not store.alive
    store.restart()
    assert get(store) == "1"
    store.kill()
    store.wipe()
    store.restart()
    assert get(store) is None


def test_a_new_container_has_the_data_of_the_old_one_or_none(start: Start) -> None:
    store = start("redis+aof")
    assert isinstance(store, RedisContainer)
    put(store, "1")
    before, old = store.settings, store.container.id
    store.replace(keep_data=True)
    assert (store.settings, store.container.id != old) == (before, True)
    assert get(store) == "1"
    store.replace(keep_data=False)
    assert get(store) is None
    ours = engine().client.api.containers(all=True, filters={"id": old})
    assert not ours, "the old container is still there"


def test_a_paused_one_says_nothing_and_forgets_nothing(start: Start) -> None:
    store = start("redis")
    put(store, "1")
    store.pause()
    with contextlib.closing(client_of(store.settings, timeout=0.2)) as client:
        with pytest.raises(redis.TimeoutError):
            client.ping()
        store.resume()
    assert get(store) == "1"


def test_one_off_the_network_is_back_with_its_data(start: Start) -> None:
    store = start("redis")
    put(store, "1")
    store.disconnect()
    with (
        contextlib.closing(client_of(store.settings, timeout=0.3)) as client,
        pytest.raises(redis.RedisError),
    ):
        client.ping()
    store.connect()
    assert get(store) == "1"


@pytest.mark.parametrize("dead", [False, True])
def test_wipe(start: Start, dead: bool) -> None:
    store = start("redis+aof")
    put(store, "1")
    if dead:
        store.kill()
    store.wipe()
    store.restart()
    assert get(store) is None


def test_behind_tls_nobody_is_let_in_without_a_certificate(start: Start) -> None:
    store = start("redis+tls")
    put(store, "1")
    assert get(store) == "1"
    plain = client_of(replace(store.settings, tls=None), timeout=1.0)
    nobody = redis.Redis(
        host=store.settings.host,
        port=store.settings.port,
        retry=Retry(NoBackoff(), 0),
        ssl=True,
        ssl_ca_certs=str(store.settings.tls.ca),
    )
    for client in (plain, nobody):
        with contextlib.closing(client), pytest.raises(redis.RedisError):
            client.ping()


@pytest.mark.parametrize("dead", [False, True], ids=["told", "dead"])
def test_a_failover_keeps_everything_and_can_be_followed_by_another(start: Start, dead: bool) -> None:
    store = start("redis+sentinel")
    assert isinstance(store, SentinelRedis)
    put(store, "1")
    told, led = store.settings, store.primary.settings
    store.failover(kill=dead)
    assert store.settings == told, "the GCS would have to be told another address"
    assert store.primary.settings != led
    assert get(store) == "1"
    put(store, "2")
    store.start()  # the dead one, which follows now
    store.failover()
    assert store.primary.settings == led
    assert get(store) == "2"


def test_all_three_are_killed_and_come_back(start: Start) -> None:
    store = start("redis+sentinel+aof")
    put(store, "1")
    store.failover()
    store.kill()
    assert not store.alive
    store.restart()
    assert get(store) == "1"


def test_valkey_in_its_place(start: Start) -> None:
    try:
        valkey_image()
    except EnvironmentProblem as problem:
        lacking(str(problem))
    store = start("valkey+password")
    put(store, "1")
    with contextlib.closing(store.client(decode=True)) as client:
        assert client.info("server")["server_name"] == "valkey"


def test_an_image_without_such_a_server_is_one_clear_sentence(tmp_path: Path) -> None:
    from harness.container.testing import tiny_image

    store = container_store("redis", tmp_path / "store", tiny_image())
    try:
        with pytest.raises(EnvironmentProblem, match="redis-server"):
            store.start()
    finally:
        store.stop()


def test_stores_that_need_no_container(tmp_path: Path) -> None:
    assert isinstance(container_store("memory", tmp_path, "none"), Memory)
    assert isinstance(container_store("rocksdb", tmp_path, "none"), RocksDb)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("redis://127.0.0.1:6379", "containers reach no loopback address"),
        ("redis+nonsense", "expected one of redis, redis\\+password"),
        ("redis+sentinel+acl", "expected one of redis, redis\\+password"),
    ],
)
def test_what_cannot_be_is_one_clear_sentence(spec: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match=said):
        container_store(spec, tmp_path, "none")
