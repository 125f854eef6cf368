"""What is told of a GCS that ends in start after start."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from harness.cluster.cluster import Cluster
from harness.errors import TargetFailed
from harness.fuzz.real import keeper
from harness.fuzz.real.keeper import MOST_FAILED_STARTS, Keeper

FATAL = "[2026-01-01 00:00:00,000 C 1 1] (gcs_server) where.cc:17: Check failed: x\n"


@pytest.mark.parametrize("telling", [1, 3, MOST_FAILED_STARTS])
def test_the_log_of_a_start_that_says_why_is_named(
    telling: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "DOWN_SECONDS", 0.0)
    logs = [tmp_path / f"{number}.log" for number in range(MOST_FAILED_STARTS + 1)]
    for number, log in enumerate(logs):
        log.write_text(FATAL if number == telling else "")
    gcs = SimpleNamespace(
        alive=False,
        paused=False,
        target=SimpleNamespace(name="it"),
        running=SimpleNamespace(log_path=logs[0]),
    )
    lives = iter(logs[1:])
    gcs.start = lambda: setattr(gcs.running, "log_path", next(lives))
    kept = Keeper(cast(Cluster, SimpleNamespace(gcs=gcs, proxy=None)))
    kept.expect(0.0)
    with pytest.raises(TargetFailed, match="in 5 starts in a row") as failed:
        for _ in range(4 * MOST_FAILED_STARTS):
            kept.look()
    assert failed.value.log == logs[telling]
