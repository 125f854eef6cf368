"""What fake raylets cost: ``python -m harness.raylet.cost --gcs-server PATH --counts 10,100,1000``.

For each count it starts one host, waits until all raylets are settled, then reads, over a quiet
stretch, the host's resident memory (the proportional share, so what the zygote shares counts
once), its CPU time, and the calls it answered. With ``--gcs-server`` each count gets a fresh
in-memory GCS of its own, so that earlier, dead raylets cost nothing.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from harness.process.ports import allocate_port
from harness.raylet.client import RayletHost
from harness.raylet.handles import RayletHandle
from harness.wait import until
from harness.wire.dialect import dialect


def measure(gcs: str, release: str, count: int, seconds: float, watch: bool) -> dict[str, float]:
    """Cost of ``count`` idle raylets of one host: MB, CPU in % of one core, calls a second."""
    with RayletHost(gcs, dialect(release)) as host:
        began = time.monotonic()
        addresses = [f"127.9.{n // 250}.{n % 250 + 1}" for n in range(count)]
        raylets = host.add_many(addresses, is_head=True, within=300, watch=watch)
        settled = time.monotonic() - began
        _settle(raylets)
        process = psutil.Process(host.pid)
        zygote = process.children()[0]
        before, start = _busy(process), time.monotonic()
        calls = sum(raylets[0].counts().values())
        time.sleep(seconds)
        spent = time.monotonic() - start
        return {
            "raylets": count,
            "settled s": round(settled, 1),
            "host MB": round(process.memory_info().rss / 1e6, 1),
            "zygote MB": round(zygote.memory_full_info().pss / 1e6, 1),
            "CPU %": round(100 * (_busy(process) - before) / spent, 1),
            "calls/s of one": round((sum(raylets[0].counts().values()) - calls) / spent, 1),
        }


def _settle(raylets: list[RayletHandle]) -> None:
    """Let the burst of registrations pass: until some raylets hear nothing new for three seconds."""

    def heard() -> list[dict[str, int]]:
        return [
            one.counts(journal)
            for one in raylets[:: max(1, len(raylets) // 10)]
            for journal in ("syncs", "messages")
        ]

    def quiet() -> bool:
        before = heard()
        time.sleep(3)
        return heard() == before

    until("the host to calm down", quiet, 180)


def _busy(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@contextlib.contextmanager
def gcs_in_memory(path: Path, release: str) -> Iterator[str]:
    """A real ``gcs_server`` without a store; gives its address."""
    with tempfile.TemporaryDirectory() as directory:
        port = allocate_port()
        argv = [
            str(path), f"--gcs_server_port={port}", "--node-ip-address=127.0.0.1", "--session-name=cost",
            f"--log_dir={directory}", f"--config_list={base64.b64encode(json.dumps({}).encode()).decode()}",
        ]  # fmt: skip
        if dialect(release).release >= dialect("2.55.0").release:
            argv += [f"--session-dir={directory}", f"--node_id={'ab' * 28}"]
        with (Path(directory) / "log").open("wb") as log:
            process = subprocess.Popen(
                argv, stdout=log, stderr=log, env={**os.environ, "RAY_AUTH_MODE": "disabled"}
            )
        try:
            time.sleep(1.5)
            yield f"127.0.0.1:{port}"
        finally:
            process.kill()
            process.wait()


def main() -> None:
    """Measure each count and print a line for it."""
    known = argparse.ArgumentParser(prog="python -m harness.raylet.cost", description=__doc__)
    which = known.add_mutually_exclusive_group(required=True)
    which.add_argument("--gcs-server", type=Path, help="path of a real gcs_server binary")
    which.add_argument("--gcs", help="address of a running GCS")
    known.add_argument("--release", default="2.60.0")
    known.add_argument("--counts", default="10,100,1000")
    known.add_argument("--seconds", type=float, default=10.0, help="length of the quiet stretch")
    known.add_argument("--watch", action="store_true", help="keep and decode what is heard, as small runs do")
    asked = known.parse_args()
    for count in map(int, asked.counts.split(",")):
        with contextlib.ExitStack() as stack:
            gcs = asked.gcs or stack.enter_context(gcs_in_memory(asked.gcs_server, asked.release))
            found = measure(gcs, asked.release, count, asked.seconds, asked.watch)
        print("  ".join(f"{name} {value}" for name, value in found.items()), flush=True)


if __name__ == "__main__":
    main()
