"""Promise 1, at every single store command: whatever befalls the GCS exactly there, a restart makes it good.

``gauntlet crashpoints`` carries out every point; without it, this file is a short sample.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.crashpoint.carry import carry_out, facts_of
from harness.crashpoint.discover import step_of
from harness.crashpoint.flows import flow_named
from harness.crashpoint.points import Point, Step
from harness.crashpoint.stand import Stand

pytestmark = [
    pytest.mark.promise("1"),
    pytest.mark.clause("L2", "D12", "D13", "I5"),
    pytest.mark.needs(store="redis"),
]


def test_crash_point(
    point: Point, stand: Stand, steps: dict[str, list[Step]], record_property: Callable[[str, object], None]
) -> None:
    """The GCS comes back, whoever had asked is answered, and what was begun comes to its right end.

    That nothing acknowledged is lost, nothing happens twice and all books agree, the record shows.
    """
    flow = flow_named(point.flow)
    step = step_of(stand, flow, point, steps)
    facts = facts_of(flow, point, step)
    record_property("point", facts)
    carry_out(stand, flow, point, step, facts)
