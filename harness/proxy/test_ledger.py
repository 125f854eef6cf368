"""What a ledger says of commands, of passwords, of silence, and of bytes that are no commands."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from harness.history.entry import Entry
from harness.history.log import LEDGER, entries
from harness.history.recorder import Recorder
from harness.proxy import RedisProxy
from harness.proxy.base import StoreProxy
from harness.proxy.remote import ProxyHost
from harness.proxy.unit import meaning, words
from harness.store.redis_server import RedisServer
from harness.wait import until


class Desk:
    """A Redis, a proxy before it, and the ledger."""

    def __init__(self, directory: Path, elsewhere: ProxyHost | None) -> None:
        self.directory = directory
        self.server = RedisServer(directory / "redis", password="s3cret")
        self.server.start()
        settings = self.server.settings
        made = RedisProxy if elsewhere is None else elsewhere.redis
        self.proxy: StoreProxy = made((settings.host, settings.port), Recorder(directory, "case"))
        self.host, self.port = self.proxy.open()
        self.gcs = redis.Redis(
            self.host, self.port, password="s3cret", protocol=2, retry=Retry(NoBackoff(), 0), socket_timeout=5
        )

    def ledger(self) -> list[Entry]:
        self.proxy.flush()
        return [one for one in entries(self.directory / LEDGER) if one.name != "CLIENT"]

    def link(self) -> socket.socket:
        return socket.create_connection((self.host, self.port), timeout=5)

    def arrived(self, connection: int) -> int:
        """How many bytes of the connection with this number have gone to the store."""
        return sum(one.up for one in self.proxy.connections() if one.number == connection)

    def close(self) -> None:
        self.gcs.close()
        self.proxy.close()
        self.server.stop()


@pytest.fixture
def desk(tmp_path: Path, elsewhere: ProxyHost | None) -> Iterator[Desk]:
    with closing(Desk(tmp_path, elsewhere)) as made:
        yield made


def test_replies_are_written_as_they_were(desk: Desk) -> None:
    desk.gcs.set("short", "value")
    desk.gcs.set("long", b"\0" * 100)
    for key in ("short", "long", "none"):
        desk.gcs.get(key)
    desk.gcs.hset("hash", mapping={"a": "1", "b": "2"})
    desk.gcs.hgetall("hash")
    with pytest.raises(redis.ResponseError):
        desk.gcs.incr("short")
    found = desk.ledger()
    assert [(one.command, one.reply, one.applied) for one in found] == [
        (("AUTH", "***"), "OK", True),
        (("SET", "short", "value"), "OK", True),
        (("SET", "long", "0x" + "00" * 100), "OK", True),
        (("GET", "short"), "value", True),
        (("GET", "long"), "00" * 100, True),
        (("GET", "none"), None, True),
        (("HSET", "hash", "a", "1", "b", "2"), 2, True),
        (("HGETALL", "hash"), {"items": 4}, True),
        (("INCRBY", "short", "1"), {"error": "ERR value is not an integer or out of range"}, False),
    ]
    assert all(one.done is not None and one.at <= one.done for one in found)
    assert [one.unit for one in found] == sorted({one.unit for one in found})
    assert {(one.via, one.connection) for one in found} == {("gcs", 1)}


def test_a_failing_command_of_a_transaction_is_not_applied_and_the_others_are(desk: Desk) -> None:
    desk.gcs.set("text", "a")
    pipe = desk.gcs.pipeline(transaction=True)
    pipe.incr("text")
    pipe.set("other", "1")
    pipe.execute(raise_on_error=False)
    applied = {one.command: one.applied for one in desk.ledger()[2:]}
    assert applied == {
        ("MULTI",): True,
        ("INCRBY", "text", "1"): False,
        ("SET", "other", "1"): True,
        ("EXEC",): True,
    }


def test_a_transaction_that_cannot_be_queued_is_not_applied(desk: Desk) -> None:
    pipe = desk.gcs.pipeline(transaction=True)
    pipe.execute_command("SET", "one")  # type: ignore[no-untyped-call]
    pipe.set("other", "1")
    with pytest.raises(redis.ResponseError):
        pipe.execute()
    until("all is written", lambda: desk.ledger()[-1].name == "EXEC")
    assert {one.applied for one in desk.ledger() if one.name != "AUTH"} == {False}


def test_what_is_never_answered_is_unknown(desk: Desk) -> None:
    desk.gcs.ping()
    desk.server.pause()
    with closing(desk.link()) as link:
        link.sendall(b"*2\r\n$4\r\nAUTH\r\n$6\r\ns3cret\r\n*2\r\n$4\r\nINCR\r\n$1\r\na\r\n")
        until("it is on its way", lambda: desk.arrived(2) > 40)
        desk.server.kill()
        until("it is written down", lambda: desk.ledger()[-1].name == "INCR")
    last = desk.ledger()[-1]
    assert (last.done, last.reply, last.applied) == (None, None, None)


def test_what_an_ended_gcs_had_sent_is_still_followed(desk: Desk) -> None:
    """Its answer reaches nobody, and says what the store did."""
    desk.gcs.ping()
    desk.server.pause()
    link = desk.link()
    link.sendall(b"*2\r\n$4\r\nAUTH\r\n$6\r\ns3cret\r\n*2\r\n$4\r\nINCR\r\n$1\r\na\r\n")
    until("it is on its way", lambda: desk.arrived(2) > 40)
    link.close()
    until("its end is seen", lambda: not desk.proxy.connections()[1].open)
    desk.server.resume()
    until("it is written down", lambda: desk.ledger()[-1].name == "INCR")
    assert (desk.ledger()[-1].reply, desk.ledger()[-1].applied) == (1, True)
    assert desk.gcs.get("a") == b"1"


def test_a_transaction_without_its_exec_is_not_applied(desk: Desk) -> None:
    with closing(desk.link()) as link:
        link.sendall(
            b"*2\r\n$4\r\nAUTH\r\n$6\r\ns3cret\r\n*1\r\n$5\r\nMULTI\r\n*2\r\n$4\r\nINCR\r\n$1\r\na\r\n"
        )
        until("it is on its way", lambda: link.recv(100).endswith(b"QUEUED\r\n"))
    until("it is written down", lambda: desk.ledger()[-1].name == "INCR")
    assert [one.applied for one in desk.ledger()] == [True, False, False]


@pytest.mark.parametrize("garbage", [b"PING s3cret\r\n", b"\x16\x03\x01\x02 not Redis at all \r\n"])
def test_garbage_passes_unparsed_and_the_ledger_says_so(desk: Desk, garbage: bytes) -> None:
    with closing(desk.link()) as link:
        link.sendall(b"*2\r\n$4\r\nAUTH\r\n$6\r\ns3cret\r\n")
        assert link.recv(10) == b"+OK\r\n"
        link.sendall(garbage)
        assert link.recv(100)[:1] in (b"$", b"-")
        link.sendall(b"*1\r\n$4\r\nPING\r\n")
        assert b"PONG" in link.recv(100)
    last = desk.ledger()[-1]
    assert last.name == "(UNPARSED)"
    assert last.applied is None
    assert "s3cret" not in (desk.directory / LEDGER).read_text()


def test_a_subscriber_is_passed_unparsed(desk: Desk) -> None:
    listener = desk.gcs.pubsub()  # type: ignore[no-untyped-call]
    listener.subscribe("channel")
    until("it is subscribed", lambda: desk.gcs.publish("channel", "news") == 1)
    until(
        "the news come",
        lambda: (listener.get_message(timeout=0.05) or {}).get("data") == b"news",
    )
    listener.close()


def test_resp3_and_its_pushes_pass(desk: Desk) -> None:
    with closing(
        redis.Redis(desk.host, desk.port, password="s3cret", protocol=3, retry=Retry(NoBackoff(), 0))
    ) as modern:
        modern.hset("hash", "a", "1")
        assert modern.hgetall("hash") == {b"a": b"1"}
    with closing(desk.link()) as link:
        link.sendall(b"*4\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$4\r\nAUTH\r\n$7\r\ndefault\r\n")
    assert "s3cret" not in (desk.directory / LEDGER).read_text()
    assert [one.reply for one in desk.ledger() if one.name == "HGETALL"] == [{"items": 2}]


@pytest.mark.parametrize(
    ("command", "written"),
    [
        ("AUTH pw", "AUTH ***"),
        ("auth me pw", "auth me ***"),
        ("HELLO 3 AUTH me pw SETNAME x", "HELLO 3 AUTH me *** SETNAME x"),
        ("CONFIG SET requirepass pw", "CONFIG SET *** ***"),
        ("ACL SETUSER me >pw", "ACL SETUSER *** ***"),
        ("HSET a AUTH pw", "HSET a AUTH pw"),
    ],
)
def test_passwords_are_not_written(command: str, written: str) -> None:
    assert words([one.encode() for one in command.split()]) == tuple(written.split())


@pytest.mark.parametrize(
    ("command", "label"),
    [
        ("hset RAYns@ACTOR f v", "HSET ACTOR"),
        ("INCRBY RAYns@JobCounter 1", "INCRBY JobCounter"),
        ("SET gcs:actor:0123456789abcdef01 v", "SET gcs:actor:*"),
        ("SCAN 17", "SCAN"),
        ("EVAL script 1 RAYns@KV", "EVAL KV"),
        ("EXEC", "EXEC"),
    ],
)
def test_labels(command: str, label: str) -> None:
    assert meaning([one.encode() for one in command.split()]).label == label
