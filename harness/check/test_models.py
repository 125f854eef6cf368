"""One step at a time: into which states each operation may lead from each state."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

from harness.check import models
from harness.check.models import ABSENT, ANY, LOST, SOME, settled_puts
from harness.check.wgl import Operation

V, W = "v", "w"
X, Y = "x", "y"


def operation(given: tuple[Any, ...], output: Any = None, end: float = 1.0, start: float = 0.0) -> Operation:
    return Operation(start, end, given, output)


@pytest.mark.parametrize(
    ("state", "given", "output", "after"),
    [
        # put: value, overwrite; added
        (ABSENT, ("put", V, True), True, {V}),
        (ABSENT, ("put", V, True), False, set()),
        (ABSENT, ("put", V, False), None, {V}),
        (W, ("put", V, True), False, {V}),
        (W, ("put", V, True), True, set()),
        (W, ("put", V, False), False, {W}),
        (W, ("put", V, False), True, set()),
        (W, ("put", V, False), None, {W}),
        (ANY, ("put", V, True), None, {V}),
        (ANY, ("put", V, True), False, {V}),
        (ANY, ("put", V, False), True, {V}),
        (ANY, ("put", V, False), False, {SOME}),
        (ANY, ("put", V, False), None, {V, SOME}),
        # get
        (V, ("get",), (V,), {V}),
        (V, ("get",), (W,), set()),
        (V, ("get",), (None,), set()),
        (ABSENT, ("get",), (None,), {ABSENT}),
        (SOME, ("get",), (V,), {V}),
        (SOME, ("get",), (None,), set()),
        (ANY, ("get",), (V,), {V}),
        (ANY, ("get",), (None,), {ABSENT}),
        # exists
        (V, ("exists",), True, {V}),
        (V, ("exists",), False, set()),
        (ABSENT, ("exists",), False, {ABSENT}),
        (ABSENT, ("exists",), True, set()),
        (ANY, ("exists",), True, {SOME}),
        (ANY, ("exists",), False, {ABSENT}),
        # del: count
        (V, ("del",), 1, {ABSENT}),
        (V, ("del",), 0, set()),
        (V, ("del",), None, {ABSENT}),
        (ABSENT, ("del",), 0, {ABSENT}),
        (ABSENT, ("del",), 1, set()),
        (ANY, ("del",), 0, {ABSENT}),
        (ANY, ("del",), 1, {ABSENT}),
        # others
        (V, ("sweep",), None, {ABSENT}),
        (V, ("may sweep",), None, {ABSENT, V}),
        (V, LOST, None, {ABSENT}),
    ],
)
def test_a_key(state: Any, given: Any, output: Any, after: set[Any]) -> None:
    assert set(models.key_value(state).step(state, operation(given, output))) == after


@pytest.mark.parametrize(
    ("state", "given", "output", "after"),
    [
        (None, ("register", X), True, {(X, True)}),
        (None, ("register", X), None, {(X, False)}),
        (None, ("register", X), False, set()),
        ((X, True), ("register", X), None, {(X, True)}),
        ((X, False), ("register", X), None, {(X, False)}),
        ((X, False), ("register", X), True, {(X, True)}),
        ((X, True), ("register", X), False, {(X, True)}),
        ((Y, True), ("register", X), True, set()),
        ((Y, True), ("register", X), None, set()),
        ((Y, True), ("register", X), False, {(Y, True)}),
        ((Y, False), ("register", X), True, {(X, True)}),
        ((Y, False), ("register", X), None, {(X, False)}),
        (ANY, ("register", X), True, {(X, True)}),
        (ANY, ("register", X), None, {(X, False)}),
        (ANY, ("register", X), False, {ANY}),
        (None, ("register again", X), True, {None, (X, True)}),
        (None, ("register again", X), False, set()),
        ((Y, True), ("register again", X), True, {(Y, True)}),
        ((Y, True), ("register again", X), False, {(Y, True)}),
        ((X, True), ("register again", X), True, {(X, True)}),
        (None, ("look",), (None,), {None}),
        (None, ("look",), (X,), set()),
        ((X, True), ("look",), (X,), {(X, True)}),
        ((X, True), ("look",), (Y,), set()),
        ((X, True), ("look",), (None,), set()),
        ((X, False), ("look",), (None,), {None}),
        (ANY, ("look",), (None,), {None}),
        (ANY, ("look",), (X,), {(X, False)}),
        ((X, True), ("free", X), None, {None}),
        ((X, True), ("free", Y), None, {(X, True)}),
        (None, ("free", X), None, {None}),
        (ANY, ("free", X), None, {None}),
        ((X, True), LOST, None, {None}),
    ],
)
def test_a_name(state: Any, given: Any, output: Any, after: set[Any]) -> None:
    model = models.name(state)
    assert model.initial == state
    assert set(model.step(state, operation(given, output))) == after


@pytest.mark.parametrize(
    ("state", "given", "output", "after"),
    [(0, ("next",), 1, {1}), (5, ("next",), 9, {9}), (5, ("next",), 5, set()), (5, LOST, None, {0})],
)
def test_the_counter(state: Any, given: Any, output: Any, after: set[Any]) -> None:
    assert set(models.COUNTER.step(state, operation(given, output))) == after


def unknown(value: str, start: float = 1.0) -> Operation:
    return operation(("put", value, True), end=inf, start=start)


def get(value: str | None, end: float) -> Operation:
    return operation(("get",), (value,), end, end - 1)


def settled(*operations: Operation, initial: Any = ABSENT) -> Operation:
    """What becomes of the first one."""
    first, *rest = settled_puts(operations, initial)
    assert rest == list(operations[1:])
    return first


def test_a_put_whose_value_was_read_had_happened_by_then() -> None:
    assert settled(unknown(V), get(V, 9.0), get(V, 5.0), get(None, 2.0)) == operation(
        ("put", V, True), end=5.0, start=1.0
    )


def test_a_put_whose_value_nobody_read_has_any_value() -> None:
    assert settled(unknown(V), get(W, 5.0)) == operation(("put", "?", True), end=inf, start=1.0)


@pytest.mark.parametrize("initial", [V, ANY, SOME])
def test_a_value_that_may_have_been_there_before_tells_nothing(initial: Any) -> None:
    assert settled(unknown(V), get(V, 5.0), initial=initial) == unknown(V)


def test_a_value_of_two_puts_or_of_a_read_before_tells_nothing() -> None:
    twin = operation(("put", V, False), True, 9.0)
    assert settled(unknown(V), twin, get(V, 5.0)) == unknown(V)
    assert settled(unknown(V, start=7.0), get(V, 5.0)) == unknown(V, start=7.0)


def test_what_is_known_and_what_is_no_put_stays() -> None:
    known = operation(("put", V, True), True, 3.0)
    assert settled(known) == known
    sweep = operation(("may sweep",), end=inf)
    assert settled(sweep) == sweep
