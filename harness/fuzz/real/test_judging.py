"""What a target is known for, in the light of a plan."""

from __future__ import annotations

import pytest

from harness.expectations import ANYWHERE, Expectation, Failure
from harness.fuzz.real.judging import known_anywhere, of_two_writers
from harness.history.event import Event

STALE = Expectation(
    "a.py::b", "2.60.0", "a GCS writes although a later one has taken over", "S4", "5 of 5", "one writer"
)
LATE = Expectation(
    "a.py::c", "2.60.0", "KillActorViaGcs was acknowledged before it was stored", "D", "5 of 5", "durable"
)
LOST = Failure("durable", "InternalKVPut was acknowledged and is gone after a recovery")


def started(who: str) -> list[Event]:
    return [Event("c-1", "plan", 0, 1.0, "gcs", who, "started", {"life": 0})]


def test_what_is_known_in_a_case_is_known_in_any_plan_once() -> None:
    (known,) = known_anywhere([STALE, STALE])
    assert (known.scenario, known.strict) == (ANYWHERE, False)


def test_where_two_may_write_anything_but_an_end_is_their_doing() -> None:
    known = of_two_writers([LATE, STALE], started("rival"))
    assert any(one.explains(LOST) for one in known)
    assert not any(one.explains(Failure("process", "the GCS ended by itself")) for one in known)


@pytest.mark.parametrize(
    ("known", "who"), [([LATE], "rival"), ([STALE], "gcs"), ([], "rival")], ids=["fenced", "alone", "unknown"]
)
def test_elsewhere_nothing_follows(known: list[Expectation], who: str) -> None:
    assert of_two_writers(known, started(who)) == ()
