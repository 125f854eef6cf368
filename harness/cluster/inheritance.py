"""What a namespace holds before a cluster's GCS has read it: written into the history as the state before.

Read by a client of our own, so that nothing of what is judged takes part. An event ``look inherited`` has the rows.
"""

from __future__ import annotations

from contextlib import closing
from typing import Any

import redis

from harness.check.story import INHERITED
from harness.history.event import HARNESS
from harness.history.recorder import Recorder
from harness.store.base import StoreSettings
from harness.store.dump import Raw, plain_rows, read
from harness.store.redis_server import client_of
from harness.wire.dialect import NEWEST, OLDEST, Dialect, dialect

_SPECS = "ACTOR_TASK_SPEC"


def record(recorder: Recorder, settings: StoreSettings, namespace: str, speaks: Dialect) -> None:
    """Write what others have left in ``namespace``; nothing where it is empty, or its store forgets.

    What cannot be read (RocksDB, which has one reader at a time) is said to be there, without its rows.
    """
    facts: dict[str, Any] = {"stored": None, "quiet": False}
    if settings.kind == "redis":
        try:
            with closing(client_of(settings)) as client:
                raw = read(client, namespace)
        except redis.RedisError as problem:
            facts["why"] = f"the store cannot be read: {problem}"
        else:
            if not raw:
                return
            facts["stored"] = rows(raw, speaks)
            facts["why"] = "no GCS has read it yet"
    elif settings.path is not None and settings.path.is_dir() and any(settings.path.iterdir()):
        facts["why"] = "nobody but its GCS reads a RocksDB"
    else:
        return
    recorder.write("look", INHERITED, facts, HARNESS)


def rows(raw: Raw, speaks: Dialect) -> dict[str, dict[str, dict[str, Any]]]:
    """``raw`` as :func:`harness.store.dump.plain_rows` gives it, whatever release wrote it.

    Task specs are not the same in all (their numbers changed with 2.50): each is read as that release's of which it
    makes sense, its actor being the one that it is stored for.
    """
    found = plain_rows(raw, speaks)
    for other in (dialect(NEWEST), dialect(OLDEST)):
        strange = {
            key: value
            for key, value in raw.get(_SPECS, {}).items()
            if _actor(found[_SPECS][key.hex()]) != key.hex()
        }
        for key, row in plain_rows({_SPECS: strange}, other)[_SPECS].items():
            if _actor(row) == key:
                found[_SPECS][key] = row
    return found


def _actor(spec: dict[str, Any]) -> str:
    return str(spec.get("actor_creation_task_spec", {}).get("actor_id", ""))
