"""Properties of the reconnect rule."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.raylet.reconnect import LIMIT_VARIABLE, Reconnect, State, limit_from

LIMITS = st.floats(0.01, 1000, allow_nan=False)
STEPS = st.lists(st.tuples(st.sampled_from(["failed", "ready", "passed"]), st.floats(0, 100)), max_size=40)


@given(limit=LIMITS, steps=STEPS)
def test_never_gone_before_the_limit_since_the_first_failure(
    limit: float, steps: list[tuple[str, float]]
) -> None:
    clock, now, first = Reconnect(limit), 0.0, None
    for what, later in steps:
        now += later
        gone = clock.state is State.GONE
        if what == "failed":
            first = now if first is None else first
            clock.failed(now)
        elif what == "ready":
            clock.ready()
            first = first if gone else None
        else:
            clock.passed(now)
        if clock.state is State.GONE:
            assert first is not None
            assert now >= first + limit


@given(limit=LIMITS, start=st.floats(0, 1e6), over=st.floats(0, 1e6))
def test_always_gone_once_the_limit_has_passed(limit: float, start: float, over: float) -> None:
    clock = Reconnect(limit)
    assert clock.failed(start)
    assert clock.passed(start + limit + over)
    assert clock.state is State.GONE
    assert not clock.ready()
    assert clock.state is State.GONE


@given(limit=LIMITS, late=st.floats(0, 1e6))
def test_ready_resets_the_clock_even_past_the_deadline(limit: float, late: float) -> None:
    clock = Reconnect(limit)
    clock.failed(0.0)
    assert clock.ready()
    assert (clock.state, clock.since, clock.deadline) == (State.CONNECTED, None, None)
    assert not clock.passed(limit + late)
    assert clock.failed(late)
    assert clock.deadline == late + limit


def test_time_alone_does_nothing_to_the_connected() -> None:
    clock = Reconnect(1.0)
    assert not clock.passed(1e9)
    assert clock.state is State.CONNECTED


def test_later_failures_do_not_move_the_deadline() -> None:
    clock = Reconnect(10.0)
    clock.failed(1.0)
    assert not clock.failed(5.0)
    assert clock.deadline == 11.0


def test_the_limit_comes_from_rays_own_variable() -> None:
    assert limit_from({}) == 60.0
    assert limit_from({LIMIT_VARIABLE: "7"}) == 7.0
