"""The part of agreement between a GCS and its store: rows on both sides, and what may rightly differ. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from harness.check.ruling import About, Violation
from harness.wire.layout import kv_field
from harness.wire.plain import shown

Row = Mapping[str, Any]
Table = Mapping[str, Row]

KV_NAMESPACE = b"gauntlet"
"""The namespace of internal key-values that a view shows."""
# What a lease in progress is stored as (contract, section 2.5).
LEASING = {"PENDING_CREATION": frozenset({"DEPENDENCIES_UNREADY", "RESTARTING"})}


def store_disagrees(view: Row, stored: Mapping[str, Table]) -> Iterator[Violation]:
    """Where the rows of a quiet store differ from what the GCS says; shapes as in ``complaints``."""
    yield from _actor_rows(view.get("actors", {}), stored)
    yield from _unreadable(stored.get("ACTOR", {}))
    jobs = {
        key: {"state": "DEAD" if row.get("is_dead") else "ALIVE"}
        for key, row in stored.get("JOB", {}).items()
    }
    seen = {key: {"state": "DEAD" if row["dead"] else "ALIVE"} for key, row in view.get("jobs", {}).items()}
    yield from _states("a job", seen, jobs, "DEAD")
    yield from _states("a node", view.get("nodes", {}), stored.get("NODE", {}), "DEAD")
    yield from _states("a group", view.get("groups", {}), stored.get("PLACEMENT_GROUP", {}), "REMOVED")
    yield from _key_values(view.get("kv", {}), stored.get("KV", {}))


def _states(what: str, seen: Table, stored: Table, final: str) -> Iterator[Violation]:
    """States are equal. A row in its last state may be missing: caches of the past are bounded."""
    for key in sorted({*seen, *stored}):
        sees, has = seen.get(key, {}).get("state"), stored.get(key, {}).get("state")
        row = About(state=sees or "", keys=(key,))
        if sees is None and has != final:
            yield Violation(
                f"the GCS does not know {what} of the store", f"{key}, stored as {has}", about=row
            )
        elif has is None and sees != final:
            yield Violation(f"{what} is not in the store", f"{key}, {sees} to the GCS", about=row)
        elif sees is not None and has is not None and sees != has:
            yield Violation(
                f"{what} has another state in the store",
                f"{key}: {sees} to the GCS, stored as {has}",
                about=replace(row, origin=f"{sees}, stored as {has}"),
            )


def _actor_rows(seen: Table, stored: Mapping[str, Table]) -> Iterator[Violation]:
    rows = stored.get("ACTOR", {})
    kept = {key: row for key, row in rows.items() if loads(key, row, stored)}
    shown_states: dict[str, Row] = {}
    for key, row in seen.items():
        has = rows.get(key)
        if has is not None and key not in kept and row["state"] == "DEAD":
            continue  # it cannot be loaded, so the GCS rightly calls it dead whatever its row says
        legal = has is not None and has.get("state") in LEASING.get(row["state"], ())
        shown_states[key] = {"state": has["state"]} if legal and has is not None else row
    known = {key: row for key, row in rows.items() if key in kept or key in shown_states}
    yield from _states("an actor", shown_states, known, "DEAD")
    for key in sorted(seen.keys() & kept.keys()):
        yield from _same_actor(key, seen[key], rows[key])


def _same_actor(key: str, sees: Row, has: Row) -> Iterator[Violation]:
    name = f"{has.get('ray_namespace', '')}/{has['name']}" if has.get("name") else ""
    if sees["name"] != name:
        yield Violation(
            "an actor has another name in the store", f"actor {key}: {sees['name']!r}, stored {name!r}"
        )
    if sees["restarts"] != has.get("num_restarts", 0):
        yield Violation(
            "an actor has another number of restarts in the store",
            f"actor {key}: {sees['restarts']}, stored {has.get('num_restarts', 0)}",
        )


def _unreadable(rows: Table) -> Iterator[Violation]:
    """What a constructor raised is in its worker's report, as its owner can read it; PushTask only says it in words."""
    for key, row in rows.items():
        failure = row.get("death_cause", {}).get("creation_task_failure_context")
        if failure is not None and not failure.get("serialized_exception"):
            yield Violation("what an actor's constructor raised is lost", f"actor {key}: {failure}")


def loads(actor: str, row: Row, stored: Mapping[str, Table]) -> bool:
    """Whether a GCS would load this row (contract, section 3.3): with a task spec, of a living job."""
    if row.get("state") == "DEAD":
        return True
    if actor not in stored.get("ACTOR_TASK_SPEC", {}):
        return False
    job = stored.get("JOB", {}).get(actor[-8:], {"is_dead": True})
    return bool(row.get("is_detached")) or not job.get("is_dead")


def _key_values(seen: Mapping[str, str], stored: Table) -> Iterator[Violation]:
    mine = kv_field(KV_NAMESPACE, b"").hex()
    has = {key.removeprefix(mine): row.get("value") for key, row in stored.items() if key.startswith(mine)}
    for key in sorted({*seen, *has}):
        sees = shown(bytes.fromhex(seen[key])) if key in seen else None
        if sees is None:
            yield Violation("the GCS does not know a key of the store", f"key {key}")
        elif key not in has:
            yield Violation("a key is not in the store", f"key {key}")
        elif sees != has[key]:
            yield Violation("a key has another value in the store", f"key {key}: {sees}, stored {has[key]}")
