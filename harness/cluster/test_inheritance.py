"""A namespace is read before its GCS reads it, whatever release wrote its rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from harness.cluster import inheritance
from harness.history import log
from harness.history.recorder import Recorder
from harness.store.base import StoreSettings
from harness.store.redis_server import RedisServer
from harness.wire import messages as m
from harness.wire.dialect import dialect
from harness.wire.layout import prefix

ACTOR = b"a" * 12 + b"\1\0\0\0"
SPEC = m.TaskSpec(
    name="Counter.__init__",
    actor_creation_task_spec=m.ActorCreationTaskSpec(actor_id=ACTOR, name="kept", is_detached=True),
)


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "redis")
    server.start()
    yield server
    server.stop()


def recorded(tmp_path: Path, settings: StoreSettings, namespace: str = "ns") -> list[Any]:
    recorder = Recorder(tmp_path, "a case")
    inheritance.record(recorder, settings, namespace, dialect("2.60.0"))
    return [one for one in log.events(tmp_path / log.HISTORY, "a case") if one.kind == "look"]


@pytest.mark.parametrize("writer", ["2.40.0", "2.49.2", "2.55.1", "2.60.0"])
@pytest.mark.parametrize("reader", ["2.49.2", "2.60.0"])
def test_a_task_spec_is_read_as_its_release_wrote_it(writer: str, reader: str) -> None:
    raw = {"ACTOR_TASK_SPEC": {ACTOR: dialect(writer).encode(SPEC)}}
    spec = inheritance.rows(raw, dialect(reader))["ACTOR_TASK_SPEC"][ACTOR.hex()]
    assert spec["actor_creation_task_spec"] == {
        "actor_id": ACTOR.hex(), "is_detached": True, "name": "kept",
    }  # fmt: skip


def test_a_spec_that_makes_sense_to_no_release_stays_as_it_is() -> None:
    rows = inheritance.rows({"ACTOR_TASK_SPEC": {ACTOR: b"\xff"}}, dialect("2.60.0"))
    assert rows["ACTOR_TASK_SPEC"][ACTOR.hex()] == {"$undecodable": 1}


def test_what_others_left_is_written_down(tmp_path: Path, redis_server: RedisServer) -> None:
    with closing(redis_server.client()) as client:
        client.hset(f"{prefix('ns')}JOB", b"\1\0\0\0", m.JobTableData(is_dead=True).SerializeToString())
        client.set(f"{prefix('ns')}JobCounter", 7)
        client.hset(f"{prefix('other')}JOB", b"\2\0\0\0", b"")
    (one,) = recorded(tmp_path, redis_server.settings)
    assert one.what == "inherited"
    assert one.facts["stored"]["JOB"] == {"01000000": {"is_dead": True}}
    assert one.facts["stored"]["JobCounter"] == {"": {"value": 7}}


def test_an_empty_namespace_is_none_to_speak_of(tmp_path: Path, redis_server: RedisServer) -> None:
    assert recorded(tmp_path, redis_server.settings) == []
    assert recorded(tmp_path, StoreSettings("memory")) == []
    assert recorded(tmp_path, StoreSettings("rocksdb", path=tmp_path / "none")) == []


def test_what_cannot_be_read_is_there_all_the_same(tmp_path: Path, redis_server: RedisServer) -> None:
    redis_server.kill()
    (one,) = recorded(tmp_path, redis_server.settings)
    assert one.facts["stored"] is None
    assert one.facts["why"].startswith("the store cannot be read")
    (tmp_path / "rocks").mkdir()
    (tmp_path / "rocks" / "CURRENT").touch()
    *_, other = recorded(tmp_path, StoreSettings("rocksdb", path=tmp_path / "rocks"))
    assert other.facts["stored"] is None
