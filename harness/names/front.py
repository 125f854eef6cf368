"""An address of the GCS that can be given up and taken at another IP.

A real ``gcs_server`` binds every interface unless told 127.0.0.1 (``gcs_server.cc``: the
constructor; seen on 2.60.0), so on one machine it would still answer at an IP that it left.
It therefore always listens on 127.0.0.1, and what moves is this front: a listener at another
loopback IP that passes bytes through.
"""

from __future__ import annotations

import contextlib
import socket
import threading

_CHUNK = 65536


class Front:
    """Passes connections to ``(address, port)`` on to ``backend``, while open. Bytes are not touched."""

    def __init__(self, backend: tuple[str, int]) -> None:
        self._backend = backend
        self._listener: socket.socket | None = None
        self._links: set[socket.socket] = set()
        self._lock = threading.Lock()

    def open(self, address: str, port: int) -> None:
        """Listen there. OSError if the port is taken."""
        listener = socket.create_server((address, port), backlog=64)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), name="front", daemon=True).start()

    def close(self) -> None:
        """Stop listening and cut every connection, as the end of a host does. May be called again."""
        listener, self._listener = self._listener, None
        if listener is not None:
            # Wakes the accepting thread, which close() alone does not.
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        with self._lock:
            links, self._links = self._links, set()
        for link in links:
            _cut(link)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                caller, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._backend, timeout=5)
            except OSError:
                _cut(caller)
                continue
            server.settimeout(None)
            with self._lock:
                self._links |= {caller, server}
            for source, sink in ((caller, server), (server, caller)):
                threading.Thread(target=self._pass, args=(source, sink), name="front", daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK):
                sink.sendall(data)
        for link in (source, sink):
            _cut(link)
        with self._lock:
            self._links -= {source, sink}


def _cut(link: socket.socket) -> None:
    with contextlib.suppress(OSError):
        link.shutdown(socket.SHUT_RDWR)
    link.close()
