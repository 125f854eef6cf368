"""A GCS that ends in order: what gRPC's core says of it in those who are connected."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from harness.target.flags import users_environment

NEWS = "Got goaway"
# HTTP/2: settings, and the end of the connection for an internal error, as a gRPC server that stops sends it.
SETTINGS = bytes(3) + b"\x04" + bytes(5)
GOAWAY = b"\0\0\x08\x07" + bytes(5) + bytes(4) + b"\0\0\0\x02"
KNOCK = """
import sys, grpc
channel = grpc.insecure_channel(sys.argv[-1])
try:
    channel.unary_unary("/service/Method")(b"", timeout=1)
except grpc.RpcError as problem:
    print(problem.code().name)
"""
ENTRIES = {
    "pytest": "import harness.plugin",
    "gauntlet": "import sys; from harness import cli; cli.app = lambda **options: None; cli.main()",
}


class Leaving:
    """A server that ends every connection in order. ``place``: ``host:port``; ``left``: how many it ended so."""

    def __init__(self, server: socket.socket) -> None:
        self._server, self.left = server, 0
        self.place = f"127.0.0.1:{server.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                with connection:
                    connection.sendall(SETTINGS + GOAWAY)
                    self.left += 1
                    while connection.recv(1000):
                        pass


@pytest.fixture
def leaving() -> Iterator[Leaving]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield Leaving(server)


def said(before: str, leaving: Leaving, **more: str) -> str:
    """What a process writes to its standard error that executes ``before`` and then asks the server."""
    env = {name: value for name, value in os.environ.items() if "GRPC_VERBOSITY" not in name} | more
    done = subprocess.run(
        [sys.executable, "-c", before + KNOCK, leaving.place],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert leaving.left and done.stdout, f"it was not connected: {done}"
    return done.stderr


def test_news_would_be_written(leaving: Leaving) -> None:
    assert NEWS in said("", leaving), "gRPC's core says nothing any more: harness/process/grpc_log.py may go"


@pytest.mark.parametrize("entry", ["pytest", "gauntlet"])
def test_an_entry_point_keeps_them_out(leaving: Leaving, entry: str) -> None:
    assert NEWS not in said(ENTRIES[entry], leaving)


def test_the_user_s_word_counts(leaving: Leaving) -> None:
    assert NEWS in said(ENTRIES["pytest"], leaving, GRPC_VERBOSITY="INFO")


def test_what_is_judged_is_told_nothing_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.process.grpc_log import errors_only

    monkeypatch.delenv("GRPC_VERBOSITY", raising=False)
    monkeypatch.delenv("GAUNTLET_GRPC_VERBOSITY", raising=False)
    errors_only()
    assert os.environ["GRPC_VERBOSITY"] == "ERROR"
    assert not [name for name in users_environment() if "GRPC_VERBOSITY" in name]
    monkeypatch.delenv("GAUNTLET_GRPC_VERBOSITY")
    assert users_environment()["GRPC_VERBOSITY"] == "ERROR", "it may be the user's own"
