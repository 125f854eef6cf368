"""One HTTP/2 connection of a gRPC server for unary calls, on asyncio (RFC 9113).

Why not grpc.aio's server: it does not say which address was called, so each raylet, worker and
owner would need one of its own, and a thousand of those cost 100 MB and half a core for one small
call a second each. Here a connection costs a few kB and a call some 50 microseconds.
"""

from __future__ import annotations

import asyncio
import itertools
import traceback
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from urllib.parse import quote

import grpc

from harness.raylet import hpack

Answer = Callable[[bytes], bytes | Awaitable[bytes]]
"""A request's bytes to the reply's, at once or later; :class:`Refused` for a gRPC error."""

CALLER: ContextVar[int] = ContextVar("CALLER", default=0)
"""While an answer is made: the number, in this process, of the connection by which the request came."""
_numbers = itertools.count(1)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY = 1, 1, 4, 8, 32
INITIAL_WINDOW = 4  # of SETTINGS: its identifier
DEFAULT_WINDOW = 65535
FRAME_BYTES = 16384
CANCEL = 8
MESSAGE_BYTES = 512 * 1024 * 1024

_TYPE = ("content-type", "application/grpc")
_BEGIN = hpack.encode([(":status", "200"), _TYPE])
_END = hpack.encode([("grpc-status", "0")])


