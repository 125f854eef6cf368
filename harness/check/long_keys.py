"""Keys of key-values that are too long for the record of calls, which shows a digest: found where they stand whole. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from harness.check.rows import VIEWED_NAMESPACE, key_of
from harness.check.story import Call, Story
from harness.history.entry import LONGEST_ARGUMENT
from harness.wire import layout
from harness.wire.plain import LONGEST_BYTES, shown

DIGEST = "sha256:"


class LongKeys:
    """What the ledger and the looks of ``story`` know of keys longer than :data:`LONGEST_BYTES`."""

    def __init__(self, story: Story) -> None:
        self._speaks = bool(story.built.get("ledger"))
        self._fields = [one for one in _fields(story) if len(one) > LONGEST_BYTES]
        self._whole: dict[tuple[str, str], str] = {}

    def told(self, call: Call) -> Call:
        """``call`` with its key in full. With a ledger, a key that is nowhere becomes one that nobody has."""
        key, namespace = str(call.request.get("key", "")), str(call.request.get("namespace", ""))
        if not key.startswith(DIGEST) or call.request.get("del_by_prefix") or DIGEST in namespace:
            return call
        whole = self._find(namespace, key)
        return replace(call, request={**call.request, "key": whole}) if whole else call

    def _find(self, namespace: str, key: str) -> str:
        if (namespace, key) not in self._whole:
            before = layout.kv_field(bytes.fromhex(namespace), b"")
            found = (one.removeprefix(before) for one in self._fields if one.startswith(before))
            self._whole[namespace, key] = next((one.hex() for one in found if shown(one) == key), "")
            if not self._whole[namespace, key] and self._speaks and _recorded(key, before):
                self._whole[namespace, key] = f"the key with digest {key}".encode().hex()
        return self._whole[namespace, key]


def _recorded(key: str, before: bytes) -> bool:
    """Whether the ledger shows a field with such a key whole."""
    return int(key.rpartition(":")[2]) + len(before) <= LONGEST_ARGUMENT


def _fields(story: Story) -> Iterator[bytes]:
    """The fields of all key-values that were ever written or looked at, each perhaps more than once."""
    for write in story.writes:
        if write.table == layout.KV and not write.key.startswith(DIGEST):
            yield bytes.fromhex(key_of(write))
    before = layout.kv_field(VIEWED_NAMESPACE, b"")
    for look in story.looks:
        stored: Iterable[str] = (look.stored or {}).get(layout.KV, ())
        yield from (bytes.fromhex(one) for one in stored)
        yield from (before + bytes.fromhex(one) for one in look.view.get("kv", ()))
