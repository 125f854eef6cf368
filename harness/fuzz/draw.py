"""Plans as Hypothesis draws them: whole, before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TypeVar

from hypothesis import strategies as st

from harness.fuzz.grammar import USUAL, Size, plan
from harness.fuzz.plan import Plan

T = TypeVar("T")


class _Drawn:
    """Chance from Hypothesis, which shrinks each choice towards its first option."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def pick(self, options: Sequence[T]) -> T:
        return options[self._draw(_numbers(0, len(options) - 1))]

    def between(self, least: int, most: int) -> int:
        return self._draw(_numbers(least, most))


@cache
def _numbers(least: int, most: int) -> st.SearchStrategy[int]:
    return st.integers(least, most)


@st.composite
def plans(draw: st.DrawFn, size: Size = USUAL) -> Plan:
    """Plans of that size."""
    return plan(_Drawn(draw), size)
