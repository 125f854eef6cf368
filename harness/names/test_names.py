"""The name server: right, stale, missing and silent, over UDP, TCP and gRPC's own resolver."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from dnslib import RCODE, DNSRecord

from harness.names.server import NameServer
from harness.process.ports import allocate_address, allocate_port
from harness.wait import until


@pytest.fixture
def names() -> Iterator[NameServer]:
    server = NameServer()
    server.start()
    yield server
    server.stop()
    server.stop()


def ask(names: NameServer, name: str, kind: str = "A", tcp: bool = False) -> DNSRecord:
    return DNSRecord.parse(
        DNSRecord.question(name, kind).send(names.address, names.port, tcp=tcp, timeout=0.2)
    )


@pytest.mark.parametrize("tcp", [False, True])
def test_answers_follow_what_is_set(names: NameServer, tcp: bool) -> None:
    names.set("gcs.test", "127.0.0.7")
    assert str(ask(names, "GCS.test", tcp=tcp).a.rdata) == "127.0.0.7"
    names.stale("gcs.test", "127.0.0.6")
    assert str(ask(names, "gcs.test", tcp=tcp).a.rdata) == "127.0.0.6"
    assert ask(names, "gcs.test", "AAAA", tcp=tcp).rr == []
    names.missing("gcs.test")
    assert ask(names, "gcs.test", tcp=tcp).header.rcode == RCODE.NXDOMAIN
    assert [query.answer for query in names.queries] == ["127.0.0.7", "127.0.0.6", "", "NXDOMAIN"]


def test_silence_lasts_until_the_name_is_set(names: NameServer) -> None:
    names.set("gcs.test", "127.0.0.7")
    names.silence("gcs.test")
    with pytest.raises(TimeoutError):
        ask(names, "gcs.test")
    assert names.queries[-1].answer is None
    names.set("gcs.test", "127.0.0.8")
    assert str(ask(names, "gcs.test").a.rdata) == "127.0.0.8"


def test_garbage_is_not_answered_and_does_no_harm(names: NameServer) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        for garbage in (b"", b"x", b"\xff" * 40):
            client.sendto(garbage, (names.address, names.port))
    names.set("gcs.test", "127.0.0.7")
    assert str(ask(names, "gcs.test").a.rdata) == "127.0.0.7"


def test_the_answer_may_be_kept_for_the_ttl() -> None:
    server = NameServer(ttl=30)
    server.start()
    server.set("gcs.test", "127.0.0.7")
    assert ask(server, "gcs.test").a.ttl == 30
    server.stop()


def test_grpc_resolves_through_it(names: NameServer) -> None:
    address = allocate_address()
    server = grpc.server(ThreadPoolExecutor(1))
    port = allocate_port(address)
    server.add_insecure_port(f"{address}:{port}")
    server.start()
    names.set("gcs.test", address)
    with grpc.insecure_channel(names.target("gcs.test", port)) as channel:
        with pytest.raises(grpc.RpcError) as told:
            call: Any = channel.unary_unary("/none/None")
            call(b"", timeout=10)
        assert told.value.code() == grpc.StatusCode.UNIMPLEMENTED
    server.stop(0).wait()
    assert until("the query is noted", lambda: [query for query in names.queries if query.answer == address])
