"""Addresses of our own, the engine's DNS, and cables that can be pulled."""

from __future__ import annotations

import ipaddress
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.container.container import Container, Plan
from harness.container.engine import engine
from harness.container.network import Network, _routed, network
from harness.container.testing import need_engine, tiny_image
from harness.errors import EnvironmentProblem
from harness.wait import never, until

pytestmark = pytest.mark.docker

ROOT = Path(__file__).parents[2]
SOCKET = Path(os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://"))
OTHER = """
import json
from harness.container.network import network
print(json.dumps([network().gateway, network().address()]), flush=True)
input()
"""
INSIDE = """
import os, socket, sys
from pathlib import Path
from harness.container.container import Container, Plan
from harness.container.network import network
from harness.wait import until
image, log = sys.argv[1:]
serving = "while :; do nc -l -p 7 -e cat; done"
plan = Plan("inner", image, ["/bin/sh", "-c", serving], network().address(), {}, {})
container = Container.create(plan, Path(log))
def answered():
    try:
        return socket.create_connection((plan.address, 7), timeout=1)
    except OSError:
        return None
print("reached from", until("it answers", answered).getsockname()[0], "by", os.getpid(), "of", network().gateway)
"""
SERVING = "while :; do nc -l -p 7 -e cat; done"

Run = Callable[..., Container]


@pytest.fixture(autouse=True)
def answering() -> None:
    need_engine()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Start a shell script in a container with some aliases."""
    made: list[Container] = []

    def start(script: str, *aliases: str) -> Container:
        argv = ["/bin/sh", "-c", script]
        plan = Plan("test", tiny_image(), argv, network().address(), {}, {}, aliases=aliases)
        made.append(Container.create(plan, tmp_path / f"log-{len(made)}"))
        return made[-1]

    yield start
    for container in made:
        container.remove()
        network().give_back(container.plan.address)


def answers(address: str) -> bool:
    """Whether what we send to the echo there comes back."""
    try:
        with socket.create_connection((address, 7), timeout=0.5) as link:
            link.sendall(b"hello")
            return link.recv(5) == b"hello"
    except OSError:
        return False


def test_we_reach_a_container_at_its_address(run: Run) -> None:
    container = run(SERVING)
    until("it answers", lambda: answers(container.plan.address))
    container.kill()
    assert not answers(container.plan.address)


def test_a_container_reaches_us_at_the_gateway(run: Run) -> None:
    with socket.create_server((network().gateway, 0)) as server:
        server.settimeout(10)
        port = server.getsockname()[1]
        caller = run(f"echo hello | nc {network().gateway} {port}")
        link, (address, _) = server.accept()
        with link:
            link.settimeout(10)
            assert link.recv(100) == b"hello\n"
    assert address == caller.plan.address


def test_we_may_be_in_a_container_of_the_engine_ourselves(tmp_path: Path) -> None:
    ours = {Path(sys.prefix), Path(sys.base_prefix), *map(Path, ("/usr", "/lib", "/lib64"))}
    plan = Plan(
        "outer",
        tiny_image(),
        ["-c", INSIDE, tiny_image(), str(tmp_path / "inner.log")],
        network().address(),
        {"PYTHONPATH": str(ROOT), "HOME": "/tmp", "DOCKER_HOST": f"unix://{SOCKET}"},
        {SOCKET: "rw", tmp_path: "rw", ROOT: "ro", **{path: "ro" for path in ours if path.exists()}},
        entrypoint=[sys.executable],
    )
    outer = Container.create(plan, tmp_path / "outer.log")
    try:
        assert outer.wait(60) == 0, outer.log_tail()
        said = outer.log_tail(1)
        assert said.startswith("reached from "), said
        _, _, address, _, pid, _, gateway = said.split()
        assert pid == "1"
        assert ipaddress.ip_address(address) in ipaddress.ip_network(f"{gateway}/24", strict=False)
        assert gateway not in [pool.get("Gateway") for pool in pools()]
    finally:
        outer.remove()
        network().give_back(plan.address)


def pools() -> list[dict[str, str]]:
    """Of all networks that the engine has."""
    return [pool for one in engine().client.api.networks() for pool in one["IPAM"]["Config"] or []]


def test_addresses_are_given_again_only_when_all_have_been() -> None:
    mine = network()
    given = [mine.address()]
    mine.give_back(given[0])
    while True:
        given.append(mine.address())
        if given[-1] in given[:-1]:
            break
    try:
        assert given.index(given[-1]) == 0 or given[0] not in given[1:]
        assert mine.gateway not in given
        inside = ipaddress.ip_network(f"{mine.gateway}/24", strict=False)
        assert all(ipaddress.ip_address(one) in inside for one in given)
        with pytest.raises(EnvironmentProblem, match="every address"):
            while True:
                given.append(mine.address())
    finally:
        for one in dict.fromkeys(given):
            mine.give_back(one)


def test_dns_knows_who_took_over_a_name(run: Run) -> None:
    name = "the-gcs"
    first = run("exec sleep 300", name)
    asking = run(f"while :; do nslookup {name} 127.0.0.11 | tail -n 2; sleep 0.1; done")
    until("the name leads to the first", lambda: first.plan.address in asking.log_tail(3), within=20)
    first.remove()
    second = run("exec sleep 300", name)
    assert second.plan.address != first.plan.address
    until("the name leads to the second", lambda: second.plan.address in asking.log_tail(3), within=20)
    assert first.plan.address not in asking.log_tail(3)


def test_a_cut_lasts_until_it_is_healed(run: Run) -> None:
    name = "echo"
    server = run(SERVING, name)
    until("it answers", lambda: answers(server.plan.address))
    client = run(f"while :; do date +%s; sleep 0.05; done | nc {name} 7".replace("date", "busybox date"))
    seen = until("the other container hears its echo", client.log_tail)
    server.disconnect()
    server.disconnect()
    assert not answers(server.plan.address)
    before = client.log_path.stat().st_size
    never("anything gets through", lambda: client.log_path.stat().st_size > before, during=0.5)
    assert client.poll() is None, seen  # nobody told it
    server.connect()
    server.connect()
    until("the old connection goes on", lambda: client.log_path.stat().st_size > before, within=20)
    client.remove()
    until("a new one is answered", lambda: answers(server.plan.address))
    asking = run(f"nslookup {name} 127.0.0.11")
    assert asking.wait(10) == 0
    assert server.plan.address in asking.log_tail()


def test_a_restart_does_not_heal_a_cut(run: Run) -> None:
    server = run(SERVING)
    until("it answers", lambda: answers(server.plan.address))
    server.disconnect()
    server.kill()
    server.start()
    never("it answers", lambda: answers(server.plan.address), during=0.2)
    server.kill()
    server.connect()
    server.start()
    until("it answers again", lambda: answers(server.plan.address))


def test_networks_made_at_the_same_time_do_not_meet() -> None:
    others = [
        subprocess.Popen(
            [sys.executable, "-c", OTHER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for _ in range(3)
    ]
    try:
        told = [json.loads(other.stdout.readline()) for other in others if other.stdout is not None]
    finally:
        for other in others:
            other.communicate(b"\n")
    assert len({gateway for gateway, _ in told} | {network().gateway}) == 4
    assert all(address.startswith(gateway[:-1]) for gateway, address in told)


def test_a_subnet_that_somebody_has_meanwhile_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = ipaddress.ip_network(f"{network().gateway}/24", strict=False)
    free = ipaddress.ip_network("10.231.255.0/24")
    monkeypatch.setattr("harness.container.network._routed", lambda: iter(()))
    monkeypatch.setattr("harness.container.network._of_engine", lambda on: iter(()))
    monkeypatch.setattr("harness.container.network._candidates", lambda: iter((taken, free)))
    second = Network()
    try:
        assert second.gateway == "10.231.255.1"
    finally:
        second.close()
        second.close()
    with pytest.raises(EnvironmentProblem, match="no subnet is free"):
        monkeypatch.setattr("harness.container.network._candidates", lambda: iter((taken,)))
        Network()


def test_routes_of_this_machine_are_seen() -> None:
    network()
    assert ipaddress.ip_network(f"{network().gateway}/24", strict=False) in list(_routed())


def test_the_network_is_labelled() -> None:
    found = engine().client.api.inspect_network(network().name)
    assert found["Labels"].items() >= engine().labels().items()
