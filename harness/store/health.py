"""What a Redis says of itself: what it threw out, what it failed to write to its disk, and what it is allowed to do.

Read from ``INFO``, and ``CONFIG GET`` for what that does not tell; a user may be refused both.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import redis

SPARES_ROWS = ("noeviction", "volatile-")
"""What the policies begin with under which no key goes that has no time to live: a GCS's have none."""
_STATES = ("rdb_last_bgsave_status", "aof_last_bgrewrite_status", "aof_last_write_status")


@dataclass(frozen=True)
class Health:
    """``process``: what tells one life of the server from another; ``evicted``: the keys that it has thrown out in it
    to make room. ``limit``: of its memory, in bytes, 0 for none; ``policy``: what it does at the limit. ``unsaved``: what
    it says of a save that failed. ``saves``: whether it writes its data to a disk at all. None and '': not known;
    ``unknown``: why nothing is."""

    process: str = ""
    evicted: int | None = None
    limit: int | None = None
    policy: str = ""
    unsaved: str = ""
    saves: bool | None = None
    unknown: str = ""

    @property
    def facts(self) -> dict[str, Any]:
        """For the history."""
        if self.unknown:
            return {"unknown": self.unknown}
        return {"limit": self.limit, "policy": self.policy, "saves": self.saves, "evicted": self.evicted}

    @property
    def may_evict(self) -> bool:
        """Whether rows of a GCS may go when its memory is full; where nobody knows, they may."""
        return not self.policy.startswith(SPARES_ROWS)


def read(client: redis.Redis) -> Health:
    """As it is now; ``unknown`` where the server does not answer, or refuses to tell."""
    try:
        said: Any = client.info()
    except redis.RedisError as problem:
        return Health(unknown=f"INFO is not answered: {problem}".partition("\n")[0])
    policy = str(said.get("maxmemory_policy") or _setting(client, "maxmemory-policy") or "")
    return Health(
        process=str(said.get("run_id", "")),
        evicted=_number(said, "evicted_keys"),
        limit=_number(said, "maxmemory"),
        policy=policy,
        unsaved=", ".join(f"{one} is {said[one]}" for one in _STATES if said.get(one, "ok") != "ok"),
        saves=_saves(client, said),
    )


def _number(said: Mapping[str, Any], name: str) -> int | None:
    value = said.get(name)
    return value if isinstance(value, int) else None


def _saves(client: redis.Redis, said: Mapping[str, Any]) -> bool | None:
    if said.get("aof_enabled"):
        return True
    times = _setting(client, "save")
    return None if times is None else bool(times)


def _setting(client: redis.Redis, name: str) -> str | None:
    """A setting of the server; None where it does not tell."""
    found: Any = {}
    with suppress(redis.RedisError):
        found = client.config_get(name)
    values = [value.decode() if isinstance(value, bytes) else str(value) for value in found.values()]
    return values[0] if values else None


def caution(name: str, health: Health) -> str:
    """What the user of the server called ``name`` should know before a run, as one sentence; '' where all is well."""
    if health.unknown:
        return f"{name}: whether it loses keys by itself is not known ({health.unknown})"
    found = []
    if health.limit and health.policy != "noeviction":
        policy = health.policy or "not known"
        found.append(
            f"it may throw keys out when its {health.limit} bytes are full (maxmemory-policy is {policy}, and a GCS "
            "needs noeviction)"
        )
    if health.saves is False:
        found.append("it writes nothing to a disk, so that whoever restarts it loses all rows")
    if health.unsaved:
        found.append(f"it fails to save its data ({health.unsaved})")
    return f"{name}: {', and '.join(found)}: such a case is inconclusive" if found else ""
