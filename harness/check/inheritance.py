"""What another cluster, or another life of it, had left in the namespace, and what became of it. Pure.

The rows were read before any GCS of the record began. What the one that wrote them had promised its clients
nobody knows, but that rows stay unless somebody asks for their end.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from harness.check.agreement_store import loads
from harness.check.kv_history import ITS_OWN
from harness.check.promise import FUNCTIONS, Row, removed
from harness.check.rows import UNKNOWN, Rows, named
from harness.check.ruling import Violation
from harness.check.story import Look, Story
from harness.wire import layout

Table = Mapping[str, Row]
ACTOR, GROUP, SPECS = "ACTOR", "PLACEMENT_GROUP", "ACTOR_TASK_SPEC"
_KEPT = (layout.KV, "JOB", ACTOR, GROUP)
"""Of these a GCS deletes no row that still means something: dead nodes and workers it keeps as it likes."""


def left(story: Story, table: str) -> Table:
    """The rows of ``table`` that were inherited; none where nothing was."""
    return {} if story.inherited is None else _rows(story.inherited, table)


def _rows(look: Look, table: str) -> Table:
    found: Table = (look.stored or {}).get(table, {})
    return found


def loadable(story: Story) -> dict[str, Row]:
    """The inherited actors that are not DEAD and that a GCS has to load, with their task specs."""
    look = story.inherited
    if look is None or look.stored is None:
        return {}
    specs = left(story, SPECS)
    return {
        actor: specs[actor]
        for actor, row in left(story, ACTOR).items()
        if row.get("state") != "DEAD" and actor in specs and loads(actor, row, look.stored)
    }


def discarded(
    story: Story, rows: Rows, asked: Collection[tuple[str, str]], until: float
) -> Iterator[Violation]:
    """Inherited rows that this GCS deleted though nobody asked for that. ``asked``: the rows that requests are about."""
    look = story.inherited
    if look is None or not story.built.get("ledger") or any(life.who != "gcs" for life in story.lives):
        return
    sweeps = any(one.method == "InternalKVDel" and one.request.get("del_by_prefix") for one in story.calls)
    for table in _KEPT:
        for key, before in _rows(look, table).items():
            if (table, key) in asked or _its_own(table, key, sweeps) or not _stands(table, key, before, look):
                continue
            for write in rows.writes(table, key):
                if write.row is not None or write.done is None or write.entry.at >= until:
                    continue
                held = [
                    one for one in rows.possible(table, key, write.entry.at, pending=True) if one is not None
                ]
                stood = all(one is not UNKNOWN and _stands(table, key, one, look) for one in held)
                if held and stood:
                    said = f"{named(table, key)}: {dict(held[0])}; deleted at {write.entry.at:.6f}"
                    yield Violation(
                        "a row that another life had left was deleted by nobody's wish",
                        said[:400],
                        (look.id, write.entry.id),
                    )


def _its_own(table: str, key: str, sweeps: bool) -> bool:
    """Keys that a GCS deletes by itself, and all of them where somebody deletes by prefix."""
    if table != layout.KV:
        return False
    return sweeps or key.startswith((FUNCTIONS, *(one.hex() for one in ITS_OWN)))


def _stands(table: str, key: str, row: Row, look: Look) -> bool:
    """Whether the row is of something that has not ended, nor ends with its job."""
    if table == ACTOR:
        return (
            bool(row.get("is_detached")) and row.get("state") != "DEAD" and loads(key, row, look.stored or {})
        )
    if table == GROUP:
        return bool(row.get("is_detached")) and not removed(row)
    return True
