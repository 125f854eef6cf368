"""Redis in cluster mode with one shard: what its servers are told, and how they become a cluster.

A server of ours has all 16384 slots or follows the one that has, so that no client is sent elsewhere.
"""

from __future__ import annotations

import contextlib
from typing import Any

import redis

from harness.errors import EnvironmentProblem, TimedOut
from harness.wait import until

SLOTS = 16384
_SECONDS = 20.0
_EVERY_SECONDS = 0.02


def lines(host: str, bus_port: int) -> list[str]:
    """Of the configuration of a server at ``host`` whose bus listens at ``bus_port``; 0: 10000 above its own port."""
    told = [
        "cluster-enabled yes",
        # What a cluster knows of itself lies with the data, and is lost with them.
        "cluster-config-file nodes.conf",
        # Else its place is where its connections come from: 127.0.0.1 for every address of loopback.
        f"cluster-announce-ip {host}",
        "repl-diskless-sync-delay 0",
    ]
    return [*told, f"cluster-port {bus_port}"] if bus_port else told


def lead(client: redis.Redis) -> None:
    """Have all slots, and return when the cluster says that it is well: Redis takes 2 s for that after each start.

    EnvironmentProblem when it does not.
    """
    try:
        if int(_info(client)["cluster_slots_assigned"]) < SLOTS:
            _command(client, "CLUSTER ADDSLOTSRANGE", 0, SLOTS - 1)
        _until("the cluster is well", lambda: _info(client)["cluster_state"] == "ok")
    except (redis.RedisError, TimedOut) as problem:
        raise EnvironmentProblem(f"the Redis makes no cluster: {problem}") from problem


def follow(client: redis.Redis, primary: redis.Redis, place: tuple[str, int], bus_port: int) -> None:
    """Be the replica of ``primary`` at ``place``, and return when it has all. EnvironmentProblem when it does not."""
    try:
        name = _text(_command(primary, "CLUSTER MYID"))
        if _info(client)["cluster_slots_assigned"] != str(SLOTS):
            _command(client, "CLUSTER MEET", *place, *([bus_port] if bus_port else []))
        _until("the replica has met the primary", lambda: name in _text(_command(client, "CLUSTER NODES")))
        _until("the replica may follow", lambda: _follows(client) or _told(client, name))
        _until("the replica has all", lambda: _has_all(client))
        _until(
            "the primary knows the replica",
            lambda: f"slave {name}" in _text(_command(primary, "CLUSTER NODES")),
        )
        _until("the cluster is well", lambda: _info(client)["cluster_state"] == "ok")
    except (redis.RedisError, TimedOut) as problem:
        raise EnvironmentProblem(f"the Redis makes no cluster with a replica: {problem}") from problem


def _told(client: redis.Redis, primary: str) -> bool:
    with contextlib.suppress(redis.ResponseError):  # it has not learnt that the other is a primary
        _command(client, "CLUSTER REPLICATE", primary)
    return _follows(client)


def _follows(client: redis.Redis) -> bool:
    return _replication(client).get("role") == "slave"


def _has_all(client: redis.Redis) -> bool:
    return _replication(client).get("master_link_status") == "up"


def _replication(client: redis.Redis) -> dict[str, Any]:
    told: dict[str, Any] = client.info("replication")
    return told


def _until(what: str, so: Any) -> None:
    until(what, so, _SECONDS, every=_EVERY_SECONDS)


def _info(client: redis.Redis) -> dict[str, str]:
    said = _text(_command(client, "CLUSTER INFO"))
    return dict(line.split(":", 1) for line in said.splitlines() if ":" in line)


def _command(client: redis.Redis, *words: object) -> Any:
    """The bare reply: redis-py would make of some what its version likes."""
    asked: Any = client.connection_pool
    connection = asked.get_connection()
    try:
        connection.send_command(*(part for word in words for part in str(word).split(" ")))
        return connection.read_response()
    finally:
        asked.release(connection)


def _text(reply: Any) -> str:
    return reply.decode() if isinstance(reply, bytes) else str(reply)
