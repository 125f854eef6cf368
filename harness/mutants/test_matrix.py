"""The kill matrix: what is read out of a run, and which exit status follows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.errors import EnvironmentProblem
from harness.mutants import matrix
from harness.mutants.trial import COLUMNS, Sighting, Trial, case_options, sightings
from harness.plugin.whole_run import WholeRun
from harness.target.parse import parse_target

POINT = "scenarios/test_crash_points.py::test_crash_point[put:1:error]"
RELOAD = "scenarios/test_reload.py::test_x[1]"
CANARY = "keeps-its-publisher-id"


def entry(case: str, verdict: str, *checks: str) -> dict[str, Any]:
    return {"scenario": case, "verdict": verdict, "findings": [{"check": one} for one in checks]}


def trial(target: str, *seen: Sighting, problem: str = "") -> Trial:
    return Trial(target, "Does it.", ("D1",), ("durable", "pubsub"), seen, 1.0, "", problem)


def test_cases_become_options_and_paths() -> None:
    options, paths = case_options(["test_a.py::b", "point:put:1:error", "point:put:2:cut"])
    assert options == ["--point", "put:1:error", "--point", "put:2:cut"]
    assert paths == ["test_a.py::b", "test_crash_points.py"]


def test_who_saw_it_first_is_told_by_the_order_of_its_cases() -> None:
    result = {
        "scenarios": [
            entry(POINT, "broken", "scenario", "durable", "durable"),
            entry("scenarios/test_b.py::held", "held"),
            entry(RELOAD, "broken", "pubsub"),
        ]
    }
    there = [Sighting(POINT, ("durable", "scenario")), Sighting(RELOAD, ("pubsub",))]
    assert sightings(result, ["point:put:1:error", "test_reload.py::test_x[1]"]) == tuple(there)
    assert sightings(result, ["test_reload.py::test_x[1]"]) == tuple(reversed(there))


@pytest.mark.parametrize(
    ("trials", "status"),
    [
        ([trial("reference+a", Sighting(RELOAD, ("durable",))), trial("reference")], 0),
        ([trial("reference+a"), trial("reference")], 1),
        ([trial("reference+a", Sighting(RELOAD, ("durable",))), trial("reference", Sighting(RELOAD, ()))], 1),
        ([trial("reference+a", problem="no port is free")], 3),
        ([trial("reference+a", problem="no port is free"), trial("reference+b")], 1),
    ],
)
def test_one_that_survives_decides_the_exit_status(trials: list[Trial], status: int) -> None:
    assert matrix.status(trials) == status


def test_the_matrix_shows_who_saw_it_and_who_should_have() -> None:
    seen = trial("reference+a", Sighting(RELOAD, ("scenario",)), Sighting(POINT, ("durable",)))
    marks = [matrix._mark(seen, check) for check in COLUMNS]
    found = {check: mark for check, mark in zip(COLUMNS, marks, strict=True) if mark}
    assert found == {"scenario": "1", "durable": "x", "pubsub": "."}
    stored = matrix.as_data([seen, trial("reference+b")])
    assert stored["survivors"] == ["reference+b"]
    assert stored["trials"][0]["first"] == {"case": RELOAD, "checks": ("scenario",)}


def test_a_target_with_a_fault_is_named_by_it() -> None:
    assert parse_target(f"reference+{CANARY}").name == f"reference+{CANARY}"
    with pytest.raises(EnvironmentProblem, match="there is no mutant 'nobody'"):
        parse_target("reference+nobody")


def test_a_mutant_is_killed_and_the_sound_reference_is_not(tmp_path: Path) -> None:
    with WholeRun(tmp_path) as run:
        words = ["mutants", CANARY, "--sound", "--run-dir", str(tmp_path / "runs")]
        assert run.status(*words, module="harness.cli") == 0, run.output + run.errors
        assert f"reference+{CANARY}: pubsub, scenario in" in run.output
        assert "1 of 1 mutants killed" in run.output
        run.nothing_left()
