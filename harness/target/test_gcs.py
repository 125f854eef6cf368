"""GcsProcess: through its lives, and with targets that are no good."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest

from harness.errors import EnvironmentProblem, TargetFailed
from harness.history.event import Event
from harness.history.log import HISTORY, events
from harness.history.recorder import Recorder
from harness.process import flood
from harness.process.ports import allocate_address, allocate_port
from harness.store.base import StoreSettings
from harness.target import bare
from harness.target.base import Command, Launch
from harness.target.command import CommandTarget
from harness.target.gcs import GcsProcess
from harness.target.parse import parse_target
from harness.wait import until

GOOD = f"cmd:{sys.executable} -m harness.target.tiny_gcs {{address}}:{{port}}"
Run = Callable[..., GcsProcess]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    with ExitStack() as ending:

        def make(spec: str, **recording: Any) -> GcsProcess:
            address = allocate_address()
            launch = Launch(
                address, allocate_port(address), StoreSettings("memory"), "ns", "s", tmp_path / "gcs"
            )
            gcs = GcsProcess(parse_target(spec), launch, **recording)
            ending.callback(gcs.kill)
            gcs.start()
            return gcs

        yield make


def python(tmp_path: Path, program: str) -> str:
    script = tmp_path / "target.py"
    script.write_text(program)
    return f"cmd:{sys.executable} {script} {{address}} {{port}}"


def test_its_lives(run: Run) -> None:
    gcs = run(GOOD)
    gcs.start()  # it runs: nothing happens
    gcs.wait_until_serving()
    assert gcs.serving()
    first = gcs.pid
    gcs.kill()
    assert not gcs.alive
    assert not gcs.serving()
    gcs.start()
    gcs.wait_until_serving()
    assert gcs.pid != first
    before = gcs.address
    gcs.restart(address=allocate_address(), env={"RAY_x": "1"})
    gcs.wait_until_serving()
    assert gcs.address != before
    assert gcs.stop() == -signal.SIGTERM
    assert [life.exit for life in gcs.lives] == [-signal.SIGKILL, -signal.SIGKILL, -signal.SIGTERM]
    assert all(life.serving and life.ended and life.started < life.serving < life.ended for life in gcs.lives)
    assert all(path.exists() for life in gcs.lives for path in gcs.logs(life.number))


def lives(directory: Path) -> list[Event]:
    return [one for one in events(directory / HISTORY) if one.kind == "gcs"]


def test_its_lives_are_in_the_history_each_step_once(run: Run, tmp_path: Path) -> None:
    gcs = run(GOOD, recorder=Recorder(tmp_path, "case"))
    gcs.start()
    gcs.wait_until_serving()
    assert gcs.serving()
    gcs.pause()
    assert gcs.paused
    gcs.resume()
    gcs.resume()
    gcs.kill()
    gcs.kill()
    gcs.start()
    gcs.wait_until_serving()
    gcs.stop()
    gcs.restart()
    assert gcs.pid is not None
    os.kill(gcs.pid, signal.SIGSEGV)
    until("its end is noticed", lambda: not gcs.alive)
    gcs.kill()
    assert [(one.what, one.facts["life"]) for one in lives(tmp_path)] == [
        ("started", 0), ("serving", 0), ("paused", 0), ("resumed", 0), ("killed", 0),
        ("started", 1), ("serving", 1), ("ended", 1),
        ("started", 2), ("ended", 2),
    ]  # fmt: skip
    by_itself, asked = lives(tmp_path)[-1].facts, lives(tmp_path)[-3].facts
    assert (by_itself["exit"], by_itself.get("asked")) == (-signal.SIGSEGV, None)
    assert (asked["exit"], asked["asked"]) == (-signal.SIGTERM, True)
    assert [one.at for one in lives(tmp_path) if one.what == "serving"] == [
        pytest.approx(life.serving, abs=1e-5) for life in gcs.lives if life.serving
    ]


def slow_target(seconds: float, bare_seconds: float) -> Any:
    """One that serves after so long, and needs so long to do nothing."""

    class Slow(CommandTarget):
        def bare(self, launch: Launch) -> Command:
            return Command([sys.executable, "-c", f"import time; time.sleep({bare_seconds})"], os.environ)

    program = f"import runpy,sys,time; time.sleep({seconds}); runpy.run_module('harness.target.tiny_gcs', run_name='__main__')"
    return Slow(f'cmd:{sys.executable} -c "{program}" {{address}}:{{port}}')


def test_beside_a_start_that_takes_long_a_bare_one_is_timed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bare, "TIMES", 2)
    gcs = run(GOOD, recorder=Recorder(tmp_path, "case"), compared=True)
    gcs.kill()
    gcs.target = slow_target(1.5, 0.2)
    gcs.start()
    gcs.wait_until_serving()
    gcs.await_comparison()
    started, serving = lives(tmp_path)[-2:]
    assert serving.at - 0.5 < serving.facts["silent"] < serving.at
    assert serving.facts["silent"] > started.at + 1.4
    (told,) = (one for one in events(tmp_path / HISTORY) if one.kind == "note")
    assert (told.who, told.what, told.facts["life"]) == ("gcs", "bare start", 1)
    assert 0.2 < told.facts["seconds"] < 5


def test_nothing_is_timed_beside_what_is_no_child_of_ours(run: Run, tmp_path: Path) -> None:
    gcs = run(GOOD, recorder=Recorder(tmp_path, "case"))
    gcs.kill()
    gcs.target = slow_target(1.2, 0.0)
    gcs.start()
    gcs.wait_until_serving()
    gcs.await_comparison()
    assert not [one for one in events(tmp_path / HISTORY) if one.kind == "note"]


def test_a_life_goes_over_into_another_case(run: Run, tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, "first")
    gcs = run(GOOD, recorder=recorder, who="rival", first_life=3)
    gcs.wait_until_serving()
    recorder.turn_to("second")
    gcs.record_again()
    found = [(one.case, one.who, one.what, one.facts["life"]) for one in lives(tmp_path)]
    assert found[2:] == [("second", "rival", "started", 3), ("second", "rival", "serving", 3)]
    assert gcs.logs(3)


def test_a_paused_one_does_not_serve(run: Run) -> None:
    gcs = run(GOOD)
    gcs.wait_until_serving()
    gcs.pause()
    assert gcs.alive
    assert not gcs.serving(0.1)
    gcs.resume()
    assert gcs.serving(5)


def test_an_end_by_itself_is_noticed(run: Run) -> None:
    gcs = run(GOOD)
    gcs.wait_until_serving()
    assert gcs.pid is not None
    os.kill(gcs.pid, signal.SIGSEGV)
    until("its end is noticed", lambda: not gcs.alive)
    assert gcs.exit_status == -signal.SIGSEGV


def test_one_that_exits_at_once(run: Run) -> None:
    began = time.monotonic()
    with pytest.raises(EnvironmentProblem, match=r"exited with status 3 before it served(.|\n)*no luck"):
        run("cmd:sh -c 'echo no luck; exit 3' {port}").wait_until_serving(20)
    assert time.monotonic() - began < 5


def test_one_that_never_serves(run: Run) -> None:
    gcs = run("cmd:sleep 300{port}")
    with pytest.raises(
        EnvironmentProblem, match=r"does not serve within 0.2 s: nothing listens there; it printed nothing"
    ):
        gcs.wait_until_serving(0.2)
    assert not gcs.alive


def test_one_that_takes_connections_and_is_mute(run: Run, tmp_path: Path) -> None:
    mute = "import socket,sys,time\ns=socket.create_server((sys.argv[1],int(sys.argv[2])))\ntime.sleep(300)"
    with pytest.raises(
        EnvironmentProblem, match="does not serve within 1 s: it takes connections, but CheckAlive"
    ):
        run(python(tmp_path, mute)).wait_until_serving(1)


def test_one_that_speaks_no_grpc(run: Run, tmp_path: Path) -> None:
    garbage = """
