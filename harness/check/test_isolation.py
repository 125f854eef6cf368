"""Who touches what in the store."""

from __future__ import annotations

import pytest

from harness.check.isolation import isolation
from harness.check.one_writer import one_writer
from harness.check.ruling import Finding
from harness.check.tale import Tale, tale

NODE = "0a" * 28
ROW = {"node_id": NODE, "state": "ALIVE"}


@pytest.mark.parametrize(
    "command",
    [
        ("HSET", "RAYother@NODE", "f", "v"),
        ("HSET", "RAYns", "f", "v"),
        ("DEL", "RAYns@NODE", "elsewhere"),
        ("DEL", "DUMMY", "elsewhere"),
        ("SET", "0xff00", "v"),
        ("FLUSHALL",),
        ("KEYS", "RAYns@*"),
        ("EVAL", "return 1", "1", "elsewhere"),
    ],
)
def test_a_key_outside_the_namespace_is_told(command: tuple[str, ...]) -> None:
    ruling = isolation(tale().write("NODE", NODE, ROW).read(*command).story())
    assert ruling.finding is Finding.BROKEN
    assert ruling.violations[0].events == ("s2",)


@pytest.mark.parametrize(
    "command",
    [
        ("DEL", "DUMMY"),
        ("HGET", "RAYother@NODE", "f"),
        ("INFO", "SENTINEL"),
        ("HDEL", "RAYns@NODE", "f"),
        ("EVAL", "return 1", "1", "RAYns@NODE"),
    ],
)
def test_its_own_keys_and_the_handshake_are_accepted(command: tuple[str, ...]) -> None:
    ruling = isolation(tale().write("NODE", NODE, ROW).read(*command).story())
    assert ruling.finding is Finding.HELD


def with_rival() -> Tale:
    told = tale().event("gcs", "started", {"life": 0, "pid": 9}, "rival", at=10.0)
    return told.event("gcs", "serving", {"life": 0}, "rival", at=11.0)


def test_a_write_after_another_took_over_is_told() -> None:
    ruling = one_writer(with_rival().write("NODE", NODE, ROW, at=12.0, id="late").story())
    assert [one.signature for one in ruling.violations] == [
        "a GCS writes although a later one has taken over"
    ]
    assert ruling.violations[0].events[0] == "late"


@pytest.mark.parametrize(
    "told",
    [
        with_rival().write("NODE", NODE, ROW, at=10.5),
        with_rival().write("NODE", NODE, ROW, at=12.0, via="rival"),
        with_rival().write("NODE", NODE, ROW, at=12.0, applied=False),
        with_rival().read("PING", at=12.0),
        with_rival().event("gcs", "killed", {"life": 0}, "gcs", at=11.5).write("NODE", NODE, ROW, at=12.0),
        with_rival().event("gcs", "killed", {"life": 0}, "rival", at=11.5).write("NODE", NODE, ROW, at=12.0),
        tale().write("NODE", NODE, ROW).restart().write("NODE", NODE, ROW),
    ],
    ids=[
        "before",
        "the new one",
        "refused",
        "a ping",
        "it was dead",
        "the new one had died",
        "its successor",
    ],
)
def test_writes_of_the_one_that_is_active_are_accepted(told: Tale) -> None:
    assert one_writer(told.story()).finding is not Finding.BROKEN
