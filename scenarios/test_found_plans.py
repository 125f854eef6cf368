"""What fuzzing found in some release, kept as plans: each is carried out again, on whatever is judged now."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.fuzz.plan import Plan, read

FOUND = sorted((Path(__file__).parent / "plans").glob("*.json"))


@pytest.mark.needs(store="redis")
@pytest.mark.needs(backend="loopback", why="plans break the links of single raylets, by proxies on loopback")
@pytest.mark.promise("1", "2")
@pytest.mark.parametrize("file", FOUND, ids=lambda file: file.stem)
def test_a_plan_that_broke_a_release(carry_out: Callable[[Plan], None], file: Path) -> None:
    carry_out(read(file.read_text()))
