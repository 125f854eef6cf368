"""A container lives, ends, pauses and speaks as a child process does."""

from __future__ import annotations

import dataclasses
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.container.container import Container, Plan
from harness.container.engine import engine
from harness.container.network import network
from harness.container.testing import need_engine, tiny_image
from harness.errors import EnvironmentProblem
from harness.process import flood
from harness.process.running import Running
from harness.wait import never, until

pytestmark = pytest.mark.docker

COUNTING = "i=0; while :; do i=$((i+1)); echo $i; sleep 0.01; done"
HEARING = "trap 'echo heard; exit 4' TERM; echo ready; while :; do sleep 0.05; done"

Run = Callable[..., Container]


@pytest.fixture(autouse=True)
def answering() -> None:
    need_engine()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Start a shell script in a container."""
    made: list[Container] = []

    def start(script: str, **planned: object) -> Container:
        address = network().address()
        plan = Plan("test", tiny_image(), ["/bin/sh", "-c", script], address, {}, {})
        made.append(Container.create(dataclasses.replace(plan, **planned), tmp_path / f"log-{len(made)}"))  # type: ignore[arg-type]
        return made[-1]

    yield start
    for container in made:
        container.remove()
        network().give_back(container.plan.address)


def says(container: Container, words: str) -> None:
    until(
        f"it says {words!r}", lambda: words in container.log_tail().splitlines(), evidence=container.log_tail
    )


def test_it_lives_and_is_killed(run: Run) -> None:
    container: Running = run("echo ready; exec sleep 300")
    assert container.poll() is None
    assert container.wait(0.05) is None
    assert Path(f"/proc/{container.pid}/comm").read_text().strip() in ("sh", "sleep")
    container.kill()
    assert container.poll() == -signal.SIGKILL
    container.kill()
    container.resume(group=True)
    container.pause(group=True)
    assert container.terminate() == -signal.SIGKILL


@pytest.mark.parametrize("code", [0, 3, 255])
def test_exit_codes(run: Run, code: int) -> None:
    assert run(f"exit {code}").wait(10) == code


def test_the_signal_that_ended_it(run: Run) -> None:
    assert run("kill -ABRT $$", init=True).wait(10) == -signal.SIGABRT
    container = run("echo ready; exec sleep 300", init=True)
    says(container, "ready")
    container.signal(signal.SIGTERM)
    assert container.wait(10) == -signal.SIGTERM


def test_terminate(run: Run) -> None:
    container = run(HEARING)
    says(container, "ready")
    assert container.terminate(10) == 4
    assert container.log_tail(1) == "heard"


def test_terminate_kills_who_does_not_listen(run: Run) -> None:
    assert run("exec sleep 300").terminate(0.05) == -signal.SIGKILL


def test_what_the_memory_limit_ended_says_so(run: Run) -> None:
    once = "if mkdir /tmp/mark; then exec tail /dev/zero; else exec sleep 300; fi"
    container = run(once, memory="16m")
    assert container.wait(20) == -signal.SIGKILL
    assert container.oom_killed()
    container.start()
    container.kill()
    assert not container.oom_killed()


def test_a_paused_container_stands_still(run: Run) -> None:
    container = run(COUNTING)
    says(container, "3")
    container.pause(group=True)
    container.pause(group=True)
    until("what it said before has come", lambda: still(container))
    last = container.log_tail(1)
    never("it counts", lambda: container.log_tail(1) != last, during=0.2)
    assert container.poll() is None
    container.resume(group=True)
    container.resume(group=True)
    until("it counts on", lambda: container.log_tail(1) != last)
    container.pause(group=True)
    container.kill()
    assert container.poll() == -signal.SIGKILL


def still(container: Container) -> bool:
    before = container.log_tail(1)
    time.sleep(0.05)
    return container.log_tail(1) == before


def test_a_paused_container_hears_of_its_end(run: Run) -> None:
    container = run(HEARING)
    says(container, "ready")
    container.pause(group=True)
    assert container.terminate(10) == 4


def test_the_log_is_complete_when_the_end_is_seen(run: Run) -> None:
    container = run("yes word | busybox head -n 50000; printf end")
    assert container.wait(20) == 0
    assert container.log_path.read_bytes().count(b"word\n") == 50_000
    assert container.log_tail(1) == "end"


def test_errors_are_logged_too(run: Run) -> None:
    container = run("echo out; echo err >&2")
    assert container.wait(10) == 0
    assert sorted(container.log_tail().splitlines()) == ["err", "out"]


def test_the_first_words_are_caught_in_every_life(run: Run, tmp_path: Path) -> None:
    container = run("echo hello")
    assert container.wait(10) == 0
    container.start()
    assert container.wait(10) == 0
    assert container.log_tail() == "hello\nhello"
    container.start(tmp_path / "another")
    assert container.wait(10) == 0
    assert container.log_tail() == "hello"


def test_a_restart_keeps_the_file_system_and_the_address(run: Run) -> None:
    container = run("cat /tmp/mark; echo was here >/tmp/mark; busybox ip addr; echo ready; exec sleep 300")
    says(container, "ready")
    with pytest.raises(RuntimeError, match="still runs"):
        container.start()
    first = container.pid
    container.kill()
    container.start()
    assert container.poll() is None
    assert container.pid != first
    until("it is up again", lambda: container.log_tail(100).count("ready") == 2)
    said = container.log_tail(100)
    assert said.count("was here") == 1
    assert said.count(f"inet {container.plan.address}/24") == 2


def test_what_it_is_made_of(run: Run, tmp_path: Path) -> None:
    rw, ro = tmp_path / "r:w", tmp_path / "ro"
    rw.mkdir()
    ro.mkdir()
    volume = engine().volume("test")
    script = (
        f"echo $WORD; busybox pwd; busybox id -u; echo x >'{rw}/file'; echo x >/v/file; ps; echo x >{ro}/file"
    )
    container = run(
        script,
        env={"WORD": "told"},
        workdir="/tmp",
        user=f"{os.getuid()}:{os.getgid()}",
        mounts={rw: "rw", ro: "ro"},
        volumes={volume: "/v"},
        init=True,
    )
    container.wait(10)
    said = [line for line in container.log_path.read_text().splitlines() if "Read-only" not in line]
    assert said[:3] == ["told", "/tmp", str(os.getuid())]
    assert (rw / "file").read_text() == "x\n"
    assert not (ro / "file").exists()
    assert "docker-init" in container.log_tail()
    beside = run("cat /v/file", volumes={volume: "/v"})
    assert beside.wait(10) == 0
    container.remove()
    beside.remove()
    engine().remove_volume(volume)
    engine().remove_volume(volume)


def test_all_in_it_ends_with_it_where_pids_are_the_machines(run: Run) -> None:
    container = run("sleep 300 & echo $! $$; wait", host_pids=True)
    inner, outer = map(int, until("it says who it is", container.log_tail).split())
    assert container.pid == outer
    container.kill()
    assert not Path(f"/proc/{inner}").exists()
    assert not Path(f"/proc/{outer}").exists()


def test_an_entrypoint_of_ones_own(run: Run) -> None:
    container = run("", entrypoint=["/bin/echo", "said"], argv=["so"])
    assert container.wait(10) == 0
    assert container.log_tail() == "said so"


def test_what_the_engine_refuses_is_told_in_its_words_and_leaves_nothing(run: Run) -> None:
    before = len(containers())
    with pytest.raises(EnvironmentProblem, match=r"the image gauntlet/none:1 of test is not on this machine"):
        run("true", image="gauntlet/none:1")
    with pytest.raises(EnvironmentProblem, match=r"start test .*no such file"):
        run("true", entrypoint=["/none"])
    with pytest.raises(EnvironmentProblem, match=r"start test .*bind source path does not exist"):
        run("true", mounts={Path("/none/at/all"): "rw"})
    assert len(containers()) == before


def containers() -> list[object]:
    found: list[object] = engine().client.api.containers(all=True, filters={"label": own_label()})
    return found


def own_label() -> str:
    return f"org.gauntlet.owner={engine().labels()['org.gauntlet.owner']}"


def test_removed_it_is_gone_and_its_log_complete(run: Run) -> None:
    container = run("echo said; exec sleep 300")
    container.remove()
    container.remove()
    assert container.poll() == -signal.SIGKILL
    assert container.log_tail() == "said"
    assert container.id not in [one["Id"] for one in containers()]  # type: ignore[index]


def test_a_babbling_container_is_killed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flood, "LOG_LIMIT_BYTES", 300_000)
    container = run("exec yes")
    assert container.wait(20) == -signal.SIGKILL
    assert container.flooded


def test_many_lives_leave_no_files_open(run: Run) -> None:
    container = run("true")
    container.wait(10)
    open_before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        container.start()
        assert container.wait(10) == 0
    assert len(list(Path("/proc/self/fd").iterdir())) <= open_before + 1
