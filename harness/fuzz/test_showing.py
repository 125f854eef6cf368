"""``gauntlet sim`` as a user sees it."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.cli import app
from harness.fuzz.plan import read
from reference_gcs.mutants.catalogue import MUTANTS, named
from reference_gcs.mutants.registry import Mutant

SHORT = "0.03"


def sim(*options: str, runs: Path) -> tuple[int, str]:
    ended = CliRunner().invoke(app, ["sim", "--run-dir", str(runs), *options])
    return ended.exit_code, ended.output


def test_the_reference_holds_and_the_conditions_are_counted(tmp_path: Path) -> None:
    status, said = sim("--minutes", SHORT, "--seed", "1", runs=tmp_path)
    assert status == 0, said
    assert "failures: none" in said
    assert "a crash between two effects" in said
    assert not list(tmp_path.iterdir())


def test_a_mutant_is_found_and_its_plan_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mending = []
    plant = Mutant.plant
    monkeypatch.setattr(Mutant, "plant", lambda one: mending.append(plant(one)))
    try:
        name = next(one for one in MUTANTS if "early" in one or "ack" in one)
        status, said = sim("--minutes", "1", "--seed", "2", "--mutant", name, "--no-replay", runs=tmp_path)
    finally:
        for mend in mending:
            mend()
    assert status == 1, said
    (path,) = (tmp_path / "fuzz").iterdir()
    assert path.name in said.replace("\n", "")
    assert len(read(path.read_text()).steps) <= 6
    assert named(name).sentence


@pytest.mark.parametrize("options", [("--mutant", "nobody"), ("--minutes", "0")])
def test_what_cannot_be_run_is_said_in_one_sentence(options: tuple[str, str], tmp_path: Path) -> None:
    status, _said = sim(*options, runs=tmp_path)
    assert status == 3
