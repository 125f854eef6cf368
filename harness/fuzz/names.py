"""The ids behind a plan's indices. Pure, the same everywhere, and colliding where the indices do."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache

from harness.wire import ids

JOBS = 3
"""How many jobs a plan has; actor and group ``i`` belong to job ``i % JOBS``."""
FIRST_JOB = 1000
"""Above every number that a GCS would give within a plan."""
ODD: Mapping[int, str] = {-1: "unknown", -2: "nil", -3: "empty", -4: "short", -5: "long"}
"""What a negative index stands for."""


def made_up(kind: str, number: int, length: int) -> bytes:
    """The ``number``-th id of a kind, of ``length`` bytes; of a negative one an odd id."""
    if number >= 0:
        return _hashed(kind, number, length)
    return odd_id(number, length)


def odd_id(number: int, length: int) -> bytes:
    """An id that a client should not send, for a field of ``length`` bytes."""
    how = ODD.get(number, "unknown")
    if how == "nil":
        return b"\xff" * length
    if how == "empty":
        return b""
    if how == "short":
        return _hashed("odd", 0, length - 1)
    if how == "long":
        return _hashed("odd", 0, length) + b"\0"
    return _hashed("nobody", 0, length)


@cache
def _hashed(kind: str, number: int, length: int) -> bytes:
    return hashlib.shake_128(f"{kind} {number}".encode()).digest(length)


def job_id(job: int) -> bytes:
    return ids.job_id(FIRST_JOB + job) if job >= 0 else odd_id(job, ids.JOB)


def job_of(thing: int) -> int:
    """The job of an actor or a placement group."""
    return thing % JOBS if thing >= 0 else 0


def actor_id(actor: int) -> bytes:
    if actor < -1:
        return odd_id(actor, ids.ACTOR)
    return made_up("actor", actor, ids.ACTOR - ids.JOB) + job_id(job_of(actor))


def group_id(group: int) -> bytes:
    if group < -1:
        return odd_id(group, ids.PLACEMENT_GROUP)
    return made_up("group", group, ids.PLACEMENT_GROUP - ids.JOB) + job_id(job_of(group))


def driver_id(job: int) -> bytes:
    return ids.driver_worker_id(job_id(job)) if job >= 0 else odd_id(job, ids.UNIQUE)


def node_id(node: int) -> bytes:
    return made_up("node", node, ids.UNIQUE)
