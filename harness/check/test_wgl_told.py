"""What a search says beside yes and no: the farthest order, what stuck there, in which state, after how many steps."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

from harness.check.models import COUNTER, key_value
from harness.check.wgl import Answer, Operation, search


def operation(start: float, end: float, given: tuple[Any, ...], output: Any = None) -> Operation:
    return Operation(start, end, given, output)


def test_the_longest_order_and_what_does_not_fit_behind_it() -> None:
    first, second = operation(0, 1, ("next",), 2), operation(2, 3, ("next",), 2)
    result = search([second, first], COUNTER)
    assert (result.answer, result.order, result.stuck, result.state) == (Answer.ILLEGAL, (first,), second, 2)
    assert result.steps == 2


def test_what_had_to_end_first_is_what_stuck() -> None:
    puts = [operation(0, 9, ("put", "a", True)), operation(1, 9.5, ("put", "b", True))]
    reads = [operation(10, 11, ("get",), ("a",)), operation(12, 13, ("get",), ("b",))]
    result = search([*puts, *reads], key_value())
    assert (result.answer, result.stuck, result.state) == (Answer.ILLEGAL, reads[1], "a")
    assert result.order == (puts[1], puts[0], reads[0])
    assert result.steps == 7


GUESSES = [operation(0, inf, ("put", "a", True)), operation(0, inf, ("put", "b", True))]
READS = [operation(10 + place, 10.5 + place, ("get",), (value,)) for place, value in enumerate("bac")]


def test_guesses_stand_in_the_order_that_was_found() -> None:
    result = search([*GUESSES, *READS], key_value())
    assert result.order == (GUESSES[1], READS[0], GUESSES[0], READS[1])
    assert (result.stuck, result.state, result.steps) == (READS[2], "a", 13)
    legal = search([*GUESSES, *READS[:2]], key_value())
    assert (legal.answer, legal.order, legal.steps) == (Answer.LEGAL, result.order, 9)


def test_a_guess_that_only_leads_back_is_not_followed() -> None:
    guesses = [operation(0, inf, ("put", value, True)) for value in "ba"]
    reads = [operation(1, 3, ("get",), ("c",)), operation(2, 3, ("get",), ("d",))]
    result = search([*guesses, *reads], key_value("a"))
    assert (result.order, result.stuck, result.state, result.steps) == ((), reads[0], "a", 8)


def test_a_guess_does_what_it_may_from_where_it_is_made() -> None:
    guess, read = operation(0, inf, ("put", "a", False)), operation(1, 2, ("get",), ("a",))
    assert search([guess, read], key_value()).answer is Answer.LEGAL
    assert search([guess, read], key_value("b")).answer is Answer.ILLEGAL


def test_a_place_is_gone_to_once_for_all_ways_to_it_that_leave_the_same_guesses() -> None:
    reads = [operation(0, 3, ("get",), ("a",)), operation(1, 3, ("get",), ("a",))]
    result = search([*reads, operation(4, 5, ("get",), ("b",))], key_value("a"))
    assert (result.answer, result.steps) == (Answer.ILLEGAL, 5)
    guesses = [operation(0, inf, ("put", "a", overwrite)) for overwrite in (True, False)]
    gone = operation(3, 4, ("put", "b", True), False)
    again = [operation(1, 2, ("get",), ("a",)), gone, operation(5, 6, ("get",), ("a",))]
    assert search([*guesses, *again], key_value()).order == (guesses[1], again[0], gone, guesses[0], again[2])


def test_what_ends_first_is_tried_first_and_of_the_longest_orders_the_first_is_told() -> None:
    first = operation(0, 1, ("next",), 1)
    late, soon, later = (operation(start, end, ("next",), 2) for start, end in ((2, 10), (3, 8), (4, 9)))
    result = search([first, late, soon, later], COUNTER)
    assert (result.order, result.stuck, result.state) == ((first, soon), later, 2)
    assert result.steps == 10


@pytest.mark.parametrize(("budget", "steps", "length"), [(0, 3, 0), (7, 8, 2), (12, 13, 4)])
def test_a_search_over_its_budget_says_how_far_it_came(budget: int, steps: int, length: int) -> None:
    result = search([*GUESSES, *READS], key_value(), budget)
    assert (result.answer is Answer.UNKNOWN, result.steps) == (budget < 12, steps)
    assert result.stuck is None or budget == 12
    assert result.order == (GUESSES[1], READS[0], GUESSES[0], READS[1])[:length]
