"""Redis' protocol over asyncio, as much of it as a store needs: pipelined packets, RESP2 replies."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from typing import Any

INCOMPLETE = object()


class RedisError(Exception):
    """An error reply; the text is Redis' own."""


class Connection(asyncio.Protocol):
    """One connection. Replies come in the order of the commands; each packet has one future."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._waiting: deque[tuple[int, list[Any], asyncio.Future[list[Any]]]] = deque()
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()

    @classmethod
    async def open(
        cls, host: str, port: int, tls: ssl.SSLContext | None, known_as: str | None = None
    ) -> Connection:
        """Connect; OSError when that fails, also when the certificate is not of ``known_as`` (else of ``host``)."""
        loop = asyncio.get_running_loop()
        name = known_as if tls is not None else None
        _transport, connection = await loop.create_connection(cls, host, port, ssl=tls, server_hostname=name)
        return connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        waiting, self._waiting = self._waiting, deque()
        for _count, _replies, future in waiting:
            if not future.done():
                future.set_exception(ConnectionError("the connection to Redis was closed"))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def send(self, *commands: tuple[bytes, ...]) -> asyncio.Future[list[Any]]:
        """Send commands in one packet. The future gives their replies, error replies as values."""
        future: asyncio.Future[list[Any]] = self._loop.create_future()
        if self._transport is None:
            future.set_exception(ConnectionError("not connected to Redis"))
            return future
        self._waiting.append((len(commands), [], future))
        self._transport.write(b"".join(_encode(command) for command in commands))
        return future

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        position = 0
        while self._waiting:
            reply, after = _parse(self._buffer, position)
            if reply is INCOMPLETE:
                break
            position = after
            count, replies, future = self._waiting[0]
            replies.append(reply)
            if len(replies) == count:
                self._waiting.popleft()
                if not future.done():
                    future.set_result(replies)
        del self._buffer[:position]


def _encode(command: tuple[bytes, ...]) -> bytes:
    parts = [b"*%d\r\n" % len(command)]
    parts += [b"$%d\r\n%b\r\n" % (len(part), part) for part in command]
    return b"".join(parts)


def _parse(data: bytearray, start: int) -> tuple[Any, int]:
    """One reply that begins at ``start`` and where it ends; INCOMPLETE if it has not all come."""
    end = data.find(b"\r\n", start)
    if end < 0:
        return INCOMPLETE, start
    kind, line, after = data[start : start + 1], bytes(data[start + 1 : end]), end + 2
    if kind == b"+":
        return line, after
    if kind == b"-":
        return RedisError(line.decode(errors="replace")), after
    if kind == b":":
        return int(line), after
    size = int(line)
    if size < 0:
        return None, after
    return _parse_bulk(data, after, size) if kind == b"$" else _parse_array(data, after, size)


def _parse_bulk(data: bytearray, start: int, size: int) -> tuple[Any, int]:
    if len(data) < start + size + 2:
        return INCOMPLETE, start
    return bytes(data[start : start + size]), start + size + 2


def _parse_array(data: bytearray, start: int, size: int) -> tuple[Any, int]:
    items = []
    for _ in range(size):
        item, start = _parse(data, start)
        if item is INCOMPLETE:
            return INCOMPLETE, start
        items.append(item)
    return items, start
