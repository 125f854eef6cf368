"""A proxy passes bytes, ends and refusals as the backend gives them; each fault of a link does its own."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from harness.process.ports import allocate_port
from harness.proxy import TcpProxy
from harness.proxy.base import LinkProxy
from harness.proxy.link import Blackhole, Delay, HalfOpen, LinkFault, Refuse, Reset, Slow
from harness.proxy.remote import ProxyHost
from harness.wait import never, until

Address = tuple[str, int]
SHORT = 0.1


class Echo:
    """A server that sends back what it gets, and ends a connection when it is told ``bye``."""

    def __init__(self, port: int) -> None:
        self.address = ("127.0.0.1", port)
        self.links: list[socket.socket] = []
        self.ends: list[str] = []
        """How clients that had said something ended: ``end`` or ``reset``."""
        self._listener: socket.socket | None = None
        self.start()

    def start(self) -> None:
        self._listener = socket.create_server(self.address)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                link, _ = listener.accept()
                self.links.append(link)
                threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _serve(self, link: socket.socket) -> None:
        end = "end"
        spoke = False
        try:
            while data := link.recv(65536):
                spoke = True
                if data == b"bye":
                    break
                link.sendall(data)
        except OSError:
            end = "reset"
        if spoke:
            self.ends.append(end)
        link.close()

    def die(self) -> None:
        """As a process does: the port is closed, and all connections."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for link in self.links:
            with suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
        self.links.clear()


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo(allocate_port())
    yield server
    server.die()


