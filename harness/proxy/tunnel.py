"""One connection through a proxy: a client's end, the backend's end, and a pipe each way."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from harness.proxy.link.base import LinkFault
from harness.proxy.pipe import Pipe

if TYPE_CHECKING:
    from harness.proxy.tcp import Proxy

_RST_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Connection:
    """A connection as it was when it was looked at. ``opened``: monotonic seconds.

    ``up``, ``down``: bytes that went through to the backend, and back. ``open``: neither side has ended
    it. ``faults``: the names of those that strike it. ``via``: the name of the port that it came by.
    """

    number: int
    client: tuple[str, int]
    opened: float
    up: int
    down: int
    open: bool
    faults: tuple[str, ...]
    via: str


class End(asyncio.Protocol):
    """One end. What arrives at it goes to its tunnel."""

    transport: asyncio.Transport | None = None

    def __init__(self, tunnel: Tunnel, client: bool) -> None:
        self.tunnel, self.client = tunnel, client
        self.lost = False
        self.ended = False
        """Whether its side has said that no more will come, or is lost."""
        self._paused: set[str] = set()
        """Why it is not read from now."""

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        if self._paused:
            transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        self.tunnel.took(self.client, data)

    def eof_received(self) -> bool:
        if not self.ended:
            self.ended = True
            self.tunnel.ended(self.client, reset=False)
        return self._half_closes

    def connection_lost(self, problem: Exception | None) -> None:
        ended, self.lost, self.ended = self.ended, True, True
        if not ended or problem is not None:
            self.tunnel.ended(self.client, reset=problem is not None)
        self.tunnel.lost()

    def pause_writing(self) -> None:
        self.tunnel.other(self).pause("its reader is slow")

    def resume_writing(self) -> None:
        self.tunnel.other(self).unpause("its reader is slow")

    # What a pipe calls

    def write(self, data: bytes | memoryview) -> None:
        if self.transport is not None and not self.lost:
            self.transport.write(data)

    def write_end(self, reset: bool) -> None:
        """Pass on that the other side has closed or reset, behind what was written."""
        if self.transport is None or self.lost:
            self.tunnel.other(self).finish()
        elif reset:
            # A linger of 0 makes close() send RST; what the peer's kernel has, it can still read.
            self._linger()
            if self._half_closes:
                self.transport.close()
            else:  # it would say goodbye first
                self.transport.abort()
        elif self.ended or not self._half_closes:
            self.transport.close()
            self.tunnel.other(self).finish()
        elif not self.transport.is_closing():
            with contextlib.suppress(OSError):
                self.transport.write_eof()

    def finish(self) -> None:
        """Close behind what was written."""
        if self.transport is not None:
            self.transport.close()

    def pause(self, why: str) -> None:
        """Read no more from it."""
        self._paused.add(why)
        if self.transport is not None and not self.transport.is_closing():
            self.transport.pause_reading()

    def unpause(self, why: str) -> None:
        """Read again, unless there is another reason not to."""
        if why not in self._paused:
            return
        self._paused.discard(why)
        if not self._paused and self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()

    def abort(self, reset: bool) -> None:
        """Close now; what was not sent is lost."""
        if self.transport is not None and not self.lost:
            if reset:
                self._linger()
            self.transport.abort()

    @property
    def _half_closes(self) -> bool:
        """Whether one direction can end alone: not in TLS."""
        return self.transport is not None and self.transport.can_write_eof()

    def _linger(self) -> None:
        assert self.transport is not None
        link = self.transport.get_extra_info("socket")
        if link is not None:  # TLS: it is lost, and we hear of it in a moment
            reset_socket(link)


def reset_socket(link: socket.socket) -> None:
    """Let the close of ``link`` send RST."""
    with contextlib.suppress(OSError):
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST_ON_CLOSE)


class Tunnel:
    """A connection that passes bytes and ends. Lives in the loop's thread."""

    def __init__(self, proxy: Proxy, number: int, via: str, client: tuple[str, int]) -> None:
        self.proxy, self.number, self.via, self.address = proxy, number, via, client
        self.opened = time.monotonic()
        self.client = End(self, client=True)
        self.backend = End(self, client=False)
        self.up = Pipe(proxy.loop, self.client, self.backend)
        self.down = Pipe(proxy.loop, self.backend, self.client)
        self.faults: tuple[LinkFault, ...] = ()
        self._over = False

    def began(self) -> None:
        """Both ends are connected."""
        if self._over:
            self.reset()
            return
        self.up.free()
        self.down.free()

    def other(self, end: End) -> End:
        return self.backend if end is self.client else self.client

    @property
    def open(self) -> bool:
        return not (self._over or self.client.ended or self.backend.ended)

    def view(self) -> Connection:
        return Connection(
            self.number, self.address, self.opened, self.up.passed, self.down.passed,
            self.open, tuple(fault.name for fault in self.faults), self.via,
        )  # fmt: skip

    # What happens to it

    def took(self, client: bool, data: bytes) -> None:
        """Bytes were read from one end."""
        (self.up if client else self.down).send(data)

    def ended(self, client: bool, reset: bool) -> None:
        """One side has closed, or reset."""
        if not client:
            self.proxy.backend_ended(self)
        (self.up if client else self.down).end(reset)
        end = self.client if client else self.backend
        if self.other(end).lost:
            end.finish()

    def lost(self) -> None:
        """A transport is closed. With the last one the tunnel is gone."""
        if all(end.lost or end.transport is None for end in (self.client, self.backend)):
            self._over = True
            self.proxy.gone(self)

    # What is done to it

    def strike(self, faults: tuple[LinkFault, ...]) -> None:
        """These faults hold from now on."""
        before, self.faults = self.faults, faults
        for fault in before:
            if fault not in faults:
                fault.lift(self)
        self.up.strike(tuple(fault for fault in faults if fault.holds_for("up")))
        self.down.strike(tuple(fault for fault in faults if fault.holds_for("down")))
        for fault in faults:
            self.proxy.felt(fault)
            if fault not in before:
                fault.strike(self)

    def reset(self) -> None:
        """RST to both sides; what is under way is lost."""
        self._over = True
        for pipe in (self.up, self.down):
            pipe.drop()
        for end in (self.client, self.backend):
            end.abort(reset=True)

    def close(self) -> None:
        """End both sides as processes that end do; what is under way is lost."""
        self._over = True
        for pipe in (self.up, self.down):
            pipe.drop()
        for end in (self.client, self.backend):
            end.abort(reset=False)

    def lose(self, side: Literal["client", "backend"]) -> None:
        """RST to that side alone; the other is told nothing, and what it sends is lost."""
        for pipe in (self.up, self.down):
            pipe.drop()
        (self.client if side == "client" else self.backend).abort(reset=True)
