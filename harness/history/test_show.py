"""Lines of a record: fixed columns, whole when piped, cut at a terminal's width, and safe to print."""

from __future__ import annotations

from typing import Any

import pytest

from harness.history.entry import Entry
from harness.history.event import Event
from harness.history.show import gist, render, short

NODE = "c1" * 28


def event(at: float, kind: str, who: str, what: str, id: str = "c-1", **facts: Any) -> Event:
    return Event(id, "case", 0, at, kind, who, what, facts)


def entry(**changes: Any) -> Entry:
    facts: dict[str, Any] = {
        "id": "s-1", "case": "case", "cluster": 0, "at": 10.5, "done": 10.502, "via": "gcs", "connection": 1,
        "unit": 7, "command": ("HSET", "RAYns@KV", "a", "b", "c"), "reply": 1, "applied": True,
    }  # fmt: skip
    return Entry(**{**facts, **changes})


CALL = event(10.0, "call", "driver-0", "InternalKVPut", "c-12", request={"key": "6b"}, deadline=30)
RETURN = event(
    10.25, "return", NODE, "InternalKVPut", "c-13", call="c-12", outcome="unknown", grpc="UNAVAILABLE",
    code=0, said="gone", reply={},
)  # fmt: skip


def test_a_line_has_fixed_columns_and_an_end_its_latency() -> None:
    called, returned = render([CALL, RETURN], [], None)
    assert called == "    0.000 c-12      call    driver-0   InternalKVPut                key=6b within 30 s"
    assert returned.startswith("    0.250 c-13      return  c1c1c1c1   InternalKVPut                unknown")
    assert returned.endswith("250.0 ms of c-12 UNAVAILABLE (gone)")


def test_entries_come_between_events_by_time_and_other_cases_do_not() -> None:
    other = event(10.1, "note", "harness", "elsewhere")
    other = Event(other.id, "another", 0, other.at, other.kind, other.who, other.what)
    lines = list(render([CALL, other, event(11.0, "note", "harness", "end")], [entry()], None, only="case"))
    assert [line[20:28].strip() for line in lines] == ["call", "ledger", "note"]
    assert lines[1].endswith("unit 7 2.0 ms RAYns@KV a b … -> 1")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"done": None}, "no reply"),
        ({"applied": False}, "NOT APPLIED"),
        ({"applied": None}, "nobody knows if applied"),
        ({"rule": "kill after"}, "struck by kill after"),
    ],
)
def test_what_became_of_a_command_is_said(changes: dict[str, Any], said: str) -> None:
    (line,) = render([], [entry(**changes)], None)
    assert said in line


def test_a_line_is_cut_with_an_ellipsis_at_the_width_and_only_there() -> None:
    long = event(0, "note", "harness", "x" * 100, text="y" * 30, more="z" * 30)
    (cut,) = render([long], [], 70)
    (whole,) = render([long], [], None)
    assert (len(cut), cut[-1]) == (70, "…")
    assert whole.endswith("z" * 30)
    assert list(render([CALL], [], 200)) == list(render([CALL], [], None))


def test_ids_are_cut_and_nil_ones_left_out() -> None:
    assert short(f"{NODE}:1") == "c1c1c1c1:1"
    assert gist({"node_id": "f" * 56, "inner": [{"actor_id": "a1" * 16, "other": 1}]}) == "actor_id=a1a1a1a1"
    assert gist({"one": 1, "two": [1, 2]}) == "one=1 two=[1, 2]"
    assert gist({"key": {str(n): n for n in range(20)}}).endswith("…")


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (event(0, "order", NODE, "KillLocalActor", worker=NODE, script="mute", fields={"actor_id": "a1"},
               outcome="received"), "to worker c1c1c1c1 script=mute actor_id=a1"),
        (event(0, "order", NODE, "Exit", outcome="caller gone", seq=1), "caller gone"),
        (event(0, "message", "listener-0", "GCS_ACTOR_CHANNEL", publisher=NODE, sequence=4, key="a1", again=True,
               payload={"state": "ALIVE"}), "#4 of c1c1c1c1 again key=a1 state=ALIVE"),
        (event(0, "look", "look", "closing", quiet=False, why="it moves", view={"actors": {"a": 1}, "cluster_id": "x"},
               complaints=["a lie"]), "not quiet: it moves 1 actors 1 complaints: a lie"),
        (event(0, "watch", "harness", "begin", pulses=[1, 2], workers={}), "0 workers, 2 pulses"),
        (event(0, "gcs", "gcs", "ended", life=1, exit=-9, struck=1234.56789, asked=None), "life=1 exit=-9 struck=1234.568"),
    ],
)  # fmt: skip
def test_the_facts_of_each_kind_in_few_words(one: Event, said: str) -> None:
    (line,) = render([one], [], None)
    assert line[68:] == said


def test_a_strangers_control_characters_are_not_printed() -> None:
    (line,) = render([event(0, "note", "harness", "x", text="\x1b[2Jü\n")], [], None)
    assert line.endswith("text=\\x1b[2Jü\\n")
