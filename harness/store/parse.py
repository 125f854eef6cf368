"""A store by the name that a user or a scenario gives it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.errors import EnvironmentProblem
from harness.store import acl
from harness.store.base import Login, Store
from harness.store.external import ExternalRedis
from harness.store.memory import Memory
from harness.store.own_redis import PRIMARY, REPLICA, OwnRedis
from harness.store.redis_cluster import RedisCluster
from harness.store.redis_server import RedisServer
from harness.store.rocksdb import RocksDb

STORES = {
    "redis": "a Redis server of the run's own, without persistence",
    "redis+password": "… whose default user has a password",
    "redis+username": "… with an ACL user and its password, the default user being off",
    "redis+acl": "… with an ACL user who may do what a GCS needs and nothing else",
    "redis+rdb": "… that writes a snapshot every second",
    "redis+aof": "… that syncs every write to the disk (options combine: redis+username+aof)",
    "redis+tls": "… that speaks TLS alone, under an authority of its own (on docker)",
    "redis+cluster": "… in cluster mode: one shard that has all slots",
    "redis+cluster+replica": "… the same with a replica",
    "redis+sentinel": "… with a replica and a sentinel, whose address the GCS is told (on docker)",
    "valkey": "Valkey in the place of Redis, with the same options (on docker)",
    "memory": "none: the GCS keeps all in memory and forgets it with its life",
    "rocksdb": "a directory that the GCS opens itself (Ray 2.57 and later)",
    "redis://[user:password@]host:port": "a server that you run, on a loopback address; it is never broken",
}
_SERVERS = ("redis", "valkey")
_PERSISTENCE = ("rdb", "aof")
_ALONE = ("password", "username", "acl", "tls")
_OPTIONS = frozenset({*_ALONE, "sentinel", "cluster", "replica", *_PERSISTENCE})
# At most one of each.
_RIVALS = (
    frozenset(_PERSISTENCE),
    frozenset({"acl", "password"}),
    frozenset({"acl", "username"}),
    *(frozenset({several, other}) for several in ("sentinel", "cluster") for other in _ALONE),
    frozenset({"sentinel", "cluster"}),
)
_USER = "gauntlet"
_OWNER = "gauntlet-owner"


@dataclass(frozen=True)
class Chosen:
    """A Redis or Valkey as its name describes it. ``user``: the GCS's, who has all rights unless there is an ``owner``, and then those of ``rights``."""

    server: str
    persistence: str
    user: Login
    owner: Login | None
    rights: tuple[str, ...]
    tls: bool
    sentinel: bool
    cluster: bool
    replica: bool


def is_url(spec: str) -> bool:
    """Whether ``spec`` names a server that the user runs."""
    return spec.startswith(("redis:", "rediss:"))


def chosen(spec: str) -> Chosen:
    """What the name of a Redis or Valkey of ours says; EnvironmentProblem with what is allowed when it is none."""
    server, *options = spec.split("+")
    wanted = frozenset(options)
    if (
        server not in _SERVERS
        or not wanted <= _OPTIONS
        or any(rivals <= wanted for rivals in _RIVALS)
        or wanted & {"cluster", "replica"} == {"replica"}
    ):
        raise EnvironmentProblem(f"{spec!r} is no store: expected one of {', '.join(STORES)}")
    user = Login(
        _USER if wanted & {"username", "acl"} else "",
        secrets.token_hex(8) if wanted & {"username", "password", "acl"} else "",
    )
    narrow = "acl" in wanted
    return Chosen(
        server,
        next((option for option in _PERSISTENCE if option in wanted), "none"),
        user,
        Login(_OWNER, secrets.token_hex(8)) if narrow else None,
        (acl.anyone(user.username, user.password),) if narrow else (),
        "tls" in wanted,
        "sentinel" in wanted,
        "cluster" in wanted,
        "replica" in wanted,
    )


def proxied(spec: str) -> bool:
    """Whether a proxy that reads commands can stand before the store named ``spec``; any, for a name of none."""
    return spec not in ("memory", "rocksdb") and "sentinel" not in spec.split("+")


def keeping(spec: str) -> str:
    """The store like ``spec`` that loses nothing when it is killed; ``spec`` where it is not ours to kill, or keeps a file."""
    ours = not is_url(spec) and spec.partition("+")[0] in _SERVERS
    return f"{spec}+aof" if ours and not set(_PERSISTENCE) & set(spec.split("+")) else spec


def without_server(spec: str, directory: Path) -> Store | None:
    """The store named ``spec`` if it needs no server; None when it does."""
    if spec == "memory":
        return Memory()
    return RocksDb(directory) if spec == "rocksdb" else None


def clustered(made: Chosen, directory: Path, make: Callable[[str, Path], OwnRedis]) -> Store:
    """The cluster that ``made`` describes, of servers by ``make(part, directory)``."""
    if not made.replica:
        return make(PRIMARY, directory)
    return RedisCluster(make(PRIMARY, directory / PRIMARY), make(REPLICA, directory / REPLICA), directory)


def store_from(spec: str, directory: Path, binary: Path | None = None) -> Store:
    """The store named ``spec`` (see :data:`STORES`), not started; its files go to ``directory``.

    ``binary``: the Redis server to run, instead of the one that is found. EnvironmentProblem with
    what is allowed when ``spec`` is none of these.
    """
    if is_url(spec):
        return ExternalRedis(spec)
    simple = without_server(spec, directory)
    if simple is not None:
        return simple
    made = chosen(spec)
    if made.server != "redis" or made.tls or made.sentinel:
        raise EnvironmentProblem(f"the store {spec!r} runs in containers only: say --backend docker")
    if made.cluster:
        return clustered(
            made,
            directory,
            lambda part, place: RedisServer(place, "", "", made.persistence, binary, part=part),
        )
    return RedisServer(
        directory,
        username=made.user.username,
        password=made.user.password,
        persistence=made.persistence,
        binary=binary,
        owner=made.owner,
        rights=made.rights,
    )
