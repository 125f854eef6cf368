"""What is different about proxies in another process: what they tell, what they ask, and their ends.

That each mode, each fault and the ledger are as in this process, the tests of those show.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import fields
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from harness.history.entry import Entry
from harness.history.log import HISTORY, LEDGER, entries, events
from harness.history.recorder import Recorder
from harness.process.child import Child
from harness.process.ports import allocate_port
from harness.process.python import spawn_here
from harness.proxy import Match, RedisProxy
from harness.proxy.base import StoreProxy
from harness.proxy.link import Blackhole, LinkFault, Slow
from harness.proxy.modes import Cut, KillAfter, KillBefore, Mode, Stall
from harness.proxy.remote import ProxyHost
from harness.proxy.wire import CONTROL_FILE, FAULTS, MODES, fault_of, mode_of, packed
from harness.store.redis_server import RedisServer
from harness.wait import never, until

ACTOR = "RAYns@ACTOR"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    started = RedisServer(tmp_path_factory.mktemp("redis"))
    started.start()
    yield started
    started.stop()


@pytest.fixture
def store(server: RedisServer) -> Iterator[tuple[str, int]]:
    """An empty Redis."""
    server.wipe()
    yield server.settings.host, server.settings.port


@pytest.fixture
def own(tmp_path: Path) -> Iterator[ProxyHost]:
    """A host that a test may end."""
    with ProxyHost(tmp_path / "host") as started:
        yield started


def client(proxy: StoreProxy) -> redis.Redis:
    return client_at(proxy.open())


def client_at(place: tuple[str, int], patience: float = 5.0) -> redis.Redis:
    return redis.Redis(
        *place,
        socket_timeout=patience,
        retry=Retry(NoBackoff(), 0),
        single_connection_client=True,
        protocol=2,
    )


def said(entry: Entry) -> tuple[object, ...]:
    """Of an entry all that does not depend on the moment."""
    return tuple(
        getattr(entry, one.name)
        for one in fields(entry)
        if one.name not in ("at", "done", "case", "connection")
    )


def test_the_ledger_is_the_same_line_by_line(
    host: ProxyHost, store: tuple[str, int], server: RedisServer, tmp_path: Path
) -> None:
    found = []
    for made, case in ((RedisProxy, "here"), (host.redis, "there")):
        server.wipe()
        with closing(made(store, Recorder(tmp_path / case, case, 3))) as proxy:
            cut = proxy.arm(Cut("reply"), Match("HSET ACTOR", nth=2))
            with closing(client(proxy)) as gcs:
                gcs.hset(ACTOR, mapping={"a": b"\x00\xff", "b": "x" * 100})
                pipe = gcs.pipeline(transaction=True)
                pipe.hset(ACTOR, "c", "1")
                pipe.incr("RAYns@JobCounter")
                pipe.execute()
                with pytest.raises(redis.ConnectionError):
                    gcs.hset(ACTOR, "d", "2")
            assert cut.wait(5)
            assert cut.unit is not None
            assert cut.struck_at is not None
            labels = [(one.number, one.label, one.via, one.writes) for one in proxy.units()]
            struck = (cut.unit.number, cut.unit.label)
            (event,) = (one for one in events(tmp_path / case / HISTORY) if one.facts["phase"] == "inject")
            about = (
                event.what,
                event.who,
                event.cluster,
                dict(event.facts),
                event.at == round(cut.struck_at, 6),
            )
        ledger = entries(tmp_path / case / LEDGER)
        assert {one.case for one in ledger} == {case}
        found.append((labels, struck, about, [said(one) for one in ledger]))
    assert found[0] == found[1]
    assert len(found[0][3]) >= 7


def test_another_case_has_its_own_entries(
    elsewhere: ProxyHost | None, store: tuple[str, int], tmp_path: Path
) -> None:
    recorder = Recorder(tmp_path, "first")
    made = RedisProxy if elsewhere is None else elsewhere.redis
    with closing(made(store, recorder)) as proxy, closing(client(proxy)) as gcs:
        for case in ("first", "second"):
            if case != "first":
                proxy.turn_to(case)
                recorder.turn_to(case)
            gcs.hset(ACTOR, case, "1")
            with proxy.fault(Slow(1e6)):
                gcs.hset(ACTOR, case, "2")
    wrote = [(one.case, one.command[2]) for one in entries(tmp_path / LEDGER) if one.name == "HSET"]
    assert wrote == [("first", "first")] * 2 + [("second", "second")] * 2
    faults = [one for one in events(tmp_path / HISTORY) if one.kind == "fault"]
    assert [(one.case, one.facts["phase"]) for one in faults] == [
        (case, phase) for case in ("first", "second") for phase in ("inject", "healed")
    ]
    assert len({(one.case, one.id) for one in faults}) == 4


def test_proxies_of_one_cluster_share_the_numbers_of_its_record(
    host: ProxyHost, own: ProxyHost, store: tuple[str, int], tmp_path: Path
) -> None:
    recorder = Recorder(tmp_path, "case")
    recorder.write("note", "ours")
    with (
        closing(host.redis(store, recorder)) as one,
        closing(host.redis(store, recorder)) as two,
        closing(own.tcp(store, recorder)) as link,
    ):
        for proxy in (one, two):
            proxy.turn_to("next")
            with closing(client(proxy)) as gcs:
                gcs.set("key", "value")
        link.turn_to("next")
        for broken in (one, two, link):
            with broken.fault(Slow(1e6)):
                pass
    ledger = [one for one in entries(tmp_path / LEDGER) if one.name == "SET"]
    assert len({entry.id for entry in ledger}) == len(ledger) == 2
    history = [event for event in events(tmp_path / HISTORY) if event.case == "next"]
    assert len({event.id for event in history}) == len(history) == 6


@pytest.mark.parametrize("mode", [KillBefore(), KillAfter()], ids=repr)
def test_nothing_passes_while_a_gcs_is_killed(
    elsewhere: ProxyHost | None, store: tuple[str, int], mode: Mode
) -> None:
    """Nor is the rule said to have struck."""
    seen: list[object] = []

    def kill(via: str) -> None:
        other.sendall(b"*1\r\n$4\r\nPING\r\n")
        other.settimeout(0.1)
        with suppress(TimeoutError):
            seen.append(other.recv(10))
        seen.append((via, rule.struck.is_set()))

    made = RedisProxy if elsewhere is None else elsewhere.redis
    with (
        closing(made(store, None, kill)) as proxy,
        closing(client(proxy)) as gcs,
        closing(socket.create_connection(proxy.open("rival"))) as other,
    ):
        rule = proxy.arm(mode, Match("SET"))
        with pytest.raises(redis.ConnectionError):
            gcs.set("key", "value")
        assert seen == [("gcs", False)]
        assert rule.is_set()
        other.settimeout(5)
        assert other.recv(10) == b"+PONG\r\n"


def test_who_kills_may_use_the_proxies_of_the_host(host: ProxyHost, store: tuple[str, int]) -> None:
    """A GCS has a front that is closed with it. Others wait until the kill is over, as for one in this process."""
    seen: list[object] = []

    def kill(via: str) -> None:
        asking.start()
        front.close()
        seen.append([one.via for one in proxy.connections(via) if one.open])
        never("another is answered", lambda: answers, during=0.05)

    with closing(host.tcp(store)) as front, closing(host.redis(store, None, kill)) as proxy:
        answers: list[int] = []
        asking = threading.Thread(target=lambda: answers.append(proxy.mark()))
        place = front.open()
        proxy.arm(KillBefore(), Match("SET"))
        with closing(client(proxy)) as gcs, pytest.raises(redis.ConnectionError):
            gcs.set("key", "value")
        assert seen == [["gcs"]]
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(place)
        until("the other is answered", lambda: answers)
        asking.join()


def test_a_kill_that_fails_is_told_at_the_close(own: ProxyHost, store: tuple[str, int]) -> None:
    def kill(via: str) -> None:
        raise LookupError(f"no {via} here")

    proxy = own.redis(store, None, kill)
    rule = proxy.arm(KillBefore(), Match("SET"))
    with closing(client(proxy)) as gcs, pytest.raises(redis.ConnectionError):
        gcs.set("key", "value")
    assert not rule.is_set()
    with pytest.raises(RuntimeError, match=r"gcs was not killed: LookupError.*no gcs here"):
        proxy.close()
    proxy.close()


def test_a_unit_is_told_before_its_rule_has_struck(
    host: ProxyHost, store: tuple[str, int], server: RedisServer
) -> None:
    with closing(host.redis(store)) as proxy:
        rule = proxy.arm(KillAfter(), Match("SET"))
        gcs = client(proxy)
        server.pause()
        asking = threading.Thread(target=gcs.set, args=("key", "value"))
        asking.start()
        until("it is on its way", lambda: rule.unit)
        assert rule.unit == proxy.units()[-1]
        assert (rule.is_set(), rule.struck_at, rule.live) == (False, None, True)
        rule.disarm()
        server.resume()
        asking.join()
        assert gcs.get("key") == b"value"
        assert (rule.is_set(), rule.live) == (False, False)
        rule.release()
        rule.disarm()
        gcs.close()


def test_closing_a_proxy_frees_what_it_holds(host: ProxyHost, store: tuple[str, int]) -> None:
    proxy = host.redis(store)
    rule = proxy.arm(Stall(), Match())
    host_and_port = proxy.open()
    with closing(socket.create_connection(host_and_port)) as gcs:
        gcs.sendall(b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n")
        assert rule.wait(5)
        proxy.close()
        assert not rule.live
        assert gcs.recv(1) == b""
    assert proxy.open(port=host_and_port[1]) == host_and_port
    proxy.close()


def test_a_port_that_is_anothers_is_an_error(host: ProxyHost, store: tuple[str, int]) -> None:
    with closing(host.tcp(store)) as proxy, pytest.raises(OSError, match="in use"):
        proxy.open(*store)


def test_faults_of_both_kinds_of_proxies(host: ProxyHost, store: tuple[str, int]) -> None:
    """A Redis proxy behind a link that is broken in one direction: what is applied is not always told."""
    with closing(host.redis(store)) as proxy, closing(host.tcp(proxy.open())) as link:
        with closing(client_at(link.open(), patience=0.1)) as gcs:
            assert gcs.ping()
            with link.fault(Blackhole("down")):
                with pytest.raises(redis.TimeoutError):
                    gcs.set("key", "value")
                assert [one.faults for one in link.connections()] == [("Blackhole",)]
        with closing(client(proxy)) as other:
            assert other.get("key") == b"value"


# What crosses


@pytest.mark.parametrize("kind", [*MODES.values(), *FAULTS.values()], ids=lambda kind: kind.__module__)
def test_each_mode_and_each_fault_crosses(kind: Callable[..., Mode | LinkFault]) -> None:
    given = {
        "seconds": 0.25,
        "at": "reply",
        "error": "-X",
        "direction": "up",
        "bytes_per_second": 3.5,
        "lost_by": "client",
    }
    own = {one.name: given[one.name] for one in fields(kind)}  # type: ignore[arg-type]
    value = kind(**own)
    crossed = json.loads(json.dumps(packed(value)))
    assert (mode_of(crossed) if isinstance(value, Mode) else fault_of(crossed)) == value


def test_a_mode_of_somebody_elses_does_not_cross(host: ProxyHost, store: tuple[str, int]) -> None:
    class Odd(Mode):
        pass

    with closing(host.redis(store)) as proxy, pytest.raises(TypeError, match="another process"):
        proxy.arm(Odd(), Match())


# Ends


def test_the_death_of_a_host_is_told(own: ProxyHost, store: tuple[str, int]) -> None:
    recorder = Recorder()
    proxy = own.redis(store, recorder)
    rule = proxy.arm(KillBefore(), Match())
    os.kill(own.pid, signal.SIGSTOP)
    failed: list[Exception] = []

    def ask(what: Callable[[], object]) -> None:
        try:
            what()
        except Exception as problem:  # noqa: BLE001 - of whatever kind it is
            failed.append(problem)

    asking = [threading.Thread(target=ask, args=(one,)) for one in (proxy.mark, lambda: rule.wait(60))]
    for thread in asking:
        thread.start()
    os.kill(own.pid, signal.SIGKILL)
    for thread in asking:
        thread.join(10)
    ask(proxy.close)
    ask(rule.is_set)
    ask(rule.disarm)
    assert [type(one) for one in failed] == [RuntimeError] * 5
    assert all("the process of the proxies, ended with -9; it said last:" in str(one) for one in failed)


def test_a_host_that_we_ended_is_no_error(own: ProxyHost, store: tuple[str, int]) -> None:
    proxy = own.redis(store)
    rule = proxy.arm(KillBefore(), Match())
    own.kill()
    assert own.exit_status == -signal.SIGKILL
    proxy.close()
    assert not rule.wait(0.01)
    assert not rule.is_set()
    own.close()
    with pytest.raises(RuntimeError, match="was ended"):
        proxy.mark()


def test_a_host_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"(?s)ended with 1; it said last:.*Cannot assign"):
        ProxyHost(tmp_path, address="192.0.2.1")


def test_a_host_ends_with_whoever_leads_it(tmp_path: Path, store: tuple[str, int]) -> None:
    """Also in the middle of a kill, and not with a stranger who only knocked."""
    dying, dead = threading.Event(), threading.Event()

    def kill(via: str) -> None:
        dying.set()
        dead.wait()

    with ProxyHost(tmp_path) as own:
        port = json.loads((tmp_path / CONTROL_FILE).read_text())["port"]
        socket.create_connection((own.address, port)).close()
        with closing(socket.create_connection((own.address, port))) as stranger:
            stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
            stranger.settimeout(5)
            with suppress(ConnectionError):
                assert stranger.recv(1) == b""
        proxy = own.redis(store, None, kill)
        proxy.arm(KillBefore(), Match())
        gcs = socket.create_connection(proxy.open())
        gcs.sendall(b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n")
        assert dying.wait(5)
        assert own.exit_status is None
        own._line.close()
        until("it ends", lambda: own.exit_status == 0)
        with suppress(ConnectionError):
            assert gcs.recv(1) == b""
        gcs.close()
        dead.set()


def test_a_host_ends_with_its_standard_input(tmp_path: Path) -> None:
    arguments = ["--directory", str(tmp_path), "--control", f"127.0.0.1:{allocate_port()}"]
    child = spawn_here("harness.proxy.host", arguments, "127.0.0.1", {}, tmp_path / "log", "proxy")
    assert isinstance(child, Child)
    until("it listens", lambda: (tmp_path / CONTROL_FILE).exists() or not child.alive, 20)
    assert child.alive, child.log_tail()
    assert json.loads((tmp_path / CONTROL_FILE).read_text())["port"] == int(arguments[-1].split(":")[1])
    child.close_stdin()
    assert child.wait(5) == 0
