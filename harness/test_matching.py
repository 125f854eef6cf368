"""Known failures are known by their causes: in any case and any words, and nothing else with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from harness.check.ruling import About
from harness.expectations import ANYWHERE, Expectation, Failure, failure_of
from harness.history.event import Event
from harness.matching import Sorted, sort_out, two_writers

CASE = "scenarios/test_a.py::test_b[1]"
POINT = "scenarios/test_crash_points.py::test_crash_point[flow.x:1:cut]"
ON_A_DEAD_NODE = "a CREATED group has a bundle on a node that is DEAD"
IS_NEW = "the GCS wrote: Check failed: is_new <id> has already registered."
GONE = "KillActorViaGcs was acknowledged and is gone after a recovery"


def row(check: str, message: str, scenario: str = CASE, reproduced: str = "1 of 5") -> Expectation:
    return Expectation(scenario, "2.60.0", message, "It does.", reproduced, check)


def ended(line: str, moment: str, check: str = "process", file: str = "ray_syncer.cc") -> Failure:
    return Failure(check, "put so or otherwise", about=About(line, kind=file, moment=moment))


def alone(failure: Failure, *rows: Expectation, case: str = "scenarios/test_z.py::test_y") -> Sorted:
    return sort_out(case, [failure], rows)


KNOWN_ELSEWHERE = [
    (Failure("agreement", ON_A_DEAD_NODE), row("agreement", ON_A_DEAD_NODE)),
    (
        Failure("legal lives", "an actor fell from DEAD to PENDING_CREATION in a recovery"),
        row("legal lives", "an actor went from DEAD to DEPENDENCIES_UNREADY in the store"),
    ),
    (
        Failure("durable", "KillActorViaGcs was acknowledged and never stored"),
        row("durable", "KillActorViaGcs was acknowledged before it was stored"),
    ),
    (ended("Check failed: is_new <id> has already registered.", "while it served"), row("process", IS_NEW)),
    (
        ended("Check failed: is_new <id> has already registered.", "before it served", "scenario"),
        row("process", IS_NEW),
    ),
]


@pytest.mark.parametrize(("failure", "known"), KNOWN_ELSEWHERE)
def test_the_same_cause_in_another_case_and_other_words_is_known(
    failure: Failure, known: Expectation
) -> None:
    assert [one for _, one in alone(failure, known).known] == [known]


NEW_IN_THE_SAME_CASE = [
    (
        Failure("agreement", ON_A_DEAD_NODE, about=About(origin="lost its node while RESCHEDULING")),
        row("agreement", ON_A_DEAD_NODE),
    ),
    (
        Failure("durable", GONE, about=About("stored, and gone after a recovery", method="KillActorViaGcs")),
        row("durable", GONE),
    ),
    (
        Failure("legal lives", "an actor went from DEAD to PENDING_CREATION in the store"),
        row("legal lives", "a node went from DEAD to ALIVE in the store"),
    ),
    (
        Failure("legal lives", "an actor went from DEAD to ALIVE in the store"),
        row("legal lives", "an actor went from ALIVE to PENDING_CREATION in the store"),
    ),
    (ended("Check failed: other", "while it served"), row("process", IS_NEW)),
    (
        ended("Check failed: x", "while it served", file="b.cc"),
        row("process", "the GCS wrote: a.cc: Check failed: x"),
    ),
    (
        ended("Check failed: other", "before it served", "scenario"),
        row("scenario", "ray==<n> exited with status <n> before it served at <n>:<n>; it said last:"),
    ),
    (Failure("scenario", "something else"), row("scenario", "tables differ: <n>")),
    (Failure("durable", "tables differ: <n>"), row("scenario", "tables differ: <n>")),
]


@pytest.mark.parametrize(("failure", "known"), NEW_IN_THE_SAME_CASE)
def test_another_cause_is_new_even_in_a_listed_case(failure: Failure, known: Expectation) -> None:
    result = alone(failure, known, case=CASE)
    assert [one.message for one in result.unexpected] == [failure.message]
    assert not result.known


def test_an_assertion_s_words_are_known_within_their_test_only() -> None:
    failure = failure_of("tables differ: 12 rows\nand a traceback")
    known = row("scenario", "tables differ: <n>*")
    assert failure.message == "tables differ: <n> rows" and failure.detail == "tables differ: 12 rows"
    assert alone(failure, known, case=CASE).known
    assert alone(failure, known, case=CASE.replace("[1]", "[2]")).known
    assert not alone(failure, known).known
    flow = replace(known, scenario=POINT)
    assert alone(failure, flow, case=POINT.replace(":1:cut", ":2:kill-after")).known
    assert not alone(failure, flow, case=POINT.replace("flow.x", "flow.y")).known
    assert alone(failure, replace(known, scenario="scenarios/test_a.py::*"), case=CASE).known


def fails(case: str, failures: Sequence[Failure], *rows: Expectation) -> list[str]:
    return [one.message for one in sort_out(case, failures, rows).unexpected]


END = ended("Check failed: is_new <id> has already registered.", "while it served")
LOST = Failure("durable", GONE, about=About(keys=("aa",), lost=True))
LATER = Failure("durable", GONE.replace("KillActorViaGcs", "AddJob"), about=About(keys=("bb",), lost=True))
WAITED = Failure("scenario", "it is told: not within <n> s", waited=True)
DIFFERS = Failure("scenario", "tables differ")
SAME_ROW = Failure("agreement", "an ALIVE actor has no worker", about=About(keys=("cc", "aa")))
OTHER_ROW = Failure("agreement", "an ALIVE actor has no worker", about=About(keys=("cc",)))


def test_a_fatal_end_explains_a_wait_in_vain_and_no_loss() -> None:
    known = row("process", IS_NEW, ANYWHERE)
    assert fails(CASE, [END, WAITED], known) == []
    assert fails(CASE, [END, DIFFERS, LOST, SAME_ROW], known) == [
        DIFFERS.message, LOST.message, SAME_ROW.message,
    ]  # fmt: skip
    assert fails(CASE, [WAITED], known) == [WAITED.message], "without the end nothing follows from it"
    assert fails(CASE, [replace(END, about=replace(END.about, condition="x")), WAITED], known) != []


def test_a_loss_explains_what_is_wrong_with_its_rows_and_no_other() -> None:
    known = row("durable", GONE)
    assert fails(CASE, [LOST, SAME_ROW, DIFFERS], known) == []
    assert fails(CASE, [LOST, OTHER_ROW], known) == [OTHER_ROW.message]
    assert fails(CASE, [LOST, LATER], known) == [LATER.message]
    assert fails(CASE, [LOST, ended("Check failed: x", "before it served")], known) != []
    assert fails(CASE, [replace(LOST, about=About(keys=("aa",))), SAME_ROW], known) == [SAME_ROW.message]


def test_what_follows_has_the_cause_from_which_it_follows() -> None:
    result = sort_out(
        CASE, [LOST, SAME_ROW, DIFFERS, END, WAITED], [row("durable", GONE), row("process", IS_NEW)]
    )
    assert {failure.cause for failure, _ in result.known} == {
        "durable: KillActorViaGcs acknowledged before it was stored",
        "process: ray_syncer.cc Check failed: is_new <id> has already registered.",
    }


STRICT = row("agreement", "an ALIVE actor has no worker", reproduced="5 of 5")


def test_what_failed_every_time_must_fail_and_what_failed_sometimes_may() -> None:
    assert sort_out(CASE, [], [STRICT]).mended == (STRICT,)
    assert sort_out(CASE, [], [replace(STRICT, reproduced="2 of 5")]).mended == ()
    assert sort_out(CASE, [], [replace(STRICT, scenario="scenarios/test_a.py::*")]).mended == ()
    assert sort_out(CASE, [SAME_ROW], [STRICT]).mended == ()
    assert sort_out(CASE, [LOST, SAME_ROW], [STRICT, row("durable", GONE)]).mended == ()
    assert sort_out(CASE, [LOST], [STRICT, row("durable", GONE)]).mended == (STRICT,)


def test_a_strict_end_is_seen_by_its_words_and_known_by_its_cause() -> None:
    words = "ray==<n> ended by itself in its recovery; it said last:"
    strict = row("scenario", words, reproduced="5 of 5")
    end = replace(
        ended("Check failed: is_new <id> has already registered.", "before it served", "scenario"),
        message=words,
    )
    assert sort_out(CASE, [end], [strict, row("process", IS_NEW)]) == Sorted(
        known=sort_out(CASE, [end], [row("process", IS_NEW)]).known
    )
    assert sort_out(CASE, [], [strict]).mended == (strict,)


def test_of_a_neighbour_it_is_said_and_stays_new() -> None:
    failure = Failure("agreement", ON_A_DEAD_NODE)
    near = replace(row("agreement", ON_A_DEAD_NODE), neighbour=True)
    result = sort_out(
        "x", [failure, DIFFERS], [near, replace(near, release="2.40.0")]
    )  # the nearest comes first
    assert [(one.message, one.known_of) for one in result.unexpected] == [
        (DIFFERS.message, ""), (ON_A_DEAD_NODE, "2.60.0"),
    ]  # fmt: skip
    assert sort_out(CASE, [], [replace(near, reproduced="5 of 5")]).mended == ()
    assert not alone(failure, near, replace(near, neighbour=False)).unexpected


# --- two GCS that write ------------------------------------------------------------------------------

STALE = row("one writer", "a GCS writes although a later one has taken over", reproduced="5 of 5")
LATE = row("durable", "KillActorViaGcs was acknowledged before it was stored")


def started(who: str) -> list[Event]:
    return [Event("c-1", "plan", 0, 1.0, "gcs", who, "started", {"life": 0})]


def test_where_two_may_write_the_rows_are_their_doing_and_no_end_is() -> None:
    known = [LATE, STALE, *two_writers([LATE, STALE], started("rival"))]
    assert fails("plan", [LATER, SAME_ROW, DIFFERS], *known) == []
    assert fails("plan", [END, Failure("isolation", "KEYS reaches every namespace")], *known) != []


@pytest.mark.parametrize(
    ("known", "who"),
    [([LATE], "rival"), ([STALE], "gcs"), ([], "rival"), ([replace(STALE, neighbour=True)], "rival")],
    ids=["fenced", "alone", "unknown", "a neighbour"],
)
def test_elsewhere_nothing_follows(known: list[Expectation], who: str) -> None:
    assert two_writers(known, started(who)) == ()
