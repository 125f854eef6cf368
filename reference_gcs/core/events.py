"""What the world tells the core. Plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message


@dataclass(frozen=True, slots=True)
class Boot:
    """The first event. ``pid`` goes to the KV table, as a real GCS puts it there."""

    pid: int


@dataclass(frozen=True, slots=True)
class Request:
    """A unary call arrived. ``method`` is ``Service.Method``; headers as sent, None when absent."""

    call: int
    method: str
    message: Message
    cluster_id: str | None = None
    authorization: str | None = None


@dataclass(frozen=True, slots=True)
class RequestCancelled:
    """The caller of a pending call is gone; nobody reads the answer any more."""

    call: int


@dataclass(frozen=True, slots=True)
class StoreAnswered:
    """A write is confirmed, or a read answered; ``value`` as the command's docstring says."""

    op: int
    value: Any


@dataclass(frozen=True, slots=True)
class StoreFailed:
    """The store will not confirm this; whether it happened is unknown."""

    op: int
    why: str


@dataclass(frozen=True, slots=True)
class SendAnswered:
    send: int
    reply: Message


@dataclass(frozen=True, slots=True)
class SendFailed:
    """A call to a raylet or worker failed: ``code`` is the name of the gRPC status."""

    send: int
    code: str


@dataclass(frozen=True, slots=True)
class TimerFired:
    timer: int


@dataclass(frozen=True, slots=True)
class StreamOpened:
    """A syncer stream; ``node_id`` is what its metadata claims, not yet checked."""

    stream: int
    node_id: bytes
    cluster_id: str | None = None
    authorization: str | None = None


@dataclass(frozen=True, slots=True)
class StreamMessage:
    stream: int
    message: Message


@dataclass(frozen=True, slots=True)
class StreamClosed:
    stream: int


Event = (
    Boot
    | Request
    | RequestCancelled
    | StoreAnswered
    | StoreFailed
    | SendAnswered
    | SendFailed
    | TimerFired
    | StreamOpened
    | StreamMessage
    | StreamClosed
)
