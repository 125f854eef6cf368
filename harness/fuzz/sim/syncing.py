"""A simulated raylet's syncer: its view at its next tick, those of others, and a new stream after each end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message

from harness.wire import messages as m

if TYPE_CHECKING:
    from harness.fuzz.sim.raylet import Raylet

REOPEN = 2.0
"""Seconds until a broken stream is opened again."""
TELLING = 0.0005
"""Seconds in which changes gather."""
PHASE = 0.37
"""Of a period, by which the ticks of one raylet are behind those of the one before."""
TRAVEL = 0.0003


class Syncer:
    """``open``: a stream is."""

    def __init__(self, raylet: Raylet) -> None:
        self.open = False
        self._raylet = raylet
        self._server = raylet.world.server
        self._stream = 0
        self._streams = 0
        self._version = 0
        self._told_soon = self._due = False
        self._phase = PHASE * (raylet.port % 10)

    def start(self, beside: bool = False) -> None:
        """A stream in the place of the one before; ``beside``: that stands until the GCS ends it."""
        raylet = self._raylet
        if raylet.gone:
            return
        if not beside:
            self._server.hang_up(self._stream)
        self._streams += 1
        number = 0
        if not raylet.channel.cut:
            end = _End(self, self._streams)
            number = self._server.stream(raylet.node_id, raylet.channel, end)
        self._stream, self.open = number, bool(number)
        if number:
            self._write("open", self._streams)
            self._send_view()
        else:
            raylet.clock.after(REOPEN, self._start_again, self._streams)

    def stop(self) -> None:
        """The raylet is gone."""
        self.open = False
        self._server.hang_up(self._stream)

    def break_off(self) -> None:
        """The stream breaks; the GCS will notice when the next one comes."""
        self.closed(self._streams)

    def closed(self, number: int) -> None:
        """The ``number``-th stream has ended."""
        if not self._raylet.gone:
            self._write("closed", number)
        if number == self._streams and not self._raylet.gone:
            self._stream, self.open = 0, False
            self._raylet.clock.after(REOPEN, self._start_again, number)

    def changed(self) -> None:
        """Resources changed: others learn of it, and leases that wait look again."""
        if not self._told_soon and not self._raylet.gone:
            self._told_soon = True
            self._raylet.clock.after(TELLING, self._tell)

    def frame(self, number: int, batch: m.RaySyncMessageBatch) -> None:
        """Views of others, from the ``number``-th stream."""
        if self._raylet.gone:
            return
        self._write("view", number, of=[one.node_id for one in batch.messages])
        for one in batch.messages:
            if one.message_type == m.RESOURCE_VIEW:
                view = m.ResourceViewSyncMessage.FromString(one.sync_message)
                free = dict(view.resources_available)
                self._raylet.view.resources(one.node_id, one.version, free, view.is_draining)
        self._raylet.leases.retry()

    def _start_again(self, number: int) -> None:
        if number == self._streams:
            self.start()

    def _tell(self) -> None:
        self._told_soon = False
        if self._raylet.gone:
            return
        self._raylet.leases.retry()
        period, clock = self._raylet.world.report, self._raylet.clock
        if not period:
            self._report()
        elif not self._due:
            self._due = True
            clock.after(period - (clock.now + self._phase * period) % period, self._report)

    def _report(self) -> None:
        self._due = False
        if self._stream and not (self._raylet.gone or self._raylet.channel.cut):
            self._send_view()

    def _send_view(self) -> None:
        book, draining = self._raylet.book, self._raylet.draining
        self._write("sent", self._streams)
        self._version += 1
        view = m.ResourceViewSyncMessage(
            resources_available=book.available(),
            resources_total=book.total(),
            is_draining=draining is not None,
            draining_deadline_timestamp_ms=draining.deadline_ms if draining is not None else 0,
        )
        one = m.RaySyncMessage(
            version=self._version,
            message_type=m.RESOURCE_VIEW,
            sync_message=view.SerializeToString(),
            node_id=self._raylet.node_id,
        )
        batch = m.RaySyncMessageBatch(messages=[one])
        self._raylet.clock.after(TRAVEL, self._server.stream_frame, self._stream, batch)

    def _write(self, what: str, stream: int, **facts: Any) -> None:
        self._raylet.write("sync", what, {"stream": stream, **facts})


class _End:
    """The raylet's end of its ``number``-th stream."""

    def __init__(self, syncer: Syncer, number: int) -> None:
        self._syncer, self._number = syncer, number

    def frame(self, message: Message) -> None:
        self._syncer.frame(self._number, message)  # type: ignore[arg-type]

    def closed(self) -> None:
        self._syncer.closed(self._number)
