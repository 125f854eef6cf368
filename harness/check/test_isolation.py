"""Who touches what in the store."""

from __future__ import annotations

import pytest

from harness.check.isolation import isolation
from harness.check.one_writer import one_writer
from harness.check.ruling import Finding
from harness.check.story import Story
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
        tale()
        .event("gcs", "killed", {"life": 0}, "gcs", at=5.0)
        .event("gcs", "started", {"life": 1, "pid": 2}, "gcs", at=9.0)
        .event("gcs", "started", {"life": 0, "pid": 9}, "rival", at=10.0)
        .event("gcs", "serving", {"life": 0}, "rival", at=11.0)
        .write("NODE", NODE, ROW, at=12.0)
        .event("gcs", "serving", {"life": 1}, "gcs", at=13.0),
        tale()
        .event("gcs", "killed", {"life": 0}, "gcs", at=5.0)
        .event("gcs", "started", {"life": 1, "pid": 2}, "gcs", at=9.0)
        .event("gcs", "started", {"life": 0, "pid": 9}, "rival", at=10.0)
        .event("gcs", "serving", {"life": 0}, "rival", at=11.0)
        .write("NODE", NODE, ROW, at=12.0),
    ],
    ids=[
        "before",
        "the new one",
        "refused",
        "a ping",
        "it was dead",
        "the new one had died",
        "its successor",
        "one that started while another did, and takes over from it",
        "one of which nobody saw that it serves",
    ],
)
def test_writes_of_the_one_that_is_active_are_accepted(told: Tale) -> None:
    assert one_writer(told.story()).finding is not Finding.BROKEN


def command(*words: str) -> Tale:
    return tale().read(*words)


OWN, STRANGE = "RAYns@KV", "RAYother@KV"


@pytest.mark.parametrize(
    ("words", "strange"),
    [
        (("DEL", OWN, STRANGE), STRANGE),
        (("UNLINK", STRANGE), STRANGE),
        (("RENAME", OWN, STRANGE), STRANGE),
        (("MSET", OWN, "1", STRANGE, "2"), STRANGE),
        (("MSET", OWN, STRANGE), ""),
        (("MSET", STRANGE, "1", OWN, "2", "elsewhere", "3"), f"{STRANGE}, elsewhere"),
        (("EVAL", "return 1", "1", STRANGE, "argument"), STRANGE),
        (("EVAL", "return 1", "1", OWN, STRANGE), ""),
        (("EVAL", "return 1", "0", STRANGE), ""),
        (("EVALSHA", "abc", "many", STRANGE), ""),
        (("FCALL", "f"), ""),
        (("EVAL", "1"), ""),
        (("HSET", STRANGE, "k", "v"), STRANGE),
        (("HSET", OWN, STRANGE, "v"), ""),
        (("SET", "sha256:0123456789abcdef:70000", "v"), ""),
        (("DEL", "DUMMY"), ""),
        (("SET", "DUMMY", "1"), "DUMMY"),
    ],
)
def test_each_command_has_its_keys(words: tuple[str, ...], strange: str) -> None:
    told = command(*words)
    found = [one.detail for one in isolation(told.story()).violations]
    assert found == [f"{words[0]} of {strange}; the namespace's keys begin with RAYns@"] * bool(strange)


def test_what_reaches_everything_is_told_with_its_first_words() -> None:
    (found,) = isolation(command("FLUSHDB", "ASYNC", "more").story()).violations
    assert (found.detail, found.events) == ("FLUSHDB ASYNC by the gcs", ("s1",))


def test_writes_and_what_reaches_everything_are_judged() -> None:
    told = (
        tale()
        .read("HGET", OWN, "k")
        .read("HSET", OWN, "k", "v")
        .read("KEYS", "*")
        .read("HDEL", OWN, "k")
        .read("FLUSHALL")
    )
    assert isolation(told.story()).judged == 4
    nobody = Story([], told.ledger)
    assert isolation(nobody).idle


def test_what_proves_a_late_write() -> None:
    told = with_rival().write("NODE", NODE, ROW, at=10.5).write("NODE", NODE, ROW, at=12.0, id="late")
    told.write("NODE", NODE, ROW, at=13.0).write("NODE", NODE, ROW, at=14.0, via="rival")
    (found,) = one_writer(told.story()).violations
    life, heir = told.story().lives
    assert found.events == ("late", life.ids[0], *heir.ids[:2])
    assert found.detail == (
        f"HSET RAYns@NODE by life 0 of the gcs, {12.0 - (heir.serving or 0.0):.3f} s after life 0 of the rival began "
        "to serve"
    )
    assert one_writer(told.story()).judged == 4


def test_what_comes_before_a_late_write_hides_nothing() -> None:
    told = with_rival().write("NODE", NODE, ROW, at=12.0, via="rival")
    told.write("NODE", NODE, ROW, at=12.5, via="rival").write("NODE", NODE, ROW, at=13.0, id="late")
    told.event("gcs", "killed", {"life": 0}, "rival", at=20.0)
    (found,) = one_writer(told.story()).violations
    assert found.events == ("late", told.story().lives[0].ids[0], *told.story().lives[1].ids[:2])
    told = with_rival().read("PING", at=11.5).write("NODE", NODE, ROW, at=12.0, id="late")
    assert [one.events[0] for one in one_writer(told.story()).violations] == ["late"]


def test_one_gcs_is_no_two() -> None:
    assert one_writer(tale().write("NODE", NODE, ROW).story()).idle
