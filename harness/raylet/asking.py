"""The pytest side's connections: requests in JSON lines, one reply each. Threads may share one."""

from __future__ import annotations

import socket
import threading
from typing import Any

from harness.errors import TimedOut
from harness.raylet import jsonline

PATIENCE_S = 30.0
_CONNECTED_WITHIN = 1.0
# Asked after a silent second, and gone when nothing was acknowledged for two; a stopped process's kernel does that.
_GONE_WITHIN = (
    (socket.TCP_KEEPIDLE, 1),
    (socket.TCP_KEEPINTVL, 1),
    (socket.TCP_USER_TIMEOUT, 2000),
)


class HostError(Exception):
    """The host or worker answered that it cannot: ``kind`` is the exception it met."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind


class Line:
    """Requests to one address. Each runs on a connection of its own from a small stock."""

    def __init__(self, address: str, port: int) -> None:
        self._where = (address, port)
        self._stock: list[socket.socket] = []
        self._lock = threading.Lock()

    def ask(self, request: dict[str, Any], within: float = PATIENCE_S) -> dict[str, Any]:
        """The reply to ``request``.

        :class:`HostError` if it says no, :class:`harness.errors.TimedOut` after ``within``
        seconds, OSError if nobody is there any more.
        """
        connection = self._from_stock()
        try:
            connection = connection or _connected(self._where)
            connection.settimeout(within)
            connection.sendall(jsonline.pack(request))
            reply: dict[str, Any] = jsonline.unpack(_read_line(connection))
        except TimeoutError as late:
            _close(connection)
            if late.errno is not None:
                raise ConnectionError(f"{self._where} is not on the network any more") from late
            raise TimedOut(f"{request.get('op')} at {self._where}: no reply within {within:g} s") from None
        except OSError:
            _close(connection)
            raise
        with self._lock:
            self._stock.append(connection)
        if not reply["ok"]:
            raise HostError(reply.get("kind", "error"), reply["error"])
        return reply

    def _from_stock(self) -> socket.socket | None:
        """One that was not ended meanwhile: the other side may have left the network, and come back."""
        with self._lock:
            while self._stock:
                connection = self._stock.pop()
                if _lives(connection):
                    return connection
                connection.close()
        return None

    def close(self) -> None:
        """Drop the stock of connections."""
        with self._lock:
            for connection in self._stock:
                connection.close()
            self._stock.clear()


def _connected(where: tuple[str, int]) -> socket.socket:
    """A connection that ends soon after the other side's machine has gone without a word, as containers go."""
    try:
        connection = socket.create_connection(where, timeout=_CONNECTED_WITHIN)
    except TimeoutError as silence:
        raise ConnectionError(f"{where} is not on the network any more") from silence
    for option, value in _GONE_WITHIN:
        connection.setsockopt(socket.IPPROTO_TCP, option, value)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return connection


def _lives(idle: socket.socket) -> bool:
    idle.settimeout(0)
    try:
        idle.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


def _close(connection: socket.socket | None) -> None:
    if connection is not None:
        connection.close()


def _read_line(connection: socket.socket) -> bytes:
    parts = []
    while True:
        data = connection.recv(1 << 20)
        if not data:
            raise ConnectionError("the other side hung up")
        parts.append(data)
        if data.endswith(b"\n"):
            return b"".join(parts)
