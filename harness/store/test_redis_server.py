"""Our own Redis through kill, hang and emptying."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import redis
from redis.exceptions import NoPermissionError

from harness.errors import EnvironmentProblem
from harness.store import acl
from harness.store.parse import store_from
from harness.store.redis_server import RedisServer, client_of
from harness.wait import until


@pytest.fixture
def start(tmp_path: Path) -> Iterator[object]:
    with contextlib.ExitStack() as ending:

        def make(spec: str) -> RedisServer:
            store = store_from(spec, tmp_path / "with space" / spec)
            assert isinstance(store, RedisServer)
            ending.callback(store.stop)
            store.start()
            return store

        yield make


def put(server: RedisServer, value: str) -> None:
    with contextlib.closing(server.client()) as client:
        client.set("key", value)


def get(server: RedisServer) -> object:
    with contextlib.closing(server.client(decode=True)) as client:
        return client.get("key")


@pytest.mark.parametrize(
    ("spec", "survives"), [("redis", False), ("redis+aof", True), ("redis+username+aof", True)]
)
def test_what_survives_a_kill(start: object, spec: str, survives: bool) -> None:
    server = start(spec)  # type: ignore[operator]
    before = server.settings
    put(server, "1")
    server.kill()
    assert not server.alive
    server.restart()
    assert server.settings == before
    assert get(server) == ("1" if survives else None)


def test_a_snapshot_survives(start: object, tmp_path: Path) -> None:
    server = start("redis+rdb")  # type: ignore[operator]
    put(server, "1")
    until("a snapshot is written", lambda: list(tmp_path.rglob("dump.rdb")))
    server.kill()
    server.restart()
    assert get(server) == "1"


@pytest.mark.parametrize("spec", ["redis+password", "redis+username"])
def test_strangers_are_refused(start: object, spec: str) -> None:
    server = start(spec)  # type: ignore[operator]
    assert get(server) is None
    stranger = client_of(replace(server.settings, username="", password=""))
    with contextlib.closing(stranger), pytest.raises(redis.AuthenticationError):
        stranger.ping()


def test_a_paused_server_says_nothing_and_forgets_nothing(start: object) -> None:
    server = start("redis")  # type: ignore[operator]
    put(server, "1")
    server.pause()
    with contextlib.closing(client_of(server.settings, timeout=0.1)) as client:
        with pytest.raises(redis.TimeoutError):
            client.ping()
        server.resume()
    assert get(server) == "1"


@pytest.mark.parametrize("dead", [False, True])
def test_wipe(start: object, dead: bool) -> None:
    server = start("redis+aof")  # type: ignore[operator]
    put(server, "1")
    if dead:
        server.kill()
    server.wipe()
    server.restart()
    assert get(server) is None


def test_stop_removes_everything_and_may_be_followed_by_a_start(start: object, tmp_path: Path) -> None:
    server = start("redis")  # type: ignore[operator]
    server.stop()
    server.stop()
    assert not list((tmp_path / "with space").iterdir())
    server.start()
    assert client_of(server.settings).ping()


def test_a_server_that_cannot_run_is_one_clear_sentence(tmp_path: Path) -> None:
    for binary, said in ((tmp_path / "none", "cannot be run"), (Path("/bin/false"), "exit status 1")):
        with pytest.raises(EnvironmentProblem, match=said):
            RedisServer(tmp_path / "store", binary=binary).start()


@pytest.mark.parametrize("spec", ["redis+username+aof", "redis+acl+aof"])
def test_a_transaction_survives_although_the_default_user_is_off(start: object, spec: str) -> None:
    server = start(spec)  # type: ignore[operator]
    with contextlib.closing(server.client()) as client, client.pipeline(transaction=True) as both:
        both.set("key", "1").set("other", "2").execute()
    server.kill()
    server.restart()
    assert get(server) == "1"


def test_a_gcs_may_do_what_it_needs_and_we_may_do_all(start: object) -> None:
    server = start("redis+acl")  # type: ignore[operator]
    as_gcs = client_of(replace(server.settings, owner=None))
    with contextlib.closing(as_gcs):
        as_gcs.hset("RAYns@KV", "field", "value")
        for forbidden in (
            as_gcs.flushall,
            as_gcs.keys,
            lambda: as_gcs.set("RAYns@KV", "1"),
            lambda: as_gcs.hset("k", "f", "v"),
        ):
            with pytest.raises(NoPermissionError):
                forbidden()
    server.allow(acl.minimal("mine", "2.60.0", server.settings.username, server.settings.password))
    server.kill()
    server.restart()
    as_gcs = client_of(replace(server.settings, owner=None))
    with contextlib.closing(as_gcs), pytest.raises(NoPermissionError):
        as_gcs.hset("RAYns@KV", "field", "value")
    put(server, "1")
