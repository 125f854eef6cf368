"""Clients of Redis that send no command twice: what a store counts must not depend on what it was slow to answer.

Measured with redis-py 8.1.0: by default a client sends a command up to ten times again after a timeout, so that one
INCR over a server that stood still for a moment counts twice; ``retry_on_timeout=False`` does not keep it from that.
"""

from __future__ import annotations

import ast
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from harness.store.redis_client import client_of
from harness.store.redis_server import RedisServer
from harness.test_imports import OURS, ROOT, files_below, is_test
from harness.wait import until

PLACE = "harness/store/redis_client.py"
"""The one file, beside tests, that makes clients."""
PATIENCE, STANDING = 0.3, 0.6


def constructions(source: str) -> Iterator[ast.Call]:
    """Calls in ``source`` that make a client of redis-py."""
    tree = ast.parse(source)
    names = {
        "redis.Redis",
        "redis.StrictRedis",
        "redis.from_url",
        "redis.asyncio.Redis",
        "redis.cluster.RedisCluster",
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "redis":
            names |= {alias.asname or alias.name for alias in node.names if alias.name in _MAKERS}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in names:
            yield node


_MAKERS = frozenset({"Redis", "StrictRedis", "Sentinel", "RedisCluster", "from_url"})


def retries(call: ast.Call) -> bool:
    """Whether a client so made may send a command again: its ``retry`` is not said."""
    return not any(one.arg in ("retry", None) for one in call.keywords)


def test_clients_are_made_in_one_place_and_retry_nothing() -> None:
    made = {
        str(path.relative_to(ROOT)): calls
        for package in OURS
        for path in files_below(package)
        if (calls := list(constructions(path.read_text())))
    }
    assert [name for name in made if not is_test(Path(name))] == [PLACE]
    assert not {name: len(calls) for name, calls in made.items() if any(retries(one) for one in calls)}


def test_a_client_that_retries_is_found() -> None:
    sources = (
        "import redis\nredis.Redis(host='h')",
        "from redis import Redis as R\nR()",
        "from redis.sentinel import Sentinel\nSentinel([])",
    )
    for source in sources:
        assert [retries(one) for one in constructions(source)] == [True]
    assert [retries(one) for one in constructions("import redis\nredis.Redis(retry=None)")] == [False]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    made = RedisServer(tmp_path / "redis")
    made.start()
    try:
        yield made
    finally:
        made.stop()


def counted(server: RedisServer, client: redis.Redis) -> int:
    """What the server has counted, once it goes on, when ``client`` asked it one INCR while it stood still."""
    client.ping()
    server.pause()
    going_on = threading.Timer(STANDING, server.resume)
    going_on.start()
    try:
        with contextlib.suppress(redis.TimeoutError):
            client.incr("counter")
    finally:
        going_on.join()
    with contextlib.closing(server.client(decode=True)) as asked:
        until("it has counted", lambda: asked.get("counter"))
        return int(str(asked.get("counter")))


def test_one_increment_over_a_store_that_stands_still_counts_once(server: RedisServer) -> None:
    with contextlib.closing(client_of(server.settings, timeout=PATIENCE)) as client:
        assert counted(server, client) == 1


def test_a_client_as_redis_py_makes_it_counts_twice(server: RedisServer) -> None:
    """Should this fail, redis-py has changed: see whether :func:`client_of` still need say that it retries nothing."""
    where = {"host": server.settings.host, "port": server.settings.port, "socket_timeout": PATIENCE}
    with contextlib.closing(redis.Redis(**where)) as client:  # type: ignore[arg-type]
        assert counted(server, client) > 1
