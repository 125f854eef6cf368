"""Real points: one of each mode against the reference, and what two GCSs turn out to write."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.crashpoint.carry import carry_out, facts_of
from harness.crashpoint.discover import discover
from harness.crashpoint.flows import flow_named
from harness.crashpoint.points import MODES, parse, step_at
from harness.crashpoint.stand import Stands
from harness.history.recorder import Recorder
from harness.report.verdict import Inconclusive
from harness.target.parse import parse_target


@pytest.fixture(scope="module")
def stands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stands]:
    place = tmp_path_factory.mktemp("stands")
    found = Stands(parse_target("reference"), place, lambda number: Recorder(place, "case"))
    yield found
    found.close()


def carried(stands: Stands, id: str) -> dict[str, Any]:
    point = parse(id)
    flow = flow_named(point.flow)
    stand = stands.of(flow.kind)
    step = step_at(point, discover(stand, flow))
    facts = facts_of(flow, point, step)
    carry_out(stand, flow, point, step, facts)
    assert not stand.spoilt
    return facts


TOLD = {
    "kill-before": ("unknown", "not stored"),
    "kill-after": ("unknown", "stored"),
    "swallow": ("unknown", "stored"),
    "stall-retry-kill": ("unknown", "not stored"),
    "delay": ("ok", "stored"),
}


@pytest.mark.parametrize("mode", MODES)
def test_a_point_of_each_mode_is_struck_and_comes_through(stands: Stands, mode: str) -> None:
    facts = carried(stands, f"AddJob:first:{mode}")
    if mode in TOLD:
        assert (facts["told"], facts["survived"]) == TOLD[mode]


def test_a_ladder_kills_recovery_after_recovery(stands: Stands) -> None:
    facts = carried(stands, "AddJob:first:kill-before+recovery")
    assert facts["killed"] >= 5, "the recovery was not killed at each of its commands"


def test_a_recovery_is_struck_at_a_command_of_its_own(stands: Stands) -> None:
    facts = carried(stands, "recovery:1:kill-before")
    assert facts["rpc"] == "recovery"


def test_a_flow_that_no_client_asks_for_tells_nobody(stands: Stands) -> None:
    facts = carried(stands, "flow.actor-restart:first:kill-after")
    assert (facts["told"], facts["survived"]) == ("", "stored")


def test_a_rule_that_nothing_meets_is_inconclusive(stands: Stands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.crashpoint.carry.STRIKE_SECONDS", 0.2)
    point, flow = parse("AddJob:1:kill-before"), flow_named("AddJob")
    stand = stands.of(flow.kind)
    step = step_at(parse("RegisterActor:first:cut"), discover(stand, flow_named("RegisterActor")))
    with pytest.raises(Inconclusive, match="never came to"):
        carry_out(stand, flow, point, step, {})
    assert stand.spoilt, "a stand on which something was left half-way is used again"
    assert stands.of(flow.kind) is not stand


@pytest.mark.parametrize("gcs", ["reference", "ray==2.60.0"])
def test_what_a_flow_writes_is_seen_not_written_down(tmp_path: Path, gcs: str) -> None:
    stands = Stands(parse_target(gcs), tmp_path, lambda number: Recorder())
    try:
        labels = {
            name: [step.label for step in discover(stands.of("plain"), flow_named(name))]
            for name in ("RegisterActor", "InternalKVPut")
        }
        recovery = discover(stands.of("rich"), flow_named("recovery"))
    finally:
        stands.close()
    assert labels["InternalKVPut"] == ["HSET KV"]
    if gcs == "reference":
        assert len(labels["RegisterActor"]) == 1, "its two rows are one transaction"
    else:
        assert labels["RegisterActor"] == ["HSET ACTOR_TASK_SPEC", "HSET ACTOR"]
    assert {"HSCAN ACTOR", "HSCAN NODE"} <= {step.label for step in recovery}
