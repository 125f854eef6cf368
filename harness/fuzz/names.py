"""The ids behind a plan's indices. Pure, the same everywhere, and colliding where the indices do."""

from __future__ import annotations

import hashlib
from functools import cache

from harness.wire import ids

JOBS = 3
"""How many jobs a plan has; actor and group ``i`` belong to job ``i % JOBS``."""
FIRST_JOB = 1000
"""Above every number that a GCS would give within a plan."""


def made_up(kind: str, number: int, length: int) -> bytes:
    """The ``number``-th id of a kind, of ``length`` bytes; a negative one is nobody's."""
    return _hashed(kind if number >= 0 else "nobody", max(number, 0), length)


@cache
def _hashed(kind: str, number: int, length: int) -> bytes:
    return hashlib.shake_128(f"{kind} {number}".encode()).digest(length)


def job_id(job: int) -> bytes:
    return ids.job_id(FIRST_JOB + job) if job >= 0 else made_up("job", job, ids.JOB)


def job_of(thing: int) -> int:
    """The job of an actor or a placement group."""
    return thing % JOBS if thing >= 0 else 0


def actor_id(actor: int) -> bytes:
    return made_up("actor", actor, ids.ACTOR - ids.JOB) + job_id(job_of(actor))


def group_id(group: int) -> bytes:
    return made_up("group", group, ids.PLACEMENT_GROUP - ids.JOB) + job_id(job_of(group))


def driver_id(job: int) -> bytes:
    return ids.driver_worker_id(job_id(job))


def node_id(node: int) -> bytes:
    return made_up("node", node, ids.UNIQUE)
