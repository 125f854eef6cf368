"""The internal key-values as histories of operations, one for each key. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import inf
from typing import Any

from harness.check.assumptions import known_start
from harness.check.kv_ledger import KvLedger
from harness.check.models import ABSENT, ANY, LOST
from harness.check.rows import VIEWED_NAMESPACE
from harness.check.story import Call, Story
from harness.check.wgl import Operation
from harness.wire import layout
from harness.wire.plain import shown
from harness.wire.status import Code

METHODS = frozenset(
    {
        "InternalKVGet",
        "InternalKVMultiGet",
        "InternalKVPut",
        "InternalKVDel",
        "InternalKVExists",
        "InternalKVKeys",
    }
)
# What a GCS writes and deletes on its own (contract, section 2.2; jobs' functions when a job has
# finished; packages of runtime environments that nobody uses any more).
ITS_OWN = (
    b"gcs_pid", b"gcs://", b"@namespace_cluster:", b"@namespace___autoscaler:", b"@namespace_usage_stats:",
    b"@namespace_fun:",
)  # fmt: skip
GLOB = frozenset(b"*?[]\\")


@dataclass(frozen=True)
class KeyHistory:
    """All that is known to have been done to the key-value ``field``, and what it was before."""

    field: bytes
    initial: Any
    operations: list[Operation]


def key_histories(story: Story, losses: Iterable[tuple[float, float]] = ()) -> list[KeyHistory]:
    """Of each key that was asked for by itself. ``losses``: when everything was lost, from, to.

    Left out are keys that the GCS itself or somebody unknown writes, and all of them where a value was too
    large to be recorded. The history ends where the store lost rows behind the GCS's back.
    """
    until = story.store_lost if story.store_lost is not None else inf
    calls = [one for one in story.calls if one.method in METHODS and one.start < until]
    if any("$cut" in one.request or "$undecodable" in one.request for one in calls):
        return []
    ledger = KvLedger(story)
    histories = _Histories(story, ledger, calls, until)
    for call in calls:
        histories.take(call)
    lost = [Operation(begin, end, LOST) for begin, end in losses]
    first = min((one.start for one in calls if one.method in ("InternalKVPut", "InternalKVDel")), default=inf)
    return [
        KeyHistory(field, _initial(story, field, first), [*operations, *lost])
        for field, operations in histories.found.items()
        if not field.startswith(ITS_OWN) and not ledger.strange(field)
    ]


class _Histories:
    """Operations by field, as the calls are taken one by one."""

    def __init__(self, story: Story, ledger: KvLedger, calls: list[Call], until: float) -> None:
        self.found: dict[bytes, list[Operation]] = {}
        self._ledger, self._until = ledger, until
        for call in calls:
            for key in _keys(call):
                field = _field(call, key)
                if field is not None:
                    self.found.setdefault(field, [])
        self._writing = [one for one in calls if one.method in ("InternalKVPut", "InternalKVDel")]

    def take(self, call: Call) -> None:
        """Add what ``call`` did, or may have done, to each key that it concerns."""
        in_time = call.end is not None and call.end <= self._until
        ok = in_time and call.outcome == "ok" and not {"$cut", "$undecodable"} & call.reply.keys()
        if call.method == "InternalKVPut":
            self._put(call, ok)
        elif call.method == "InternalKVDel":
            self._del(call, ok)
        elif ok or (in_time and _not_found(call)):
            self._read(call)

    def _put(self, call: Call, ok: bool) -> None:
        field = _field(call, call.request.get("key", ""))
        if field is None or (call.outcome == "refused" and call.end is not None):
            return
        value = call.request.get("value", "")
        given = ("put", value, bool(call.request.get("overwrite")))
        if ok:
            added = None if self._ledger.disturbed(call) else bool(call.reply.get("added"))
            self._add(field, call, given, added)
        else:
            self._guess(field, call, given, self._ledger.put(field, value, call))

    def _del(self, call: Call, ok: bool) -> None:
        if call.outcome == "refused" and call.end is not None:
            return
        field = _field(call, call.request.get("key", ""))
        if field is None:
            return
        if call.request.get("del_by_prefix"):
            self._sweep(field, call, ok)
        elif ok:
            count = None if self._ledger.disturbed(call) else int(call.reply.get("deleted_num", 0))
            self._add(field, call, ("del",), count)
        else:
            self._guess(field, call, ("del",), self._ledger.deleted(field, call))

    def _sweep(self, prefix: bytes, call: Call, ok: bool) -> None:
        """It finds the keys first and deletes them then: a key that is written meanwhile may stay. Nor is it
        clear what a wildcard does, or whether a key outside of the namespace is meant."""
        end = call.end if ok and call.end is not None else inf
        sure = (
            ok
            and not GLOB & set(prefix)
            and not any(
                other is not call
                and other.start <= end
                and (other.outcome != "ok" or (other.end or inf) >= call.start)
                for other in self._writing
            )
        )
        for field in [one for one in self.found if one.startswith(prefix)]:
            outside = field.startswith(b"@namespace_") and not call.request.get("namespace")
            given = ("sweep",) if sure and not outside else ("may sweep",)
            self.found[field].append(Operation(call.start, end, given, None, call.ids))

    def _read(self, call: Call) -> None:
        if call.method == "InternalKVKeys":
            self._listed(call)
            return
        values = {one.get("key", ""): one.get("value", "") for one in call.reply.get("results", ())}
        for key in dict.fromkeys(_keys(call)):
            field = _field(call, key)
            if field is None:
                continue
            if call.method == "InternalKVExists":
                self._add(field, call, ("exists",), call.outcome == "ok" and bool(call.reply.get("exists")))
            elif call.method == "InternalKVGet":
                self._add(
                    field, call, ("get",), (call.reply.get("value", "") if call.outcome == "ok" else None,)
                )
            else:
                self._add(field, call, ("get",), (values.get(key),))

    def _listed(self, call: Call) -> None:
        """A key that is there all through a scan is listed. Without a namespace it is not clear what is asked."""
        prefix = _field(call, call.request.get("prefix", ""))
        if prefix is None or not call.request.get("namespace") or GLOB & set(prefix) or call.outcome != "ok":
            return
        listed = {_field(call, key) for key in call.reply.get("results", ())}
        for field in self.found:
            if field.startswith(prefix):
                self._add(field, call, ("exists",), field in listed)

    def _add(self, field: bytes, call: Call, given: tuple[Any, ...], output: Any) -> None:
        assert call.end is not None
        self.found[field].append(Operation(call.start, call.end, given, output, call.ids))

    def _guess(self, field: bytes, call: Call, given: tuple[Any, ...], end: float | None) -> None:
        if end is not None:
            self.found[field].append(Operation(call.start, end, given, None, call.ids))


def _keys(call: Call) -> list[str]:
    """The keys that a call names one by one, in hex."""
    if call.method == "InternalKVMultiGet":
        return list(call.request.get("keys", ()))
    if call.method == "InternalKVKeys" or call.request.get("del_by_prefix"):
        return []
    return [call.request.get("key", "")]


def _field(call: Call, key: str) -> bytes | None:
    """None where the record holds only a digest, and for what is no key."""
    return _of(call.request.get("namespace", ""), key)


@lru_cache(maxsize=4096)
def _of(namespace: str, key: str) -> bytes | None:
    if key.startswith("sha256:") or namespace.startswith("sha256:"):
        return None
    raw = bytes.fromhex(key)
    return None if raw.startswith(b"@namespace_") else layout.kv_field(bytes.fromhex(namespace), raw)


def _not_found(call: Call) -> bool:
    return call.grpc == "OK" and call.code == Code.NOT_FOUND


def _initial(story: Story, field: bytes, first: float) -> Any:
    """What the key was when the case began; ANY where nobody knows, or somebody wrote before the look."""
    look = story.baseline
    if look is None:
        return ABSENT if known_start(story) else ANY
    if first < look.at:
        return ANY
    if look.stored is not None and layout.KV in look.stored:
        return _value(look.stored[layout.KV].get(field.hex()))
    prefix = layout.kv_field(VIEWED_NAMESPACE, b"")
    if not field.startswith(prefix) or "kv" not in look.view:
        return ANY
    value = look.view["kv"].get(field.removeprefix(prefix).hex())
    return ABSENT if value is None else shown(bytes.fromhex(value))


def _value(row: Mapping[str, Any] | None) -> Any:
    return ABSENT if row is None else row.get("value", ANY)


def losses(story: Story) -> Iterator[tuple[float, float]]:
    """When a GCS that keeps its tables in memory lost them: from an end to the next service."""
    if story.built.get("store") != "memory":
        return
    lives = [life for life in story.lives if life.who == "gcs"]
    for before, after in pairwise(lives):
        begin = before.ended if before.ended is not None else after.started
        yield begin, max(begin, after.serving if after.serving is not None else inf)
