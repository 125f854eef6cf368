"""Each mode against a real Redis, with redis-py as the GCS and a process that only sleeps as its victim."""

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
from harness.process.child import Child
from harness.proxy import Match, RedisProxy
from harness.proxy.base import StoreProxy, Strike
from harness.proxy.modes import Cut, Delay, KillAfter, KillBefore, Mode, RefuseWith, Stall, SwallowReply
from harness.proxy.remote import ProxyHost
from harness.store.redis_server import RedisServer
from harness.wait import never, until

ACTOR, SPEC = "RAYns@ACTOR", "RAYns@ACTOR_TASK_SPEC"
HSET = b"*4\r\n$4\r\nHSET\r\n$11\r\nRAYns@ACTOR\r\n$1\r\na\r\n$1\r\n1\r\n"


class Bench:
    """A Redis, a proxy before it, a victim that dies when a rule says so."""

    def __init__(self, directory: Path, elsewhere: ProxyHost | None) -> None:
        self.directory = directory
        self.server = RedisServer(directory / "redis")
        self.server.start()
        self.victim = Child.spawn("victim", ["sleep", "60"], {"PATH": "/usr/bin:/bin"}, directory / "log")
        self.recorder = Recorder(directory, "case")
        settings = self.server.settings
        self.killed: list[str] = []
        made = RedisProxy if elsewhere is None else elsewhere.redis
        self.proxy: StoreProxy = made((settings.host, settings.port), self.recorder, self._kill)
        self.place = self.proxy.open()
        self.direct = self.server.client()
        self.gcs = self.client()

    def _kill(self, via: str) -> None:
        self.killed.append(via)
        self.victim.kill()

    def client(self, timeout: float = 5.0) -> redis.Redis:
        return redis.Redis(
            host=self.place[0], port=self.place[1], socket_timeout=timeout,
            retry=Retry(NoBackoff(), 0), single_connection_client=True, protocol=2,
        )  # fmt: skip

    def arm(self, mode: Mode, label: str = "HSET ACTOR", nth: int = 1) -> Strike:
        return self.proxy.arm(mode, Match(label, nth))

    def ledger(self) -> list[Entry]:
        """What it says of commands that write, or belong to a transaction."""
        self.proxy.flush()
        return [one for one in entries(self.directory / LEDGER) if one.name not in ("CLIENT", "PING")]

    def close(self) -> None:
        self.gcs.close()
        self.direct.close()
        self.proxy.close()
        self.victim.kill()
        self.server.stop()


@pytest.fixture
def bench(tmp_path: Path, elsewhere: ProxyHost | None) -> Iterator[Bench]:
    with closing(Bench(tmp_path, elsewhere)) as made:
        yield made


def test_a_kill_before_the_command_leaves_the_store_without_it(bench: Bench) -> None:
    rule = bench.arm(KillBefore(), nth=2)
    bench.gcs.hset(ACTOR, "a", "1")
    with pytest.raises(redis.ConnectionError):
        bench.gcs.hset(ACTOR, "b", "2")
    assert rule.is_set()
    assert bench.killed == ["gcs"]
    assert not bench.victim.alive
    assert bench.direct.hgetall(ACTOR) == {b"a": b"1"}
    assert [(one.command[2], one.applied, one.rule) for one in bench.ledger()] == [
        ("a", True, ""),
        ("b", False, "KillBefore"),
    ]
    bench.gcs.close()
    with closing(bench.client()) as next_life:
        assert next_life.hset(ACTOR, "b", "3") == 1


def test_a_kill_after_the_command_leaves_it_in_the_store(bench: Bench) -> None:
    bench.arm(KillAfter())
    with pytest.raises(redis.ConnectionError):
        bench.gcs.hset(ACTOR, "a", "1")
    assert not bench.victim.alive
    assert bench.direct.hgetall(ACTOR) == {b"a": b"1"}
    (entry,) = bench.ledger()
    assert entry.applied
    assert entry.done is not None
    assert entry.reply == 1
    assert entry.rule == "KillAfter"


