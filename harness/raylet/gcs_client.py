"""Calls to the GCS that survive its absence, as Ray's ``RetryableGrpcClient`` makes them.

One :class:`GcsLink` (a channel) serves a whole host; each raylet has a :class:`GcsClient` on it.
A call that fails for lack of a GCS parks. While anything is parked the link looks at its channel
each ``check_interval`` seconds, and when that is ready all parked calls go out again. Nothing is
dropped; nothing ticks while the GCS answers.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import grpc
from google.protobuf.message import Message

from harness.raylet.orders import Journal
from harness.raylet.reconnect import Reconnect
from harness.raylet.scribe import Scribe, Sent
from harness.wire.dialect import Dialect
from harness.wire.rpc import MAX_MESSAGE_BYTES, cluster_metadata, method

# status.h IsRetryableRpcError of Ray: these two mean "no answer", everything else is an answer.
RETRYABLE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNKNOWN)
READERS = 16
CHECK_INTERVAL_S = 1.0  # grpc_client_check_connection_status_interval_milliseconds
CANCEL_AGAIN_S = 0.1
CHANNEL_OPTIONS: tuple[tuple[str, Any], ...] = (
    ("grpc.initial_reconnect_backoff_ms", 100),  # ray_config_def.h: gcs_grpc_*_reconnect_backoff_ms
    ("grpc.min_reconnect_backoff_ms", 1000),
    ("grpc.max_reconnect_backoff_ms", 2000),
    ("grpc.keepalive_time_ms", 300_000),
    ("grpc.keepalive_timeout_ms", 120_000),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
)


class GcsRefused(Exception):
    """The GCS answered with a gRPC error that a retry does not help."""

    def __init__(self, call: str, code: grpc.StatusCode, details: str) -> None:
        super().__init__(f"{call}: {code.name}: {details}")
        self.code = code
        self.details = details


class GcsLink:
    """The channel to the GCS at ``target`` (any gRPC target string), and what waits for it."""

    def __init__(
        self,
        target: str,
        dialect: Dialect,
        options: Sequence[tuple[str, Any]] = (),
        check_interval: float = CHECK_INTERVAL_S,
    ) -> None:
        merged = {**dict(CHANNEL_OPTIONS), **dict(options)}
        self.dialect = dialect
        self._options = options
        self.reading = asyncio.Semaphore(READERS)
        """Held while a whole table is read: a thousand copies of it at once would be 100 MB."""
        self.channel = grpc.aio.insecure_channel(target, options=tuple(merged.items()))
        self._check_interval = check_interval
        self._callables: dict[str, Any] = {}
        self._parked: list[asyncio.Future[None]] = []
        self._watching: asyncio.Task[None] | None = None

    def to(self, target: str) -> GcsLink:
        """A channel of the same kind by another way."""
        return GcsLink(target, self.dialect, self._options, self._check_interval)

    async def send(self, name: str, data: bytes, metadata: Any, timeout: float | None = None) -> bytes:
        """One try of ``Service.Method`` in raw bytes; grpc.aio.AioRpcError as it comes."""
        if name not in self._callables:
            self._callables[name] = self.channel.unary_unary(method(name).path(self.dialect))
        reply: bytes = await self._callables[name](data, metadata=metadata, timeout=timeout)
        return reply

    def stream(self, name: str, metadata: Any) -> Any:
        """Open the stream ``Service.Method``, in raw frames."""
        return self.channel.stream_stream(method(name).path(self.dialect))(metadata=metadata)

    async def ready(self) -> None:
        """Park until the channel is ready, at least until the next look at it."""
        parked = asyncio.get_running_loop().create_future()
        self._parked.append(parked)
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())
        await parked

    async def _watch(self) -> None:
        while self._parked:
            await asyncio.sleep(self._check_interval)
            if self.channel.get_state(try_to_connect=True) is grpc.ChannelConnectivity.READY:
                flushed, self._parked = self._parked, []
                for parked in flushed:
                    if not parked.done():
                        parked.set_result(None)
        self._watching = None


class GcsClient:
    """One raylet's calls: journal and history of what went out, and its reconnect clock."""

    def __init__(
        self,
        link: GcsLink,
        clock: Reconnect,
        calls: Journal,
        transitions: Journal,
        scribe: Scribe,
        on_gone: Callable[[], None],
    ) -> None:
        self.link = link
        self.cluster_id: bytes | None = None
        self._clock = clock
        self._calls = calls
        self._transitions = transitions
        self.scribe = scribe
        self._on_gone = on_gone
        self._expiry: asyncio.TimerHandle | None = None
        self._closed = False

    async def call(self, name: str, request: Message, timeout: float | None = None) -> Any:
        """The reply to ``request`` in our own messages, however long the GCS is away.

        :class:`GcsRefused` if it answers with a gRPC error; a ``status`` in the reply is the
        caller's to read. ``timeout`` bounds each try.
        """
        dialect = self.link.dialect
        data = await self.call_raw(name, dialect.encode(request), timeout)
        return dialect.decode(method(name).reply, data)

    async def call_raw(self, name: str, data: bytes, timeout: float | None = None) -> bytes:
        """As :meth:`call`, in this release's bytes."""
        record = self._calls.write(name.partition(".")[2], tries=0, outcome="sent")
        tried: Sent | None = None
        while True:
            record["tries"] += 1
            tried = self.scribe.call(name, data, timeout, tried)
            try:
                reply = await self.link.send(name, data, cluster_metadata(self.cluster_id), timeout)
            except asyncio.CancelledError:
                self.scribe.failed(tried, "CANCELLED", "the raylet gave it up")
                raise
            except grpc.aio.AioRpcError as error:
                self.scribe.failed(tried, error.code().name, error.details() or "")
                if error.code() not in RETRYABLE:
                    record["outcome"] = error.code().name
                    raise GcsRefused(name, error.code(), error.details() or "") from None
                record["outcome"] = "parked"
                self._failed(error.details() or "")
                await self.link.ready()
                self._back()
            else:
                self.scribe.answered(tried, reply)
                record["outcome"] = "answered"
                self._back()
                return reply

    def metadata(self, *more: tuple[str, str]) -> tuple[tuple[str, str], ...]:
        """The header of the cluster, if known, and ``more``."""
        return (*cluster_metadata(self.cluster_id), *more)

    def close(self) -> None:
        """Stop the clock for good: calls that fail while the raylet is taken down start none."""
        self._closed = True
        self._stop()

    def _stop(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None

    def _failed(self, why: str) -> None:
        loop = asyncio.get_running_loop()
        if self._closed or not self._clock.failed(loop.time()):
            return
        self._transitions.write(self._clock.state, why=why)
        if self._clock.deadline is None:
            self._on_gone()
        else:
            self._expiry = loop.call_at(self._clock.deadline, self._expire)

    def _back(self) -> None:
        if self._clock.ready():
            self._transitions.write(self._clock.state, why="channel ready")
            self._stop()

    def _expire(self) -> None:
        self._expiry = None
        # Ray looks at the channel before the clock: one that is ready again has won.
        if self.link.channel.get_state() is grpc.ChannelConnectivity.READY:
            self._back()
        elif self._clock.passed(asyncio.get_running_loop().time()):
            self._transitions.write(self._clock.state, why=f"no GCS within {self._clock.limit:g} s")
            self._on_gone()


async def cancelled(*tasks: asyncio.Task[Any] | None) -> None:
    """Cancel tasks and wait until they are really over; their own failures come out.

    More than once if need be: gRPC's asyncio calls take a cancellation for themselves when the
    call has failed in the same instant, and the task goes on as if nobody had asked.
    """
    asked = [task for task in tasks if task is not None and task is not asyncio.current_task()]
    live = set(asked)
    while live:
        for task in live:
            task.cancel()
        _, live = await asyncio.wait(live, timeout=CANCEL_AGAIN_S)
    for task in asked:
        with contextlib.suppress(asyncio.CancelledError, GcsRefused):
            await task
