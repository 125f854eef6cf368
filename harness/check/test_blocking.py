"""An answer while there is no GCS is told; a call that waits for one, or of which nobody can tell, is not."""

from __future__ import annotations

import pytest

from harness.check.over_history import blocking
from harness.check.ruling import Finding
from harness.check.tale import Tale, tale


def outage(method: str, start: float, end: float, outcome: str = "ok") -> Tale:
    """The GCS is killed at 10, started again at 20 and serves at 21."""
    story = tale().event("gcs", "killed", {"life": 0}, "gcs", at=10.0)
    story.event("gcs", "started", {"life": 1}, "gcs", at=20.0).event("gcs", "serving", {"life": 1}, "gcs")
    return story.begin(method, at=start, id="call").end("call", at=end, outcome=outcome)


def test_an_answer_while_there_is_no_gcs_is_told() -> None:
    ruling = blocking(outage("InternalKVPut", 12, 13).story())
    assert ruling.reason == "InternalKVPut was answered while there was no GCS"
    assert "call" in ruling.violations[0].events


@pytest.mark.parametrize(
    ("story", "finding"),
    [
        (outage("InternalKVPut", 12, 20.5), Finding.HELD),
        (outage("InternalKVPut", 12, 13, "refused"), Finding.HELD),
        (outage("InternalKVGet", 12, 13), Finding.UNKNOWN),
        (outage("InternalKVPut", 9.9, 10.1), Finding.UNKNOWN),
        (outage("InternalKVPut", 20.5, 22), Finding.UNKNOWN),
        (
            outage("InternalKVPut", 12, 13).event("gcs", "started", {"life": 0}, "rival", at=1),
            Finding.UNKNOWN,
        ),
    ],
)
def test_a_call_that_waits_or_does_not_count_is_accepted(story: Tale, finding: Finding) -> None:
    assert blocking(story.story()).finding is finding
