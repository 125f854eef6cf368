"""What the proxy between a GCS and its Redis costs. :func:`proxy_cost` is for ``make bench``.

Clients run in a process of their own, as a GCS does, so that they share no interpreter with the proxy.
Ways are compared in interleaved rounds, by medians.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import grpc

from harness.history.recorder import Recorder
from harness.process.guard import GUARD
from harness.process.ports import allocate_port
from harness.proxy import RedisProxy
from harness.store.base import StoreSettings
from harness.store.redis_client import client_of
from harness.store.redis_server import RedisServer
from harness.target.base import Launch, Target
from harness.target.gcs import GcsProcess
from harness.wire import messages as m
from harness.wire.dialect import dialect
from harness.wire.rpc import multicallable

LIMIT = 1.3  # times the direct way: the bound
_COMMANDS_A_ROUND = 300
_PUT_SECONDS = 1.0
_THREADS = 8
_LOOPBACK = "127.0.0.1"


def proxy_cost(target: Target, rounds: int = 9) -> dict[str, float]:
    """Microseconds a command of redis-py and InternalKVPuts a second of ``target``, direct and through
    the proxy with its ledger written, and the ratios (above 1: the proxy is slower)."""
    directory = GUARD.directory("bench-")
    with ExitStack() as ending:
        ending.callback(GUARD.remove, directory)
        server = RedisServer(directory / "redis")
        server.start()
        ending.callback(server.stop)
        settings = server.settings
        proxy = RedisProxy((settings.host, settings.port), Recorder(directory / "ledger", "bench"))
        ending.callback(proxy.close)
        host, port = proxy.open()
        places = [f"{settings.host}:{settings.port}", f"{host}:{port}"]
        direct, through = _run("commands", *places, str(rounds))
        processes = [
            _serving(target, directory / f"gcs-{number}", place, ending)
            for number, place in enumerate(places)
        ]
        release = str(target.dialect.release)
        puts, puts_through = _run("puts", *(one.address for one in processes), str(rounds), release)
    return {
        "us a command, direct": direct,
        "us a command, through the proxy": through,
        "ratio of commands": through / direct,
        "puts a second, direct": puts,
        "puts a second, through the proxy": puts_through,
        "ratio of puts": puts / puts_through,
    }


def _serving(target: Target, place: Path, at: str, ending: ExitStack) -> GcsProcess:
    host, port = at.split(":")
    store = StoreSettings("redis", host, int(port))
    process = GcsProcess(
        target, Launch(_LOOPBACK, allocate_port(), store, f"bench{place.name}", "bench", place)
    )
    ending.callback(process.kill)
    process.start()
    process.wait_until_serving()
    return process


def _run(*arguments: str) -> tuple[float, float]:
    said = subprocess.run(
        [sys.executable, "-m", "harness.bench.proxy", *arguments],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        check=True,
    )
    first, second = json.loads(said.stdout)
    return first, second


def _medians(ways: list[Callable[[], float]], rounds: int) -> list[float]:
    """Of each way, in interleaved rounds; the first warms up."""
    taken = [[way() for way in ways] for _ in range(rounds + 1)][1:]
    return [statistics.median(one) for one in zip(*taken, strict=True)]


def _commands(places: list[str], rounds: int) -> list[float]:
    """Microseconds a command."""

    def way(place: str) -> Callable[[], float]:
        host, port = place.split(":")
        client = client_of(StoreSettings("redis", host, int(port)))

        def once() -> float:
            took = []
            for number in range(_COMMANDS_A_ROUND):
                began = time.perf_counter()
                client.hset("bench", str(number), b"value" * 20)
                took.append(time.perf_counter() - began)
            return statistics.median(took) * 1e6

        return once

    return _medians([way(place) for place in places], rounds)


def _puts(addresses: list[str], rounds: int, release: str) -> list[float]:
    """InternalKVPuts a second, of several threads."""

    def way(address: str) -> Callable[[], float]:
        put = multicallable(grpc.insecure_channel(address), "InternalKVPut", dialect(release))

        def thread(until: float) -> int:
            done = 0
            while time.perf_counter() < until:
                put(m.InternalKVPutRequest(key=b"%d" % (done % 100), value=b"value" * 20, overwrite=True))
                done += 1
            return done

        def once() -> float:
            began = time.perf_counter()
            with ThreadPoolExecutor(_THREADS) as pool:
                done = sum(pool.map(thread, [began + _PUT_SECONDS] * _THREADS))
            return done / (time.perf_counter() - began)

        return once

    return _medians([way(address) for address in addresses], rounds)


def _main(what: str, first: str, second: str, rounds: str, *more: str) -> None:
    places = [first, second]
    found = _commands(places, int(rounds)) if what == "commands" else _puts(places, int(rounds), *more)
    print(json.dumps(found))


if __name__ == "__main__":
    _main(*sys.argv[1:])
