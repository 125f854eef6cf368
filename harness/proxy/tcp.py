"""A proxy for any TCP link: as good as none while no fault strikes it."""

from __future__ import annotations

import asyncio
import itertools
import socket
import ssl
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from harness.history.proof import proving
from harness.history.recorder import Recorder
from harness.process.ports import allocate_port, release_port
from harness.proxy.doors import Door, Doors
from harness.proxy.link.base import LinkFault
from harness.proxy.loop import LOOP
from harness.proxy.tls import for_backend, for_clients
from harness.proxy.tunnel import Connection, Tunnel, reset_socket
from harness.store.base import Tls

_REMEMBERED = 1000


class Proxy:
    """Passes connections to its ports on to ``backend``. Every method may be called from any thread.

    A port is open only while the backend takes connections: where a client would be refused there, it
    is refused here. ``watch``: one idle connection to the backend tells of its death at once; without
    it, that is seen when a connection to it fails or ends. ``tls``: both sides speak it, each with the
    proxy; without it, what passes may still be TLS.
    """

    def __init__(
        self,
        backend: tuple[str, int],
        recorder: Recorder | None = None,
        watch: bool = False,
        tls: Tls | None = None,
    ) -> None:
        """OSError when a file of ``tls`` cannot be used."""
        self.backend = backend
        self.recorder = recorder or Recorder()
        self.loop = LOOP.loop
        self._doors = Doors(self.loop, backend, watch, self._accept)
        self._faults: tuple[LinkFault, ...] = ()
        self._felt: set[LinkFault] = set()
        """Of which the history says that a connection stands under them."""
        self._numbers = itertools.count(1)
        self._tunnels: dict[int, Tunnel] = {}
        self._past: deque[Connection] = deque(maxlen=_REMEMBERED)
        self._joining: set[asyncio.Task[None]] = set()
        self._ports: list[int] = []
        self._to_backend: dict[str, Any] = {"ssl": for_backend(tls), "server_hostname": ""} if tls else {}
        self._to_client: dict[str, Any] = {"ssl": for_clients(tls)} if tls else {}

    # From any thread

    def listen(self, host: str, port: int | None, via: str = "") -> tuple[str, int]:
        """Await clients there, as soon as the backend does, at a port of our own if none is given.

        OSError if the port is another's.
        """
        if not port:
            port = allocate_port(host)
            self._ports.append(port)
        LOOP.call(self._doors.add, Door(host, port, via))
        return host, port

    def close(self) -> None:
        """Refuse, and reset every connection. May be called again, and :meth:`listen` after it.

        RuntimeError when a proxy of this process failed in its own code.
        """
        LOOP.call(self._close)
        ports, self._ports = self._ports, []
        for port in ports:
            release_port(port)
        if LOOP.problems:
            problems, LOOP.problems = LOOP.problems, []
            raise RuntimeError(f"a proxy failed: {'; '.join(problems)}")

    def turn_to(self, case: str) -> None:
        """Write down all that belongs to the case so far; call it right before the recorder turns to ``case``."""

    def connections(self, via: str | None = None) -> list[Connection]:
        """Those that are open, and the last thousand that were, by number; of one port's name if given."""
        found = LOOP.call(lambda: [*self._past, *(tunnel.view() for tunnel in self._tunnels.values())])
        return sorted(
            (one for one in found if via is None or one.via == via), key=lambda connection: connection.number
        )

    @contextmanager
    def fault(self, fault: LinkFault, armed: bool = False) -> Iterator[None]:
        """``with proxy.fault(Delay(0.05)):`` it strikes all connections, those that exist and new ones.

        ``armed``: it waits for them, and need not meet any.
        """
        facts = self._about(fault)
        proof = {**proving(fault.kind, facts=facts), **({"armed": True} if armed else {})}
        self.recorder.write("fault", fault.name, {"phase": "inject", **facts, **proof})
        LOOP.call(self._begin, fault)
        try:
            yield
        finally:
            LOOP.call(lambda: self._strike(_without(self._faults, fault)))
            self.recorder.write("fault", fault.name, {"phase": "healed", **facts})

    # In the loop, for tunnels

    def felt(self, fault: LinkFault) -> None:
        """A connection stands under ``fault``: the history says so once."""
        if fault not in self._felt:
            self._felt.add(fault)
            self.recorder.write("link", "struck", self._about(fault))

    def backend_ended(self, tunnel: Tunnel) -> None:
        """The backend ended a connection: before the client hears of it, see whether it is dead."""
        if not tunnel.client.ended:
            self._doors.backend_ended()

    def gone(self, tunnel: Tunnel) -> None:
        if self._tunnels.pop(tunnel.number, None) is not None:
            self._past.append(tunnel.view())

    def tunnels(self, via: str) -> list[Tunnel]:
        return [tunnel for tunnel in self._tunnels.values() if tunnel.via == via]

    def make_tunnel(self, number: int, via: str, client: tuple[str, int]) -> Tunnel:
        return Tunnel(self, number, via, client)

    def _close(self) -> None:
        self._doors.close()
        for tunnel in list(self._tunnels.values()):
            tunnel.close()

    # Connections

    def _accept(self, via: str, client: socket.socket, address: tuple[str, int]) -> None:
        tunnel = self.make_tunnel(next(self._numbers), via, address)
        self._tunnels[tunnel.number] = tunnel
        task = self.loop.create_task(self._join(tunnel, client))
        self._joining.add(task)
        task.add_done_callback(self._joining.discard)

    async def _join(self, tunnel: Tunnel, client: socket.socket) -> None:
        family = socket.AF_INET6 if ":" in self.backend[0] else socket.AF_INET
        backend = socket.socket(family, socket.SOCK_STREAM)
        backend.setblocking(False)
        try:
            await self.loop.sock_connect(backend, self.backend)
        except OSError:
            self._doors.look()
            for one in (client, backend):
                reset_socket(one)
                one.close()
            tunnel.client.ended = True
            self.gone(tunnel)
            return
        try:
            await self.loop.create_connection(lambda: tunnel.backend, sock=backend, **self._to_backend)
            await self.loop.connect_accepted_socket(lambda: tunnel.client, sock=client, **self._to_client)
        except OSError as problem:  # only TLS has anything to fail at
            self._unmatched(tunnel, client, problem)
            return
        tunnel.strike(self._faults)
        tunnel.began()

    def _unmatched(self, tunnel: Tunnel, client: socket.socket, problem: OSError) -> None:
        """One side has ended before its handshake did, or did not like it."""
        side = "client" if tunnel.backend.transport else "backend"
        if side == "backend":
            self._doors.backend_ended()
        if isinstance(problem, ssl.SSLError):
            self.recorder.write("note", f"no TLS with the {side}", {"why": str(problem), "via": tunnel.via})
        reset_socket(client)
        client.close()
        tunnel.client.ended = tunnel.client.lost = True
        tunnel.close()
        tunnel.lost()

    def _begin(self, fault: LinkFault) -> None:
        self._felt.discard(fault)
        self._strike((*self._faults, fault))
        if fault.refuses:
            self.recorder.write("link", "shut", self._about(fault))

    def _about(self, fault: LinkFault) -> dict[str, str]:
        return {"backend": f"{self.backend[0]}:{self.backend[1]}", "what": repr(fault)}

    def _strike(self, faults: tuple[LinkFault, ...]) -> None:
        self._faults = faults
        self._doors.refuse(any(fault.refuses for fault in faults))
        for tunnel in list(self._tunnels.values()):
            tunnel.strike(faults)


class TcpProxy(Proxy):
    """A proxy for any link, through one port or several."""

    def open(self, host: str = "127.0.0.1", port: int | None = None) -> tuple[str, int]:
        """Await clients there, as soon as the backend does, at a port of our own if none is given.

        OSError if the port is another's.
        """
        return self.listen(host, port)


def _without(faults: tuple[LinkFault, ...], one: LinkFault) -> tuple[LinkFault, ...]:
    kept = list(faults)
    if one in kept:
        kept.remove(one)
    return tuple(kept)
