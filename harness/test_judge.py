"""How findings, assertions and expectations make one verdict, and how known breakages are written down."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.check.ruling import Finding, Ruling, Violation
from harness.errors import EnvironmentProblem
from harness.expectations import Expectation, Failure, expectations_for
from harness.expecting import anywhere, as_toml, asked, counted, entries_of, merged
from harness.judge import conclude
from harness.report.verdict import Verdict

CASE = "scenarios/test_a.py::test_b[x]"
LATE = "KillActorViaGcs was acknowledged before it was stored"
DURABLE = Ruling("durable", Finding.BROKEN, LATE, (Violation(LATE, "0.2 s early", ("c-1", "s-4")),), 1)
HELD = Ruling("isolation", Finding.HELD, "", (), 3)
IDLE = Ruling("pubsub", Finding.UNKNOWN, "nothing to judge")
VAGUE = Ruling("linearizable", Finding.UNKNOWN, "the search ran out of its budget", (), 1)
KNOWN = Expectation(CASE, "2.60.0", LATE, "It answers early.", "5 of 5", check="durable")
OWN = Failure("scenario", "lost", "lost")


@pytest.mark.parametrize(
    ("own", "vague", "rulings", "entries", "verdict"),
    [
        ([], "", [HELD, IDLE], [], Verdict.HELD),
        ([], "", [HELD, DURABLE], [], Verdict.BROKEN),
        ([], "", [HELD, DURABLE], [KNOWN], Verdict.KNOWN),
        ([OWN], "", [HELD, DURABLE], [KNOWN], Verdict.BROKEN),
        ([], "", [HELD], [KNOWN], Verdict.MENDED),
        ([], "", [HELD], [replace(KNOWN, reproduced="1 of 5")], Verdict.HELD),
        ([], "", [HELD, VAGUE], [], Verdict.INCONCLUSIVE),
        ([], "the fault hit nothing", [HELD], [], Verdict.INCONCLUSIVE),
        ([], "the fault hit nothing", [DURABLE], [], Verdict.BROKEN),
        ([], "", [DURABLE], [replace(KNOWN, message="another message")], Verdict.BROKEN),
    ],
)
def test_a_case_s_verdict(
    own: list[Failure], vague: str, rulings: list[Ruling], entries: list[Expectation], verdict: Verdict
) -> None:
    conclusion = conclude(CASE, own, vague, rulings, entries)
    assert conclusion.verdict is verdict
    assert "pubsub" not in conclusion.rulings


def test_a_failure_carries_its_proof_and_whether_it_is_known() -> None:
    (failure,) = conclude(CASE, [], "", [DURABLE], [KNOWN]).failures
    assert failure == Failure("durable", LATE, "0.2 s early", ("c-1", "s-4"), known=True)


def test_repetitions_are_counted_and_read_back(tmp_path: Path) -> None:
    runs = [
        {CASE: [("scenario", "lost <n>"), ("durable", LATE)], "scenarios/test_a.py::test_c": []},
        {CASE: [("scenario", "gone"), ("durable", LATE)]},
        *[{CASE: [("scenario", "gone")]}] * 3,
    ]
    counts = counted(runs)
    assert list(counts) == [CASE]
    old = Expectation(CASE, "2.60.0", "*", "It forgets.", "5 of 5", thread="ray#1")
    made = entries_of(counts, "2.60.0", [old], {CASE: ("ok", "not stored")})
    assert [(one.check, one.message, one.reproduced, one.strict) for one in made] == [
        ("durable", LATE, "2 of 5", False),
        ("scenario", ("gone", "lost <n>"), "5 of 5", True),
    ]
    assert made[1].sentence == "It forgets." and made[1].thread == "ray#1"
    assert (made[1].told, made[1].survived) == ("ok", "not stored")
    file = tmp_path / "known.toml"
    file.write_text(as_toml(made, "ray==2.60.0"))
    assert expectations_for("ray==2.60.0", str(file)) == tuple(made)
    with pytest.raises(EnvironmentProblem):
        expectations_for("ray==2.55.1", str(file))


def test_what_shows_now_and_then_may_show_anywhere(tmp_path: Path) -> None:
    abort = ("process", "the GCS wrote: Check failed: is_new")
    counts = counted([{CASE: [abort, ("durable", LATE)]}, *[{CASE: [("durable", LATE)]}] * 4])
    early, rare = anywhere(counts, "2.60.0")
    assert (early.message, early.reproduced, early.fatal) == (LATE, "5 of 5", False), "a race, by its nature"
    assert (rare.scenario, rare.message, rare.reproduced) == ("scenarios/*", abort[1], "1 of 5")
    assert rare.fatal and not rare.strict
    own = entries_of(counts, "2.60.0", [], {})
    again = merged([rare, *own, replace(KNOWN, scenario="scenarios/test_z.py::test_y")], {CASE}, [rare, *own])
    assert [one.scenario for one in again] == ["scenarios/*", CASE, CASE, "scenarios/test_z.py::test_y"]
    file = tmp_path / "known.toml"
    file.write_text(as_toml(again, "ray==2.60.0"))
    assert expectations_for("ray==2.60.0", str(file)) == tuple(again)


def test_what_else_fails_when_the_gcs_dies_of_a_known_breakage_is_its_consequence() -> None:
    death = Expectation(
        "scenarios/*", "2.60.0", "it aborts", "It aborts.", "1 of 50", check="process", fatal=True
    )
    aborted = Ruling("process", Finding.BROKEN, "it aborts", (Violation("it aborts"),), 1)
    assert conclude(CASE, [OWN], "", [aborted], [death, KNOWN]).verdict is Verdict.KNOWN
    assert conclude(CASE, [OWN], "", [HELD], [death]).verdict is Verdict.BROKEN
    assert conclude(CASE, [OWN], "", [aborted], [replace(death, fatal=False)]).verdict is Verdict.BROKEN


def test_crash_points_are_repeated_by_their_ids() -> None:
    todo = ["scenarios/test_crash_points.py::test_crash_point[AddJob:1:cut]"]
    assert asked(["--crash-points", "all"], todo) == (
        ["--crash-points", "all", "--point", "AddJob:1:cut"],
        ["scenarios/test_crash_points.py"],
    )
    assert asked([], todo) == ([], todo)


def test_a_case_that_depends_on_timing_need_not_fail() -> None:
    own = Expectation(CASE, "2.60.0", "lost", "It is lost.", "5 of 5")
    early = replace(KNOWN, scenario="scenarios/*")
    assert conclude(CASE, [], "", [HELD], [own, KNOWN]).verdict is Verdict.MENDED
    assert conclude(CASE, [], "", [HELD], [own, KNOWN, early]).verdict is Verdict.HELD
    assert conclude(CASE, [], "", [HELD], [own, early]).verdict is Verdict.MENDED
