"""Stores by name, stores that are not ours, and what is read back from one."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from harness.errors import EnvironmentProblem, Unsupported
from harness.store import binary, dump
from harness.store.external import ExternalRedis, parse_url
from harness.store.memory import Memory
from harness.store.parse import store_from
from harness.store.redis_server import RedisServer
from harness.store.rocksdb import RocksDb
from harness.wire import ids
from harness.wire import messages as m
from harness.wire.dialect import dialect

OLD, NEW = dialect("2.49.2"), dialect()


@pytest.mark.parametrize(
    "spec",
    [
        "",
        "mysql",
        "redis+ssl",
        "redis+rdb+aof",
        "redis+acl+password",
        "redis+sentinel+tls",
        "redis+cluster+password",
        "redis+cluster+sentinel",
        "redis+replica",
        "memory+aof",
        "Redis",
        "rocksdb:/tmp",
    ],
)
def test_an_unknown_store_is_one_clear_sentence(spec: str, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="expected one of redis, redis\\+password"):
        store_from(spec, tmp_path)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis://", "expected redis://"),
        ("rediss://127.0.0.1:1", "expected redis://"),
        ("redis://127.0.0.1:x", "expected redis://"),
        ("redis://127.0.0.1:99999", "expected redis://"),
        ("redis://127.0.0.1:6379/3", "expected redis://"),
        ("redis://redis.example.com:6379", "no loopback address"),
        ("redis://10.0.0.7:6379", "no loopback address"),
        ("redis://[fe80::1]:6379", "no loopback address"),
    ],
)
def test_a_wrong_url_is_one_clear_sentence(url: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match=said):
        store_from(url, tmp_path)


def test_the_parts_of_a_url() -> None:
    settings = parse_url("redis://me:p%40ss@localhost:7000")
    assert (settings.host, settings.port, settings.username, settings.password) == (
        "127.0.0.1",
        7000,
        "me",
        "p@ss",
    )
    assert parse_url("redis://127.0.0.1").port == 6379
    six = parse_url("redis://[::1]:7000")
    assert (six.host, six.port) == ("::1", 7000)


def test_an_external_server_is_used_and_never_broken(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "redis", password="secret")
    server.start()
    try:
        store = ExternalRedis(f"redis://:secret@{server.settings.host}:{server.settings.port}")
        store.start()
        store.stop()
        assert server.alive
        for fault in (store.kill, store.restart, store.pause, store.resume, store.wipe):
            with pytest.raises(Unsupported, match="is not ours"):
                fault()
    finally:
        server.stop()


def test_memory_and_rocksdb_cannot_be_broken_alone(tmp_path: Path) -> None:
    for store in (Memory(), RocksDb(tmp_path / "db")):
        for fault in (store.kill, store.restart, store.pause, store.resume):
            with pytest.raises(Unsupported, match="in the GCS itself"):
                fault()


def test_rocksdb_is_a_directory(tmp_path: Path) -> None:
    store = RocksDb(tmp_path / "db")
    store.start()
    (tmp_path / "db" / "tables").mkdir()
    store.wipe()
    assert list((tmp_path / "db").iterdir()) == []
    store.stop()
    assert not (tmp_path / "db").exists()


def test_the_binary_is_the_users_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert binary.version(binary.redis_server())
    monkeypatch.setenv(binary.VARIABLE, "/bin/true")
    assert binary.redis_server() == Path("/bin/true")
    with pytest.raises(EnvironmentProblem, match="no Redis server"):
        binary.version(Path("/bin/true"))
    assert binary.redis_server("/bin/false") == Path("/bin/false")
    monkeypatch.setenv(binary.VARIABLE, str(tmp_path))
    with pytest.raises(EnvironmentProblem, match="GAUNTLET_REDIS_SERVER names"):
        binary.redis_server()


def test_no_binary_at_all_is_one_clear_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(binary.VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(binary, "_packaged", lambda: None)
    with pytest.raises(EnvironmentProblem, match="install one of them, or set GAUNTLET_REDIS_SERVER"):
        binary.redis_server()


def test_rows_are_read_in_the_dialect_that_wrote_them() -> None:
    actor = ids.actor_id(ids.job_id(1))
    spec = m.TaskSpec(actor_creation_task_spec=m.ActorCreationTaskSpec(actor_id=actor, name="a"))
    assert OLD.encode(spec) != NEW.encode(spec)
    rows = dump.decode({"ACTOR_TASK_SPEC": {actor: OLD.encode(spec)}}, OLD)
    assert rows["ACTOR_TASK_SPEC"] == {actor: spec}
    assert rows["NODE"] == {}


def test_a_namespace_is_read_and_erased_alone(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "redis")
    server.start()
    try:
        with contextlib.closing(server.client()) as client:
            for namespace in ("a*", "ab", "a"):
                client.hset(
                    f"RAY{namespace}@JOB", b"\1\0\0\0", m.JobTableData(job_id=b"\1\0\0\0").SerializeToString()
                )
                client.hset(f"RAY{namespace}@KV", b"key", namespace.encode())
                client.incrby(f"RAY{namespace}@JobCounter", 7)
            stored = dump.read(client, "a*")
            assert stored["KV"] == {b"key": b"a*"}
            assert stored["JobCounter"] == {b"": b"7"}
            assert dump.dump(client, "a*", NEW)["JOB"][b"\1\0\0\0"] == m.JobTableData(job_id=b"\1\0\0\0")
            server.forget("a*")
            assert not dump.read(client, "a*")
            assert (
                dump.read(client, "ab").keys() == dump.read(client, "a").keys() == {"JOB", "KV", "JobCounter"}
            )
    finally:
        server.stop()
