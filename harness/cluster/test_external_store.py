"""A cluster on a Redis that the user runs, at whatever loopback address."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from harness.cluster import Cluster
from harness.process.child import Child
from harness.process.ports import allocate_port
from harness.store.binary import redis_server
from harness.store.external import ExternalRedis
from harness.store.redis_client import answers
from harness.target.parse import parse_target
from harness.wait import until


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ExternalRedis]:
    """One that listens at ``::1`` alone."""
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError as problem:
            pytest.skip(f"this machine has no IPv6: {problem}")
    port = allocate_port()
    argv = [str(redis_server()), "--bind", "::1", "--port", str(port), "--save", "", "--dir", str(tmp_path)]
    child = Child.spawn("redis", argv, {}, tmp_path / "log")
    try:
        external = ExternalRedis(f"redis://[::1]:{port}")
        until("it answers", lambda: answers(external.settings), evidence=child.log_tail)
        external.start()
        yield external
    finally:
        child.kill()


def test_a_store_at_an_ipv6_address_serves_a_gcs_and_its_recovery(
    store: ExternalRedis, tmp_path: Path
) -> None:
    with closing(Cluster(parse_target("reference"), store, tmp_path / "cluster")) as cluster:
        cluster.start(raylets=1)
        assert cluster.gcs.launch.store.host.startswith("127."), "a GCS is told where the proxy is"
        cluster.driver.put(b"key", b"value")
        cluster.cycle()
        assert cluster.driver.get(b"key") == b"value"
        assert cluster.proxy is not None
        assert any(unit.writes for unit in cluster.proxy.units(0)), "the proxy reads along"
