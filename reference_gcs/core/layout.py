"""Where rows lie in the store: tables, fields and keys, byte for byte as a real GCS has them.

Source: contract section 2.2; compared with what ``gcs_server`` 2.60.0 writes.
"""

from __future__ import annotations

JOB = "JOB"
NODE = "NODE"
ACTOR = "ACTOR"
ACTOR_TASK_SPEC = "ACTOR_TASK_SPEC"
PLACEMENT_GROUP = "PLACEMENT_GROUP"
WORKERS = "WORKERS"
KV = "KV"
JOB_COUNTER = "JobCounter"
FENCE = "FENCE"
"""Ours alone: who may write. A real GCS neither reads nor lists it."""

LOADED = (JOB, NODE, ACTOR, ACTOR_TASK_SPEC, PLACEMENT_GROUP, WORKERS)
"""The tables that are read whole before the port opens."""

RESERVED_PREFIX = b"@namespace_"
CLUSTER_ID_FIELD = b"@namespace_cluster:ray_cluster_id"
PID_FIELD = b"gcs_pid"


def redis_key(namespace: str, table: str) -> bytes:
    """The Redis key that holds ``table`` of an ``external_storage_namespace`` (may be empty)."""
    return f"RAY{namespace}@{table}".encode()


def kv_field(namespace: bytes, key: bytes) -> bytes:
    """The field of an internal-KV ``key``; ``namespace`` is the KV namespace, not the store's."""
    return RESERVED_PREFIX + namespace + b":" + key if namespace else key


def kv_key(namespace: bytes, field: bytes) -> bytes:
    """The inverse of :func:`kv_field` for a field known to be in ``namespace``."""
    return field[len(kv_field(namespace, b"")) :]