@pytest.fixture(params=[True, False], ids=["watching", "not watching"])
def watch(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def proxy(echo: Echo, elsewhere: ProxyHost | None) -> Iterator[LinkProxy]:
    made: LinkProxy = TcpProxy(echo.address) if elsewhere is None else elsewhere.tcp(echo.address)
    yield made
    made.close()


@pytest.fixture
def place(proxy: LinkProxy) -> Address:
    return proxy.open()


def connect(place: Address, timeout: float = 5.0) -> socket.socket:
    return socket.create_connection(place, timeout=timeout)


def asked(link: socket.socket, data: bytes = b"hello") -> bytes:
    link.sendall(data)
    got = b""
    while len(got) < len(data):
        more = link.recv(65536)
        if not more:
            break
        got += more
    return got


def silent(link: socket.socket, seconds: float = SHORT) -> bool:
    """Whether nothing comes."""
    link.settimeout(seconds)
    try:
        link.recv(1)
    except TimeoutError:
        return True
    finally:
        link.settimeout(5)
    return False


def refused(place: Address) -> bool:
    try:
        connect(place, 1).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:  # it was closing
        return False
    return False


def test_bytes_pass_both_ways_and_are_counted(proxy: LinkProxy, place: Address) -> None:
    with closing(connect(place)) as link:
        assert asked(link, b"x" * 3_000_000) == b"x" * 3_000_000
        (view,) = proxy.connections()
        assert (view.number, view.up, view.down, view.open, view.faults) == (
            1,
            3_000_000,
            3_000_000,
            True,
            (),
        )
        assert view.client == link.getsockname()
    until("its end is seen", lambda: not proxy.connections()[0].open)


def test_an_end_is_passed_on(echo: Echo, place: Address) -> None:
    with closing(connect(place)) as link:
        link.sendall(b"last words")
        link.shutdown(socket.SHUT_WR)
        assert link.recv(100) == b"last words"
        assert link.recv(100) == b""
    assert echo.ends == ["end"]
    with closing(connect(place)) as link:
        link.sendall(b"bye")
        assert link.recv(100) == b""


def test_a_reset_is_passed_on_behind_what_was_sent(echo: Echo, place: Address) -> None:
    link = connect(place)
    asked(link)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    link.close()
    until("the server sees the reset", lambda: echo.ends == ["reset"])


def test_where_the_backend_refuses_the_proxy_refuses(echo: Echo, watch: bool) -> None:
    proxy = TcpProxy(echo.address, watch=watch)
    place = proxy.open("127.0.0.1", allocate_port())
    try:
        with closing(connect(place)) as link:
            asked(link)
            echo.die()
            assert link.recv(10) == b""
            assert refused(place), "whoever hears of the end is refused from then on"
        echo.start()
        until("it is open again", lambda: not refused(place))
        with closing(connect(place)) as link:
            assert asked(link) == b"hello"
    finally:
        proxy.close()
    assert refused(place)


def test_a_death_is_seen_without_a_client(echo: Echo) -> None:
    proxy = TcpProxy(echo.address, watch=True)
    place = proxy.open("127.0.0.1", allocate_port())
    until("it is watched", lambda: echo.links)
    echo.die()
    until("it refuses", lambda: refused(place))
    proxy.close()


def test_a_backend_that_ends_and_falls_silent_is_gone_and_one_that_is_only_silent_is_not() -> None:
    """A container that dies takes its address along: nobody is there even to refuse."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, closing(socket.socket()) as filler:
        proxy = TcpProxy(server.getsockname())
        with closing(proxy):
            place = proxy.open()
            server.accept()[0].close()  # the proxy has knocked
            client = connect(place)
            link, _ = server.accept()
            filler.connect(server.getsockname())  # from now on a knock is not answered
            assert not refused(place), "it may be busy"
            link.close()
            until("it refuses", lambda: refused(place))
            server.accept()[0].close()
            until("it is open again", lambda: not refused(place))
            client.close()


def test_a_backend_that_is_not_there_yet_is_awaited() -> None:
    port = allocate_port()
    proxy = TcpProxy(("127.0.0.1", port))
    place = proxy.open("127.0.0.1", allocate_port())
    assert refused(place)
    echo = Echo(port)
    until("it is open", lambda: not refused(place))
    proxy.close()
    echo.die()


def test_a_port_that_is_anothers_is_an_error(proxy: LinkProxy, echo: Echo) -> None:
    with pytest.raises(OSError):
        proxy.open(*echo.address)


@pytest.mark.parametrize("direction", ["up", "down", "both"])
def test_a_delay_strikes_connections_that_exist_and_new_ones(
    proxy: LinkProxy, place: Address, direction: str
) -> None:
    with closing(connect(place)) as old:
        asked(old)
        with proxy.fault(Delay(0.05, direction)), closing(connect(place)) as new:  # type: ignore[arg-type]
            for link in (old, new):
                began = time.monotonic()
                assert asked(link) == b"hello"
                assert time.monotonic() - began >= 0.05 * (2 if direction == "both" else 1)
            assert [one.faults for one in proxy.connections()] == [("Delay",)] * 2
        assert proxy.connections()[0].faults == ()


def test_what_a_blackhole_held_arrives_afterwards(proxy: LinkProxy, place: Address) -> None:
    with closing(connect(place)) as old:
        asked(old)
        with proxy.fault(Blackhole()), closing(connect(place)) as new:
            for link in (old, new):
                link.sendall(b"lost?")
                assert silent(link)
        assert old.recv(10) == b"lost?"


def test_a_blackhole_of_one_direction_lets_the_other_through(
    proxy: LinkProxy, place: Address, echo: Echo
) -> None:
    with closing(connect(place)) as link:
        asked(link)
        with proxy.fault(Blackhole("up")):
            echo.links[-1].sendall(b"news")
            assert link.recv(10) == b"news"
            link.sendall(b"x")
            assert silent(link)


@pytest.mark.parametrize("loser", ["backend", "client"])
def test_half_open(proxy: LinkProxy, place: Address, echo: Echo, loser: str) -> None:
    with closing(connect(place)) as link:
        asked(link)
        with proxy.fault(HalfOpen(loser)):  # type: ignore[arg-type]
            if loser == "backend":
                until("the backend has lost it", lambda: echo.ends == ["reset"])
                link.sendall(b"anyone?")
                assert silent(link)
            else:
                with pytest.raises(ConnectionResetError):
                    link.recv(1)
                never("the backend is told", lambda: echo.ends, during=0.05)
        if loser == "backend":
            with pytest.raises(ConnectionResetError):
                link.recv(1)
        else:
            until("the backend is told", lambda: echo.ends == ["reset"])


def test_reset(proxy: LinkProxy, place: Address, echo: Echo) -> None:
    with closing(connect(place)) as old:
        asked(old)
        with proxy.fault(Reset()):
            with pytest.raises(ConnectionResetError):
                old.recv(1)
            # It may be reset before connect() has returned.
            with pytest.raises(ConnectionResetError), closing(connect(place)) as new:
                new.recv(1)
            until("the backend too", lambda: echo.ends[:1] == ["reset"])
    with closing(connect(place)) as link:
        assert asked(link) == b"hello"


def test_refuse(proxy: LinkProxy, place: Address) -> None:
    with closing(connect(place)) as old:
        asked(old)
        with proxy.fault(Refuse()):
            assert refused(place)
            assert asked(old) == b"hello"
        assert not refused(place)


def test_slow(proxy: LinkProxy, place: Address) -> None:
    with closing(connect(place)) as link, proxy.fault(Slow(100_000, "up")):
        began = time.monotonic()
        assert asked(link, b"x" * 20_000) == b"x" * 20_000
        assert time.monotonic() - began >= 0.15


def test_faults_add_up(proxy: LinkProxy, place: Address) -> None:
    with closing(connect(place)) as link:
        asked(link)
        with proxy.fault(Delay(0.03)), proxy.fault(Delay(0.06)), proxy.fault(Slow(1e6)):
            assert proxy.connections()[0].faults == ("Delay", "Delay", "Slow")
            began = time.monotonic()
            assert asked(link, b"x" * 5000) == b"x" * 5000
            assert time.monotonic() - began >= 0.12


@pytest.mark.parametrize("fault", [Delay(0.02), Blackhole(), Slow(1e5)], ids=repr)
def test_the_end_of_a_connection_is_under_the_same_fault(
    proxy: LinkProxy, place: Address, echo: Echo, fault: LinkFault
) -> None:
    link = connect(place)
    asked(link)
    with proxy.fault(fault):
        link.sendall(b"x")
        link.close()
        if isinstance(fault, Blackhole):
            never("the backend hears of it", lambda: echo.ends, during=0.05)
    until("the backend hears of it", lambda: echo.ends)
    until("nothing is left", lambda: not proxy.connections()[0].open)
