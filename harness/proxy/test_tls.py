"""Through TLS on both sides the ledger is read and modes strike as without it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest
import redis
import trustme
from redis.backoff import NoBackoff
from redis.retry import Retry

from harness.history.log import HISTORY, LEDGER, entries, events
from harness.history.recorder import Recorder
from harness.process.child import Child
from harness.process.ports import allocate_port
from harness.proxy import Match, RedisProxy
from harness.proxy.base import StoreProxy
from harness.proxy.modes import Cut, KillAfter, KillBefore, Mode, RefuseWith, Stall
from harness.proxy.remote import ProxyHost
from harness.proxy.tls import for_backend
from harness.store.base import Tls
from harness.store.binary import redis_server
from harness.wait import until

ACTOR = "RAYns@ACTOR"
HOST = "127.0.0.1"
Make = Callable[..., StoreProxy]


def certificates(directory: Path) -> Tls:
    """An authority and one certificate of it, for all sides."""
    directory.mkdir()
    authority = trustme.CA()
    own = authority.issue_cert(HOST)
    made = Tls(directory / "ca.pem", directory / "cert.pem", directory / "key.pem")
    authority.cert_pem.write_to_path(made.ca)
    own.cert_chain_pems[0].write_to_path(made.certificate)
    own.private_key_pem.write_to_path(made.key)
    return made


class Server:
    """A Redis that speaks TLS alone, and wants certificates of its clients."""

    def __init__(self, directory: Path) -> None:
        self.tls = certificates(directory / "files")
        self.place = HOST, allocate_port()
        argv = [
            str(redis_server()), "--port", "0", "--tls-port", str(self.place[1]), "--bind", HOST, "--save", "",
            "--tls-ca-cert-file", str(self.tls.ca), "--tls-cert-file", str(self.tls.certificate),
            "--tls-key-file", str(self.tls.key), "--dir", str(directory),
        ]  # fmt: skip
        self.child = Child.spawn("redis", argv, {}, directory / "log")
        with closing(self.client()) as client:
            until("it answers, or ends", lambda: not self.child.alive or answers(client))

    def client(
        self, place: tuple[str, int] | None = None, tls: Tls | None = None, patience: float = 5.0
    ) -> redis.Redis:
        tls, (host, port) = tls or self.tls, place or self.place
        return redis.Redis(
            host, port, ssl=True, ssl_ca_certs=str(tls.ca), ssl_certfile=str(tls.certificate),
            ssl_keyfile=str(tls.key), ssl_check_hostname=False, socket_timeout=patience,
            retry=Retry(NoBackoff(), 0), protocol=2,
        )  # fmt: skip


def answers(client: redis.Redis) -> bool:
    with suppress(redis.ConnectionError):
        return bool(client.ping())
    return False


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("tls"))
    if not made.child.alive and "TLS" in made.child.log_tail():
        pytest.skip(f"{redis_server()} was built without TLS: set GAUNTLET_REDIS_SERVER to one with it")
    yield made
    made.child.kill()


@pytest.fixture
def server(started: Server) -> Server:
    """With nothing in it."""
    with closing(started.client()) as client:
        client.flushall()
    return started


@pytest.fixture
def make(elsewhere: ProxyHost | None) -> Make:
    return RedisProxy if elsewhere is None else elsewhere.redis


def test_the_ledger_is_read_through_tls(server: Server, make: Make, tmp_path: Path) -> None:
    proxy = make(server.place, Recorder(tmp_path, "case"), None, server.tls)
    with closing(proxy), closing(server.client(proxy.open())) as gcs:
        gcs.hset(ACTOR, "a", b"x" * 300_000)
        pipe = gcs.pipeline(transaction=True)
        pipe.hset(ACTOR, "b", "1")
        pipe.hlen(ACTOR)
        assert pipe.execute() == [1, 2]
        assert gcs.hget(ACTOR, "a") == b"x" * 300_000
        assert [one.label for one in proxy.units()] == ["HSET ACTOR", "HSET ACTOR", "HGET ACTOR"]
    ledger = [one for one in entries(tmp_path / LEDGER) if one.name != "CLIENT"]
    assert [one.name for one in ledger] == ["HSET", "MULTI", "HSET", "HLEN", "EXEC", "HGET"]
    assert all(one.applied for one in ledger)
    assert all(not one.open for one in proxy.connections())


@pytest.mark.parametrize(
    ("mode", "error", "applied"),
    [
        (KillBefore(), redis.ConnectionError, False),
        (KillAfter(), redis.ConnectionError, True),
        (Cut("command"), redis.ConnectionError, False),
        (Cut("reply"), redis.ConnectionError, True),
        (RefuseWith("-OOM no"), redis.ResponseError, False),
        (Stall("reply"), redis.TimeoutError, True),
    ],
    ids=repr,
)
def test_modes_strike_through_tls(
    server: Server, make: Make, mode: Mode, error: type[Exception], applied: bool
) -> None:
    killed: list[str] = []
    proxy = make(server.place, None, killed.append, server.tls)
    gcs = server.client(proxy.open(), patience=0.5 if isinstance(mode, Stall) else 5.0)
    with closing(proxy), closing(gcs), closing(server.client()) as direct:
        rule = proxy.arm(mode, Match("HSET ACTOR"))
        with pytest.raises(error):
            gcs.hset(ACTOR, "a", "1")
        assert rule.wait(5)
        assert killed == (["gcs"] if "Kill" in mode.name else [])
        assert bool(direct.exists(ACTOR)) is applied
        rule.disarm()
        assert gcs.hset(ACTOR, "b", "1") == 1
    until("no connection is left", lambda: all(not one.open for one in proxy.connections()))


def test_an_end_passes_through_tls(server: Server, make: Make) -> None:
    def named() -> list[str]:
        return [one["id"] for one in direct.client_list() if one["name"] == "gcs"]

    def connected() -> ssl.SSLSocket:
        link = for_backend(server.tls).wrap_socket(socket.create_connection(place, timeout=5))
        link.sendall(b"*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$3\r\ngcs\r\n")
        assert link.recv(10) == b"+OK\r\n"
        return link

    with closing(make(server.place, None, None, server.tls)) as proxy, closing(server.client()) as direct:
        place = proxy.open()
        connected().close()
        until("the store hears of the client's end", lambda: not named())
        with closing(connected()) as link:
            (number,) = named()
            direct.client_kill_filter(_id=number)
            with suppress(ConnectionError):
                assert link.recv(10) == b""
        until("no connection is left", lambda: not any(one.open for one in proxy.connections()))


def test_strangers_are_refused_on_both_sides(server: Server, make: Make, tmp_path: Path) -> None:
    other = certificates(tmp_path / "other")
    recorder = Recorder(tmp_path, "case")
    with closing(make(server.place, recorder, None, server.tls)) as proxy:
        place = proxy.open()
        with closing(
            server.client(place, replace(server.tls, certificate=other.certificate, key=other.key))
        ) as gcs:
            assert not answers(gcs)
        with closing(socket.create_connection(place, timeout=5)) as plain, suppress(ConnectionError):
            plain.sendall(b"*1\r\n$4\r\nPING\r\n")
            assert plain.recv(100) == b""
        with closing(server.client(place)) as gcs:
            assert answers(gcs)
    with closing(make(server.place, recorder, None, other)) as proxy:
        context = ssl.create_default_context(cafile=other.ca)
        context.load_cert_chain(other.certificate, other.key)
        with (
            pytest.raises(OSError),
            closing(socket.create_connection(proxy.open(), timeout=5)) as raw,
        ):
            context.wrap_socket(raw, server_hostname=HOST)
    notes = [event.what for event in events(tmp_path / HISTORY)]
    assert notes == ["no TLS with the client"] * 2 + ["no TLS with the backend"]


def test_a_file_that_is_missing_is_an_error(make: Make, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        make((HOST, 1), None, None, Tls(tmp_path / "a", tmp_path / "b", tmp_path / "c"))