import socket, sys
server = socket.create_server((sys.argv[1], int(sys.argv[2])))
while True:
    connection, _ = server.accept()
    connection.sendall(b"HTTP/1.1 400 Bad Request\\r\\n\\r\\n")
    connection.close()
"""
    began = time.monotonic()
    with pytest.raises(
        EnvironmentProblem, match="is no GCS: it takes connections, but CheckAlive ends with UNAVAILABLE"
    ):
        run(python(tmp_path, garbage)).wait_until_serving(20)
    assert time.monotonic() - began < 10


def test_one_that_is_another_service(run: Run, tmp_path: Path) -> None:
    other = """
import sys, grpc
from concurrent.futures import ThreadPoolExecutor
server = grpc.server(ThreadPoolExecutor(1))
server.add_insecure_port(":".join(sys.argv[1:3]))
server.start()
server.wait_for_termination()
"""
    with pytest.raises(EnvironmentProblem, match=r"is no GCS: .*UNIMPLEMENTED"):
        run(python(tmp_path, other)).wait_until_serving(20)


def test_one_that_floods_its_log(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flood, "LOG_LIMIT_BYTES", 100_000)
    with pytest.raises(EnvironmentProblem, match="of log, so it was killed"):
        run("cmd:yes {port}").wait_until_serving(20)


def test_a_wrapper_ends_with_what_it_wraps(run: Run) -> None:
    gcs = run("cmd:sh -c 'sleep 300 & echo $!; wait' {port}")
    inner = int(until("it says who it wraps", lambda: gcs.log_tail()))
    gcs.kill()
    assert not psutil.pid_exists(inner) or psutil.Process(inner).status() == psutil.STATUS_ZOMBIE


def test_a_port_in_use_says_by_whom(run: Run) -> None:
    gcs = run(GOOD)
    gcs.kill()
    with (
        socket.create_server(("0.0.0.0", gcs.launch.port)),
        pytest.raises(
            EnvironmentProblem,
            match=rf"cannot serve at {gcs.address}: process {os.getpid()} \(.+\) has the port",
        ),
    ):
        gcs.start()


def test_no_return_after_a_first_life_is_a_finding(run: Run) -> None:
    gcs = run(GOOD)
    gcs.wait_until_serving()
    gcs.kill()
    gcs.target = parse_target("cmd:sh -c 'exit 4' {port}")
    gcs.start()
    with pytest.raises(TargetFailed, match="exited with status 4"):
        gcs.wait_until_serving()


def test_a_program_that_cannot_be_executed(run: Run, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="cannot be run"):
        run(f"cmd:{tmp_path}/none {{port}}")
