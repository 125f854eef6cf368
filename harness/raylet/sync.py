"""The resource view stream that a raylet keeps open to the GCS (contract, section 7)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import grpc

from harness.raylet.gcs_client import GcsClient, cancelled
from harness.raylet.orders import Journal
from harness.raylet.scribe import Streams
from harness.wire import messages as m

METHOD = "RaySyncer.StartSync"
REOPEN_S = 2.0
"""Ray's own delay before it opens a broken stream again."""
REPORT_S = 0.1
"""Ray's own period: it looks so often whether its resources changed (raylet_report_resources_period_milliseconds)."""


class Syncer:
    """One node's stream: sends its view at connect and on change, takes those of others.

    ``report_s``: a change is told at the next of its ticks, which come so often; 0: at once.
    """

    def __init__(
        self,
        gcs: GcsClient,
        node_id: bytes,
        journal: Journal,
        streams: Streams,
        view: Callable[[], m.ResourceViewSyncMessage],
        on_view: Callable[[bytes, int, m.ResourceViewSyncMessage], None] | None,
        reopen_s: float = REOPEN_S,
        report_s: float = REPORT_S,
    ) -> None:
        self.open = False
        self._streams = streams
        self._gcs = gcs
        self._node_id = node_id
        self._journal = journal
        self._view = view
        self._on_view = on_view
        self._reopen_s, self._report_s = reopen_s, report_s
        self._began = time.monotonic()
        self._version = 0
        self._call: grpc.aio.StreamStreamCall[bytes, bytes] | None = None
        self._running: asyncio.Task[None] | None = None
        self._sending: asyncio.Task[None] | None = None
        self._writing = asyncio.Lock()

    def start(self) -> None:
        """Open the stream and keep it open."""
        if self._running is None:
            self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Close the stream for good."""
        running, self._running = self._running, None
        sending, self._sending = self._sending, None
        await cancelled(running, sending)

    async def again(self) -> None:
        """Open it anew at once: what a GCS restart asks for."""
        await self.stop()
        self.start()

    def changed(self) -> None:
        """Resources changed: send the view at the next tick, once for all changes until then."""
        if self._call is not None and self._sending is None:
            self._sending = asyncio.create_task(self._send_soon())

    async def _send_soon(self) -> None:
        try:
            if self._report_s:
                await asyncio.sleep(self._report_s - (time.monotonic() - self._began) % self._report_s)
            if self._call is not None:
                await self._send(self._call)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            pass  # the reader sees the same end and opens the next stream with a fresh view
        finally:
            self._sending = None

    async def _send(self, call: grpc.aio.StreamStreamCall[bytes, bytes]) -> None:
        # A call takes one write at a time: of two at once gRPC refuses the second, and its reader never hears of that.
        async with self._writing:
            await self._write(call)

    async def _write(self, call: grpc.aio.StreamStreamCall[bytes, bytes]) -> None:
        self._version = max(self._version + 1, time.time_ns())
        message = m.RaySyncMessage(
            version=self._version,
            message_type=m.RESOURCE_VIEW,
            sync_message=self._view().SerializeToString(),
            node_id=self._node_id,
        )
        frame = m.RaySyncMessageBatch(messages=[message]) if self._gcs.link.dialect.sync_batches else message
        self._sending = None  # what changes from here on is not in this view
        await call.write(frame.SerializeToString())
        self._journal.write("sent", version=self._version)

    async def _run(self) -> None:
        while True:
            call = self._gcs.link.stream(METHOD, self._gcs.metadata(("node_id", self._node_id.hex())))
            try:
                self._call = call
                await self._send(call)
                self.open = True
                self._journal.write("opened")
                self._streams.opened()
                await self._read(call)
                status, why = "OK", "ended"
            except grpc.aio.AioRpcError as error:
                status, why = error.code().name, f"{error.code().name}: {error.details()}"
            except asyncio.InvalidStateError:
                status, why = "", "ended"
            finally:
                self.open, self._call = False, None
                call.cancel()
            self._journal.write("closed", why=why)
            self._streams.closed(status, why)
            await asyncio.sleep(self._reopen_s)

    async def _read(self, call: grpc.aio.StreamStreamCall[bytes, bytes]) -> None:
        batches = self._gcs.link.dialect.sync_batches
        while True:
            frame = await call.read()
            if not isinstance(frame, bytes):
                return  # gRPC's end-of-stream mark
            if self._on_view is None:
                self._journal.tally("frame")
                continue
            one = m.RaySyncMessageBatch.FromString(frame) if batches else None
            messages = list(one.messages) if one is not None else [m.RaySyncMessage.FromString(frame)]
            self._streams.views(each.node_id for each in messages if each.message_type == m.RESOURCE_VIEW)
            for message in messages:
                self._take(message)

    def _take(self, message: m.RaySyncMessage) -> None:
        if message.message_type != m.RESOURCE_VIEW:
            self._journal.tally("command")
            return
        self._journal.write("view", node_id=message.node_id, version=message.version)
        if self._on_view is not None:
            view = m.ResourceViewSyncMessage.FromString(message.sync_message)
            self._on_view(message.node_id, message.version, view)