class Refused(Exception):
    """An answer that is a gRPC error: status code and its details."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(f"{code.name}: {details}")
        self.code = code
        self.details = details


@dataclass
class Stream:
    """One call: what came in, what is still to go out."""

    path: str = ""
    body: bytearray = field(default_factory=bytearray)
    window: int = DEFAULT_WINDOW
    unsent: bytes = b""
    task: asyncio.Task[None] | None = None


class Connection(asyncio.Protocol):
    """Frames in, answers out."""

    def __init__(self, answers: Mapping[str, Answer], connections: set[Connection]) -> None:
        self._answers = answers
        self._connections = connections
        self._number = next(_numbers)
        self._buffer = bytearray()
        self._greeted = False
        self._streams: dict[int, Stream] = {}
        self._headers: bytearray | None = None
        self._ended = False
        self._decoder = hpack.Decoder()
        self._window = DEFAULT_WINDOW
        self._stream_window = DEFAULT_WINDOW
        self._transport: asyncio.Transport

    # --- asyncio --------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connections.add(self)
        self._frame(SETTINGS, 0, 0, b"")

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        for stream in self._streams.values():
            if stream.task is not None:
                stream.task.cancel()
        self._streams.clear()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._greeted:
            if len(self._buffer) < len(PREFACE):
                return
            if not self._buffer.startswith(PREFACE):
                self._transport.abort()
                return
            del self._buffer[: len(PREFACE)]
            self._greeted = True
        try:
            self._read_frames()
        except (ValueError, IndexError):
            self._transport.abort()  # what the peer sends is not HTTP/2: nothing can be said to it

    def abort(self) -> None:
        """Cut the connection, as a process that dies does."""
        self._transport.abort()

    # --- frames in ------------------------------------------------------------------------

    def _read_frames(self) -> None:
        at = 0
        buffer = self._buffer
        while len(buffer) - at >= 9:
            size = int.from_bytes(buffer[at : at + 3], "big")
            if size > FRAME_BYTES:
                raise ValueError("a frame is larger than we allow")
            if len(buffer) - at < 9 + size:
                break
            kind, flags = buffer[at + 3], buffer[at + 4]
            number = int.from_bytes(buffer[at + 5 : at + 9], "big") & 0x7FFFFFFF
            payload = bytes(buffer[at + 9 : at + 9 + size])
            at += 9 + size
            self._take(kind, flags, number, payload)
        del buffer[:at]

    def _take(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        if kind == DATA:
            self._take_data(flags, number, payload)
        elif kind == HEADERS:
            self._headers = bytearray(_unpadded(flags, payload)[5 if flags & PRIORITY else 0 :])
            self._ended = bool(flags & END_STREAM)
            self._take_headers(flags, number)
        elif kind == CONTINUATION and self._headers is not None:
            self._headers += payload
            self._take_headers(flags, number)
        elif kind == SETTINGS and not flags & ACK:
            self._take_settings(payload)
        elif kind == PING and not flags & ACK:
            self._frame(PING, ACK, 0, payload)
        elif kind == WINDOW_UPDATE:
            self._take_window(number, int.from_bytes(payload, "big"))
        elif kind == RST_STREAM:
            stream = self._streams.pop(number, None)
            if stream is not None and stream.task is not None:
                stream.task.cancel()

    def _take_headers(self, flags: int, number: int) -> None:
        if not flags & END_HEADERS or self._headers is None:
            return
        headers = self._decoder.decode(bytes(self._headers))
        self._headers = None
        self._streams[number] = Stream(headers.get(":path", ""), window=self._stream_window)
        if self._ended:
            self._call(number)

    def _take_data(self, flags: int, number: int, payload: bytes) -> None:
        if payload:  # give back at once what was used up of both windows
            size = len(payload).to_bytes(4, "big")
            self._frame(WINDOW_UPDATE, 0, 0, size)
            if not flags & END_STREAM:
                self._frame(WINDOW_UPDATE, 0, number, size)
        stream = self._streams.get(number)
        if stream is None:
            return
        stream.body += _unpadded(flags, payload)
        if len(stream.body) > MESSAGE_BYTES:
            raise ValueError("a message is larger than Ray allows")
        if flags & END_STREAM:
            self._call(number)

    def _take_settings(self, payload: bytes) -> None:
        for at in range(0, len(payload), 6):
            value = int.from_bytes(payload[at + 2 : at + 6], "big")
            if int.from_bytes(payload[at : at + 2], "big") == INITIAL_WINDOW:
                grown, self._stream_window = value - self._stream_window, value
                for stream in self._streams.values():
                    stream.window += grown
        self._frame(SETTINGS, ACK, 0, b"")
        self._flush()

    def _take_window(self, number: int, more: int) -> None:
        if number == 0:
            self._window += more
        elif number in self._streams:
            self._streams[number].window += more
        self._flush()

    # --- calls ----------------------------------------------------------------------------

    def _call(self, number: int) -> None:
        stream = self._streams[number]
        body, stream.body = stream.body, bytearray()
        answer = self._answers.get(stream.path)
        CALLER.set(self._number)
        try:
            if answer is None:
                raise Refused(grpc.StatusCode.UNIMPLEMENTED, f"no such method: {stream.path}")
            result = answer(_message(body))
        except Refused as refused:
            self._refuse(number, refused)
            return
        if isinstance(result, bytes):
            self._reply(number, result)
        else:
            stream.task = asyncio.create_task(self._later(number, result))

    async def _later(self, number: int, result: Awaitable[bytes]) -> None:
        try:
            self._reply(number, await result)
        except Refused as refused:
            self._refuse(number, refused)
        except Exception as error:  # noqa: BLE001 - the caller must hear of it
            traceback.print_exc()
            self._refuse(number, Refused(grpc.StatusCode.INTERNAL, repr(error)))

    def _reply(self, number: int, message: bytes) -> None:
        stream = self._streams.get(number)
        if stream is None:
            return
        data = b"\0" + len(message).to_bytes(4, "big") + message
        if len(data) <= min(self._window, stream.window, FRAME_BYTES):
            self._window -= len(data)
            del self._streams[number]
            self._transport.write(
                _frame(HEADERS, END_HEADERS, number, _BEGIN)
                + _frame(DATA, 0, number, data)
                + _frame(HEADERS, END_HEADERS | END_STREAM, number, _END)
            )
            return
        self._frame(HEADERS, END_HEADERS, number, _BEGIN)
        stream.unsent = data
        self._flush()

    def _refuse(self, number: int, refused: Refused) -> None:
        if self._streams.pop(number, None) is None:
            return
        block = [
            (":status", "200"),
            _TYPE,
            ("grpc-status", str(refused.code.value[0])),
            ("grpc-message", quote(refused.details, safe=" !\"#$&'()*+,-./:;<=>?@[]^_`{|}~")),
        ]
        self._frame(HEADERS, END_HEADERS | END_STREAM, number, hpack.encode(block))

    def _flush(self) -> None:
        """Send what the windows now allow of replies that were too large for them."""
        for number, stream in list(self._streams.items()):
            while stream.unsent:
                size = min(len(stream.unsent), self._window, stream.window, FRAME_BYTES)
                if size <= 0:
                    break
                self._window -= size
                stream.window -= size
                self._frame(DATA, 0, number, stream.unsent[:size])
                stream.unsent = stream.unsent[size:]
                if not stream.unsent:
                    del self._streams[number]
                    self._frame(HEADERS, END_HEADERS | END_STREAM, number, _END)

    def _frame(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        self._transport.write(_frame(kind, flags, number, payload))


def _frame(kind: int, flags: int, number: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + number.to_bytes(4, "big") + payload


def _unpadded(flags: int, payload: bytes) -> bytes:
    if not flags & PADDED:
        return payload
    return payload[1 : len(payload) - payload[0]]


def _message(body: bytearray) -> bytes:
    """The one message in a unary call's body."""
    if len(body) < 5 or len(body) != 5 + int.from_bytes(body[1:5], "big"):
        raise Refused(grpc.StatusCode.INTERNAL, "a unary call carries exactly one message")
    if body[0]:
        raise Refused(grpc.StatusCode.UNIMPLEMENTED, "compressed messages are not understood")
    return bytes(body[5:])
