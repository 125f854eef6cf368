"""Promoted plans: sound Python, in the words of scenarios, and they run."""

from __future__ import annotations

import ast
import builtins
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.cli import pytest_command
from harness.errors import EnvironmentProblem
from harness.fuzz import faults as fault
from harness.fuzz import operations as op
from harness.fuzz.brisk import brisk
from harness.fuzz.grammar import USUAL, Chance, Size, plan
from harness.fuzz.plan import Plan, Step
from harness.fuzz.promoting.promote import promote, promoted

SEEDS = range(30)
LAST_SECONDS = 90
FORGETFUL = Plan(
    steps=(
        Step(op.Put("k", "v")),
        Step(op.StartActor(0, name="a", detached=True), 0.05),
        Step(fault.KillGcs(down=0.1), 0.1),
        Step(op.Get("k"), 0.02),
        Step(op.GetNamedActor("a"), 0.1, times=2),
    ),
)
CRASHING = Plan(
    steps=(
        Step(op.Subscribe("ACTOR")),
        Step(op.StartActor(1, restarts=1)),
        Step(fault.CrashGcs(effects=4, recoveries=(3,)), 0.1),
        Step(op.StartGroup(0, (1.0, 1.0), "SPREAD")),
        Step(fault.CutNode(1, 0.2), 0.05),
        Step(fault.FailStore(writes=1), 0.05),
        Step(op.KillActor(1)),
        Step(fault.KillNode(1), 0.1),
        Step(op.GetActor(-1)),
        Step(fault.BreakLinks(), 0.05),
    ),
    nodes=(4.0, 2.0),
)


def undefined(tree: ast.Module) -> set[str]:
    """Names that are read and nowhere made."""
    made, read = set(dir(builtins)), set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (read if isinstance(node.ctx, ast.Load) else made).add(node.id)
        elif isinstance(node, ast.alias):
            made.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.FunctionDef | ast.arg):
            made.add(node.name if isinstance(node, ast.FunctionDef) else node.arg)
    return read - made


def unused(tree: ast.Module) -> set[str]:
    """Names that are imported or made, and never read."""
    made, read = set[str](), set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (read if isinstance(node.ctx, ast.Load) else made).add(node.id)
        elif isinstance(node, ast.alias):
            made.add((node.asname or node.name).partition(".")[0])
    return made - read - {"annotations", "_"}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_promoted_plan_is_sound_python(seed: int) -> None:
    text = promote(plan(Chance(seed), USUAL))
    tree = ast.parse(text)
    compile(text, "scenario", "exec")
    assert not undefined(tree)
    assert not unused(tree)
    (test,) = [
        one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef) and one.name.startswith("test_")
    ]
    assert [one.arg for one in test.args.args] == ["start"]
    assert ast.get_docstring(test)
    assert max(map(len, text.splitlines())) <= 110
    imported = {one.module for one in ast.walk(tree) if isinstance(one, ast.ImportFrom)}
    assert {one for one in imported if one and one.startswith("harness.fuzz")} <= {
        "harness.fuzz.promoting.ways"
    }


def test_every_step_of_the_grammar_is_promoted() -> None:
    drawn = [plan(Chance(seed), Size((5, 40), (1, 4), (1, 8))) for seed in range(120)]
    plans = [*drawn, *map(brisk, drawn)]
    assert {type(step.do) for one in plans for step in one.steps} == {*op.OPERATIONS, *fault.FAULTS}
    for one in plans:
        promote(one)


def test_what_is_broken_is_broken_around_what_happens_meanwhile() -> None:
    text = promote(FORGETFUL)
    assert "def test_plan_" in text
    assert re.search(
        r'with cluster\.broken\(KillGcs\(\)\):\n +time\.sleep\(0\.02\)\n +driver\.begin\(driver\.get, b"k"\)',
        text,
    )
    assert re.search(r'for _ in range\(2\):\n +driver\.begin\(driver\.actor_named, "a", "n"\)', text)
    assert (
        'driver.begin(driver.create_actor, actor_id=a0, name="a", ray_namespace="n", detached=True)' in text
    )
    assert text.rstrip().endswith("cluster.settled(within=30)")


def test_a_check_of_names_sees_what_is_missing_or_too_much() -> None:
    tree = ast.parse("import time\nx = y\n")
    assert undefined(tree) == {"y"}
    assert unused(tree) == {"time", "x"}


def test_what_is_no_plan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="cannot be read"):
        promoted(tmp_path / "none.json")
    (tmp_path / "no.json").write_text("{}")
    with pytest.raises(EnvironmentProblem, match="no plan"):
        promoted(tmp_path / "no.json")
    (tmp_path / "plan.json").write_text(FORGETFUL.text())
    assert promoted(tmp_path / "plan.json") == promote(FORGETFUL)


@pytest.fixture
def scenarios(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "scenarios"
    place.mkdir()
    yield place


def run(place: Path, gcs: str) -> subprocess.CompletedProcess[str]:
    here = ["--rootdir", str(place.parent), "--run-dir", str(place.parent / "runs")]
    command = pytest_command(["--gcs", gcs, "--expectations", "none", *here], [str(place)])
    return subprocess.run(command, capture_output=True, text=True, timeout=LAST_SECONDS, check=False)


def test_promoted_scenarios_run_on_the_reference_and_hold(scenarios: Path) -> None:
    for number, one in enumerate((FORGETFUL, CRASHING)):
        (scenarios / f"test_promoted_{number}.py").write_text(promote(one))
    ended = run(scenarios, "reference")
    assert ended.returncode == 0, ended.stdout[-4000:]
    assert "2 passed" in ended.stdout


def test_a_promoted_scenario_fails_on_what_the_plan_finds(scenarios: Path) -> None:
    (scenarios / "test_promoted.py").write_text(promote(FORGETFUL))
    ended = run(scenarios, "reference+acks-a-put-without-a-write")
    assert ended.returncode == 1, ended.stdout[-4000:]
    assert "durable" in ended.stdout
