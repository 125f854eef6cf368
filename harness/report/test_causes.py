"""What a run tells of causes: the same list for the same failures, however they came."""

from __future__ import annotations

from random import Random

from harness.expectations import Failure, caused
from harness.report.causes import Seen, as_data, lines, seen


def told(check: str, words: str, known: bool = False, known_of: str = "") -> Failure:
    return caused("a.py::b", Failure(check, words, known=known, known_of=known_of))


EARLY = told("durable", "AddJob was acknowledged before it was stored", known=True)
NEVER = told("durable", "AddJob was acknowledged and never stored", known=True)
NEAR = told("agreement", "it differs", known_of="2.60.0")
NEW = told("agreement", "it is new")


def test_a_cause_is_told_once_with_the_number_of_its_cases() -> None:
    assert seen([[EARLY, NEVER], [NEVER], [NEAR], [NEW], []]) == [
        Seen("agreement: it differs", "known of 2.60.0", 1),
        Seen("agreement: it is new", "new", 1),
        Seen("durable: AddJob acknowledged before it was stored", "known", 2),
    ]


def test_two_runs_give_the_same_list_whatever_their_order_and_words() -> None:
    first, second = [[EARLY, NEW], [NEAR]], [[NEAR], [NEW, NEVER, EARLY]]
    Random(1).shuffle(second)
    assert [one.cause for one in seen(first)] == [one.cause for one in seen(second)]


def test_the_worst_standing_of_a_cause_counts() -> None:
    assert seen([[NEW], [told("agreement", "it is new", known=True)]])[0].standing == "new"
    assert seen([[NEAR], [told("agreement", "it differs", known=True)]])[0].standing == "known of 2.60.0"


def test_it_is_told_in_lines_and_as_data() -> None:
    found = seen([[EARLY], [NEW], [NEAR]])
    assert lines(found) == [
        "3 causes: 1 known, 1 known of 2.60.0, 1 new",
        "  known: durable: AddJob acknowledged before it was stored (1)",
        "  known of 2.60.0: agreement: it differs (1)",
        "  new: agreement: it is new (1)",
    ]
    assert lines([]) == ["0 causes: none"]
    assert as_data(found)[1] == {"cause": "agreement: it is new", "standing": "new", "cases": 1}
