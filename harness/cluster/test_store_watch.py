"""A Redis is watched for what it loses by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from harness.cluster.store_watch import StoreWatch
from harness.history import log
from harness.history.event import Event
from harness.history.recorder import Recorder
from harness.store.health import read
from harness.store.memory import Memory
from harness.store.own_redis import OwnRedis
from harness.store.parse import store_from
from harness.wait import until

Start = Callable[..., OwnRedis]
MEGABYTE = 1 << 20


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


def fill(store: OwnRedis, policy: str, lasting: bool = True) -> None:
    """Somebody else's cache takes all the memory that the server has."""
    with closing(store.client()) as client:
        client.config_set("maxmemory-policy", policy)
        client.config_set("maxmemory", client.info("memory")["used_memory"] + 2 * MEGABYTE)
        for number in range(16):
            client.set(f"other-{number}", b"x" * (MEGABYTE // 4), ex=None if lasting else 1000)


def watched(tmp_path: Path, store: Any) -> tuple[StoreWatch, Recorder]:
    recorder = Recorder(tmp_path / "run", "a case")
    watch = StoreWatch(store)
    watch.begin(recorder)
    return watch, recorder


def told(tmp_path: Path) -> list[Event]:
    return log.events(tmp_path / "run" / log.HISTORY, "a case")


def test_what_is_thrown_out_is_told_once(start: Start, tmp_path: Path) -> None:
    store = start()
    watch, recorder = watched(tmp_path, store)
    watch.ask(recorder)
    assert told(tmp_path) == []
    before = watch._at
    fill(store, "allkeys-lru")
    for _ in range(2):
        watch.ask(recorder)
    (one,) = told(tmp_path)
    assert (one.kind, one.what, one.at) == ("store", "evicted", round(before, 6))
    assert "maxmemory-policy allkeys-lru" in one.facts["why"]


def test_another_case_counts_from_its_own_start(start: Start, tmp_path: Path) -> None:
    store = start()
    watch, recorder = watched(tmp_path, store)
    fill(store, "allkeys-random")
    watch.begin(recorder)
    watch.ask(recorder)
    assert told(tmp_path) == []


def test_keys_that_were_lent_for_a_time_are_no_rows(start: Start, tmp_path: Path) -> None:
    store = start()
    with closing(store.client()) as client:
        client.config_set("maxmemory-policy", "volatile-lru")
    watch, recorder = watched(tmp_path, store)
    fill(store, "volatile-lru", lasting=False)
    assert watch.ask(recorder).evicted
    assert told(tmp_path) == []


def test_what_a_server_threw_out_before_it_was_restarted_or_after_counts(
    start: Start, tmp_path: Path
) -> None:
    store = start("redis+aof")
    watch, recorder = watched(tmp_path, store)
    store.kill()
    store.restart()
    fill(store, "allkeys-lru")
    watch.ask(recorder)
    assert [one.what for one in told(tmp_path)] == ["evicted"]


def test_a_snapshot_that_cannot_be_written_is_told(start: Start, tmp_path: Path) -> None:
    store = start()
    watch, recorder = watched(tmp_path, store)
    with closing(store.client()) as client:
        (store._data / "dump.rdb").mkdir()  # a file cannot take the place of a directory
        client.bgsave()
        until("the snapshot has failed", lambda: bool(read(client).unsaved))
    watch.ask(recorder)
    (one,) = told(tmp_path)
    assert one.what == "unsaved"
    assert one.facts["why"] == "the store failed to save its data: rdb_last_bgsave_status is err"


def test_a_store_that_is_silent_or_none_is_not_blamed(start: Start, tmp_path: Path) -> None:
    store = start()
    watch, recorder = watched(tmp_path, store)
    store.kill()
    assert watch.ask(recorder).unknown
    none, _ = watched(tmp_path, Memory())
    assert none.begin(recorder) == {}
    assert told(tmp_path) == []
