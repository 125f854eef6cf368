"""What was acknowledged is found in every later look, and what nobody touched is still there. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.check.cause import EARLY
from harness.check.promise import FUNCTIONS, Promise, Row, under, value_of
from harness.check.rows import UNKNOWN, Rows, named, passes, read_until, shows, stored, viewed
from harness.check.ruling import About, Violation
from harness.check.story import Call, Look, Story, Write
from harness.wire import ids, layout

VIEW, STORE = "view", "store"
FORGETFUL = "memory"
"""The kind of store that is right to lose everything with its GCS."""


@dataclass(frozen=True)
class Touch:
    """A request that may change a row, and what it promises of it."""

    call: Call
    promise: Promise


class Later:
    """What looks find of the rows that were promised, and of those that nobody touched."""

    def __init__(
        self, story: Story, rows: Rows, calls: Iterable[tuple[Call, Iterable[Promise]]], until: float
    ) -> None:
        self.judged = 0
        self._story, self._rows, self._until = story, rows, until
        self._alone = all(life.who == "gcs" for life in story.lives)
        self._ledger = bool(story.built.get("ledger"))
        self._prefixes: list[Touch] = []
        self._touches: dict[tuple[str, str], list[Touch]] = {}
        for call, promises in calls:
            for promise in promises:
                touch = Touch(call, promise)
                if promise.prefix:
                    self._prefixes.append(touch)
                self._touches.setdefault((promise.table, promise.key), []).append(touch)
        self._finished = {
            str(one.request.get("job_id", "")) for one in story.calls if one.method == "MarkJobFinished"
        }
        self._spread()

    def _spread(self) -> None:
        """A deletion by prefix touches every key that anybody has named."""
        for place, touches in self._touches.items():
            mine = [one for one in self._prefixes if under(one.promise, place[1]) and place[0] == layout.KV]
            if mine:
                self._touches[place] = sorted(
                    {id(one): one for one in (*touches, *mine)}.values(), key=lambda one: one.call.start
                )

    def violations(self) -> Iterator[Violation]:
        for look in self._story.looks:
            if look is self._story.baseline or look.at >= self._until:
                continue
            until = read_until(self._story, look)
            sources = self._sources(look)
            for table, key in self._touches:
                sights = [
                    (where, rows.get(key))
                    for where, rows in sources.get(table, ())
                    if where == STORE or shows(table, key)
                ]
                if sights:
                    yield from self._promised(look, until, table, key, sights)
        yield from self._untouched()

    @property
    def touched(self) -> Iterable[tuple[str, str]]:
        """Table and key of every row that a request may have changed."""
        return self._touches.keys()

    def broken_by(self, write: Write, key: str, until: float) -> Touch | None:
        """The acknowledged request of which ``write`` leaves nothing, and that no other can have asked for."""
        if write.done is None or write.entry.at >= until:
            return None
        touches = [one for one in self._touches[write.table, key] if one.call.start <= write.done]
        last = self._last(touches, write.entry.at)
        if last is None or (write.row is None and self._may_be_dropped(write.table, key)):
            return None
        rivals = (one for one in touches if one is last or _may_follow(one, last))
        return None if any(passes(one.promise.kept, write.row) for one in rivals) else last

    def _promised(
        self, look: Look, until: float, table: str, key: str, sights: Iterable[tuple[str, Row | None]]
    ) -> Iterator[Violation]:
        touches = [one for one in self._touches[table, key] if one.call.start <= until]
        last = self._last(touches, look.at)
        if last is None or self._forgotten(last.call, until):
            return
        rivals = [one for one in touches if one is last or _may_follow(one, last)]
        for where, row in sights:
            self.judged += 1
            mortal = table != "WORKERS"
            if where == VIEW and row is None and mortal and last.promise.kept({"state": "DEAD"}):
                continue  # of what is DEAD a GCS keeps only so many in mind
            if not self._accepted(row, rivals, look.at, until, table, key):
                yield self._gone(last, look, where, table, key, row)
                return

    def _sources(self, look: Look) -> dict[str, list[tuple[str, Mapping[str, Row]]]]:
        """Table -> its rows as the GCS shows them, and as they are stored.

        Of two GCS at once each may show what it likes, but for keys, which it reads from the store.
        """
        found: dict[str, list[tuple[str, Mapping[str, Row]]]] = {}
        for table in {table for table, _ in self._touches}:
            shown = viewed(look, table) if self._alone or table == layout.KV else None
            kept = stored(look, table)
            found[table] = [(VIEW, shown)] if shown is not None else []
            found[table] += [(STORE, kept)] if kept is not None else []
        return found

    def _last(self, touches: list[Touch], began: float) -> Touch | None:
        """The latest acknowledged request for the row; all that came after it are its rivals."""
        done = [
            one
            for one in touches
            if one.call.outcome == "ok" and one.call.end is not None and one.call.end <= began
        ]
        return max(done, key=lambda one: one.call.start, default=None)

    def _forgotten(self, call: Call, until: float) -> bool:
        """Whether a GCS that keeps nothing has ended between the two."""
        if self._story.built.get("store") != FORGETFUL:
            return False
        return any(life.ended is not None and call.start <= life.ended <= until for life in self._story.lives)

    def _accepted(
        self, row: Row | None, rivals: list[Touch], began: float, until: float, table: str, key: str
    ) -> bool:
        if row is None and self._may_be_dropped(table, key):
            return True
        if not any(passes(one.promise.kept, row) for one in rivals):
            return False
        if not self._ledger:
            return True
        held = [
            *self._rows.possible(table, key, began, pending=True),
            *self._rows.possible(table, key, until, pending=True),
        ]
        return any(_alike(table, row, one) for one in held) or self._written_between(table, key, began, until)

    def _written_between(self, table: str, key: str, began: float, until: float) -> bool:
        return any(
            began <= one.entry.at <= until or (one.done is not None and began <= one.done <= until)
            for one in self._rows.writes(table, key)
        )

    def _may_be_dropped(self, table: str, key: str) -> bool:
        """With a job go its exported functions, and in time the rows of its actors and groups."""
        if table == layout.KV:
            return key.startswith(FUNCTIONS) and bool(self._finished)
        if table in ("ACTOR", "ACTOR_TASK_SPEC", "PLACEMENT_GROUP"):
            return key[-2 * ids.JOB :] in self._finished
        return False

    def _gone(
        self, last: Touch, look: Look, where: str, table: str, key: str, row: Mapping[str, Any] | None
    ) -> Violation:
        ended = last.call.end or last.call.start
        recovered = any(ended < moment <= look.at for moment in self._story.recoveries)
        after = "and is gone after a recovery" if recovered else "and is not there"
        found = "nothing" if row is None else str(dict(row))[:300]
        return Violation(
            f"{last.call.method} was acknowledged {after}",
            f"{named(table, key)}: acknowledged at {ended:.6f}; the {where} at {look.at:.6f} shows {found}",
            (*last.call.ids, look.id),
            self._lost(last, look, table, key, recovered),
        )

    def _lost(self, last: Touch, look: Look, table: str, key: str, recovered: bool) -> About:
        """What was never stored is gone because it was answered too early; what had been stored is gone for another
        reason."""
        method = last.call.method
        if not recovered or not self._ledger:
            return About(keys=(key,), lost=True)
        held = (
            *self._rows.possible(table, key, last.call.start),
            *self._rows.during(table, key, last.call.start, look.at),
        )
        if any(row is not UNKNOWN and passes(last.promise.met, row) for row in held):
            return About("stored, and gone after a recovery", table, method=method, keys=(key,), lost=True)
        return early(method, key, lost=True)

    def _untouched(self) -> Iterator[Violation]:
        """Rows of the baseline that neither a request nor a write touched are still there at the end."""
        first, last = self._story.baseline, self._story.closing
        if first is None or last is None or last.at >= self._until:
            return
        if self._story.built.get("store") == FORGETFUL and self._story.recoveries:
            return
        for table in (*layout.TABLES, layout.KV):
            for read in (viewed, stored):
                before, after = read(first, table), read(last, table)
                if before is None or after is None:
                    continue
                self.judged += len(before)
                for key in sorted(before.keys() - after.keys()):
                    if self._nobody_touched(table, key):
                        said = f"{named(table, key)}: {before[key]}"
                        yield Violation(
                            "a row that nobody touched is gone after a recovery"
                            if self._story.recoveries
                            else "a row that nobody touched is gone",
                            said[:400],
                            (first.id, last.id),
                        )

    def _nobody_touched(self, table: str, key: str) -> bool:
        if self._may_be_dropped(table, key) or self._rows.writes(table, key):
            return False
        if table == layout.KV and any(under(one.promise, key) for one in self._prefixes):
            return False
        return (table, key) not in self._touches


def early(method: str, key: str, lost: bool = False) -> About:
    """An acknowledgement that did not wait for the store; ``lost``: what it was of never came there."""
    return About(EARLY, method=method, keys=(key,), lost=lost)


def _may_follow(one: Touch, last: Touch) -> bool:
    """Whether the effect of ``one`` may have come after that of ``last``."""
    call = one.call
    if call.outcome == "refused":
        return False
    if call.method in last.promise.yields_to:
        return True
    return call.outcome == "unknown" or call.end is None or call.end > last.call.start


def _alike(table: str, seen: Row | None, held: Row | None) -> bool:
    """Whether a reader of the row ``held`` may show ``seen``: there or not, and of KV the same value."""
    if held is UNKNOWN:
        return True
    if (seen is None) != (held is None):
        return False
    return table != layout.KV or value_of(seen) == value_of(held)
