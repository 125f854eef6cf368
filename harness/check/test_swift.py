"""What of a start is the GCS's own time and what its store's, and which starts are judged."""

from __future__ import annotations

from typing import Any

import pytest

from harness.check.swift import ROWS, swift
from harness.check.tale import Tale, tale

SLOW = "the GCS took more than a second until it served"


def killed(told: Tale | None = None) -> Tale:
    return (told or tale(clock="virtual")).event("gcs", "killed", {"life": 0}, "gcs", at=10.0)


def started(
    *waits: tuple[float, float | None],
    serving: float | None = 26.0,
    via: str = "gcs",
    told: Tale | None = None,
) -> Tale:
    """A second life from second 20 on; ``waits``: when it sent a command and how long that took."""
    again = killed(told).event("gcs", "started", {"life": 1}, "gcs", at=20.0, id="start")
    for at, took in waits:
        again.write("KV", "k", "v", took=took, at=at, via=via)
    if serving is not None:
        again.event("gcs", "serving", {"life": 1}, "gcs", at=serving, id="serves")
    return again


def details(told: Tale) -> list[str]:
    return [one.detail for one in swift(told.story()).violations]


def test_what_proves_a_slow_start() -> None:
    (found,) = swift(started().story()).violations
    assert (found.signature, found.events) == (SLOW, ("start", "serves"))
    assert found.detail == "life 1: 6.000 s beside what its store took"


def test_a_start_that_somebody_stopped_is_not_judged() -> None:
    def paused(at: float) -> Tale:
        return started().event("gcs", "paused", {"life": 1}, "gcs", at=at)

    assert details(paused(21.0)) == []
    assert details(paused(27.0)) == ["life 1: 6.000 s beside what its store took"]


@pytest.mark.parametrize(
    ("waits", "own"),
    [
        (((20.0, 1.0), (22.0, 1.0)), 4.0),
        (((20.0, 2.0), (21.0, 2.0)), 3.0),
        (((20.0, 3.0), (21.0, 1.0), (22.5, 1.5)), 2.0),
        (((21.0, 9.0),), None),
        (((22.0, None),), 2.0),
        (((19.0, 0.5), (25.0, 0.5)), 5.5),
        (((19.0, 3.0), (27.0, 3.0)), 6.0),
        (((20.0, 4.75),), 1.25),
        (((20.0, 5.0),), None),
    ],
    ids=[
        "one after the other", "at once", "one within another", "until after it served", "never answered",
        "before its start", "not in its start", "more than a second", "a second",
    ],
)  # fmt: skip
def test_only_the_time_in_which_it_waited_for_no_command_is_its_own(
    waits: tuple[tuple[float, float | None], ...], own: float | None
) -> None:
    expected = [] if own is None else [f"life 1: {own:.3f} s beside what its store took"]
    assert details(started(*waits)) == expected


def test_commands_of_another_are_no_excuse() -> None:
    assert details(started((20.0, 6.0), via="rival")) == ["life 1: 6.000 s beside what its store took"]


@pytest.mark.parametrize(("count", "told"), [(ROWS, True), (ROWS + 1, False)])
def test_a_large_table_takes_its_time(count: int, told: bool) -> None:
    before = tale(clock="virtual")
    for number in range(count):
        for _ in range(2):
            before.write("KV", f"k{number}", "v", at=5.0)
    before.write("ACTOR", "ab" * 16, {"state": "ALIVE"}, at=5.0)
    assert bool(details(started(told=before))) is told
    grown = started()
    for number in range(ROWS + 1):
        grown.write("KV", f"k{number}", "v", at=22.0)
    assert details(grown.event("note", "late", at=30.0))


def test_every_life_that_served_in_virtual_time_is_judged() -> None:
    served = started((20.0, 5.5))
    assert swift(served.story()).judged == 2
    never = started(serving=None).event("gcs", "killed", {"life": 1}, "gcs", at=30.0)
    never.event("gcs", "started", {"life": 2}, "gcs", at=40.0).event(
        "gcs", "serving", {"life": 2}, "gcs", at=49.0
    )
    assert details(never) == ["life 2: 9.000 s beside what its store took"]
    assert swift(never.story()).judged == 2
    assert swift(started(told=tale(clock="virtual", ledger=False)).story()).idle


def real(
    *waits: tuple[float, float | None],
    silent: float | None = 25.9,
    bare: float | None = 0.5,
    serving: float = 26.0,
    told: Tale | None = None,
    **started_facts: Any,
) -> Tale:
    """A second life on real processes: started at 20, last seen not to serve at ``silent``, beside bare starts."""
    facts = {"life": 1, **started_facts}
    again = killed(told or tale()).event("gcs", "started", facts, "gcs", at=20.0, id="start")
    for at, took in waits:
        again.write("KV", "k", "v", took=took, at=at)
    if bare is not None:
        again.event("note", "bare start", {"life": 1, "seconds": bare}, "gcs", at=24.0)
    seen = {} if silent is None else {"silent": silent}
    return again.event("gcs", "serving", {"life": 1, **seen}, "gcs", at=serving, id="serves")


def test_a_real_start_is_slow_beside_bare_starts_of_its_program() -> None:
    (found,) = swift(real().story()).violations
    assert (found.signature, found.events) == (SLOW, ("start", "serves"))
    assert (
        found.detail == "life 1: 5.900 s beside what its store took; a bare start of its program took 0.500 s"
    )
    assert details(real(bare=1.0)) == details(real(bare=2.0)) == details(real((20.0, 2.5))) == []
    assert details(real((20.0, 2.3))) and details(real(bare=0.9))
    assert [swift(one.story()).judged for one in (real(), real(bare=2.0), real((20.0, 2.5)))] == [2] * 3


@pytest.mark.parametrize(
    "told",
    [
        real(silent=None), real(silent=20.9), real(bare=None), real(again=True),
        real(told=tale().event("store", "tampered", {}, at=9.0)),
        real(told=tale().event("store", "killed", {}, at=9.0)),
        real(told=tale().event("gcs", "disconnected", {"life": 0}, "gcs", at=9.0)),
    ],
    ids=["nobody asked before", "nobody asked in time", "nobody knows a bare start", "nobody saw it start",
         "nobody knows what it loads", "its store was away", "its store was out of reach"],
)  # fmt: skip
def test_a_real_start_of_which_too_little_is_known_is_not_judged(told: Tale) -> None:
    ruling = swift(told.story())
    assert (ruling.violations, ruling.judged) == ((), 1), "the first life alone"


def test_a_real_start_within_its_second_needs_no_comparison() -> None:
    assert swift(real(silent=None, bare=None, serving=21.0).story()).judged == 2
    back = tale().event("store", "killed", {}, at=8.0).event("store", "restarted", {}, at=9.0)
    assert not details(real(told=back)), "nobody knows whether its store took connections by then"
    assert details(real(told=back.write("KV", "k", "v", took=0.1, at=9.5))), "its store was back"


def test_what_a_life_before_the_record_left_is_loaded_too() -> None:
    rows: dict[str, Any] = {"KV": {f"k{number}": {} for number in range(ROWS + 1)}}
    told = tale(clock="virtual").look("baseline", stored=rows, at=1.0)
    assert details(started(told=told)) == []
