"""A Redis cluster of one shard with a replica, whatever runs the two."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from harness.store import cluster_mode
from harness.store.base import StoreSettings
from harness.store.own_redis import OwnRedis
from harness.store.several_redis import SeveralRedis


class RedisCluster(SeveralRedis[OwnRedis]):
    """``primary`` has all slots and ``replica`` follows it; both are made in cluster mode, with files below ``directory``.

    A GCS is told where the primary is. The replica never takes over: one that would needs most of the primaries'
    votes, and there is but one.
    """

    def __init__(self, primary: OwnRedis, replica: OwnRedis, directory: Path) -> None:
        self._directory, self._pair = directory, [primary, replica]

    @property
    def settings(self) -> StoreSettings:
        return self.primary.settings

    @property
    def pid(self) -> int | None:
        """Of the primary's last process; None before."""
        return self.primary.pid

    def start(self) -> None:
        """Start what does not run; EnvironmentProblem when the two make no cluster."""
        if self.alive:
            return
        primary, replica = self._pair
        primary.start()
        replica.start()
        with closing(replica.client()) as follower, closing(primary.client()) as leader:
            place = (primary.settings.host, primary.settings.port)
            cluster_mode.follow(follower, leader, place, primary.bus_port)
