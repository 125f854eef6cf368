"""States of actors, groups, nodes and jobs as clients, subscribers and the store saw them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.check.promise import Row, worker_of
from harness.check.rows import key_of, read_until
from harness.check.story import Call, Life, Story

TABLES = ("ACTOR", "PLACEMENT_GROUP", "NODE", "JOB")


@dataclass(frozen=True, slots=True)
class Stage:
    """Where something stands in its life. ``worker``, ``restarts``: of actors; '' where there is none."""

    state: str
    restarts: int = 0
    worker: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """``key`` of ``table`` was in ``stage`` at some moment from ``start`` to ``end``; None: its row was
    deleted. ``ids``: the events that show it."""

    table: str
    key: str
    start: float
    end: float
    stage: Stage | None
    ids: tuple[str, ...]
    row: Row | None = None


def stage(table: str, row: Row) -> Stage | None:
    """None where the row does not tell."""
    if table == "JOB":
        return None if "$cut" in row else Stage("DEAD" if row.get("is_dead") else "ALIVE")
    state = row.get("state")
    if not isinstance(state, str):
        return None
    if table != "ACTOR":
        return Stage(state)
    worker = worker_of(row) if state == "ALIVE" else ""
    return Stage(state, int(row.get("num_restarts") or 0), worker)


# Method -> table, the reply's field, the row's id.
REPLIES = {
    "GetActorInfo": ("ACTOR", "actor_table_data", "actor_id"),
    "GetNamedActorInfo": ("ACTOR", "actor_table_data", "actor_id"),
    "GetAllActorInfo": ("ACTOR", "actor_table_data", "actor_id"),
    "GetAllNodeInfo": ("NODE", "node_info_list", "node_id"),
    "GetAllNodeAddressAndLiveness": ("NODE", "node_info_list", "node_id"),
    "GetAllJobInfo": ("JOB", "job_info_list", "job_id"),
    "GetPlacementGroup": ("PLACEMENT_GROUP", "placement_group_table_data", "placement_group_id"),
    "GetNamedPlacementGroup": ("PLACEMENT_GROUP", "placement_group_table_data", "placement_group_id"),
    "GetAllPlacementGroup": ("PLACEMENT_GROUP", "placement_group_table_data", "placement_group_id"),
}
CHANNELS = {
    "GCS_ACTOR_CHANNEL": "ACTOR",
    "GCS_NODE_INFO_CHANNEL": "NODE",
    "GCS_NODE_ADDRESS_AND_LIVENESS_CHANNEL": "NODE",
    "GCS_JOB_CHANNEL": "JOB",
}


def read(story: Story) -> list[Seen]:
    """What the replies of one call at a time say, in the order of the calls' starts."""
    return [seen for call in story.calls if call.outcome == "ok" for seen in of_reply(call)]


def of_reply(call: Call) -> Iterator[Seen]:
    """The rows in the reply of ``call``."""
    known = REPLIES.get(call.method)
    if known is None or call.end is None:
        return
    table, name, id = known
    rows: Any = call.reply.get(name, ())
    for row in [rows] if isinstance(rows, Mapping) else rows:
        stands = stage(table, row)
        if row.get(id) and stands is not None:
            yield Seen(table, row[id], call.start, call.end, stands, call.ids, row)


def published(story: Story) -> dict[tuple[str, str, str], list[Seen]]:
    """What was published, by subscriber, publisher and channel, in the order of its sequence, each once."""
    streams: dict[tuple[str, str, str], dict[int, Seen]] = {}
    for one in story.of("message"):
        table = CHANNELS.get(one.what)
        facts = one.facts
        stands = stage(table, facts.get("payload", {})) if table is not None else None
        if table is None or stands is None:
            continue
        stream = streams.setdefault((one.who, str(facts["publisher"]), one.what), {})
        seen = Seen(table, str(facts["key"]), one.at, one.at, stands, (one.id,))
        stream.setdefault(int(facts["sequence"]), seen)
    return {place: [one for _, one in sorted(stream.items())] for place, stream in streams.items()}


def written(story: Story) -> list[Seen]:
    """What was certainly written to the store, in the order of sending, after what the baseline found there."""
    found = []
    look = story.baseline
    if look is not None and look.stored is not None:
        until = read_until(story, look)
        for table in TABLES:
            for key, row in look.stored.get(table, {}).items():
                stands = stage(table, row)
                if stands is not None:
                    found.append(Seen(table, key, look.at, until, stands, (look.id,), row))
    for write in story.writes:
        if write.table in TABLES and write.done is not None:
            stands = stage(write.table, write.row) if write.row is not None else None
            if write.row is None or stands is not None:
                proof = (write.entry.id,)
                found.append(
                    Seen(write.table, key_of(write), write.entry.at, write.done, stands, proof, write.row)
                )
    return found


def life_of(start: float, end: float, story: Story) -> Life | None:
    """The life of the GCS that answered a call from ``start`` to ``end``; None where either of two may have."""
    able = [
        life for life in story.lives if life.started <= end and (life.ended is None or life.ended >= start)
    ]
    return able[0] if len(able) == 1 else None
