"""Plans on containers: the same as on processes, judged alike, and nothing is left of them."""

from __future__ import annotations

import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from harness.backend.choosing import prepared
from harness.container.engine import engine
from harness.container.images import reference_image
from harness.container.owner import RUN
from harness.container.testing import need_engine
from harness.fuzz.faults import BreakLinks, CrashGcs, CutNode, HangGcs, KillGcs, KillStore, KillWorker
from harness.fuzz.operations import Put, StartActor, StartGroup
from harness.fuzz.plan import Plan, Step
from harness.fuzz.real.judging import judge
from harness.fuzz.real.stage import Stage
from harness.report.verdict import Verdict
from harness.target.parse import parse_target

pytestmark = [pytest.mark.docker, pytest.mark.timeout(240)]
ACTOR = Step(StartActor(0, name="a", restarts=1), 0.3)
PLAN = Plan((ACTOR, Step(Put("k", "v")), Step(KillGcs(0.05, recoveries=(3, 9)), 1.0)))


@pytest.fixture(autouse=True)
def engine_answers() -> None:
    need_engine()


def test_faults_hit_and_the_reference_holds(tmp_path: Path) -> None:
    target = parse_target("reference")
    stage = Stage(target, tmp_path, prepared(target, "docker"))
    try:
        steps = (
            ACTOR, Step(StartGroup(0, (1.0, 1.0), "SPREAD"), 0.2), Step(CrashGcs(1, 0.05), 0.1), Step(Put("k", "v"), 0.5),
            Step(KillWorker(0), 0.3), Step(CutNode(1, 0.2), 3.0), Step(BreakLinks(), 0.1), Step(HangGcs(0.2), 0.4),
        )  # fmt: skip
        carried = stage.carry_out(Plan(steps, nodes=(4.0, 4.0)))
        assert {"a crash at a command", "a dead worker", "a node cut off", "broken connections"} <= set(
            carried.hits
        )
        assert judge(carried).verdict is Verdict.HELD, judge(carried)
        again = stage.carry_out(Plan((Step(Put("k", "v")), Step(KillStore(0.2), 0.5), Step(KillGcs(), 0.5))))
        assert judge(again).verdict is Verdict.HELD, judge(again)
        assert again.recoveries
    finally:
        stage.close()


def test_a_plan_is_carried_out_on_an_image_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = uuid.uuid4().hex
    monkeypatch.setenv("GAUNTLET_RUN_ID", name)
    image = f"image:{reference_image()} --mutant=forgets-actors"
    plan = tmp_path / "plan.json"
    plan.write_text(PLAN.text())
    done = subprocess.run(
        [sys.executable, "-m", "harness.cli", "replay", str(plan), "--gcs", image],
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 of 1: durable: " in done.stdout
    left = engine().client.containers.list(all=True, filters={"label": f"{RUN}={name}"})
    assert left == []
