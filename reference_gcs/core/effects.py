"""What the core asks of the world. Plain values; the order of a step's list is the order to obey."""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.message import Message


@dataclass(frozen=True, slots=True)
class Put:
    """HSET; answers True if the field is new."""

    table: str
    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class PutIfAbsent:
    """HSETNX; answers True if it was stored."""

    table: str
    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Delete:
    """HDEL; answers how many fields there were."""

    table: str
    keys: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Increment:
    """INCRBY 1 of a counter; answers the new value."""

    table: str


@dataclass(frozen=True, slots=True)
class Get:
    """HGET; answers bytes or None."""

    table: str
    key: bytes


@dataclass(frozen=True, slots=True)
class GetMany:
    """HMGET; answers a list of bytes or None, in order."""

    table: str
    keys: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Scan:
    """All fields that start with ``prefix``; answers a dict of bytes to bytes."""

    table: str
    prefix: bytes = b""


WriteCommand = Put | PutIfAbsent | Delete | Increment
ReadCommand = Get | GetMany | Scan


@dataclass(frozen=True, slots=True)
class StoreWrite:
    """A write. Writes to one key take place in the order in which they were asked for."""

    op: int
    command: WriteCommand


@dataclass(frozen=True, slots=True)
class StoreRead:
    op: int
    command: ReadCommand


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a call; the call is over."""

    call: int
    message: Message


@dataclass(frozen=True, slots=True)
class Reject:
    """A gRPC status (its name, ``INVALID_ARGUMENT``) in place of an answer."""

    call: int
    code: str
    details: str


@dataclass(frozen=True, slots=True)
class Send:
    """A call to a raylet or worker; ``timeout`` in seconds, None waits for as long as it takes."""

    send: int
    ip: str
    port: int
    method: str
    request: Message
    timeout: float | None


@dataclass(frozen=True, slots=True)
class CancelSend:
    send: int


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Nobody will be called there again: its channel may be closed."""

    ip: str
    port: int


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Fire once, ``after`` seconds from now."""

    timer: int
    after: float


@dataclass(frozen=True, slots=True)
class CancelTimer:
    timer: int


@dataclass(frozen=True, slots=True)
class StreamSend:
    """A frame (RaySyncMessageBatch) for an open syncer stream."""

    stream: int
    message: Message


@dataclass(frozen=True, slots=True)
class StreamClose:
    """End a syncer stream with a gRPC status, given by its name."""

    stream: int
    code: str = "OK"
    details: str = ""


@dataclass(frozen=True, slots=True)
class OpenPort:
    """Everything is loaded and the recovery RPCs are on their way: serve."""


@dataclass(frozen=True, slots=True)
class Log:
    text: str


@dataclass(frozen=True, slots=True)
class Exit:
    """End the process with ``code``; nothing that follows may happen."""

    code: int
    why: str


Effect = (
    StoreWrite
    | StoreRead
    | Reply
    | Reject
    | Send
    | CancelSend
    | Disconnect
    | SetTimer
    | CancelTimer
    | StreamSend
    | StreamClose
    | OpenPort
    | Log
    | Exit
)
