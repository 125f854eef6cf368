"""What a real Redis says of itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest

from harness.store.external import ExternalRedis
from harness.store.health import Health, caution, read
from harness.store.own_redis import OwnRedis
from harness.store.parse import store_from
from harness.store.redis_server import client_of
from harness.wait import until

Start = Callable[..., OwnRedis]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as ending:

        def make(spec: str = "redis") -> OwnRedis:
            store = store_from(spec, tmp_path / spec)
            assert isinstance(store, OwnRedis)
            ending.callback(store.stop)
            store.start()
            return store

        yield make


def test_a_redis_of_our_own_is_well(start: Start) -> None:
    with closing(start("redis+aof").client()) as client:
        health = read(client)
    assert (health.evicted, health.limit, health.policy, health.saves) == (0, 0, "noeviction", True)
    assert health.process and not health.unsaved and not health.unknown and not health.may_evict
    assert caution("it", health) == ""


def test_who_may_not_ask_does_not_know(start: Start) -> None:
    store = start("redis+acl")
    poor = replace(store.settings, owner=None)
    with closing(store.client()) as client:
        client.execute_command("ACL SETUSER", poor.username, "-info")  # type: ignore[no-untyped-call]
    with closing(client_of(poor)) as client:
        health = read(client)
    assert health.unknown.startswith("INFO is not answered")
    assert health.facts == {"unknown": health.unknown}
    assert "is not known" in caution("it", health)


@pytest.mark.parametrize(
    ("health", "said"),
    [
        (
            Health(limit=100, policy="allkeys-lru", saves=True),
            "it may throw keys out when its 100 bytes are full",
        ),
        (Health(limit=100, policy="volatile-ttl", saves=True), "maxmemory-policy is volatile-ttl"),
        (Health(limit=100, policy="", saves=True), "maxmemory-policy is not known"),
        (Health(limit=0, policy="noeviction", saves=False), "it writes nothing to a disk"),
        (Health(limit=0, policy="noeviction", unsaved="x is err"), "it fails to save its data (x is err)"),
    ],
)
def test_what_a_user_is_told_of_a_store_of_theirs(health: Health, said: str) -> None:
    sentence = caution("redis://127.0.0.1:1", health)
    assert sentence.startswith("redis://127.0.0.1:1: ") and said in sentence and "\n" not in sentence


@pytest.mark.parametrize(
    "health", [Health(limit=0, policy="allkeys-lru"), Health(limit=9, policy="noeviction")]
)
def test_without_a_limit_or_with_the_right_policy_all_is_well(health: Health) -> None:
    assert caution("it", health) == ""


def test_a_user_s_server_is_asked_before_a_run(start: Start) -> None:
    store = start("redis+aof")
    url = f"redis://{store.settings.host}:{store.settings.port}"
    assert ExternalRedis(url).caution() == ""
    with closing(store.client()) as client:
        client.config_set("maxmemory-policy", "allkeys-lfu")
        client.config_set("maxmemory", 1 << 30)
    assert "maxmemory-policy is allkeys-lfu" in ExternalRedis(url).caution()
    store.kill()
    assert ExternalRedis(url).caution() == ""


def test_a_snapshot_that_cannot_be_written_is_known(start: Start) -> None:
    store = start()
    with closing(store.client()) as client:
        (store._data / "dump.rdb").mkdir()  # a file cannot take the place of a directory
        client.bgsave()
        until("the snapshot has failed", lambda: read(client).unsaved == "rdb_last_bgsave_status is err")
        assert "it fails to save its data" in caution("it", read(client))
