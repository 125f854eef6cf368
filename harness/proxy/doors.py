"""The ports of a proxy, open only while its backend takes connections."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass

from harness.proxy.tunnel import reset_socket

_POLL_SECONDS = 0.002
_KNOCK_SECONDS = 0.05  # a backend that does not even refuse within this is hung, not gone
_AGAIN_SECONDS = 0.05
_BACKLOG = 256


@dataclass
class Door:
    """A port on which clients are awaited; ``listener`` None: it refuses."""

    host: str
    port: int
    via: str
    listener: socket.socket | None = None


class Doors:
    """Lives in the loop's thread. ``accept`` is given each connection, with the name of its door."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        backend: tuple[str, int],
        watch: bool,
        accept: Callable[[str, socket.socket, tuple[str, int]], None],
    ) -> None:
        """``watch``: keep an idle connection to the backend, which tells of its death at once."""
        self.loop, self._backend, self._accept = loop, backend, accept
        self._wants_watch = watch
        self._watch: _Watch | None = None
        self._doors: list[Door] = []
        self._up = False
        """Whether the backend took connections when it was last tried."""
        self._gone = False
        """Whether it has ended a connection since: then silence is that of a host which went with it."""
        self._refusing = False
        self._timer: asyncio.TimerHandle | None = None

    def add(self, door: Door) -> None:
        """OSError if the port is another's."""
        self._open(door)  # to see that it can be
        self._doors.append(door)
        self.look()

    def close(self) -> None:
        """No doors any more."""
        self._shut()
        self._doors.clear()
        self._up = False
        self._stop_timer()
        if self._watch is not None:
            self._watch.end()
            self._watch = None

    def refuse(self, refusing: bool) -> None:
        """Whether to refuse although the backend does not."""
        self._refusing = refusing
        self._settle()

    def turn_away(self, via: str) -> None:
        """Reset the connections to a door of this name that the kernel has made and nobody has taken."""
        for door in self._doors:
            while door.via == via and door.listener is not None:
                try:
                    waiting, _ = door.listener.accept()
                except OSError:
                    break
                reset_socket(waiting)
                waiting.close()

    def look(self, watch: bool = True) -> None:
        """Try the backend, and again soon when it refuses. ``watch``: and keep the connection, if one is wanted."""
        self._stop_timer()
        if not self._doors:
            return
        try:
            link: socket.socket | None = socket.create_connection(self._backend, timeout=_KNOCK_SECONDS)
        except OSError as problem:
            silent = isinstance(problem, TimeoutError)
            if not silent or self._gone:
                self._up = False
                self._settle()
                self._later(_AGAIN_SECONDS if silent else _POLL_SECONDS)
                return
            link = None  # its backlog is full: it is there
        self._up, self._gone = True, False
        if link is not None and watch and self._wants_watch and self._watch is None:
            self._watch = _Watch(self, link)
        elif link is not None:
            link.close()
        self._settle()

    def watch_ended(self, lasted: float) -> None:
        self._watch, self._gone = None, True
        hasty = lasted < _AGAIN_SECONDS
        self.look(watch=not hasty)
        if hasty and self._up:  # it takes connections and ends them
            self._later(_AGAIN_SECONDS)

    def backend_ended(self) -> None:
        """The backend has ended a connection: perhaps it is dead."""
        if self._up:
            self._gone = True
            self.look()

    def _open(self, door: Door) -> None:
        if door.listener is None:
            door.listener = socket.create_server((door.host, door.port), backlog=_BACKLOG)
            door.listener.setblocking(False)
            self.loop.add_reader(door.listener, self._ready, door)

    def _ready(self, door: Door) -> None:
        assert door.listener is not None
        try:
            client, address = door.listener.accept()
        except OSError:  # it changed its mind
            return
        client.setblocking(False)
        self._accept(door.via, client, address)

    def _shut(self) -> None:
        for door in self._doors:
            if door.listener is not None:
                self.loop.remove_reader(door.listener)
                door.listener.close()
                door.listener = None

    def _settle(self) -> None:
        if not self._up or self._refusing:
            self._shut()
            return
        for door in self._doors:
            try:
                self._open(door)
            except OSError:  # a stranger took it meanwhile, perhaps for a moment
                self._later(_AGAIN_SECONDS)

    def _later(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(seconds, self.look)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _Watch:
    """An idle connection to the backend, whose end is heard at once."""

    def __init__(self, doors: Doors, link: socket.socket) -> None:
        self._doors, self._link = doors, link
        self._since = doors.loop.time()
        link.setblocking(False)
        doors.loop.add_reader(link, self._heard)

    def _heard(self) -> None:
        with contextlib.suppress(BlockingIOError):
            try:
                if self._link.recv(65536):
                    return
            except ConnectionError:
                pass
            self.end()
            self._doors.watch_ended(self._doors.loop.time() - self._since)

    def end(self) -> None:
        self._doors.loop.remove_reader(self._link)
        self._link.close()
