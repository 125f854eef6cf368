"""Watching a Redis for what it loses by itself, so that no GCS is blamed for that."""

from __future__ import annotations

import time
from contextlib import closing
from typing import Any

import redis

from harness.history.recorder import Recorder
from harness.store.base import Store
from harness.store.health import Health, read
from harness.store.redis_client import client_of

_WITHIN_SECONDS = 1.0


class StoreWatch:
    """Asks now and then, and writes into the history what has gone wrong since it was asked last."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._last = Health()
        self._at = 0.0
        self._told: set[str] = set()

    def begin(self, recorder: Recorder) -> dict[str, Any]:
        """A case begins: what the store says of itself, for the history. Nothing of one that is no Redis."""
        self._told.clear()
        self._last, self._at = Health(), time.monotonic()
        if self._store.settings.kind != "redis":
            return {}
        return self.ask(recorder).facts

    def ask(self, recorder: Recorder) -> Health:
        """Ask, and write ``store evicted`` and ``store unsaved`` where there is reason to; at when it may have begun."""
        if self._store.settings.kind != "redis":
            return Health()
        asked = time.monotonic()
        try:
            with closing(client_of(self._store.settings, timeout=_WITHIN_SECONDS)) as client:
                now = read(client)
        except redis.RedisError as problem:  # behind a sentinel nobody is found
            now = Health(unknown=str(problem))
        if not now.unknown:
            self._compare(recorder, now)
            self._last, self._at = now, asked
        return now

    def _compare(self, recorder: Recorder, now: Health) -> None:
        if gone := _evicted(self._last, now):
            self._tell(recorder, "evicted", evicted(gone, now))
        if now.unsaved:
            self._tell(recorder, "unsaved", f"the store failed to save its data: {now.unsaved}")

    def _tell(self, recorder: Recorder, what: str, why: str) -> None:
        if what not in self._told:
            self._told.add(what)
            recorder.write("store", what, {"why": why}, at=self._at)


def evicted(keys: int, now: Health) -> str:
    """The sentence that says so."""
    limit = f"maxmemory {now.limit}, " if now.limit else ""
    return f"the store threw out {keys} keys by itself ({limit}maxmemory-policy {now.policy or 'not known'})"


def _evicted(before: Health, now: Health) -> int:
    """How many keys went that may have been rows: of another server, or one that was restarted, all that it counts."""
    if before.evicted is None or now.evicted is None or not (before.may_evict or now.may_evict):
        return 0
    return now.evicted - before.evicted if before.process == now.process else now.evicted
