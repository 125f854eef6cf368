"""What is simulated and what is real stand beside each other, and a difference is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import EnvironmentProblem
from harness.fuzz.faults import KillGcs
from harness.fuzz.operations import Get, GetActor, Put, StartActor
from harness.fuzz.plan import Plan, Step, read
from harness.fuzz.real import beside_sim
from harness.fuzz.real.beside_sim import differing, replayed

PLAN = Plan((Step(StartActor(0), 0.05), Step(Put("k", "v")), Step(KillGcs(), 6.0), Step(Put("k", "w"), 6.0)))
KINDS = frozenset({(one, "something else was lost") for one in ("agreement", "durable", "survival")})


def test_a_failure_of_the_simulation_shows_on_the_same_mutant() -> None:
    said = replayed(PLAN, KINDS, "reference+forgets-actors", times=2)
    assert said.startswith("on real processes (reference+forgets-actors): 2 of 2")


def test_what_does_not_show_is_said() -> None:
    assert (
        replayed(PLAN, KINDS, "reference", times=1) == "on real processes (reference): did not show in 1 runs"
    )


def test_calm_plans_come_to_the_same(tmp_path: Path) -> None:
    assert list(differing(3, 2, "reference", tmp_path)) == []
    assert list(tmp_path.iterdir()) == []


def test_a_plan_that_differs_is_told_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Plan((Step(Put("k", "v"), 0.4), Step(Get("k"), 0.8), Step(GetActor(0), 0.4)))
    monkeypatch.setattr(beside_sim, "calm", lambda _seed, _number: plan)
    (line,) = differing(3, 1, "reference+acks-a-put-without-a-write", tmp_path)
    (kept,) = tmp_path.iterdir()
    assert line.startswith("plan 0: D8: ")
    assert read(kept.read_text()) == plan


def test_less_than_no_plan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="--also-real must be at least 0"):
        list(differing(3, -1, "reference", tmp_path))
