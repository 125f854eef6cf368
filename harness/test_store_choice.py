"""Every command keeps its clusters' tables where it was told to, and on a server that is not ours touches nothing else."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.choices import chosen, in_project
from harness.fuzz.faults import CutStore, KillGcs, KillStore, StallStore
from harness.fuzz.operations import AddJob
from harness.fuzz.plan import Plan, Step
from harness.plugin.whole_run import WholeRun
from harness.store.redis_server import RedisServer

STRANGER = {b"RAYmine@KV": {b"key": b"value"}, b"RAYns@JOB": {b"1": b"row"}}


@dataclass(frozen=True)
class Theirs:
    """A Redis of the user's, with rows of another cluster's in it, at ``url``."""

    server: RedisServer
    url: str

    def written(self) -> int:
        """How many rows were written, of whosever."""
        with contextlib.closing(self.server.client(decode=True)) as client:
            return int(client.info("commandstats").get("cmdstat_hset", {}).get("calls", 0))

    def rows(self) -> dict[bytes, Any]:
        with contextlib.closing(self.server.client()) as client:
            return {key: client.hgetall(key) for key in client.scan_iter()}


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[Theirs]:
    server = RedisServer(tmp_path / "theirs")
    server.start()
    try:
        with contextlib.closing(server.client()) as client:
            for key, rows in STRANGER.items():
                client.hset(key, mapping=rows)  # type: ignore[arg-type]
        yield Theirs(server, f"redis://{server.settings.host}:{server.settings.port}")
    finally:
        server.stop()


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """One that would stall, kill and cut the store, and kills the GCS."""
    steps = (AddJob(1), StallStore(0.1), KillStore(0.1), CutStore(), KillGcs(0.02), AddJob(2))
    path = tmp_path / "plan.json"
    path.write_text(Plan(steps=tuple(Step(do) for do in steps)).text())
    return path


COMMANDS = {
    "run": ("run", "scenarios/test_reload.py::test_job_ids_never_repeat"),
    "fuzz": ("fuzz", "--plans", "3", "-n", "2", "--minutes", "1", "--shrink", "0"),
    "replay": ("replay", "PLAN", "--times", "2", "-n", "2"),
    "crashpoints": ("crashpoints", "--point", "AddJob:1:kill-before"),
    "compare": ("compare", "PLAN", "--gcs", "reference", "--gcs", "reference", "--times", "1"),
}


@pytest.mark.parametrize(
    ("command", "said"),
    # run and crashpoints leave the environment to pytest, whose own test has it.
    [
        *((one, "option") for one in COMMANDS),
        *((one, "environment") for one in ("fuzz", "replay", "compare")),
    ],
)
def test_a_command_uses_the_store_that_it_was_told(
    command: str, said: str, theirs: Theirs, plan: Path, tmp_path: Path
) -> None:
    before = theirs.written()
    arguments = [str(plan) if word == "PLAN" else word for word in COMMANDS[command]]
    if command not in ("replay", "compare"):
        arguments += ["--run-dir", str(tmp_path / "runs")]
    env = {"GAUNTLET_STORE": theirs.url} if said == "environment" else {}
    option = ["--store", theirs.url] if said == "option" else []
    with WholeRun(tmp_path) as run:
        status = run.status(*arguments, *option, env=env, module="harness.cli")
        told = run.output + run.errors
        assert status == 0, told
        run.nothing_left()
    assert theirs.written() > before, f"it wrote elsewhere:\n{told}"
    assert theirs.rows() == STRANGER, "what it leaves there"
    assert theirs.server.alive
    if command in ("fuzz", "replay"):
        assert "the store is not ours" in told


@pytest.mark.parametrize(
    ("command", "store"),
    [
        ("fuzz", "memory"),
        ("fuzz", "redis://127.0.0.1:1"),
        ("replay", "rocksdb"),
        ("replay", "redis://127.0.0.1:1"),
        ("crashpoints", "memory"),
        ("compare", "mysql"),
    ],
)
def test_a_store_that_will_not_do_is_one_sentence(
    command: str, store: str, plan: Path, tmp_path: Path
) -> None:
    arguments = [str(plan) if word == "PLAN" else word for word in COMMANDS[command]]
    with WholeRun(tmp_path) as run:
        assert run.status(*arguments, "--store", store, module="harness.cli") == 3
        said = [line for line in run.errors.splitlines() if line]
        assert len(said) == 1 and said[0].startswith("gauntlet: ") and store in said[0], run.errors
        run.nothing_left()


def test_the_command_line_wins_over_the_environment_and_that_over_the_ini_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GAUNTLET_STORE", raising=False)
    project = tmp_path / "pyproject.toml"
    assert chosen("--store", None, in_project(project)) == "redis"
    project.write_text('[tool.pytest.ini_options]\ngauntlet_store = "redis+aof"\n')
    assert chosen("--store", None, in_project(project)) == "redis+aof"
    monkeypatch.setenv("GAUNTLET_STORE", "redis+rdb")
    assert chosen("--store", None, in_project(project)) == "redis+rdb"
    assert chosen("--store", "memory", in_project(project)) == "memory"
