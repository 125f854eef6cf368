"""What an acknowledgement may say of a row, and the tests of rows that such promises are made of. Pure.

A row is what ``plain`` makes of it, None where there is none; a reader that sees only part of a row
(a View) gives the fields used here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.wire import layout
from harness.wire.plain import LONGEST_BYTES

Row = Mapping[str, Any]
FUNCTIONS = layout.kv_field(b"fun", b"").hex()
"""What the keys of exported functions begin with: the GCS deletes them with their job."""
Test = Callable[[Row | None], bool]


@dataclass(frozen=True)
class Promise:
    """A row that an acknowledgement promises. ``key``: in hex; of KV the whole field.

    ``met``: what must be stored when it is acknowledged. ``kept``: what any later reader may find, as
    long as no other request that touches the row came after. ``prefix``: it holds for all keys that
    begin with ``key``. ``yields_to``: methods whose requests void it even if they came before.
    ``unless``: another row, and what in it makes this one unneeded.
    """

    table: str
    key: str
    met: Test
    kept: Test
    prefix: bool = False
    yields_to: frozenset[str] = frozenset()
    unless: tuple[str, str, Test] | None = None


def under(promise: Promise, key: str) -> bool:
    """Whether a promise of a prefix reaches ``key``; one without namespace does not reach into any."""
    if not promise.prefix:
        return key == promise.key
    reserved = layout.kv_field(b"", b"@namespace_").hex()
    return key.startswith(promise.key) and (promise.key.startswith(reserved) or not key.startswith(reserved))


def unreadable(row: Row | None) -> bool:
    """Whether only the length of ``row`` is known."""
    return row is not None and ("$cut" in row or "$undecodable" in row) and "value" not in row


def is_nil(identifier: str) -> bool:
    """Whether an id in hex is empty or all ones."""
    return not identifier.strip("f")


# --- tests of rows ---------------------------------------------------------------------------------


def present(row: Row | None) -> bool:
    return row is not None


def absent(row: Row | None) -> bool:
    return row is None


def dead(row: Row | None) -> bool:
    """A DEAD actor or node."""
    return row is not None and row.get("state") == "DEAD"


def dead_or_absent(row: Row | None) -> bool:
    return row is None or dead(row)


def state_in(*states: str) -> Test:
    return lambda row: row is not None and row.get("state") in states


def job_dead(row: Row | None) -> bool:
    return row is None or bool(row.get("is_dead"))


def worker_dead(row: Row | None) -> bool:
    return row is not None and not row.get("is_alive")


def removed(row: Row | None) -> bool:
    return row is None or row.get("state") == "REMOVED"


def worker_of(row: Row) -> str:
    """The worker in an actor's row, in hex; empty where it has none."""
    worker = str((row.get("address") or {}).get("worker_id", ""))
    return "" if is_nil(worker) else worker


def kv_key(namespace: str, key: str) -> str | None:
    """The field of a key, all in hex; None for what no field can be told of (a key too long to record).

    The empty key of the empty namespace has a field, and that is empty.
    """
    try:
        return layout.kv_field(bytes.fromhex(namespace), bytes.fromhex(key)).hex()
    except ValueError:
        return None


def value_of(row: Row | None) -> str | None:
    """The value in a row of KV, as ``shown``; a reader may give it whole, or the ledger its digest."""
    if row is None:
        return None
    value = str(row.get("value", row.get("$cut", "")))
    if ":" in value or len(value) <= 2 * LONGEST_BYTES:
        return value
    data = bytes.fromhex(value)
    return f"sha256:{hashlib.sha256(data).hexdigest()[:16]}:{len(data)}"
