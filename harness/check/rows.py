"""What the store held, row by row and moment by moment, as the ledger tells it. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from typing import Any

from harness.check.promise import Row, Test, unreadable, worker_of
from harness.check.story import Look, Story, Write
from harness.history.entry import argument
from harness.wire import layout

UNKNOWN: Row = {"$unknown": True}
"""A row of which nothing is known: the case began with a store that nobody had read."""


def key_of(write: Write) -> str:
    """The key of a row in hex, also of KV."""
    if write.table != layout.KV:
        return write.key
    raw = argument(write.key)
    return raw.hex() if raw is not None else write.key


class Rows:
    """The rows of one cluster's store. Keys in hex; of KV the whole field.

    A row starts as the first look found it in the store, or absent where the case began with an
    empty one.
    """

    def __init__(self, story: Story) -> None:
        look = story.baseline
        self._start: Mapping[str, Mapping[str, Row]] | None = look.stored if look is not None else {}
        self._workers: dict[str, dict[str, None]] | None = None
        self._births = [life.started for life in story.lives]
        self._writes: dict[tuple[str, str], list[Write]] = {}
        for one in story.writes:
            if one.entry.applied is not False:
                self._writes.setdefault((one.table, key_of(one)), []).append(one)
        self._open = {
            place: left
            for place, writes in self._writes.items()
            if (left := [one for one in writes if one.done is None])
        }

    def writes(self, table: str, key: str) -> list[Write]:
        """The writes of a row that were or may have been applied, in the order of sending."""
        return self._writes.get((table, key), [])

    def keys(self, table: str) -> Iterator[str]:
        """Of all rows of ``table`` that were there at the start or were written."""
        if self._start is not None:
            yield from self._start.get(table, {})
        yield from (key for place, key in self._writes if place == table)

    def actors_in(self, worker: str) -> list[str]:
        """The actors whose rows have named ``worker``."""
        if self._workers is None:
            self._workers = {}
            for actor in dict.fromkeys(self.keys("ACTOR")):
                for row in (self.start("ACTOR", actor), *(one.row for one in self.writes("ACTOR", actor))):
                    if row is not None:
                        self._workers.setdefault(worker_of(row), {})[actor] = None
        return list(self._workers.get(worker, ()))

    def start(self, table: str, key: str) -> Row | None:
        """The row at the start of the case, perhaps :data:`UNKNOWN`."""
        if self._start is None or (table == layout.COUNTER and table not in self._start and self._start):
            return UNKNOWN
        return self._start.get(table, {}).get(key)

    def possible(self, table: str, key: str, at: float, pending: bool = False) -> list[Row | None]:
        """What may have been in the row at ``at``, as far as a GCS could know by then.

        A write counts once its reply came; one without any, once a GCS was started after it and
        so has read what the store made of it, or if ``pending`` as soon as it was sent.
        """
        writes = self.writes(table, key)
        latest: Write | None = None
        rest: list[Write] = [one for one in self._open.get((table, key), ()) if self._known(one, at, pending)]
        for place in range(bisect_right(writes, at, key=_sent) - 1, -1, -1):
            one = writes[place]
            if one.done is None:
                continue
            if one.done > at:
                rest += [one] if pending else []
            elif latest is None:
                latest = one
            elif _before(one, latest):
                break
            else:
                rest.append(one)
        found = [one.row for one in rest if latest is None or not _before(one, latest)]
        return [latest.row if latest is not None else self.start(table, key), *found]

    def during(self, table: str, key: str, start: float, end: float) -> Iterator[Row | None]:
        """What the writes left in the row whose replies came from ``start`` to ``end``, the last first."""
        writes = self.writes(table, key)
        for place in range(bisect_right(writes, end, key=_sent) - 1, -1, -1):
            done = writes[place].done
            if done is not None and done < start:
                return
            if done is not None and done <= end:
                yield writes[place].row

    def _known(self, write: Write, at: float, pending: bool) -> bool:
        sent = write.entry.at
        return sent <= at and (pending or any(sent < born <= at for born in self._births))


def _sent(write: Write) -> float:
    return write.entry.at


def _before(first: Write, second: Write) -> bool:
    """Whether the store certainly did ``first`` before ``second``."""
    if first.done is not None and first.done <= second.entry.at:
        return True
    return first.entry.connection == second.entry.connection and first.entry.at <= second.entry.at


def passes(test: Test, row: Row | None) -> bool:
    return row is UNKNOWN or unreadable(row) or test(row)


def named(table: str, key: str) -> str:
    return f"{table} {readable(table, key)}".strip()


def readable(table: str, key: str) -> str:
    """A key for people: of KV as text."""
    return bytes.fromhex(key).decode("utf-8", "replace") if table == layout.KV else key


# --- rows as a look shows them ---------------------------------------------------------------------

VIEWS = {
    "NODE": "nodes",
    "JOB": "jobs",
    "ACTOR": "actors",
    "PLACEMENT_GROUP": "groups",
    "WORKERS": "workers",
    layout.KV: "kv",
}
"""Table -> its part of a View; not every look reads the workers."""
VIEWED_NAMESPACE = b"gauntlet"
"""The one namespace of keys that a View shows."""
_VIEWED = layout.kv_field(VIEWED_NAMESPACE, b"").hex()


def viewed(look: Look, table: str) -> Mapping[str, Row] | None:
    """The rows of ``table`` in the look's view, in the shape of stored ones; None: it does not show them."""
    if not look.view or table not in VIEWS or VIEWS[table] not in look.view:
        return None
    shown = look.view.get(VIEWS[table], {})
    if table == layout.KV:
        return {_VIEWED + key: {"value": value} for key, value in shown.items()}
    return {key: _as_stored(table, row) for key, row in shown.items()}