@pytest.mark.parametrize(("mode", "left"), [(KillBefore(), 1), (KillAfter(), 2)], ids=["before", "after"])
def test_what_was_sent_behind_the_killing_command_never_arrives(bench: Bench, mode: Mode, left: int) -> None:
    rule = bench.arm(mode, nth=2)
    other = socket.create_connection(bench.place)
    pipe = bench.gcs.pipeline(transaction=False)
    for number in range(5):
        pipe.hset(ACTOR, str(number), "x")
    with pytest.raises(redis.ConnectionError):
        pipe.execute()
    assert rule.wait(5)
    with closing(other):  # one of the same GCS, whose bytes come too late
        other.sendall(b"*4\r\n$4\r\nHSET\r\n$1\r\nk\r\n$1\r\nf\r\n$1\r\nv\r\n")
        other.settimeout(5)
        with pytest.raises(OSError):
            other.sendall(b"x" * (0 if other.recv(1) else 1))
            raise ConnectionError("it was closed")
    until("the proxy has closed all", lambda: not any(one.open for one in bench.proxy.connections()))
    assert bench.direct.hlen(ACTOR) == left
    assert not bench.direct.exists("k")
    assert [one.applied for one in bench.ledger()] == [True] * left + [False] * (5 - left)


def transaction(bench: Bench) -> list[int]:
    pipe = bench.gcs.pipeline(transaction=True)
    pipe.hset(ACTOR, "a", "1")
    pipe.hget(ACTOR, "a")
    pipe.hdel(SPEC, "a")
    return list(pipe.execute())


def test_a_transaction_is_one_unit(bench: Bench) -> None:
    mark = bench.proxy.mark()
    assert transaction(bench) == [1, b"1", 0]
    (unit,) = bench.proxy.units(mark)
    assert (unit.label, unit.writes, unit.via) == ("HSET ACTOR+HDEL ACTOR_TASK_SPEC", True, "gcs")
    found = bench.ledger()
    assert [one.name for one in found] == ["MULTI", "HSET", "HGET", "HDEL", "EXEC"]
    assert {one.unit for one in found} == {unit.number}
    assert {one.done for one in found} == {found[0].done}
    assert [one.reply for one in found] == ["OK", 1, "1", 0, {"items": 3}]
    assert all(one.applied for one in found)


@pytest.mark.parametrize(("mode", "applied"), [(KillBefore(), False), (KillAfter(), True)])
def test_a_transaction_is_struck_as_a_whole(bench: Bench, mode: Mode, applied: bool) -> None:
    bench.arm(mode, "HSET ACTOR+HDEL ACTOR_TASK_SPEC")
    with pytest.raises(redis.ConnectionError):
        transaction(bench)
    assert bool(bench.direct.exists(ACTOR)) is applied
    until("all is written down", lambda: len(bench.ledger()) == 5)
    assert {one.applied for one in bench.ledger()} == {applied}
    assert {one.rule for one in bench.ledger()} == {mode.name}


def test_a_transaction_that_is_refused_leaves_the_connection_usable(bench: Bench) -> None:
    bench.arm(RefuseWith("-OOM no room"), "HSET ACTOR+HDEL ACTOR_TASK_SPEC")
    with pytest.raises(redis.ResponseError, match="no room"):
        transaction(bench)
    assert transaction(bench) == [1, b"1", 0]
    assert [one.applied for one in bench.ledger()] == [False] * 5 + [True] * 5


def test_an_aborted_transaction_is_not_applied(bench: Bench) -> None:
    pipe = bench.gcs.pipeline(transaction=True)
    pipe.watch(ACTOR)  # type: ignore[no-untyped-call]
    pipe.multi()
    pipe.hset(ACTOR, "a", "1")
    bench.direct.hset(ACTOR, "a", "0")
    with pytest.raises(redis.WatchError):
        pipe.execute()
    until("all is written down", lambda: "EXEC" in [one.name for one in bench.ledger()])
    assert {one.name: one.applied for one in bench.ledger() if one.name in ("HSET", "EXEC")} == {
        "HSET": False,
        "EXEC": False,
    }


def test_a_refused_command_gets_its_error_in_its_turn(bench: Bench) -> None:
    bench.arm(RefuseWith(), nth=2)
    pipe = bench.gcs.pipeline(transaction=False)
    for number in range(3):
        pipe.hset(ACTOR, str(number), "x")
    first, second, third = pipe.execute(raise_on_error=False)
    assert (first, third) == (1, 1)
    assert isinstance(second, redis.ResponseError)
    assert bench.direct.hkeys(ACTOR) == [b"0", b"2"]
    refused = bench.ledger()[1]
    assert refused.reply == {"error": "ERR refused by the proxy"}
    assert refused.applied is False
    assert refused.rule == "RefuseWith"


