"""Keys that the record of calls shows by digest are judged as any other."""

from __future__ import annotations

from typing import Any

import pytest

from harness.check.durable import durable
from harness.check.tale import Tale, tale
from harness.history.entry import LONGEST_ARGUMENT, word
from harness.wire import layout
from harness.wire.plain import LONGEST_BYTES, shown

LONG, TWIN = b"k" * (LONGEST_BYTES + 1), b"l" * (LONGEST_BYTES + 1)
NAMESPACES = [b"gauntlet", b""]


def request(key: bytes, namespace: bytes = b"gauntlet", **more: Any) -> dict[str, Any]:
    """As the record has it: without a namespace that is empty."""
    space = {"namespace": namespace.hex()} if namespace else {}
    return {**space, "key": shown(key), "value": b"v".hex(), "overwrite": True, **more}


def field(key: bytes, namespace: bytes = b"gauntlet") -> str:
    return layout.kv_field(namespace, key).decode()


def signatures(told: Tale) -> list[str]:
    return [one.signature for one in durable(told.story()).violations]


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_a_long_key_that_was_stored_is_found(namespace: bytes) -> None:
    told = (
        tale().begin("InternalKVPut", request(LONG, namespace)).write("KV", field(LONG, namespace), "v").end()
    )
    assert signatures(told) == []
    assert durable(told.story()).judged == 1


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_a_long_key_that_was_stored_too_late_or_never_is_told(namespace: bytes) -> None:
    never = tale().call("InternalKVPut", request(LONG, namespace))
    assert signatures(never) == ["InternalKVPut was acknowledged and never stored"]
    other = tale().write("KV", field(TWIN, namespace), "v").call("InternalKVPut", request(LONG, namespace))
    assert signatures(other) == ["InternalKVPut was acknowledged and never stored"]
    late = never.write("KV", field(LONG, namespace), "v")
    assert signatures(late) == ["InternalKVPut was acknowledged before it was stored"]


def test_a_long_key_that_a_look_does_not_show_any_more_is_told() -> None:
    seen = {layout.kv_field(b"gauntlet", LONG).hex(): {"value": b"v".hex()}}
    told = tale(ledger=False).call("InternalKVPut", request(LONG)).look(view={"kv": {LONG.hex(): b"v".hex()}})
    assert signatures(told) == []
    assert signatures(told.restart().look()) == [
        "InternalKVPut was acknowledged and is gone after a recovery"
    ]
    told = (
        tale(ledger=False)
        .call("InternalKVPut", request(LONG))
        .look(stored={"KV": seen})
        .look(stored={"KV": {}})
    )
    assert signatures(told) == ["InternalKVPut was acknowledged and is not there"] * 2


def test_without_a_ledger_a_key_that_nobody_saw_whole_is_not_judged() -> None:
    assert signatures(tale(ledger=False).call("InternalKVPut", request(LONG)).restart().look()) == []


def test_what_the_ledger_shows_by_digest_too_is_not_judged() -> None:
    longest = LONGEST_ARGUMENT - len(field(b""))
    assert signatures(tale().call("InternalKVPut", request(b"k" * longest))) != []
    endless = b"k" * (longest + 1)
    assert signatures(tale().call("InternalKVPut", request(endless))) == []
    short = word(layout.kv_field(b"gauntlet", endless))
    assert signatures(tale().begin("InternalKVPut", request(endless)).write("KV", short, "v").end()) == []


SWEEP = request(LONG, del_by_prefix=True)


@pytest.mark.parametrize("left", [LONG, LONG + b"x"])
def test_a_long_prefix_is_not_judged(left: bytes) -> None:
    assert signatures(tale().write("KV", field(left), "v").call("InternalKVDel", SWEEP)) == []


def test_a_long_namespace_is_not_judged() -> None:
    told = tale().call("InternalKVPut", {**request(LONG), "namespace": shown(TWIN)})
    assert signatures(told) == []
