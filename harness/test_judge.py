"""How findings, assertions and expectations make one verdict, and how known breakages are written down."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.check.ruling import About, Finding, Ruling, Violation
from harness.errors import EnvironmentProblem, TargetFailed
from harness.expectations import Expectation, Failure, caused, expectations_for
from harness.expecting import anywhere, as_toml, asked, counted, entries_of, merged
from harness.judge import conclude, failure_of_end
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
    assert (failure.check, failure.message, failure.detail) == ("durable", LATE, "0.2 s early")
    assert (failure.events, failure.known) == (("c-1", "s-4"), True)
    assert failure.cause == "durable: KillActorViaGcs acknowledged before it was stored"


def told(check: str, words: str) -> Failure:
    return caused(CASE, Failure(check, words))


def test_repetitions_are_counted_and_read_back(tmp_path: Path) -> None:
    runs = [
        {CASE: [told("scenario", "lost <n>"), told("durable", LATE)], "scenarios/test_a.py::test_c": []},
        {CASE: [told("scenario", "gone"), told("durable", LATE)]},
        *[{CASE: [told("scenario", "gone")]}] * 3,
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
    abort, late = told("process", "the GCS wrote: Check failed: is_new"), told("durable", LATE)
    counts = counted([{CASE: [abort, late]}, *[{CASE: [late]}] * 4])
    early, rare = anywhere(counts, "2.60.0")
    assert (early.message, early.reproduced) == (LATE, "5 of 5"), "a race, by its nature"
    assert (rare.scenario, rare.message, rare.reproduced) == ("scenarios/*", abort.message, "1 of 5")
    assert not rare.strict
    own = entries_of(counts, "2.60.0", [], {})
    again = merged([rare, *own, replace(KNOWN, scenario="scenarios/test_z.py::test_y")], {CASE}, [rare, *own])
    assert [one.scenario for one in again] == ["scenarios/*", CASE, CASE, "scenarios/test_z.py::test_y"]
    file = tmp_path / "known.toml"
    file.write_text(as_toml(again, "ray==2.60.0"))
    assert expectations_for("ray==2.60.0", str(file)) == tuple(again)


def test_a_cause_that_the_words_do_not_tell_is_written_down() -> None:
    failure = caused(CASE, Failure("agreement", "it differs", about=About(origin="since it fell")))
    (row,) = entries_of(counted([{CASE: [failure]}] * 5), "2.60.0", [], {})
    assert row.cause == "agreement: it differs (since it fell)"
    assert row.explains("another", failure)
    assert not row.explains(CASE, Failure("agreement", "it differs"))


def test_an_end_of_the_process_has_its_cause_from_its_log(tmp_path: Path) -> None:
    log = tmp_path / "gcs-1.log"
    log.write_text(
        "[2025-06-01 10:11:12,123 C 1 1] (gcs_server) some/where.cc:7:  Check failed: is_new <id>\n"
    )
    error = TargetFailed("ray==2.60.0 exited with status -6 before it served", log)
    ended = caused(CASE, failure_of_end(error, str(error), waited=False))
    assert ended.cause == "process: where.cc Check failed: is_new <id>"
    served = caused(
        CASE, Failure("process", "the GCS wrote: x", about=replace(ended.about, moment="while it served"))
    )
    assert ended.cause == served.cause
    silent = caused(CASE, failure_of_end(TargetFailed("x", tmp_path / "none"), "x", waited=False))
    assert silent.cause == "process: ended by itself"
    assert (
        caused(CASE, failure_of_end(AssertionError("x"), "x", waited=False)).cause
        == "scenario: test_a.py::test_b x"
    )


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