@pytest.mark.parametrize("at", ["command", "reply"])
def test_a_stall_holds_until_it_is_released(bench: Bench, at: str) -> None:
    rule = bench.arm(Stall(at))  # type: ignore[arg-type]
    link, other = socket.create_connection(bench.place), bench.client()
    with closing(link), closing(other):
        link.sendall(HSET)
        link.settimeout(0.2)
        assert rule.wait(5)
        assert other.set("free", "1")
        with pytest.raises(TimeoutError):
            link.recv(100)
        assert bool(bench.direct.exists(ACTOR)) is (at == "reply")
        rule.release()
        link.settimeout(5)
        assert link.recv(100) == b":1\r\n"
    assert {one.applied for one in bench.ledger() if one.name == "HSET"} == {True}


def test_a_command_that_is_held_when_its_gcs_ends_is_lost(bench: Bench) -> None:
    rule = bench.arm(Stall("command"))
    with closing(bench.client(0.1)) as slow, pytest.raises(redis.TimeoutError):
        slow.hset(ACTOR, "a", "1")
    until("the proxy knows", lambda: len(bench.ledger()) == 1)
    rule.release()
    (entry,) = bench.ledger()
    assert entry.applied is False
    assert not bench.direct.exists(ACTOR)


def test_a_swallowed_reply_never_comes_but_commands_pass(bench: Bench) -> None:
    bench.arm(SwallowReply())
    link = socket.create_connection(bench.place)
    with closing(link):
        link.settimeout(0.2)
        link.sendall(HSET + b"*3\r\n$3\r\nSET\r\n$5\r\nafter\r\n$1\r\n1\r\n")
        with pytest.raises(TimeoutError):
            link.recv(10)
    assert bench.direct.exists(ACTOR, "after") == 2


def test_a_delayed_command_comes_later(bench: Bench) -> None:
    rule = bench.arm(Delay(0.1))
    bench.gcs.hset(ACTOR, "a", "1")
    entry = bench.ledger()[0]
    assert rule.is_set()
    assert entry.done is not None
    assert entry.done - entry.at >= 0.1


@pytest.mark.parametrize("at", ["command", "reply"])
def test_a_cut_resets_the_connection(bench: Bench, at: str) -> None:
    rule = bench.arm(Cut(at))  # type: ignore[arg-type]
    with pytest.raises(redis.ConnectionError, match="reset"):
        bench.gcs.hset(ACTOR, "a", "1")
    assert rule.is_set()
    assert bool(bench.direct.exists(ACTOR)) is (at == "reply")
    assert bench.gcs.ping()


def test_pings_and_usage_statistics_are_never_struck(bench: Bench) -> None:
    rule = bench.proxy.arm(KillBefore(), Match())
    bench.gcs.ping()
    bench.gcs.info()
    bench.gcs.hset("RAYns@KV", "@namespace_usage_stats:extra_usage_tag_x", "1")
    assert not rule.is_set()
    rule.disarm()
    bench.gcs.hset(ACTOR, "a", "1")
    assert [unit.label for unit in bench.proxy.units()] == ["HSET ACTOR"]


def test_a_rule_that_is_disarmed_while_it_waits_strikes_nothing(bench: Bench) -> None:
    rule = bench.arm(KillAfter())
    bench.server.pause()
    with closing(socket.create_connection(bench.place)) as link:
        link.sendall(
            b"*4\r\n$4\r\nHSET\r\n$%d\r\n%b\r\n$1\r\na\r\n$1\r\n1\r\n" % (len(ACTOR), ACTOR.encode())
        )
        until("it is on its way", lambda: rule.unit is not None)
        rule.disarm()
        bench.server.resume()
        link.settimeout(5)
        assert link.recv(10) == b":1\r\n"
    assert not bench.killed


def test_another_gcs_is_not_struck(bench: Bench) -> None:
    bench.arm(KillBefore())
    host, port = bench.proxy.open(via="rival")
    with closing(redis.Redis(host=host, port=port, retry=Retry(NoBackoff(), 0))) as rival:
        rival.hset(ACTOR, "a", "1")
        with pytest.raises(redis.ConnectionError):
            bench.gcs.hset(ACTOR, "b", "1")
        assert rival.hset(ACTOR, "c", "1") == 1
    assert {one.via for one in bench.ledger() if one.applied} == {"rival"}
    never("it is killed again", lambda: len(bench.killed) > 1, during=0.02)
