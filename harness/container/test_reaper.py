"""A dead run leaves nothing for long, and nobody else's things are touched."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.container import owner, reaper
from harness.container.engine import engine
from harness.container.network import network
from harness.container.testing import need_engine, tiny_image
from harness.process.guardian import start_ticks
from harness.wait import until

pytestmark = pytest.mark.docker

ROOT = Path(__file__).parents[2]

# Makes one thing of each kind, says which, and waits on its standard input.
RUN = """
import json, sys
from pathlib import Path
from harness.container.container import Container, Plan
from harness.container.engine import engine
from harness.container.network import network
image, log = sys.argv[1:]
volume = engine().volume("test")
plan = Plan("test", image, ["/bin/sleep", "300"], network().address(), {}, {}, volumes={volume: "/data"})
container = Container.create(plan, Path(log))
print(json.dumps([container.id, network().name, volume, container.pid]), flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def answering() -> None:
    need_engine()


class Run:
    """A process that has a container, a network and a volume."""

    def __init__(self, directory: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", RUN, tiny_image(), str(directory / "log")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            # Where a shell runs us in the background, we ignore Ctrl-C, and our child would, too.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        assert self.process.stdout is not None
        self.container, self.network, self.volume, self.pid = json.loads(self.process.stdout.readline())

    def end(self, kill: bool) -> None:
        if kill:
            self.process.kill()
        self.process.communicate()  # which ends its standard input

    def left(self) -> set[str]:
        api = engine().client.api
        return {
            *(one["Id"] for one in api.containers(all=True) if one["Id"] == self.container),
            *(one["Name"] for one in api.networks() if one["Name"] == self.network),
            *(one["Name"] for one in api.volumes()["Volumes"] or [] if one["Name"] == self.volume),
        }


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[Run]:
    run = Run(tmp_path)
    yield run
    run.end(kill=True)
    reaper.reap(engine().client)


def sweep() -> list[str]:
    """The network of this process goes too: whoever comes next gets another."""
    swept = reaper.sweep(engine().client)
    network().close()
    return swept


def test_what_a_killed_run_left_is_reaped(theirs: Run) -> None:
    assert len(theirs.left()) == 3
    theirs.end(kill=True)
    # Its guardian saw to it that nothing of it runs on until then.
    until("its processes are gone", lambda: start_ticks(theirs.pid) is None)
    reaped = reaper.reap(engine().client)
    # Another process may reap at the same time.
    until("all is gone", lambda: not theirs.left(), evidence=lambda: f"reaped {reaped}, left {theirs.left()}")


def test_a_living_run_is_left_alone(theirs: Run) -> None:
    reaper.reap(engine().client)
    sweep()
    assert len(theirs.left()) == 3
    assert start_ticks(theirs.pid) is not None


def test_a_normal_end_leaves_nothing(theirs: Run) -> None:
    theirs.end(kill=False)
    assert theirs.left() == set()


def test_an_interrupt_leaves_nothing(theirs: Run) -> None:
    theirs.process.send_signal(signal.SIGINT)
    theirs.process.wait(30)
    assert theirs.left() == set()


def test_what_is_not_ours_is_left_alone() -> None:
    api = engine().client.api
    unlabelled = api.create_container(tiny_image(), ["/bin/true"])["Id"]
    odd = api.create_container(tiny_image(), ["/bin/true"], labels={owner.OWNER: "somebody"})["Id"]
    try:
        reaper.reap(engine().client)
        sweep()
        assert {unlabelled, odd} <= {one["Id"] for one in api.containers(all=True)}
    finally:
        api.remove_container(unlabelled)
        api.remove_container(odd)


def test_a_sweep_takes_all_that_is_ours_and_may_come_again() -> None:
    volume = engine().volume("test")
    name = network().name
    swept = sweep()
    assert f"network {name}" in swept
    assert f"volume {volume}" in swept
    assert sweep() == []


def test_who_is_dead() -> None:
    now = time.time()
    pid, start, boot, namespace = owner.me().split(":")
    assert not owner.gone(owner.me(), now)
    assert owner.gone(f"{pid}:{int(start) + 1}:{boot}:{namespace}", now)
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert owner.gone(f"{ended.pid}:{start}:{boot}:{namespace}", now)


def test_who_may_live() -> None:
    now = time.time()
    pid, start, boot, namespace = owner.me().split(":")
    elsewhere = boot[::-1]
    assert not owner.gone(f"{pid}:{start}:{elsewhere}:{namespace}", now)  # another machine
    assert owner.gone(f"{pid}:{start}:{elsewhere}:{namespace}", 1.0)  # this one, before it booted
    assert not owner.gone("", now)
    assert not owner.gone(f"{pid}:{start}:{boot}", now)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may look into every pid namespace")
def test_a_pid_of_another_namespace_is_not_ours_to_judge() -> None:
    _, start, boot, _ = owner.me().split(":")
    inner = subprocess.Popen(["unshare", "--pid", "--fork", "sleep", "300"])
    try:
        children = Path(f"/proc/{inner.pid}/task/{inner.pid}/children")
        first = until("it has its own namespace", lambda: children.read_text().split())[0]
        namespace = owner._namespace(first)
        assert not owner.gone(f"1:{int(start) + 1}:{boot}:{namespace}", time.time())
    finally:
        subprocess.run(["kill", "-9", first], check=True)
        inner.wait()
    until("nobody is there", lambda: owner.gone(f"1:{start}:{boot}:{namespace}", time.time()))
