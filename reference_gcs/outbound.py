"""Calls from the GCS to raylets and workers."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import grpc.aio

from harness.wire import rpc
from harness.wire.dialect import Dialect
from reference_gcs.core import effects as fx
from reference_gcs.core import events as ev
from reference_gcs.feeding import Feed

OPTIONS = (
    ("grpc.max_send_message_length", rpc.MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", rpc.MAX_MESSAGE_BYTES),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.enable_http_proxy", 0),
)


class Outbound:
    """One channel per address, one task per call; outcomes come back as events."""

    def __init__(self, dialect: Dialect, feed: Feed) -> None:
        self._dialect = dialect
        self._feed = feed
        self._channels: dict[tuple[str, int], grpc.aio.Channel] = {}
        self._calls: dict[int, asyncio.Task[None]] = {}

    def send(self, effect: fx.Send) -> None:
        task = asyncio.get_running_loop().create_task(self._call(effect))
        self._calls[effect.send] = task
        task.add_done_callback(lambda _done: self._calls.pop(effect.send, None))

    def cancel(self, send: int) -> None:
        task = self._calls.pop(send, None)
        if task is not None:
            task.cancel()

    def disconnect(self, ip: str, port: int) -> None:
        channel = self._channels.pop((ip, port), None)
        if channel is not None:
            closing = asyncio.get_running_loop().create_task(channel.close(1.0))
            self._calls[id(closing)] = closing
            closing.add_done_callback(lambda _done: self._calls.pop(id(closing), None))

    async def _call(self, effect: fx.Send) -> None:
        try:
            call = rpc.multicallable(self._channel(effect.ip, effect.port), effect.method, self._dialect)
            reply: Any = await call(effect.request, timeout=effect.timeout)
        except grpc.aio.AioRpcError as problem:
            self._feed(ev.SendFailed(effect.send, problem.code().name))
        except asyncio.CancelledError:
            if effect.send not in self._calls:
                raise  # the core gave this call up
            # Its channel was closed, for another that was at this address before: not its fault.
            self._feed(ev.SendFailed(effect.send, "CANCELLED"))
        except (grpc.aio.UsageError, ValueError) as problem:
            # The channel was closed under the call, or the address is no address.
            self._feed(ev.SendFailed(effect.send, type(problem).__name__))
        else:
            self._feed(ev.SendAnswered(effect.send, reply))

    def _channel(self, ip: str, port: int) -> grpc.aio.Channel:
        channel = self._channels.get((ip, port))
        if channel is None:
            channel = self._channels[ip, port] = grpc.aio.insecure_channel(f"{ip}:{port}", options=OPTIONS)
        return channel
