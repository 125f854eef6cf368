"""A way to the store that falls silent at a chosen command: it is sent, and no answer comes back."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable

_CHUNK = 65536


class Relay:
    """Passes bytes between ``address`` and ``backend``. From the first ``stop_at`` on, replies are withheld.

    ``stop_at``: a command's name in capitals (``HSCAN``). ``reached`` is set once it has been sent.
    """

    def __init__(self, backend: tuple[str, int], address: tuple[str, int], stop_at: bytes) -> None:
        self.reached = threading.Event()
        self._released = threading.Event()
        self._backend, self._stop_at = backend, stop_at
        self._listener = socket.create_server(address)
        _begin(self._accept)

    def release(self) -> None:
        """Let the withheld replies go, and all later ones."""
        self._released.set()

    def close(self) -> None:
        """Release, and take no more connections. Those that are open go on until one side ends."""
        self.release()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                caller, _ = self._listener.accept()
                store = socket.create_connection(self._backend)
                _begin(self._pass, caller, store, True)
                _begin(self._pass, store, caller, False)

    def _pass(self, source: socket.socket, sink: socket.socket, upstream: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK):
                if upstream and self._stop_at in data.upper():
                    self.reached.set()
                if not upstream and self.reached.is_set():
                    self._released.wait()
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def _begin(work: Callable[..., None], *args: object) -> None:
    threading.Thread(target=work, args=args, name="relay", daemon=True).start()
