"""A line to a process that comes and goes: what it had connected is not trusted."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from harness.raylet import jsonline
from harness.raylet.asking import Line

YES = jsonline.pack({"ok": True, "value": 1})


class Fickle:
    """Answers one request a connection, and hangs up."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.where: tuple[str, int] = self._listener.getsockname()
        self.hung_up = threading.Semaphore(0)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(1 << 16)
                connection.sendall(YES)
            self.hung_up.release()

    def close(self) -> None:
        with contextlib.suppress(OSError):  # it is closed
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def fickle() -> Iterator[Fickle]:
    server = Fickle()
    yield server
    server.close()


def test_a_connection_that_ended_is_not_used_again(fickle: Fickle) -> None:
    line = Line(*fickle.where)
    for _ in range(3):
        assert line.ask({"op": "ping"})["value"] == 1
        assert fickle.hung_up.acquire(timeout=5)
    line.close()


def test_nobody_there_is_an_error_of_the_system(fickle: Fickle) -> None:
    line = Line(*fickle.where)
    fickle.close()
    with pytest.raises(OSError, match="refused"):
        line.ask({"op": "ping"})
