"""The clock of the core while somebody sets the machine's."""

from __future__ import annotations

import time

import pytest

from reference_gcs.clock import Clock


@pytest.mark.parametrize("set_by", [-3600.0, 3600.0])
def test_a_wall_clock_that_is_set_moves_no_bound(monkeypatch: pytest.MonkeyPatch, set_by: float) -> None:
    clock, told = Clock(), time.time()
    before = clock.now()
    assert abs(before - told) < 1
    monkeypatch.setattr(time, "time", lambda: told + set_by)
    assert 0 <= clock.now() - before < 60
