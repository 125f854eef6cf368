"""A Redis that cannot be used, whatever keeps it from that: one short sentence each, and no password in it."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.container.tls import certify
from harness.errors import EnvironmentProblem
from harness.process.child import Child
from harness.process.ports import allocate_port
from harness.store import external
from harness.store.base import StoreSettings, Tls
from harness.store.binary import redis_server
from harness.store.external import ExternalRedis
from harness.store.redis_client import answers
from harness.store.redis_config import config
from harness.store.redis_server import RedisServer
from harness.wait import until

LONGEST = 120


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[str]:
    """``host:port`` of a Redis whose default user has the password ``right``, with users of few rights."""
    server = RedisServer(tmp_path / "redis", password="right")
    server.start()
    try:
        with contextlib.closing(server.client()) as client:
            command: Any = client.execute_command
            for user, rights in (("poor", "+get"), ("pings", "+ping"), ("off", "+@all")):
                command("ACL SETUSER", user, "off" if user == "off" else "on", ">p", "~*", rights)
        yield f"{server.settings.host}:{server.settings.port}"
    finally:
        server.stop()


def said(url: str) -> str:
    """Why the store at ``url`` cannot be used."""
    with pytest.raises(EnvironmentProblem) as caught:
        ExternalRedis(url).start()
    name, _, why = str(caught.value).partition(" cannot be used: ")
    assert re.fullmatch(r"redis://\S+:\d+", name) and "@" not in name, caught.value
    assert "\n" not in why and len(why) <= LONGEST, why
    return why


@pytest.mark.parametrize(
    ("login", "why"),
    [
        ("", r"it wants a password, as in redis://:PASSWORD@127\.\S+"),
        ("joe@", r"it wants a password, as in redis://:PASSWORD@127\.\S+"),
        (":wrong@", "it does not let the default user in with this password"),
        ("joe:right@", "it does not let user 'joe' in with this password"),
        ("off:p@", "it does not let user 'off' in with this password"),
        ("poor:p@", "user 'poor' may not run PING, which a run needs"),
        ("pings:p@", "user 'pings' may not run SCAN, which a run needs"),
    ],
    ids=[
        "no-password",
        "a-user-alone",
        "wrong-password",
        "wrong-user",
        "user-off",
        "no-rights",
        "few-rights",
    ],
)
def test_a_login(guarded: str, login: str, why: str) -> None:
    assert re.fullmatch(why, said(f"redis://{login}{guarded}"))


def test_nobody_listens() -> None:
    assert said(f"redis://127.0.0.1:{allocate_port()}") == "it cannot be reached: Connection refused"


def test_a_server_that_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(external, "_ANSWER_SECONDS", 0.5)
    server = RedisServer(tmp_path / "redis")
    server.start()
    try:
        server.pause()
        url = f"redis://{server.settings.host}:{server.settings.port}"
        assert said(url) == "it does not answer within 0.5 s"
    finally:
        server.stop()


@pytest.fixture
def answering() -> Iterator[Callable[[bytes], str]]:
    """``answering(reply)``: the URL of a server that says so to whatever it is sent, and closes the connection."""
    with contextlib.ExitStack() as ending:

        def make(reply: bytes) -> str:
            server = ending.enter_context(socket.create_server(("127.0.0.1", 0)))
            threading.Thread(target=_answer, args=(server, reply), daemon=True).start()
            return f"redis://127.0.0.1:{server.getsockname()[1]}"

        yield make


def _answer(server: socket.socket, reply: bytes) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(reply)


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (b"-LOADING Redis is loading the dataset in memory\r\n" * 4, "it is still loading its data; try again when it has"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "what answers there is no Redis"),
        (b"", "it closes the connection without an answer"),
        (b"-MISCONF Errors writing to the AOF file: No space left on device\r\n" * 4, "it answers PING with an error: MISCONF Errors writing to the AOF file: No space left on device"),
        (b"-DENIED protected mode. In this mode connections are only accepted from one interface.\r\n" * 4, "it answers PING with an error: DENIED protected mode"),
    ],
    ids=["loading", "http", "closes", "disk-full", "protected"],
)  # fmt: skip
def test_an_answer(answering: Callable[[bytes], str], reply: bytes, why: str) -> None:
    assert said(answering(reply)) == why


def test_a_server_that_speaks_tls(tmp_path: Path) -> None:
    tls = Tls(tmp_path / "ca.pem", tmp_path / "redis.pem", tmp_path / "redis.key")
    certify(tls, "127.0.0.1")
    settings = StoreSettings("redis", "127.0.0.1", allocate_port(), tls=tls)
    (tmp_path / "redis.conf").write_text("\n".join(config(settings, "127.0.0.1", tmp_path, "none")))
    child = Child.spawn("redis", [str(redis_server()), str(tmp_path / "redis.conf")], {}, tmp_path / "log")
    try:
        until("it answers, or ends", lambda: answers(settings) or not child.alive)
        if not child.alive:
            pytest.skip(f"{redis_server()} was built without TLS: set GAUNTLET_REDIS_SERVER to one with it")
        url = f"redis://127.0.0.1:{settings.port}"
        assert said(url) == "it speaks TLS, and a store by URL is reached without"
    finally:
        child.kill()
