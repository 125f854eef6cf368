"""A relay passes commands and answers, and from the chosen command on only commands."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis

from harness.process.ports import allocate_port
from harness.store.redis_server import RedisServer
from harness.store.relay import Relay
from harness.wait import until


def test_it_withholds_from_the_chosen_command_on(tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    server.start()
    port = allocate_port()
    relay = Relay((server.settings.host, server.settings.port), ("127.0.0.1", port), b"HSCAN")
    client = redis.Redis(port=port, socket_timeout=0.3)
    try:
        assert client.set("key", "value")
        assert not relay.reached.is_set()
        with pytest.raises(redis.TimeoutError):
            client.hscan("table")
        assert relay.reached.is_set()
        relay.release()
        until("answers flow again", lambda: client.get("key") == b"value")
    finally:
        client.close()
        relay.close()
        server.stop()
