"""Ends that nothing explains, and last words in logs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.check.process import fatal_lines, process, said
from harness.check.ruling import Finding
from harness.check.tale import Tale, tale

CHECK = (
    "[2025-06-01 10:11:12,123 C 4711 4712] (gcs_server) gcs_actor_manager.cc:1432:  Check failed: "
    "it != map.end() actor 0123456789abcdef01000000"
)
LOG = f"""
[2025-06-01 10:11:12,000 I 4711 4711] (gcs_server) gcs_server.cc:1: it all begins
[2025-06-01 10:11:12,001 E 4711 4711] (gcs_server) redis_context.cc:9: trouble, but no end
{CHECK}
*** SIGABRT received at time=1760000000 on cpu 1 ***
PC: @     0x7f  (unknown)  raise
terminate called after throwing an instance of 'std::bad_alloc'
F0601 10:11:12.000000 4711 gcs.cc:3] old style
==12==ERROR: AddressSanitizer: heap-use-after-free on address 0x60
Traceback (most recent call last):
  File "/x/y.py", line 3, in main
    raise KeyError(1)
KeyError: 1
thread 'main' panicked at src/main.rs:4:5:
All is well, and nothing was fatal
"""


def test_the_fatal_lines_of_a_log_are_found() -> None:
    found = fatal_lines(LOG)
    assert [line.split()[0] for line in found] == [
        "[2025-06-01", "***", "terminate", "F0601", "==12==ERROR:", "Traceback:", "thread",
    ]  # fmt: skip
    assert found[0] == CHECK
    assert found[5] == "Traceback: KeyError: 1"


def test_a_coloured_line_is_found_too() -> None:
    assert fatal_lines(f"\x1b[31m{CHECK}\x1b[0m") == [CHECK]


def test_what_it_said_is_the_same_in_every_repetition() -> None:
    assert said(CHECK) == "Check failed: it != map.end() actor <id>"
    assert said(CHECK.replace("Check", "An unexpected system state has occurred. Report it. Check")) == said(
        CHECK
    )
    row = "x.cc:1: Failed to run redis cmds: [HSET RAYns7a@KV @namespace_a:b v] for 5 times."
    assert said(row) == "Failed to run redis cmds: [HSET RAY<namespace>@KV …] for <n> times."
    assert said("thread 'main' panicked at src/main.rs:4:5:") == "thread 'main' panicked at"


def ended(told: Tale, **facts: Any) -> Tale:
    return told.event("gcs", "ended", {"life": 0, **facts}, "gcs", at=20.0)


def fault(name: str, at: float, healed: float | None = None) -> Tale:
    told = tale().event("fault", name, {"phase": "inject"}, at=at)
    return told if healed is None else told.event("fault", name, {"phase": "healed"}, at=healed)


def link(backend: str) -> Tale:
    told = tale().event("gcs", "started", {"life": 0, "address": "10.0.0.2:6379"}, "gcs", at=1.0)
    return told.event("fault", "Blackhole", {"phase": "inject", "backend": backend}, at=19.0)


def restarted(exit_: int, reply: Any = "PONG") -> Tale:
    """A second life that answers for ``exit_`` before it served."""
    told = tale().event("gcs", "killed", {"life": 0}, "gcs", at=20.0)
    told.event("gcs", "started", {"life": 1}, "gcs", at=21.0).read("PING").read("PING").read("PING")
    if reply != "PONG":
        told.ledger[-2] = type(told.ledger[-2])(**{**_fields(told.ledger[-2]), "reply": reply})
    return told.event("gcs", "ended", {"life": 1, "exit": exit_}, "gcs")


def _fields(entry: Any) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in type(entry).__dataclass_fields__}


UNEXPLAINED = {
    "an exit": ended(tale(), exit=1),
    "a crash": ended(tale(), exit=-11),
    "after a raylet's death": ended(fault("kill -9 of a raylet", 19.0), exit=1),
    "after its own kill": ended(fault("kill -9 of the GCS", 5.0, 10.0), exit=1),
    "long after a fault of the store": ended(fault("kill -9 of the store", -30.0, -29.0), exit=1),
    "a partition of others": ended(link("10.0.0.2:6379"), exit=1),
    "another clock": ended(fault("the GCS has another wall clock", 19.0), exit=1),
    "a start that fails": restarted(1),
    "a start that crashes": restarted(-6, {"error": "ERR"}),
    "a failed check": tale().event("log", "fatal", {"life": 0, "line": CHECK}, "gcs"),
    "told to end, and killed, with a store that had been gone": ended(
        fault("kill -9 of the store", 5.0, 18.0), exit=-9, asked=True, struck=19.0
    ),
    "told to end, and killed, with a store that hung before": ended(
        tale().event("store", "paused", at=17.0).event("store", "resumed", at=18.0),
        exit=-9,
        asked=True,
        struck=19.0,
    ),
    "told to end, and killed in the end": ended(tale(), exit=-9, asked=True),
}
EXPLAINED = {
    "asked": ended(tale(), exit=0, asked=True),
    "told to end, and killed, with its store gone": ended(
        fault("kill -9 of the store", 19.0), exit=-9, asked=True
    ),
    "told to end, and killed, with its store hung": ended(
        tale().event("store", "paused", at=18.0), exit=-9, asked=True
    ),
    "told to end, and killed, while its store was gone": ended(
        fault("kill -9 of the store", 5.0, 19.5), exit=-9, asked=True, struck=19.0
    ),
    "told to end, which it did not take for an order": ended(tale(), exit=-15, asked=True),
    "killed as it ended": ended(tale(), exit=1, struck=19.9),
    "killed": tale().restart(),
    "its store is gone": ended(fault("kill -9 of the store", 19.0), exit=1),
    "its store was gone": ended(fault("kill -9 of the store", 5.0, 10.0), exit=1),
    "its store was emptied": ended(tale().event("store", "wiped", at=18.0), exit=1),
    "a link": ended(fault("the link is cut", 19.0), exit=1),
    "its own partition": ended(link("10.0.0.3:6379"), exit=1),
    "it is cut off": ended(fault("the GCS is cut off", 19.0), exit=1),
    "it is out of memory": ended(fault("the GCS is out of memory", 5.0, 10.0), exit=-9),
    "another GCS": ended(tale().event("gcs", "started", {"life": 0}, "rival", at=15.0), exit=1),
    "it had been paused": ended(tale().event("gcs", "paused", {"life": 0}, "gcs", at=15.0), exit=1),
    "a start that its store refused": restarted(1, {"error": "WRONGPASS"}),
    "a failed check without a store": fault("SIGSTOP of the store", 2.0).event(
        "log", "fatal", {"life": 0, "line": CHECK}, "gcs"
    ),
}


@pytest.mark.parametrize("name", UNEXPLAINED)
def test_an_end_that_nothing_explains_is_told(name: str) -> None:
    assert process(UNEXPLAINED[name].story()).finding is Finding.BROKEN


@pytest.mark.parametrize("name", EXPLAINED)
def test_an_end_that_something_explains_is_accepted(name: str) -> None:
    assert process(EXPLAINED[name].story()).finding is Finding.HELD


def test_a_life_with_last_words_is_told_once_by_them() -> None:
    told = tale().event("log", "fatal", {"life": 0, "line": "*** SIGABRT received"}, "gcs")
    story = ended(told.event("log", "fatal", {"life": 0, "line": CHECK}, "gcs", id="check"), exit=-6).story()
    (violation,) = process(story).violations
    assert violation.signature == "the GCS wrote: Check failed: it != map.end() actor <id>"
    assert violation.events[0] == "check"


LIFE = {"life": 0}


def by_itself(told: Tale, status: int | None = 1, serving: bool = True, **more: Any) -> Tale:
    return told.event("gcs", "ended", {**LIFE, "exit": status, **more}, "gcs", id="end")


def only(told: Tale) -> Any:
    (found,) = process(told.story()).violations
    return found


@pytest.mark.parametrize(
    ("status", "said"), [(1, "status 1"), (0, "status 0"), (-6, "signal 6"), (None, "an unknown status")]
)
def test_how_a_gcs_ended_is_told(status: int | None, said: str) -> None:
    found = only(by_itself(tale(), status))
    tail = "" if status is None else f" with {said}"
    assert found.signature == f"the GCS ended by itself while it served{tail}"
    assert found.detail == f"life 0 of the gcs: it ended with {said}, 1.00 s after its start"
    assert found.events[-1] == "end"


def second_start(status: int | None, *commands: tuple[float | None, Any]) -> Tale:
    """A start, after one that had served, which asks the store and ends before it serves."""
    told = tale().event("gcs", "killed", LIFE, "gcs", at=100.0)
    told.event("gcs", "started", {"life": 1, "pid": 2}, "gcs", at=101.0)
    for took, reply in commands:
        told.write("KV", "k", "v", took=took)
        told.ledger[-1] = replace(told.ledger[-1], reply=reply)
    return told.event("gcs", "ended", {"life": 1, "exit": status}, "gcs")


FINE, LATE, WRONG = (0.1, 1), (None, None), (0.1, {"error": "READONLY"})


@pytest.mark.parametrize(
    ("status", "commands", "told"),
    [
        (1, (FINE, FINE), True),
        (1, (FINE, LATE), True),
        (1, (LATE, FINE), False),
        (1, (FINE, WRONG), False),
        (1, (FINE, LATE, FINE), False),
        (1, (FINE,), False),
        (0, (), False),
        (-11, (), True),
    ],
)
def test_a_start_that_ought_to_have_served(status: int, commands: Any, told: bool) -> None:
    story = second_start(status, *commands).story()
    found = [one.signature for one in process(story).violations]
    how = f"signal {-status}" if status < 0 else f"status {status}"
    assert found == [f"the GCS ended by itself before it served with {how}"] * told
    assert process(story).judged == 2


def test_last_words_belong_to_their_life() -> None:
    said_last = tale().event("log", "fatal", {"life": 0, "line": "Check failed: x"}, "gcs", id="line")
    found = only(said_last)
    assert found.detail == "life 0 of the gcs wrote: Check failed: x"
    assert found.events[0] == "line"
    dying = only(by_itself(tale().event("log", "fatal", {"line": "Check failed: x"}, "gcs"), -6))
    assert (
        dying.detail
        == "life 0 of the gcs wrote: Check failed: x; it ended with signal 6, 2.00 s after its start"
    )
    other = tale().event("log", "fatal", {"life": 1, "line": "Check failed: x"}, "gcs")
    assert process(other.story()).finding is Finding.HELD


def struck(mode: str, via: str) -> Tale:
    """A rule of the proxy strikes a command, and the GCS ends."""
    told = tale().write("KV", "k", "v", at=19.0, via=via)
    told.ledger[-1] = replace(told.ledger[-1], rule=mode)
    return ended(told, exit=1)


def first_start_fails(also: str = "") -> Tale:
    """One that never served, though its store answers; ``also``: another GCS served long before."""
    told = tale()
    told.events = [one for one in told.events if one.what != "serving"]
    for _ in range(3):
        told.read("PING")
    return told.event("gcs", "ended", {"life": 0, "exit": 1}, "gcs", at=50.0)


@pytest.mark.parametrize(
    ("told", "broken"),
    [
        (struck("RefuseWith", "gcs"), False),
        (struck("RefuseWith", "rival"), True),
        (struck("KillAfter", "gcs"), True),
        (first_start_fails(), False),
        (ended(tale().event("store", "started", at=18.0), exit=1), True),
        (ended(tale(), exit=1).event("store", "wiped", at=25.0).event("note", "later", at=60.0), True),
        (ended(tale(), exit=1).event("gcs", "started", {"life": 0}, "rival", at=25.0), True),
    ],
    ids=["refused", "another's", "a kill", "a first start", "a start of the store", "later", "a later rival"],
)
def test_what_explains_an_end_and_what_does_not(told: Tale, broken: bool) -> None:
    assert process(told.story()).finding is (Finding.BROKEN if broken else Finding.HELD)


def test_a_start_after_one_that_never_served_may_fail_for_its_settings() -> None:
    told = first_start_fails().event("gcs", "started", {"life": 1}, "gcs")
    for _ in range(3):
        told.read("PING")
    assert process(told.event("gcs", "ended", {"life": 1, "exit": 1}, "gcs").story()).finding is Finding.HELD


def test_a_start_asks_for_itself() -> None:
    told = tale().event("gcs", "killed", LIFE, "gcs", at=100.0).read("PING").read("PING")
    told.event("gcs", "started", {"life": 1}, "gcs", at=110.0)
    assert process(told.event("gcs", "ended", {"life": 1, "exit": 1}, "gcs").story()).finding is Finding.HELD


def test_how_long_a_later_life_lived_is_told() -> None:
    told = tale().restart(at=100.0).event("gcs", "ended", {"life": 1, "exit": 1}, "gcs", at=110.0)
    assert only(told).detail == "life 1 of the gcs: it ended with status 1, 9.00 s after its start"


def test_the_error_of_a_traceback_may_be_one_letter_and_a_space() -> None:
    trace = 'Traceback (most recent call last):\n  File "x"\nE rror: 1'
    assert fatal_lines(trace) == ["Traceback: E rror: 1"]


def test_one_that_does_not_end_when_it_is_told_to() -> None:
    (found,) = process(ended(tale(), exit=-9, asked=True).story()).violations
    assert found.signature == "the GCS did not end when it was told to"
    assert found.detail.startswith("life 0 of the gcs: it ended with signal 9, ")