def _as_stored(table: str, row: Mapping[str, Any]) -> Row:
    if table == "JOB":
        return {"is_dead": row.get("dead")}
    if table == "WORKERS":
        return {"is_alive": row.get("alive")}
    if table == "ACTOR":
        address = {"worker_id": row.get("worker", "")}
        return {"state": row.get("state"), "num_restarts": row.get("restarts"), "address": address}
    return {"state": row.get("state")}


def stored(look: Look, table: str) -> Mapping[str, Row] | None:
    """The rows of ``table`` that the look read from the store itself; None: it did not."""
    if look.stored is None or (table == layout.COUNTER and table not in look.stored):
        return None
    rows: Mapping[str, Row] = look.stored.get(table, {})
    return rows


def shows(table: str, key: str) -> bool:
    """Whether a view has a place for this row."""
    return table in VIEWS and (table != layout.KV or key.startswith(_VIEWED))


def jobs_before(look: Look | None) -> dict[str, bool]:
    """The jobs that there were when the case began, and whether they were finished."""
    if look is None:
        return {}
    if look.view:
        return {job: bool(row.get("dead")) for job, row in look.view.get("jobs", {}).items()}
    return {job: bool(row.get("is_dead")) for job, row in (look.stored or {}).get("JOB", {}).items()}


LOOKS_READ = frozenset(
    {"GetClusterId", "GetAllNodeInfo", "GetAllJobInfo", "GetAllActorInfo", "GetAllPlacementGroup",
     "ListNamedActors", "InternalKVKeys", "InternalKVMultiGet", "GetAllAvailableResources",
     "GetAllWorkerInfo"}
)  # fmt: skip


def read_until(story: Story, look: Look) -> float:
    """When the last of a look's reads had ended. ``look.at`` is when it began: its client's calls follow."""
    who = next((one.who for one in story.of("look") if one.id == look.id), "")
    ends: dict[str, float] = {}
    for call in story.calls:
        if call.client == who and call.start >= look.at and call.method in LOOKS_READ:
            ends.setdefault(call.method, call.end if call.end is not None else story.ended)
    return max(ends.values(), default=look.at)
