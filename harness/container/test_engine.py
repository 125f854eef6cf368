"""What a user hears whose engine is missing, far away or silent."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.container import engine, testing
from harness.errors import EnvironmentProblem
from harness.process.guard import GUARD


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
