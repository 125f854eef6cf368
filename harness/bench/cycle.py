"""A kill-restart-verify cycle against a bare loop, fake raylets by the number, and the whole suite by the clock."""

from __future__ import annotations

import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc

from harness.backend.loopback import LOOPBACK
from harness.driver import look
from harness.driver.client import GcsClient
from harness.process.guard import GUARD
from harness.process.ports import allocate_port
from harness.raylet import cost
from harness.store.parse import store_from
from harness.target.base import Launch, Target
from harness.target.gcs import GcsProcess
from harness.wire import messages as m
from harness.wire.rpc import multicallable

CYCLE_LIMIT = 1.5  # times the bare loop: the bound


def rounds(
    target: Target, directory: Path
) -> tuple[Callable[[], None], Callable[[], None], Callable[[], None]]:
    """One bare cycle, one cycle through the harness, and what ends both; each on a Redis of its own."""
    launches = []
    stores = [store_from("redis", directory / name) for name in ("bare-store", "harness-store")]
    for number, store in enumerate(stores):
        store.start()
        place = directory / f"gcs-{number}"
        place.mkdir()
        launches.append(Launch(LOOPBACK, allocate_port(), store.settings, f"bench{number}", "bench", place))
    command = target.command(launches[0])
    process = GcsProcess(target, launches[1])
    client = GcsClient(process.address, target.dialect)

    def bare() -> None:
        with (launches[0].directory / "log").open("ab") as log:
            child = subprocess.Popen(
                command.argv, env=dict(command.env), stdout=log, stderr=log, start_new_session=True
            )
        try:
            # The quickest way to ask: knock until the port opens, then one call on a fresh channel.
            while not _accepts(launches[0].port):
                time.sleep(0.002)
            with grpc.insecure_channel(f"{LOOPBACK}:{launches[0].port}") as channel:
                multicallable(channel, "CheckAlive", target.dialect)(m.CheckAliveRequest(), timeout=30)
        finally:
            child.kill()
            child.wait()

    def through_harness() -> None:
        """Start, wait, read the tables back, kill."""
        process.start()
        process.wait_until_serving()
        look.node_states(client)
        process.kill()

    def end() -> None:
        client.close()
        process.kill()
        for store in stores:
            store.stop()

    return bare, through_harness, end


def _accepts(port: int) -> bool:
    with socket.socket() as knock:
        return knock.connect_ex((LOOPBACK, port)) == 0


def cycle_ratio(target: Target, count: int) -> dict[str, float]:
    """Median milliseconds of a bare cycle and of one through the harness, interleaved, and their ratio."""
    directory = GUARD.directory("bench-")
    bare, through_harness, end = rounds(target, directory)
    took: dict[str, list[float]] = {"bare": [], "harness": []}
    try:
        for number in range(count + 1):
            for name, cycle in (("bare", bare), ("harness", through_harness)):
                began = time.perf_counter()
                cycle()
                if number:  # the first of each warms up
                    took[name].append((time.perf_counter() - began) * 1000)
    finally:
        end()
        GUARD.remove(directory)
    medians = {name: statistics.median(values) for name, values in took.items()}
    return {**medians, "ratio": medians["harness"] / medians["bare"]}


def suite(gcs: str, jobs: int) -> dict[str, float]:
    """The whole suite in a process of its own: wall seconds, recoveries and guarantees a minute.

    A verified guarantee is one promise, clause or behaviour that one scenario judged: held, or
    broken as is known.
    """
    with tempfile.TemporaryDirectory() as runs:
        began = time.perf_counter()
        subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "scenarios",
                "--gcs",
                gcs,
                "-n",
                str(jobs),
                "--run-dir",
                runs,
            ],
            cwd=Path(__file__).parents[2],
            stdout=subprocess.DEVNULL,
            check=False,
        )
        seconds = time.perf_counter() - began
        result: dict[str, Any] = json.loads((Path(runs) / "latest" / "result.json").read_text())
    judged = [one for one in result["scenarios"] if one["verdict"] in ("held", "known")]
    guarantees = sum(len(one["promises"]) + len(one["clauses"]) + len(one["behaviours"]) for one in judged)
    recoveries = sum(one["recoveries"] for one in result["scenarios"])
    return {
        "scenarios": len(result["scenarios"]),
        "not judged or broken": len(result["scenarios"]) - len(judged),
        "wall seconds": seconds,
        "recoveries": recoveries,
        "recoveries a minute": recoveries * 60 / seconds,
        "guarantees a minute": guarantees * 60 / seconds,
    }


def raylets(target: Target, count: int) -> dict[str, float]:
    directory = GUARD.directory("bench-")
    store = store_from("memory", directory)
    process = GcsProcess(
        target, Launch(LOOPBACK, allocate_port(), store.settings, "bench", "bench", directory / "gcs")
    )
    try:
        process.start()
        process.wait_until_serving()
        return cost.measure(process.address, str(target.dialect.release), count, 10.0, watch=False)
    finally:
        process.kill()
        GUARD.remove(directory)
