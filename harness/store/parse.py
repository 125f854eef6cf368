"""A store by the name that a user or a scenario gives it."""

from __future__ import annotations

import secrets
from pathlib import Path

from harness.errors import EnvironmentProblem
from harness.store.base import Store
from harness.store.external import ExternalRedis
from harness.store.memory import Memory
from harness.store.redis_server import RedisServer
from harness.store.rocksdb import RocksDb

STORES = {
    "redis": "a Redis server of the run's own, without persistence",
    "redis+password": "… whose default user has a password",
    "redis+username": "… with an ACL user and its password, the default user being off",
    "redis+rdb": "… that writes a snapshot every second",
    "redis+aof": "… that syncs every write to the disk (options combine: redis+username+aof)",
    "memory": "none: the GCS keeps all in memory and forgets it with its life",
    "rocksdb": "a directory that the GCS opens itself (Ray 2.57 and later)",
    "redis://[user:password@]host:port": "a server that you run, on a loopback address; it is never broken",
}
_OPTIONS = frozenset({"password", "username", "rdb", "aof"})
_USER = "gauntlet"


def store_from(spec: str, directory: Path, binary: Path | None = None) -> Store:
    """The store named ``spec`` (see :data:`STORES`), not started; its files go to ``directory``.

    ``binary``: the Redis server to run, instead of the one that is found. EnvironmentProblem with
    what is allowed when ``spec`` is none of these.
    """
    if spec.startswith(("redis:", "rediss:")):
        return ExternalRedis(spec)
    if spec == "memory":
        return Memory()
    if spec == "rocksdb":
        return RocksDb(directory)
    kind, *options = spec.split("+")
    chosen = frozenset(options)
    if kind != "redis" or not chosen <= _OPTIONS or chosen >= {"rdb", "aof"}:
        raise EnvironmentProblem(f"{spec!r} is no store: expected one of {', '.join(STORES)}")
    persistence = next((option for option in ("rdb", "aof") if option in chosen), "none")
    return RedisServer(
        directory,
        username=_USER if "username" in chosen else "",
        password=secrets.token_hex(8) if chosen & {"username", "password"} else "",
        persistence=persistence,
        binary=binary,
    )
