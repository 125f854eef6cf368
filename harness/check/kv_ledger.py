"""What the ledger tells of puts and deletions whose outcome no client knows. Pure."""

from __future__ import annotations

from math import inf

from harness.check.rows import key_of
from harness.check.story import Call, Story, Write
from harness.wire import layout

SURELY = 1.0
"""Seconds after the store's reply in which a GCS that lives on shows what was written."""


class KvLedger:
    """The writes to key-values in the ledger of ``story``.

    ``put`` and ``deleted`` say by when a call of unknown outcome had taken effect: infinite where nobody
    knows whether it did; None where it certainly did not.
    """

    def __init__(self, story: Story) -> None:
        self._story = story
        self._puts: dict[tuple[bytes, str], list[Write]] = {}
        self._deletions: dict[bytes, list[Write]] = {}
        self._senders: dict[tuple[bytes, str], int] = {}
        self._erasers: list[tuple[bytes, bool]] = []
        self._lies_as_expected = True
        for write in story.writes:
            if write.table == layout.KV and write.entry.applied is not False:
                self._enter(write)
        self._read_calls()
        self._strange = {field for field, value in self._puts if (field, value) not in self._senders}
        self._strange |= {field for field in self._deletions if not self._erasing(field)}
        self._troubles = [(one.at, one.healed if one.healed is not None else inf) for one in story.faults] + [
            (one.at, one.done if one.done is not None else inf) for one in story.ledger if one.rule
        ]

    def _enter(self, write: Write) -> None:
        field = bytes.fromhex(key_of(write)) if not write.key.startswith("sha256:") else b""
        if write.row is None:
            self._deletions.setdefault(field, []).append(write)
        else:
            value = write.row.get("value", write.row.get("$cut", ""))
            self._puts.setdefault((field, value), []).append(write)

    def _read_calls(self) -> None:
        for call in self._story.calls:
            key, namespace = call.request.get("key", ""), call.request.get("namespace", "")
            if call.method not in ("InternalKVPut", "InternalKVDel") or "sha256:" in key + namespace:
                continue
            field = layout.kv_field(bytes.fromhex(namespace), bytes.fromhex(key))
            if call.method == "InternalKVDel":
                self._erasers.append((field, bool(call.request.get("del_by_prefix"))))
                continue
            place = (field, call.request.get("value", ""))
            self._senders[place] = self._senders.get(place, 0) + 1
            sure = call.outcome == "ok" and (call.request.get("overwrite") or call.reply.get("added"))
            if sure and not self._puts.get(place):
                self._lies_as_expected = False

    @property
    def _speaks(self) -> bool:
        """Whether silence of the ledger means anything: it is kept, and what was acknowledged is in it."""
        return bool(self._story.built.get("ledger") and self._story.ledger) and self._lies_as_expected

    def strange(self, field: bytes) -> bool:
        """Whether somebody writes ``field`` whose calls are not in the history."""
        return field in self._strange

    def _erasing(self, field: bytes) -> int:
        """How many calls may have deleted ``field``."""
        return sum(field == one or (prefix and field.startswith(one)) for one, prefix in self._erasers)

    def put(self, field: bytes, value: str, call: Call) -> float | None:
        writes = self._puts.get((field, value), [])
        return self._when(writes, alone=self._senders.get((field, value)) == 1, call=call)

    def deleted(self, field: bytes, call: Call) -> float | None:
        return self._when(self._deletions.get(field, []), alone=self._erasing(field) == 1, call=call)

    def _when(self, writes: list[Write], alone: bool, call: Call) -> float | None:
        later = [one for one in writes if one.entry.at >= call.start]
        if not later and self._speaks:
            return None
        if len(later) != 1 or not alone or later[0].done is None:
            return inf
        done = later[0].done
        # Of a struck one the GCS may not have the reply; the next reads it from the store.
        soon = [] if later[0].entry.rule else [done + SURELY]
        return min([*(one for one in self._story.recoveries if one > done), *soon], default=inf)

    def disturbed(self, call: Call) -> bool:
        """Whether the store's reply may have been lost on the way, so that a GCS asked twice: counts say nothing."""
        end = call.end if call.end is not None else inf
        return any(begin <= end and over >= call.start for begin, over in self._troubles)
