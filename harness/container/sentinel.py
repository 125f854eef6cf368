"""A primary, a replica, and a sentinel that promotes the replica when it is told to or the primary is gone."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import redis

from harness.container.redis_container import RedisContainer, Server
from harness.errors import EnvironmentProblem, TimedOut
from harness.store.base import StoreSettings
from harness.store.own_redis import OwnRedis
from harness.store.several_redis import SeveralRedis
from harness.wait import until

PRIMARY = "gauntlet"
"""How the sentinel calls what it watches."""
SENTINEL_PORT = 26379
# A machine that is busy for a second must not look like a dead primary.
_DEAD_AFTER_MS = 2000
_SECONDS = 30.0
_TRY_AGAIN_MS = 6000
_PAUSE_MS = int(3000 * _SECONDS)


class SentinelRedis(SeveralRedis[RedisContainer]):
    """Three containers. A GCS is told where the sentinel is, and asks it for the primary.

    What befalls the store, befalls all three at once.
    """

    def __init__(self, server: Server, directory: Path, persistence: str = "none") -> None:
        self._directory, plain = directory, StoreSettings("redis")
        self._pair = [
            RedisContainer(replace(server, role=role), plain, directory / role, persistence)
            for role in ("primary", "replica")
        ]
        self._sentinel = _Sentinel(replace(server, role="sentinel"), plain, directory / "sentinel")

    @property
    def settings(self) -> StoreSettings:
        return replace(self._sentinel.settings, sentinel=PRIMARY)

    def start(self) -> None:
        """Start what does not run; each of the two Redis in the part that it had last."""
        leads, follows = self._pair
        leads.follow(None)
        leads.start()
        follows.follow(leads.settings)
        follows.start()
        self._sentinel.watch(leads.settings)
        self._sentinel.start()
        try:
            until("the replica follows", lambda: _follows(follows), _SECONDS)
            until("the sentinel knows the replica", lambda: self._named("num-slaves") == "1", _SECONDS)
        except TimedOut as late:
            raise EnvironmentProblem(f"{late}\n{self.log_tail()}") from late

    def failover(self, kill: bool = False) -> None:
        """Let the replica lead; return when the sentinel says that it does. TimedOut when it does not.

        ``kill``: because the primary is dead; else because the sentinel was told. Either way nothing is lost that
        the primary acknowledged: it is written to no more once the replica is to have all.
        """
        leads, follows = self._pair
        with contextlib.closing(leads.client()) as old:
            old.client_pause(_PAUSE_MS, all=False)
            until("the replica has all", lambda: _offset(leads) == _offset(follows), _SECONDS)
            if kill:
                leads.kill()
            else:
                until("the sentinel obeys", self._promote, _SECONDS, every=0.1)
            place = (follows.settings.host, str(follows.settings.port))
            until("the replica leads", lambda: (self._named("ip"), self._named("port")) == place, _SECONDS)
            self._pair.reverse()
            if not kill:
                # As the sentinel would order it, were its connection not paused with the others.
                old.replicaof(*place)
                old.client_kill_filter(_type="normal", skipme=True)
                old.client_unpause()
                until("the old primary follows", lambda: _follows(leads), _SECONDS)

    @property
    def _all(self) -> list[OwnRedis]:
        return [self._sentinel, *self._pair]

    def _promote(self) -> bool:
        """Tell the sentinel to promote the replica; whether it will."""
        with contextlib.closing(self._sentinel.client()) as told:
            try:
                return bool(told.sentinel_failover(PRIMARY))
            except redis.ResponseError:  # it has not heard of the replica for a while
                return False

    def _named(self, fact: str) -> str:
        """What the sentinel says of the primary; '' when it does not answer."""
        with contextlib.closing(self._sentinel.client(decode=True)) as asked:
            try:
                told: Any = asked.sentinel_master(PRIMARY)
            except redis.RedisError:
                return ""
        return str(told[fact])


class _Sentinel(RedisContainer):
    """Keeps what it learns in its own configuration file, which it writes anew."""

    _options = ("--sentinel",)
    _port = SENTINEL_PORT
    _watched = ""

    def watch(self, primary: StoreSettings) -> None:
        """Which primary to watch from the first start on."""
        self._watched = f"{PRIMARY} {primary.host} {primary.port} 1"

    def _write_files(self) -> None:
        if not self._config.exists():
            self._config.write_text("\n".join(self._lines()) + "\n")

    def _lines(self) -> list[str]:
        return [
            f"port {self._port}",
            f'dir "{self._data}"',
            "protected-mode no",  # nothing but this machine reaches it
            f"sentinel monitor {self._watched}",
            f"sentinel down-after-milliseconds {PRIMARY} {_DEAD_AFTER_MS}",
            f"sentinel failover-timeout {PRIMARY} {_TRY_AGAIN_MS}",
        ]


def _follows(server: RedisContainer) -> bool:
    told = _replication(server)
    return told.get("role") == "slave" and told.get("master_link_status") == "up"


def _offset(server: RedisContainer) -> int:
    """How much of the stream of writes it has."""
    told = _replication(server)
    return int(told["master_repl_offset" if told["role"] == "master" else "slave_repl_offset"])


def _replication(server: RedisContainer) -> dict[str, Any]:
    with contextlib.closing(server.client()) as client:
        told: dict[str, Any] = client.info("replication")
    return told
