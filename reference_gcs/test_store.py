"""The reference and its Redis: behind a sentinel, in cluster mode, and with fewer rights than it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from harness.process.child import Child
from harness.process.ports import allocate_port
from harness.store import acl
from harness.store.base import StoreSettings
from harness.store.binary import redis_server
from harness.store.parse import store_from
from harness.store.redis_client import answers
from harness.store.redis_server import RedisServer
from harness.wait import until
from harness.wire import messages as m
from harness.wire.status import Code
from reference_gcs.test_process import HOST, Process
from reference_gcs.world import JOB, actor_id, actor_spec


@pytest.fixture
def ending() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def server(tmp_path: Path, ending: ExitStack) -> Callable[[str], RedisServer]:
    def make(spec: str) -> RedisServer:
        made = store_from(spec, tmp_path / f"store-{spec}")
        assert isinstance(made, RedisServer)
        ending.callback(made.stop)
        made.start()
        return made

    return make


@pytest.fixture
def gcs(tmp_path: Path, ending: ExitStack) -> Callable[..., Process]:
    """``gcs(address, port)``: a GCS that is told that Redis, and waited for unless told otherwise."""

    def make(address: str, port: int, *flags: str, wait: bool = True, **config: Any) -> Process:
        told = (f"--redis_address={address}:{port}", *flags)
        process = Process(tmp_path, None, wait=wait, flags=told, **config)
        ending.callback(process.kill)
        return process

    return make


@pytest.fixture
def sentinel(tmp_path: Path, ending: ExitStack) -> Callable[..., int]:
    """``sentinel(primary, …)``: the port of a sentinel that watches them, on 127.0.0.1."""

    def make(*primaries: RedisServer) -> int:
        port, config = allocate_port(HOST), tmp_path / "sentinel.conf"
        lines = [f"port {port}", f"bind {HOST}", f'dir "{tmp_path}"']
        for number, one in enumerate(primaries):
            lines.append(f"sentinel monitor primary-{number} {one.settings.host} {one.settings.port} 1")
        config.write_text("\n".join(lines) + "\n")
        argv = [str(redis_server()), str(config), "--sentinel"]
        child = Child.spawn("sentinel", argv, {}, tmp_path / "sentinel.log")
        ending.callback(child.kill)
        place = StoreSettings("redis", HOST, port)
        until("the sentinel answers", lambda: answers(place), evidence=child.log_tail)
        return port

    return make


class ClusterNode:
    """A Redis in cluster mode, which owns no slots at first."""

    def __init__(self, home: Path) -> None:
        self.port, self.bus = allocate_port(HOST), allocate_port(HOST)
        argv = [
            str(redis_server()),
            "--port",
            str(self.port),
            "--bind",
            HOST,
            "--cluster-port",
            str(self.bus),
        ]
        argv += ["--cluster-enabled", "yes", "--dir", str(home), "--save", ""]
        argv += ["--cluster-config-file", f"{self.port}.conf"]
        self.child = Child.spawn(f"cluster-{self.port}", argv, {}, home / f"{self.port}.log")
        place = StoreSettings("redis", HOST, self.port)
        until("the node answers", lambda: answers(place), evidence=self.child.log_tail)
        self.client = Redis(HOST, self.port, decode_responses=True, retry=Retry(NoBackoff(), 0))

    def cluster(self, name: str, *words: Any) -> Any:
        """The reply to ``CLUSTER`` ``name`` and ``words``."""
        return self.client.execute_command(f"CLUSTER {name}", *words)  # type: ignore[no-untyped-call]

    def wait_up(self) -> None:
        until("the cluster is up", lambda: self.cluster("INFO")["cluster_state"] == "ok")

    def own_all_slots(self) -> None:
        self.cluster("ADDSLOTSRANGE", 0, 16383)
        self.wait_up()

    def stop(self) -> None:
        self.client.close()
        self.child.kill()


@pytest.fixture
def cluster_node(tmp_path: Path, ending: ExitStack) -> Callable[[], ClusterNode]:
    def make() -> ClusterNode:
        node = ClusterNode(tmp_path)
        ending.callback(node.stop)
        return node

    return make


def test_cluster_mode_takes_an_actor_whose_rows_lie_in_several_slots(
    cluster_node: Callable[[], ClusterNode], gcs: Callable[..., Process]
) -> None:
    node = cluster_node()
    node.own_all_slots()
    process = gcs(HOST, node.port)
    process.ask("AddJob", data=m.JobTableData(job_id=JOB))
    assert process.ask("RegisterActor", task_spec=actor_spec(1, "x")).status.code == Code.OK
    assert node.client.hlen("RAYdefault@ACTOR") == node.client.hlen("RAYdefault@ACTOR_TASK_SPEC") == 1
    process.kill()
    again = gcs(HOST, node.port)
    assert again.ask("GetActorInfo", actor_id=actor_id(1)).actor_table_data.name == "x"


def test_cluster_mode_is_fenced_too(
    cluster_node: Callable[[], ClusterNode], gcs: Callable[..., Process]
) -> None:
    node = cluster_node()
    node.own_all_slots()
    first = gcs(HOST, node.port)
    first.ask("AddJob", data=m.JobTableData(job_id=JOB))
    gcs(HOST, node.port)
    with pytest.raises(grpc.RpcError):
        first.ask("RegisterActor", task_spec=actor_spec(1, "x"))
    assert first.exit_code() == 1
    assert not node.client.exists("RAYdefault@ACTOR") and not node.client.exists("RAYdefault@ACTOR_TASK_SPEC")


def test_a_replica_in_cluster_mode_leads_to_its_primary(
    cluster_node: Callable[[], ClusterNode], gcs: Callable[..., Process]
) -> None:
    primary, replica = cluster_node(), cluster_node()
    primary.own_all_slots()
    replica.cluster("MEET", HOST, primary.port, primary.bus)
    replica.wait_up()
    replica.cluster("REPLICATE", primary.cluster("MYID"))
    process = gcs(HOST, replica.port)
    assert process.ask("InternalKVPut", key=b"k", value=b"v").added
    assert primary.client.hget("RAYdefault@KV", "k") == "v"


def test_a_sentinel_leads_to_its_primary(
    server: Callable[[str], RedisServer], sentinel: Callable[..., int], gcs: Callable[..., Process]
) -> None:
    primary = server("redis")
    process = gcs(HOST, sentinel(primary))
    assert process.ask("InternalKVPut", key=b"k", value=b"v").added
    assert primary.client().hget("RAYdefault@KV", "k") == b"v"


def test_a_sentinel_of_several_primaries_is_refused(
    server: Callable[[str], RedisServer], sentinel: Callable[..., int], gcs: Callable[..., Process]
) -> None:
    process = gcs(HOST, sentinel(server("redis"), server("redis+rdb")), wait=False)
    assert process.exit_code() == 1
    assert "the sentinel watches 2 primaries" in process.log.read_text()


@pytest.mark.parametrize("right", ["watch", "get", "set"])
def test_whoever_cannot_guard_the_namespace_does_not_begin(
    server: Callable[[str], RedisServer], gcs: Callable[..., Process], right: str
) -> None:
    store = server("redis+acl")
    assert narrowed(store, gcs, right, wait=False).exit_code() == 1
    assert not store.client().exists("RAYdefault@KV")


@pytest.mark.parametrize("right", ["watch", "get", "hsetnx", "multi"])
def test_a_right_that_is_taken_away_ends_the_gcs(
    server: Callable[[str], RedisServer], gcs: Callable[..., Process], right: str
) -> None:
    store = server("redis+acl")
    process = narrowed(store, gcs, "", wait=True, num_redis_request_retries=1)
    assert process.ask("InternalKVPut", key=b"before", value=b"v").added
    store.allow(acl.without(line_for(store), right))
    with pytest.raises(grpc.RpcError):
        while True:  # a last one may pass
            process.ask("InternalKVPut", key=b"after", value=b"v")
    assert process.exit_code() == 1
    assert "NOPERM" in process.log.read_text()


def narrowed(store: RedisServer, gcs: Callable[..., Process], without: str, **options: object) -> Process:
    """A GCS whose user has all that it needs but one right."""
    own, line = store.settings, line_for(store)
    store.allow(acl.without(line, without) if without else line)
    flags = (f"--redis_username={own.username}", f"--redis_password={own.password}")
    return gcs(own.host, own.port, *flags, **options)


def line_for(store: RedisServer) -> str:
    return acl.minimal("default", None, store.settings.username, store.settings.password)
