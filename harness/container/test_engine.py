"""What a user hears whose engine is missing, far away or silent."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.container import engine, testing
from harness.errors import EnvironmentProblem
from harness.plugin.whole_run import WholeRun
from harness.process.guard import GUARD

SILENCE = "it takes connections and is silent"
SILENT_WITHIN = 30.0
"""Five seconds, and on a machine that is busy the start of a command or two."""


@pytest.fixture
def unconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_ENGINE", None)


@pytest.mark.parametrize(
    ("host", "sentence"),
    [
        ("unix:///none", "no container engine answers at unix:///none: No such file or directory"),
        ("tcp://127.0.0.1:1", "the container engine tcp://127.0.0.1:1 is not on this machine: only one "),
        ("ssh://somebody@example.org", "the container engine ssh://somebody@example.org is not on this"),
        ("nonsense", "the container engine nonsense is not on this machine"),
    ],
)
@pytest.mark.usefixtures("unconnected")
def test_why_no_engine_will_do(monkeypatch: pytest.MonkeyPatch, host: str, sentence: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    why_not = engine.reachable()
    assert why_not is not None
    assert why_not.startswith(sentence)
    with pytest.raises(EnvironmentProblem, match=r"container engine"):
        engine.engine()


@pytest.mark.usefixtures("unconnected")
def test_a_socket_without_an_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "s").touch()
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/s")
    assert str(engine.reachable()).endswith("/s: Connection refused")


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment in which a daemon takes connections and never says anything."""
    with socket.socket(socket.AF_UNIX) as daemon:
        daemon.bind(str(tmp_path / "docker.sock"))
        daemon.listen(100)
        yield {"DOCKER_HOST": f"unix://{tmp_path}/docker.sock"}


SCENARIO = "scenarios/test_reload.py::test_job_ids_never_repeat"
QUESTION = "from harness.container.engine import reachable; print(reachable() or '')"


@pytest.mark.parametrize(
    ("module", "arguments", "status"),
    [
        ("pytest", [SCENARIO, "--backend", "docker"], 3),
        ("pytest", [SCENARIO, "--gcs", "image:some/gcs:tag", "-n", "2"], 3),
        ("harness.cli", ["fuzz", "--backend", "docker", "--plans", "1"], 3),
        ("harness.cli", ["doctor"], 0),
    ],
    ids=["backend", "image", "fuzz", "doctor"],
)
def test_an_engine_that_is_silent_is_one_sentence_in_seconds(
    silent: dict[str, str], tmp_path: Path, module: str, arguments: list[str], status: int
) -> None:
    began = time.monotonic()
    with WholeRun(tmp_path) as run:
        said = run.status(
            *arguments, module=module, env={**silent, "PIP_NO_INDEX": "1"}, within=SILENT_WITHIN
        )
        told = run.output + run.errors
        assert said == status, told
    assert time.monotonic() - began < SILENT_WITHIN
    if arguments[0] == "doctor":
        assert "does not answer within 5 s" in told
    else:
        assert told == f"gauntlet: no container engine answers at {silent['DOCKER_HOST']}: {SILENCE}\n"


@pytest.mark.usefixtures("unconnected")
def test_what_the_gate_asks_of_a_silent_engine(
    silent: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = (Path(__file__).parents[2] / "ci" / "test").read_text()
    assert QUESTION.replace("''", '""') in gate, "ci/test asks something else"
    monkeypatch.setenv("DOCKER_HOST", silent["DOCKER_HOST"])
    monkeypatch.setattr(engine, "_ANSWER_SECONDS", 0.5)
    assert engine.reachable() == f"no container engine answers at {silent['DOCKER_HOST']}: {SILENCE}"


@pytest.mark.usefixtures("unconnected")
def test_without_an_engine_tests_skip_or_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///none")
    monkeypatch.delenv("GAUNTLET_NEED_DOCKER", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no container engine answers"):
        testing.need_engine()
    monkeypatch.setenv("GAUNTLET_NEED_DOCKER", "1")
    with pytest.raises(pytest.fail.Exception, match=r"GAUNTLET_NEED_DOCKER=1, but no container engine"):
        testing.need_engine()


@pytest.mark.docker
def test_all_processes_of_a_run_share_its_id(monkeypatch: pytest.MonkeyPatch) -> None:
    testing.need_engine()
    client = engine.engine().client
    monkeypatch.setenv("GAUNTLET_RUN_ID", "the-run")
    assert engine.Engine(client).labels()["org.gauntlet.run"] == "the-run"
    monkeypatch.delenv("GAUNTLET_RUN_ID")
    assert engine.Engine(client).labels()["org.gauntlet.run"] == GUARD.token


@pytest.mark.docker
def test_names_are_never_the_same() -> None:
    testing.need_engine()
    names = [engine.engine().name("a role: 1") for _ in range(3)]
    assert len(set(names)) == 3
    assert all("-a-role--1-" in name for name in names)
