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
    assert (legal.answer, legal.order) == (Answer.LEGAL, result.order)


@pytest.mark.parametrize(("budget", "steps"), [(0, 3), (5, 6), (12, 13)])
def test_a_search_over_its_budget_says_how_far_it_came(budget: int, steps: int) -> None:
    result = search([*GUESSES, *READS], key_value(), budget)
    assert (result.answer is Answer.UNKNOWN, result.steps) == (budget < 12, steps)
    assert result.stuck is None or budget == 12
