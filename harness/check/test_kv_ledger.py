"""When puts and deletions of unknown outcome took effect, and whose keys they are."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import Any

import pytest

from harness.check.kv_ledger import SURELY, KvLedger
from harness.check.story import Call
from harness.check.tale import Tale, tale

FIELD, NAMESPACE = "@namespace_gauntlet:k", b"gauntlet".hex()
PUT = {"namespace": NAMESPACE, "key": b"k".hex(), "value": b"v".hex(), "overwrite": True}
DELETE = {"namespace": NAMESPACE, "key": b"k".hex()}
SWEEP = {"namespace": NAMESPACE, "key": b"".hex(), "del_by_prefix": True}
LOST: dict[str, Any] = {"outcome": "unknown", "grpc": "UNAVAILABLE"}


def asked(
    told: Tale, method: str = "InternalKVPut", request: Any = None, id: str = "lost", at: float = 1.0
) -> Tale:
    return told.begin(method, request or PUT, id=id, at=at).end(id, **LOST, at=at + 0.5)


def when(told: Tale, id: str = "lost") -> float | None:
    """By when the call ``id`` had taken effect."""
    story = told.story()
    ledger = KvLedger(story)
    call = next(one for one in story.calls if one.id == id)
    field = FIELD.encode()
    return (
        ledger.put(field, b"v".hex(), call) if call.method == "InternalKVPut" else ledger.deleted(field, call)
    )


def strange(told: Tale, field: str = FIELD) -> bool:
    return KvLedger(told.story()).strange(field.encode())


CHATTER = ("KV", "@namespace_gauntlet:other", "x")


def test_what_is_in_the_ledger_was_done_soon_after() -> None:
    assert when(asked(tale()).write("KV", FIELD, "v", at=5.0)) == 5.1 + SURELY
    recovered = asked(tale()).write("KV", FIELD, "v", at=5.0).restart(at=5.2)
    recovered.events[-1] = replace(recovered.events[-1], at=5.5)
    assert when(recovered) == 5.5


def test_what_is_not_in_the_ledger_was_not_done() -> None:
    assert when(asked(tale()).write(*CHATTER)) is None
    assert when(asked(tale().write("KV", FIELD, "v", at=0.2), at=2.0)) is None


def test_a_ledger_that_is_not_kept_or_lacks_what_was_acknowledged_says_nothing_by_silence() -> None:
    assert when(asked(tale(ledger=False))) == inf
    assert when(asked(tale())) == inf
    other = {**PUT, "key": b"other".hex(), "value": b"z".hex()}
    assert when(asked(tale().call("InternalKVPut", other, {"added": False}), at=5.0).write(*CHATTER)) == inf
    kept = {**other, "overwrite": False}
    assert when(asked(tale().call("InternalKVPut", kept, {}), at=5.0).write(*CHATTER)) is None
    assert when(asked(tale().call("InternalKVPut", kept, {"added": True}), at=5.0).write(*CHATTER)) == inf
    assert when(asked(tale().call("InternalKVPut", other, **LOST), at=5.0).write(*CHATTER)) is None


def test_two_that_may_have_written_it_leave_it_open() -> None:
    twice = asked(asked(tale()), id="again", at=2.0).write("KV", FIELD, "v", at=5.0)
    assert when(twice) == inf
    assert when(asked(tale()).write("KV", FIELD, "v", at=5.0).write("KV", FIELD, "v", at=7.0)) == inf
    assert when(asked(tale()).write("KV", FIELD, "v", at=5.0, took=None)) == inf


def test_of_a_struck_write_a_gcs_may_not_have_the_reply() -> None:
    told = asked(tale()).write("KV", FIELD, "v", at=5.0)
    told.ledger[-1] = replace(told.ledger[-1], rule="SwallowReply")
    assert when(told) == inf
    assert when(told.restart(at=20.0)) == 22.0


@pytest.mark.parametrize("request_", [DELETE, SWEEP])
def test_deletions_too(request_: dict[str, Any]) -> None:
    told = asked(tale(), "InternalKVDel", request_).write("KV", FIELD, None, at=5.0)
    assert when(told) == 5.1 + SURELY
    assert when(asked(told, "InternalKVDel", DELETE, id="again", at=2.0)) == inf
    assert when(asked(tale(), "InternalKVDel", request_).write(*CHATTER)) is None
    other = {**DELETE, "key": b"other".hex()}
    told = asked(tale(), "InternalKVDel", request_).write("KV", FIELD, None, at=5.0)
    assert when(asked(told, "InternalKVDel", other, id="other", at=2.0)) == 5.1 + SURELY


def test_whose_keys_they_are() -> None:
    assert strange(tale().write("KV", FIELD, "v"))
    assert not strange(asked(tale()).write("KV", FIELD, "v"))
    assert strange(asked(tale()).write("KV", FIELD, "w"))
    assert not strange(tale().write("KV", FIELD, "v", applied=False))
    assert not strange(tale().write("KV", FIELD, "v"), "@namespace_gauntlet:other")
    assert strange(tale().write("KV", FIELD, None))
    assert not strange(asked(tale(), "InternalKVDel", DELETE).write("KV", FIELD, None))
    assert not strange(asked(tale(), "InternalKVDel", SWEEP).write("KV", FIELD, None))
    beginning = {**DELETE, "key": b"".hex()}
    assert strange(asked(tale(), "InternalKVDel", beginning).write("KV", FIELD, None))
    digest = {**PUT, "key": "sha256:0123456789abcdef:600"}
    assert not strange(asked(asked(tale(), request=digest), id="b").write("KV", FIELD, "v"))
    large = {**PUT, "value": "sha256:0123456789abcdef:70000"}
    told = asked(tale(), request=large).write("KV", FIELD, "v")
    command = (*told.ledger[-1].command[:-1], "sha256:0123456789abcdef:70000")
    told.ledger[-1] = replace(told.ledger[-1], command=command)
    assert not strange(told)


def test_a_field_too_long_for_the_ledger_is_nobodys() -> None:
    told = tale().write("KV", "sha256:0123456789abcdef:70000", "v")
    assert not strange(told)
    assert strange(told, "")


def call(start: float, end: float | None) -> Call:
    return Call("c", "driver-0", "InternalKVPut", start, {}, end=end)


@pytest.mark.parametrize(
    ("start", "end", "disturbed"),
    [(1.0, 2.0, False), (1.0, 6.0, True), (9.0, 10.0, False), (1.0, None, True)],
)
def test_what_was_disturbed(start: float, end: float | None, disturbed: bool) -> None:
    fault = tale().event("fault", "a slow link", {"phase": "inject"}, at=5.0)
    fault.event("fault", "a slow link", {"phase": "healed"}, at=7.0)
    assert KvLedger(fault.story()).disturbed(call(start, end)) is disturbed
    struck = tale().write("KV", FIELD, "v", at=5.0, took=2.0)
    struck.ledger[-1] = replace(struck.ledger[-1], rule="Delay")
    assert KvLedger(struck.story()).disturbed(call(start, end)) is disturbed
    assert KvLedger(tale().write("KV", FIELD, "v", at=5.0).story()).disturbed(call(start, end)) is False


def test_what_is_not_healed_disturbs_to_the_end() -> None:
    fault = tale().event("fault", "a slow link", {"phase": "inject"}, at=5.0)
    assert KvLedger(fault.story()).disturbed(call(900.0, 901.0))
