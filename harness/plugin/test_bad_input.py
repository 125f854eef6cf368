"""Bad input, as a user meets it: status 3, one clear sentence, the last lines of the log, nothing left running."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.plugin.whole_run import WholeRun
from harness.process.ports import allocate_port
from harness.store.redis_server import RedisServer
from harness.target.life import START_WITHIN

SCENARIO = "scenarios/test_reload.py::test_job_ids_never_repeat"
LISTEN = "import socket, sys, time\nserver = socket.create_server((sys.argv[1], int(sys.argv[2])))\n"
GARBAGE = f"""{LISTEN}
print("all is well", flush=True)
while True:
    connection, _ = server.accept()
    connection.sendall(b"HTTP/1.1 400 Bad Request\\r\\n\\r\\n")
    connection.close()
"""
MUTE = f"{LISTEN}\nprint('thinking', flush=True)\ntime.sleep(300)"
# 70 MiB are over the limit, and no more than that: the test is not to fill a disk.
FLOOD = (
    "import time\nfor number in range(70 * 1024):\n    print(f'line {number} ' + 'x' * 1010)\ntime.sleep(300)"
)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[WholeRun]:
    with WholeRun(tmp_path) as whole:
        yield whole


def refused(run: WholeRun, sentence: str, *options: str, env: dict[str, str] | None = None) -> list[str]:
    """Run one scenario so; all that was said in ``gauntlet: …`` sentences must be this one. Its lines."""
    status = run.status(SCENARIO, *options, env=env)
    said = run.output + run.errors
    assert status == 3, said
    assert "Traceback" not in said and said.count(sentence) == said.count("gauntlet: ") == 1, said
    run.nothing_left()
    lines = said[said.index("gauntlet: ") :].splitlines()
    assert sentence in lines[0], lines
    return lines[1:]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--gcs", "cmd:gcs --at={host}:{port}"], "unknown placeholder {host}; allowed are {port} "),
        (["--gcs", "ray==0.0.1"], "ray==0.0.1 is older than 2.40.0"),
        (["--store", "redis://127.0.0.1:port"], "'redis://127.0.0.1:port' is no store: "),
        (["--store", "redis://192.0.2.1:6379"], "192.0.2.1 is no loopback address"),
        (["--gcs", "no-such", "-n", "2"], "'no-such' is no target"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_ends_before_the_session(
    run: WholeRun, options: list[str], sentence: str
) -> None:
    assert refused(run, sentence, *options) == []
    assert run.output == "" and run.errors.count("\n") == 1


@pytest.mark.parametrize(
    ("index", "sentence"),
    [
        ({"PIP_NO_INDEX": "1"}, "the package index has no ray==9.9.9 for "),
        ({"PIP_INDEX_URL": "http://127.0.0.1:9/simple"}, "no package index can be reached"),
    ],
    ids=["unknown", "unreachable"],
)
def test_a_release_that_cannot_be_had(
    run: WholeRun, tmp_path: Path, index: dict[str, str], sentence: str
) -> None:
    # Neither the user's settings nor their cache, so that nothing asks a real index.
    env = {
        "PIP_CONFIG_FILE": "/dev/null",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "NO_PROXY": "*",
        **index,
    }
    assert refused(run, sentence, "--gcs", "ray==9.9.9", env=env) == []
    assert run.output == ""
    assert [path.name for path in (tmp_path / "cache" / "gauntlet").iterdir()] == ["ray-9.9.9.lock"]


@pytest.mark.parametrize(
    ("program", "within", "sentence", "last"),
    [
        ("print('no luck')\nraise SystemExit(4)", 30, "exited with status 4 before it served at ", "no luck"),
        ("import time\ntime.sleep(300)", 1, "not serve within 1 s: nothing listens there; it printed nothing", None),
        (MUTE, 4, "not serve within 4 s: it takes connections, but CheckAlive ends with DEADLINE", "thinking"),
        (GARBAGE, 30, "is no GCS: it takes connections, but CheckAlive ends with UNAVAILABLE", "all is well"),
        (FLOOD, 30, "wrote more than 64 MiB of log, so it was killed; it said last:", "line "),
    ],
    ids=["exits", "never-listens", "mute", "garbage", "floods"],
)  # fmt: skip
def test_a_command_that_is_no_gcs(
    run: WholeRun, tmp_path: Path, program: str, within: int, sentence: str, last: str | None
) -> None:
    script = tmp_path / "target.py"
    script.write_text(program)
    target = f"cmd:{sys.executable} {script} {{address}} {{port}}"
    lines = refused(run, sentence, "--gcs", target, env={START_WITHIN: str(within)})
    if last is not None:
        assert any(line.startswith(last) for line in lines), lines


def test_a_program_that_cannot_be_executed(run: WholeRun, tmp_path: Path) -> None:
    program = tmp_path / "gcs"
    program.write_bytes(b"\x7fELF")
    program.chmod(0o755)
    refused(run, "cannot be run: [Errno 8] Exec format error", "--gcs", f"cmd:{program}", "-n", "2")


def test_a_port_that_is_in_use(run: WholeRun) -> None:
    with socket.create_server(("127.0.0.1", allocate_port())) as taken:
        port = taken.getsockname()[1]
        target = (
            f"cmd:{sys.executable} -m reference_gcs --node_ip_address={{address}} --gcs_server_port={port}"
        )
        lines = refused(run, "exited with status 1 before it served", "--gcs", target)
    assert any(f"could not bind 127.0.0.1:{port}" in line for line in lines), lines


def test_a_redis_where_nobody_listens(run: WholeRun) -> None:
    url = f"redis://127.0.0.1:{allocate_port()}"
    refused(run, f"{url} cannot be used: it cannot be reached: Connection refused", "--store", url)


def test_a_redis_that_is_something_else(run: WholeRun) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_answer_nonsense, args=(server,), daemon=True).start()
        url = f"redis://127.0.0.1:{server.getsockname()[1]}"
        refused(run, f"{url} cannot be used: what answers there is no Redis", "--store", url)


def _answer_nonsense(server: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_a_redis_with_another_password(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "redis", password="right")
    server.start()
    try:
        place = f"{server.settings.host}:{server.settings.port}"
        with WholeRun(tmp_path) as run:
            sentence = f"redis://{place} cannot be used: it does not let the default user in"
            refused(run, sentence, "--store", f"redis://:wrong@{place}")
            assert "wrong@" not in run.output + run.errors, "it shows a password"
    finally:
        server.stop()


def test_a_redis_server_that_is_none(run: WholeRun) -> None:
    lines = refused(
        run,
        "the Redis server /bin/false ended with exit status 1",
        env={"GAUNTLET_REDIS_SERVER": "/bin/false"},
    )
    assert lines


def test_a_bound_that_is_no_number(run: WholeRun) -> None:
    refused(run, f"{START_WITHIN} is 'soon', which is no number", env={START_WITHIN: "soon"})


def test_gauntlet_run_says_the_same(run: WholeRun, tmp_path: Path) -> None:
    arguments = [
        "run",
        "--gcs",
        "cmd:sh -c 'echo no luck; exit 4' {port}",
        "--run-dir",
        str(tmp_path / "runs"),
    ]
    status = run.status(*arguments, SCENARIO, module="harness.cli")
    said = run.output + run.errors
    assert status == 3 and said.count("exited with status 4 before it served") == 1, said
    assert "it said last:\nno luck\n" in said and "Traceback" not in said, said
    run.nothing_left()
