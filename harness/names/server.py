"""A DNS server on loopback that answers rightly, wrongly, with no such name, or not at all."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import struct
import threading
import time
from dataclasses import dataclass

from dnslib import QTYPE, RCODE, RR, A, DNSRecord
from dnslib.dns import DNSError

from harness.process.ports import allocate_port, release_port

_LENGTH = struct.Struct("!H")  # in TCP, every message follows its length


@dataclass(frozen=True)
class Query:
    """One question and what it was given. ``at`` in monotonic seconds.

    ``kind`` is ``A``, ``AAAA`` and so on; ``answer`` an IP, ``""`` (no such record), ``NXDOMAIN``,
    or None for silence.
    """

    at: float
    name: str
    kind: str
    answer: str | None


class NameServer:
    """Answers A queries on UDP and TCP of one loopback port; AAAA and the rest are answered empty.

    A name that nobody set does not exist. Names are compared without case. A change holds from
    the next query on. Use it with ``start`` and ``stop``; a stopped one has given its port back.
    """

    def __init__(self, address: str = "127.0.0.1", ttl: int = 0) -> None:
        """``ttl``: seconds that an answer may be kept."""
        self.address = address
        self.port = allocate_port(address)
        self._ttl = ttl
        self._lock = threading.Lock()
        self._ips: dict[str, str] = {}
        self._silent: set[str] = set()
        self._queries: list[Query] = []
        self._servers: list[socketserver.BaseServer] = []

    # What it says

    def set(self, name: str, ip: str) -> None:
        """``name`` is at ``ip``, from now on and aloud."""
        with self._lock:
            self._ips[_plain(name)] = ip
            self._silent.discard(_plain(name))

    def stale(self, name: str, old: str) -> None:
        """``name`` is answered with ``old``, an address where it no longer is."""
        self.set(name, old)

    def silence(self, name: str) -> None:
        """Queries for ``name`` get no answer at all, until it is set."""
        with self._lock:
            self._silent.add(_plain(name))

    def missing(self, name: str) -> None:
        """``name`` does not exist (NXDOMAIN), until it is set."""
        with self._lock:
            self._ips.pop(_plain(name), None)
            self._silent.discard(_plain(name))

    @property
    def queries(self) -> list[Query]:
        """All queries so far, in order."""
        with self._lock:
            return list(self._queries)

    def target(self, name: str, port: int) -> str:
        """The gRPC target that resolves ``name`` here and connects to ``port``."""
        return f"dns://{self.address}:{self.port}/{name}:{port}"

    # Life

    def start(self) -> None:
        """Serve from now on. OSError when the port is taken."""
        if self._servers:
            return
        self._servers = [_Udp((self.address, self.port), self), _Tcp((self.address, self.port), self)]
        for server in self._servers:
            # The interval only bounds how long stop() takes.
            threading.Thread(
                target=server.serve_forever, kwargs={"poll_interval": 0.01}, name="name-server", daemon=True
            ).start()

    def stop(self) -> None:
        """Stop serving: its port is closed."""
        servers, self._servers = self._servers, []
        for server in servers:
            server.shutdown()
            server.server_close()
        if servers:
            release_port(self.port)

    def reply(self, data: bytes) -> bytes | None:
        """The answer to one message; None for silence, and for what is no DNS query."""
        try:
            query = DNSRecord.parse(data)
            name, kind = str(query.q.qname), QTYPE[query.q.qtype]
        except (DNSError, ValueError, IndexError):
            return None
        with self._lock:
            answer = self._answer(_plain(name), kind)
            self._queries.append(Query(time.monotonic(), _plain(name), kind, answer))
        if answer is None:
            return None
        reply = query.reply()
        if answer == "NXDOMAIN":
            reply.header.rcode = RCODE.NXDOMAIN
        elif answer:
            reply.add_answer(RR(query.q.qname, QTYPE.A, rdata=A(answer), ttl=self._ttl))
        packed: bytes = reply.pack()
        return packed

    def _answer(self, name: str, kind: str) -> str | None:
        if name in self._silent:
            return None
        if name not in self._ips:
            return "NXDOMAIN"
        return self._ips[name] if kind == "A" else ""


class _Udp(socketserver.UDPServer):
    def __init__(self, at: tuple[str, int], names: NameServer) -> None:
        self.names = names
        super().__init__(at, _UdpQuery)


class _UdpQuery(socketserver.BaseRequestHandler):
    server: _Udp

    def handle(self) -> None:
        data, endpoint = self.request
        answer = self.server.names.reply(data)
        if answer is not None:
            with contextlib.suppress(OSError):
                endpoint.sendto(answer, self.client_address)


class _Tcp(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, at: tuple[str, int], names: NameServer) -> None:
        self.names = names
        super().__init__(at, _TcpQueries)


class _TcpQueries(socketserver.BaseRequestHandler):
    server: _Tcp

    def handle(self) -> None:
        connection: socket.socket = self.request
        connection.settimeout(10.0)  # a client that goes silent must not keep a thread
        with contextlib.suppress(OSError):
            while (data := _message(connection)) is not None:
                answer = self.server.names.reply(data)
                if answer is not None:
                    connection.sendall(_LENGTH.pack(len(answer)) + answer)


def _message(connection: socket.socket) -> bytes | None:
    header = connection.recv(_LENGTH.size, socket.MSG_WAITALL)
    if len(header) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(header)
    data = connection.recv(length, socket.MSG_WAITALL)
    return data if len(data) == length else None


def _plain(name: str) -> str:
    return name.rstrip(".").lower()
