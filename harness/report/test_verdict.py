"""How verdicts merge, and what a run's exit status says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.report.verdict import Verdict, exit_status, together

V = Verdict
verdicts = st.lists(st.sampled_from(V))


def test_one_broken_scenario_breaks_a_promise() -> None:
    assert together([V.HELD, V.BROKEN, V.INCONCLUSIVE, V.KNOWN]) is V.BROKEN


def test_a_known_breakage_is_not_held() -> None:
    assert together([V.HELD, V.KNOWN, V.SKIPPED]) is V.KNOWN


def test_nothing_judged_is_not_held() -> None:
    assert together([]) is V.SKIPPED
    assert together([V.SKIPPED]) is V.SKIPPED


def test_skips_beside_a_held_scenario_leave_it_held() -> None:
    assert together([V.SKIPPED, V.HELD]) is V.HELD


def test_exit_statuses() -> None:
    assert exit_status([V.HELD, V.KNOWN, V.SKIPPED]) == 0
    assert exit_status([V.HELD, V.BROKEN, V.INCONCLUSIVE, V.ERROR]) == 1
    assert exit_status([V.MENDED]) == 1
    assert exit_status([V.HELD, V.INCONCLUSIVE]) == 2
    assert exit_status([V.ERROR, V.INCONCLUSIVE]) == 3
    assert exit_status([V.ENVIRONMENT, V.BROKEN]) == 3
    assert exit_status([]) == 0


@given(verdicts, verdicts)
def test_merging_in_parts_is_merging_at_once(some: list[Verdict], others: list[Verdict]) -> None:
    assert together([together(some), together(others)]) is together([*some, *others])


@given(verdicts, st.sampled_from(V))
def test_no_verdict_is_made_better_by_another_scenario(some: list[Verdict], more: Verdict) -> None:
    bad = {V.BROKEN, V.ERROR, V.ENVIRONMENT, V.INCONCLUSIVE}
    if together(some) in bad:
        assert together([*some, more]) in bad
    if exit_status(some):
        assert exit_status([*some, more])
