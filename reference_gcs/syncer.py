"""The syncer's streams: frames in as events, frames out from a queue per stream."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from harness.wire import ids, rpc
from harness.wire import messages as m
from harness.wire.dialect import Dialect
from reference_gcs.core import effects as fx
from reference_gcs.core import events as ev
from reference_gcs.feeding import Feed

GCS_NODE_ID = "00" * ids.UNIQUE


class Syncer:
    """Numbers the open streams; an fx.StreamClose in a queue ends its stream."""

    def __init__(self, dialect: Dialect, feed: Feed) -> None:
        self._dialect = dialect
        self._feed = feed
        self._queues: dict[int, asyncio.Queue[bytes | fx.StreamClose]] = {}
        self._next = 0

    def send(self, effect: fx.StreamSend) -> None:
        queue = self._queues.get(effect.stream)
        if queue is not None:
            queue.put_nowait(self._dialect.encode(effect.message))

    def close(self, effect: fx.StreamClose) -> None:
        queue = self._queues.get(effect.stream)
        if queue is not None:
            queue.put_nowait(effect)

    def close_all(self) -> None:
        for stream in self._queues:
            self.close(fx.StreamClose(stream, "UNAVAILABLE", "Cancelling all calls"))

    async def serve(self, _requests: Any, context: Any) -> None:
        """One stream, from its opening to its end, whoever ends it."""
        headers = dict(context.invocation_metadata())
        self._next += 1
        stream = self._next
        queue = self._queues[stream] = asyncio.Queue()
        await context.send_initial_metadata((("node_id", GCS_NODE_ID),))
        self._feed(
            ev.StreamOpened(
                stream, _node_id(headers), headers.get(rpc.CLUSTER_ID_HEADER), headers.get("authorization")
            )
        )
        reading = asyncio.get_running_loop().create_task(self._read(stream, context))
        try:
            await _write(queue, context)
        finally:
            reading.cancel()
            del self._queues[stream]
            self._feed(ev.StreamClosed(stream))

    async def _read(self, stream: int, context: Any) -> None:
        while True:
            frame = await context.read()
            if frame is grpc.aio.EOF:
                self.close(fx.StreamClose(stream))
                return
            try:
                message = self._dialect.decode(m.RaySyncMessageBatch, frame)
            except DecodeError:
                self.close(fx.StreamClose(stream, "INVALID_ARGUMENT", "Unable to parse a frame"))
                return
            self._feed(ev.StreamMessage(stream, message))


async def _write(queue: asyncio.Queue[bytes | fx.StreamClose], context: Any) -> None:
    while True:
        item = await queue.get()
        if isinstance(item, bytes):
            await context.write(item)
        elif item.code == "OK":
            return
        else:
            await context.abort(grpc.StatusCode[item.code], item.details)


def _node_id(headers: dict[str, Any]) -> bytes:
    """The node that a stream's metadata names; empty when it names none."""
    try:
        return bytes.fromhex(headers.get("node_id", ""))
    except (ValueError, TypeError):
        return b""
