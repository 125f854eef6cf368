"""The lines that give a GCS its rights."""

from __future__ import annotations

import contextlib
import re
from dataclasses import replace
from pathlib import Path

import pytest
from redis.exceptions import NoPermissionError

from harness.store import acl
from harness.store.parse import store_from
from harness.store.redis_client import client_of
from harness.store.redis_server import RedisServer


def test_the_line_of_a_release() -> None:
    assert acl.minimal("default", "2.60.0") == (
        "user ray on >PASSWORD resetchannels ~RAYdefault@* -@all +hdel +hexists +hget +hmget +hscan +hset "
        "+hsetnx +incrby +info +ping (~DUMMY +del)"
    )


def test_a_release_that_cannot_be_told_a_user_is_the_default_one() -> None:
    assert acl.login(acl.minimal("ns", "2.40.0")) == "default"
    assert acl.login(acl.minimal("ns", "2.49.2")) == "ray"
    assert acl.login(acl.minimal("ns", None, user="me")) == "me"


@pytest.mark.parametrize("release", ["2.60.0", None])
def test_a_right_is_taken_away(release: str | None) -> None:
    line = acl.minimal("ns", release)
    for right in allowed(line):
        less = acl.without(line, right)
        assert allowed(less) == allowed(line) - {right}
        assert less.count("(") == less.count(")")
    with pytest.raises(ValueError, match="flushall is no right"):
        acl.without(line, "flushall")


def allowed(line: str) -> set[str]:
    return set(re.findall(r"\+(\w+)", line))


@pytest.mark.parametrize("namespace", ["plain", "st*r", "a b", "[x]", 'quo"te', "back\\slash", "pa(ren"])
def test_a_server_takes_every_line_and_keeps_namespaces_apart(namespace: str, tmp_path: Path) -> None:
    server = store_from("redis+acl", tmp_path / "store")
    assert isinstance(server, RedisServer)
    own = server.settings
    with contextlib.ExitStack() as ending:
        ending.callback(server.stop)
        server.start()
        for release in ("2.60.0", None):
            line = acl.minimal(namespace, release, own.username, own.password)
            server.allow(line)
            server.kill()
            server.restart()  # from its configuration
            client = ending.enter_context(contextlib.closing(client_of(replace(own, owner=None))))
            client.hset(f"RAY{namespace}@KV", "field", "value")
            for strange in ("RAYstranger@KV", f"RAY{namespace}2@KV"):
                with pytest.raises(NoPermissionError):
                    client.hset(strange, "field", "value")
