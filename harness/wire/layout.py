"""How Ray's rows lie in Redis. Pure.

Since Ray 2.38 (seen in 2.40.0 to 2.60.0): one hash ``RAY<namespace>@<TABLE>`` per table with the raw
id as field and a serialized message as value; ``RAY<namespace>@KV`` holds strings, and
``RAY<namespace>@JobCounter`` is a plain counter.
"""

from __future__ import annotations

from collections.abc import Mapping

from google.protobuf.message import Message

from harness.wire import messages as m

TABLES: Mapping[str, type[Message]] = {
    "JOB": m.JobTableData,
    "NODE": m.GcsNodeInfo,
    "ACTOR": m.ActorTableData,
    "ACTOR_TASK_SPEC": m.TaskSpec,
    "PLACEMENT_GROUP": m.PlacementGroupTableData,
    "WORKERS": m.WorkerTableData,
}
COUNTER = "JobCounter"
KV = "KV"


def prefix(namespace: str) -> str:
    """What every key of ``namespace`` begins with."""
    return f"RAY{namespace}@"


def table_of(key: bytes) -> str:
    """``ACTOR`` of ``RAYmine@ACTOR``."""
    return key.rpartition(b"@")[2].decode(errors="replace")


def kv_field(namespace: bytes, key: bytes) -> bytes:
    """The field of an internal key-value (``store_client_kv.cc``: MakeKey)."""
    return b"@namespace_%b:%b" % (namespace, key) if namespace else key
