"""The search against all orders of small histories, and its pace on large ones."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Sequence
from math import inf
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.check.models import COUNTER, key_value, name, settled_puts
from harness.check.wgl import Answer, Model, Operation, search


def brute(operations: Sequence[Operation], model: Model) -> bool:
    """Whether any order of all that must have happened and any of the others is allowed."""
    must = [one for one in operations if not one.optional]
    may = [one for one in operations if one.optional]
    return any(
        _allowed(order, model)
        for count in range(len(may) + 1)
        for chosen in itertools.combinations(may, count)
        for order in itertools.permutations((*must, *chosen))
    )


def _allowed(order: Sequence[Operation], model: Model) -> bool:
    if any(later.end < earlier.start for earlier, later in itertools.combinations(order, 2)):
        return False
    states: set[Any] = {model.initial}
    for one in order:
        states = {after for state in states for after in model.step(state, one)}
    return bool(states)


VALUES = st.sampled_from(["a", "b"])
ACTORS = st.sampled_from(["x", "y"])
KEY_VALUE = st.one_of(
    st.tuples(st.tuples(st.just("put"), VALUES, st.booleans()), st.none() | st.booleans()),
    st.tuples(st.just(("get",)), st.tuples(st.none() | VALUES)),
    st.tuples(st.just(("exists",)), st.booleans()),
    st.tuples(st.just(("del",)), st.none() | st.integers(0, 1)),
    st.tuples(st.sampled_from([("sweep",), ("may sweep",), ("lost",)]), st.none()),
)
NAMES = st.one_of(
    st.tuples(st.tuples(st.just("register"), ACTORS), st.none() | st.booleans()),
    st.tuples(st.just(("look",)), st.tuples(st.none() | ACTORS)),
    st.tuples(st.tuples(st.just("free"), ACTORS), st.none()),
)
NUMBERS = st.tuples(st.just(("next",)), st.integers(1, 4))


@st.composite
def histories(draw: st.DrawFn, kinds: st.SearchStrategy[Any], most: int = 5) -> list[Operation]:
    found = []
    for _ in range(draw(st.integers(0, most))):
        given_, output = draw(kinds)
        start = draw(st.integers(0, 8))
        end = start + draw(st.integers(0, 4))
        unknown = output is None and draw(st.booleans())
        found.append(Operation(start, inf if unknown else end, given_, output))
    return found


@settings(max_examples=400, deadline=None)
@given(histories(KEY_VALUE), st.sampled_from([None, "a", ("any",), ("some",)]))
def test_key_values_agree_with_brute_force(operations: list[Operation], initial: Any) -> None:
    model = key_value(initial)
    assert (search(operations, model).answer is Answer.LEGAL) == brute(operations, model)


@settings(max_examples=300, deadline=None)
@given(histories(KEY_VALUE), st.sampled_from([None, "a", ("any",)]))
def test_what_reads_settle_changes_no_answer(operations: list[Operation], initial: Any) -> None:
    model = key_value(initial)
    settled = settled_puts(operations, initial)
    assert search(settled, model).answer is search(operations, model).answer


@settings(max_examples=200, deadline=None)
@given(histories(NAMES), st.sampled_from([None, ("any",)]))
def test_names_agree_with_brute_force(operations: list[Operation], initial: Any) -> None:
    model = name(initial)
    assert (search(operations, model).answer is Answer.LEGAL) == brute(operations, model)


@settings(max_examples=150, deadline=None)
@given(histories(NUMBERS, most=6))
def test_counters_agree_with_brute_force(operations: list[Operation]) -> None:
    assert (search(operations, COUNTER).answer is Answer.LEGAL) == brute(operations, COUNTER)


@settings(max_examples=200, deadline=None)
@given(histories(KEY_VALUE))
def test_the_order_it_gives_is_allowed(operations: list[Operation]) -> None:
    result = search(operations, key_value())
    assert _allowed(result.order, key_value())
    if result.answer is Answer.ILLEGAL:
        assert result.stuck in operations
        assert result.stuck not in result.order or operations.count(result.stuck) > 1


def simulated(seed: int, unknown: float, reads: float = 0.5, count: int = 500) -> list[Operation]:
    """A history of a true register under eight clients; some outcomes get lost, some effects too."""
    chance = random.Random(seed)
    free = [0.0] * 8
    planned = []
    for number in range(count):
        client = min(range(8), key=lambda one: free[one])
        start = free[client] + chance.random()
        end = start + 2 * chance.random()
        free[client] = end
        planned.append((chance.uniform(start, end), number, start, end))
    state: str | None = None
    found = []
    for _, number, start, end in sorted(planned):
        if chance.random() < reads:
            found.append(Operation(start, end, ("get",), (state,)))
            continue
        value, lost = f"v{number}", chance.random() < unknown
        if not lost or chance.random() < 0.5:
            added, state = state is None, value
        found.append(Operation(start, inf if lost else end, ("put", value, True), None if lost else added))
    return found


def spoilt(operations: list[Operation]) -> list[Operation]:
    """The same, but its last read saw a value that had long been overwritten."""
    place = max(place for place, one in enumerate(operations) if one.input == ("get",))
    read = operations[place]
    old = next(one.input[1] for one in operations if one.input[0] == "put" and one.output is not None)
    return [*operations[:place], Operation(read.start, read.end, ("get",), (old,)), *operations[place + 1 :]]


@pytest.mark.parametrize("unknown", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("seed", range(3))
def test_five_hundred_operations_of_eight_clients_take_less_than_a_second(seed: int, unknown: float) -> None:
    operations = simulated(seed, unknown)
    for history, answer in ((operations, Answer.LEGAL), (spoilt(operations), Answer.ILLEGAL)):
        began = time.process_time()
        assert search(settled_puts(history), key_value()).answer is answer
        assert time.process_time() - began < 1.0


def test_a_search_over_budget_says_so() -> None:
    puts = [Operation(0, 100, ("put", f"v{number}", True), False) for number in range(12)]
    result = search([*puts, Operation(101, 102, ("get",), (None,))], key_value("old"), budget=1000)
    assert result.answer is Answer.UNKNOWN


def test_an_illegal_history_names_what_could_not_be_placed() -> None:
    put = Operation(0, 1, ("put", "a", True), True)
    stale = Operation(2, 3, ("get",), (None,), ("e7",))
    result = search([put, stale], key_value())
    assert (result.answer, result.order, result.stuck) == (Answer.ILLEGAL, (put,), stale)
