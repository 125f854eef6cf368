"""Ends that nothing explains, and last words in logs."""

from __future__ import annotations

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
}
EXPLAINED = {
    "asked": ended(tale(), exit=0, asked=True),
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
