"""``gauntlet fuzz`` and ``replay`` as a user meets them: what they say, what they leave, how they end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.cli import app
from harness.fuzz.faults import CrashGcs, KillGcs
from harness.fuzz.operations import Put, StartActor
from harness.fuzz.plan import Plan, Step, read


def gauntlet(*words: str) -> tuple[int, str, str]:
    """Exit status, standard output and standard error; in this process, which has all imported already."""
    done = CliRunner().invoke(app, words)
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    file = tmp_path / "plan.json"
    file.write_text(Plan((Step(StartActor(0), 0.05), Step(Put("k", "v")), Step(KillGcs(), 1.0))).text())
    return file


def test_a_campaign_on_the_reference_holds_and_says_what_it_saw(tmp_path: Path) -> None:
    status, said, wrong = gauntlet(
        "fuzz", "--plans", "3", "-n", "2", "--seed", "5", "--run-dir", str(tmp_path)
    )
    assert status == 0, said + wrong
    assert "seed 5: 3 plans" in said
    assert "new failures: none" in said
    assert "never  " in said, "three plans cannot have met every condition"
    assert list(tmp_path.iterdir()) == [], "a campaign that held leaves nothing"


def test_a_broken_gcs_is_found_shrunk_counted_and_written_down(tmp_path: Path) -> None:
    broken = "reference+writes-outside-its-namespace"  # any plan shows it, each time
    few = ("--seed", "4", "--plans", "1", "-n", "2", "--shrink", "2")
    status, said, wrong = gauntlet("fuzz", "--gcs", broken, *few, "--run-dir", str(tmp_path))
    assert status == 1, said + wrong
    (place,) = tmp_path.iterdir()
    found = json.loads((place / "campaign.json").read_text())["found"]
    one = next(it for it in found if it["fails"])
    shortest = place / one["plan"]
    assert len(read(shortest.read_text()).steps) == one["steps"]
    assert (shortest.parent / "history.jsonl").stat().st_size > 0
    first = place / one["first seen"]
    assert f"new in plan 0: {one['check']}: {one['message']}: {first}" in said
    assert (first / "history.jsonl").stat().st_size > 0


def test_a_plan_is_carried_out_again_on_any_gcs(plan: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    status, said, wrong = gauntlet("replay", str(plan), "--times", "2", "--keep", str(kept))
    assert status == 0, said + wrong
    assert "1: held" in said
    assert "2: held" in said
    assert {one.name for one in kept.iterdir()} == {"plan.json", "history.jsonl", "ledger.jsonl"}
    status, said, wrong = gauntlet("replay", str(plan), "--gcs", "reference+forgets-actors")
    assert status == 1, said + wrong
    assert "1 of 1: durable" in said


def test_a_plan_that_breaks_nothing_proves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text(Plan((Step(CrashGcs(400)), Step(Put("k", "v")))).text())
    status, said, wrong = gauntlet("replay", str(file))
    assert status == 2, said + wrong
    assert "none of the plan's faults hit anything" in said


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("fuzz", "--minutes", "0"), "--minutes and --plans must be more than 0"),
        (("fuzz", "--plans", "0"), "--minutes and --plans must be more than 0"),
        (("fuzz", "-n", "0"), "-n 0: wanted a number of at least 1"),
        (("fuzz", "--gcs", "nonsense"), "nonsense"),
        (("fuzz", "--gcs", "cmd:false", "--plans", "2"), "exited with status 1 before it served"),
        (("replay", "there-is-none.json"), "there-is-none.json cannot be read"),
        (("replay", __file__), "this is no plan"),
    ],
    ids=lambda value: " ".join(Path(one).name for one in value) if isinstance(value, tuple) else "",
)
def test_bad_input_is_one_sentence_and_status_3(
    words: tuple[str, ...], sentence: str, tmp_path: Path
) -> None:
    status, said, wrong = gauntlet(*words)
    assert status == 3, said + wrong
    assert sentence in wrong
    assert "Traceback" not in wrong
