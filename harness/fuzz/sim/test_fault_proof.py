"""Each fault of a simulated plan is in the record with its proof; without that the record shows nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from harness.check.assumptions import assumptions
from harness.check.ruling import Finding
from harness.check.story import Story
from harness.fuzz.faults import (
    FAULTS,
    STABLE,
    AddNode,
    BreakLinks,
    CrashGcs,
    CutNode,
    CutStore,
    Disobey,
    DropRef,
    FailStore,
    HangGcs,
    KillDriver,
    KillGcs,
    KillNode,
    KillStore,
    KillWorker,
    Rival,
    StallStore,
    SyncAgain,
    TearStore,
    TerminateGcs,
)
from harness.fuzz.operations import AddJob, StartActor
from harness.fuzz.plan import Plan, Step
from harness.fuzz.sim.world import simulate
from harness.history.proof import LEDGER, Proof

NOT_SIMULATED = {Rival, CutStore}
ACTOR = Step(StartActor(0), 0.1)
AFTER = Step(AddJob(1), 0.5)
STEPS: Mapping[Any, tuple[Step, ...]] = {
    kind: (ACTOR, Step(kind(), 1.0), AFTER)
    for kind in (
        KillGcs, CrashGcs, TerminateGcs, HangGcs, StallStore, FailStore, KillStore, AddNode, KillNode,
        CutNode, KillWorker, KillDriver, DropRef, BreakLinks, SyncAgain, Disobey,
    )
} | {TearStore: (ACTOR, Step(KillGcs(down=2.0), 1.0), Step(TearStore(0), 0.5), AFTER)}  # fmt: skip


def test_every_simulated_fault_is_looked_at() -> None:
    assert STEPS.keys() == set(FAULTS) - NOT_SIMULATED


@pytest.mark.parametrize("kind", STEPS, ids=lambda kind: kind.__name__)
def test_a_fault_proves_that_it_struck(kind: Any) -> None:
    record = simulate(Plan(steps=STEPS[kind], nodes=(4.0, 4.0))).record
    events, entries = record.events(), record.entries()
    (told,) = (one for one in events if (one.kind, one.what) == ("plan", STABLE[kind]))
    assert assumptions(Story(events, entries)).finding is Finding.HELD
    (proof,) = (Proof.of(one) for one in told.facts["proof"])
    if proof.kind == LEDGER:
        entries = [one for one in entries if one.rule not in proof.what]
    else:
        events = [one for one in events if one.kind != proof.kind or one.what not in proof.what]
    ruling = assumptions(Story(events, entries))
    assert ruling.finding is Finding.UNKNOWN
    assert "hit nothing" in ruling.reason
