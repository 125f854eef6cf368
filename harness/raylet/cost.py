"""What fake raylets cost; ``python -m harness.bench --only raylets`` starts a GCS for it.

It starts one host, waits until all raylets are settled, then reads, over a quiet stretch, the
host's resident memory (the proportional share, so what the zygote shares counts once), its CPU
time, and the calls it answered.
"""

from __future__ import annotations

import time

import psutil

from harness.raylet.client import RayletHost
from harness.raylet.handles import RayletHandle
from harness.wait import until
from harness.wire.dialect import dialect

QUIET_S = 3.0


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

    last, since = heard(), time.monotonic()

    def quiet() -> bool:
        nonlocal last, since
        now = heard()
        if now != last:
            last, since = now, time.monotonic()
        return time.monotonic() - since > QUIET_S

    until("the host to calm down", quiet, 180, every=0.2)


def _busy(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
