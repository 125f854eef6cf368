"""A front passes bytes while open, and refuses once closed."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from harness.names.front import Front
from harness.process.ports import allocate_address, allocate_port


@pytest.fixture
def echo() -> Iterator[tuple[str, int]]:
    """A server that sends back what it gets."""
    listener = socket.create_server(("127.0.0.1", allocate_port()))

    def serve() -> None:
        while True:
            try:
                link, _ = listener.accept()
            except OSError:
                return
            while data := link.recv(1024):
                link.sendall(data)
            link.close()

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def test_it_passes_bytes_until_it_is_closed_and_again_elsewhere(echo: tuple[str, int]) -> None:
    front = Front(echo)
    for _ in range(2):
        address = allocate_address()
        port = allocate_port(address)
        front.open(address, port)
        link = socket.create_connection((address, port), timeout=5)
        link.sendall(b"hello")
        assert link.recv(16) == b"hello"
        front.close()
        assert link.recv(16) == b""
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((address, port), timeout=5)
    front.close()
