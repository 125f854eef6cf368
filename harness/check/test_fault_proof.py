"""Every fault of every vocabulary has a proof of its own, and a record without it shows nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest

from harness import fault as scenario_faults
from harness.check.assumptions import assumptions
from harness.check.format_1 import KINDS, UNSHOWN
from harness.check.ruling import Finding
from harness.check.tale import Tale, tale
from harness.fuzz.faults import FAULTS, STABLE
from harness.history.entry import Entry
from harness.history.proof import LEDGER, PROOFS, Proof, proving
from harness.proxy import wire

OF_SCENARIOS: Mapping[str, str] = {
    name: cast(Any, one).kind
    for name, one in vars(scenario_faults).items()
    if name not in ("Fault", "Injection") and isinstance(one, type)
}
"""Their classes, by name."""
OF_COMMANDS = {name: one.kind for name, one in wire.MODES.items()}
OF_LINKS = {name: one.kind for name, one in wire.FAULTS.items()}
OF_PLANS = {one.__name__: STABLE[one] for one in FAULTS}
TAMPERING = "tamper-with-store"


def test_every_fault_has_a_kind_and_every_kind_a_fault() -> None:
    faults = {one for one in scenario_faults.__all__ if one[0].isupper()} - {"Fault", "Injection"}
    assert faults == OF_SCENARIOS.keys()
    known = {*OF_SCENARIOS.values(), *OF_COMMANDS.values(), *OF_LINKS.values(), *OF_PLANS.values(), TAMPERING}
    assert known == PROOFS.keys()
    assert all(PROOFS.values())
    assert STABLE.keys() == set(FAULTS)


def test_no_two_faults_of_a_vocabulary_share_a_kind() -> None:
    for vocabulary in (OF_SCENARIOS, OF_COMMANDS, OF_LINKS, OF_PLANS):
        assert len(set(vocabulary.values())) == len(vocabulary)


def proved(told: Tale, proofs: list[Proof], without: Proof | None = None) -> Tale:
    for one in proofs:
        if one is without:
            continue
        if one.kind == LEDGER:
            told.ledger.append(_struck(told.now, one))
        else:
            what = one.what[0] if one.what else "anything"
            told.event(one.kind, what, one.facts, one.who or "somebody", at=told.now)
    return told


def _struck(at: float, proof: Proof) -> Entry:
    return Entry(
        id="s1", case="tale", cluster=0, at=at, done=None, via="gcs", connection=1,
        unit=proof.facts.get("unit", 7), command=("HSET", "k", "f", "v"), reply=None, applied=False,
        rule=proof.what[0],
    )  # fmt: skip


def lasting(name: str, facts: Mapping[str, Any], proofs: list[Proof], without: Proof | None = None) -> Tale:
    told = tale().event("fault", name, {"phase": "inject", **facts})
    proved(told, proofs, without)
    return told.event("fault", name, {"phase": "healed"})


@pytest.mark.parametrize("kind", PROOFS)
def test_a_fault_has_struck_if_all_of_its_proof_is_in_the_record(kind: str) -> None:
    facts = proving(kind, "" if kind in ("second-gcs",) else "gcs", unit=7)
    proofs = [Proof.of(one) for one in facts["proof"]]
    assert assumptions(lasting("in whatever words", facts, proofs).story()).finding is Finding.HELD
    for one in proofs:
        ruling = assumptions(lasting("in whatever words", facts, proofs, without=one).story())
        assert ruling.finding is Finding.UNKNOWN
        assert "«in whatever words» hit nothing" in ruling.reason


@pytest.mark.parametrize("kind", OF_PLANS)
def test_a_fault_of_a_plan_that_is_not_proved_shows_nothing(kind: str) -> None:
    facts = proving(OF_PLANS[kind])
    proofs = [Proof.of(one) for one in facts["proof"]]
    told = tale().event("plan", OF_PLANS[kind], facts)
    assert assumptions(told.story()).finding is Finding.UNKNOWN
    told = tale().event("plan", OF_PLANS[kind], facts)
    assert assumptions(proved(told, proofs).story()).finding is Finding.HELD


def test_a_fault_of_a_link_that_waits_for_connections_need_not_meet_any() -> None:
    told = lasting("Blackhole", {**proving("blackhole-link"), "armed": True}, [])
    assert assumptions(told.story()).finding is Finding.HELD


def test_rows_that_were_not_altered_show_nothing() -> None:
    told = tale().event("store", "tampered", {"why": "by hand", **proving(TAMPERING)})
    assert assumptions(told.story()).finding is Finding.UNKNOWN
    assert assumptions(told.event("store", "altered").story()).finding is Finding.HELD


NARROWED: Mapping[str, tuple[dict[str, Any], Any]] = {
    "another raylet": (proving("kill-raylet", "n1"), ("raylet", "killed", {}, "n2")),
    "another actor": (proving("kill-worker", facts={"actor": "a1"}), ("worker", "exited", {"actor": "a2"}, "n")),
    "another life": (proving("hang-gcs", facts={"life": 1}), ("gcs", "paused", {"life": 0}, "gcs")),
    "too early": (proving("pause-store"), None),
}  # fmt: skip


@pytest.mark.parametrize("what", NARROWED)
def test_what_befell_somebody_else_proves_nothing(what: str) -> None:
    facts, deed = NARROWED[what]
    told = tale().event("store", "paused")
    told.event("fault", "a fault", {"phase": "inject", **facts})
    if deed is not None:
        told.event(*deed)
    assert assumptions(told.event("fault", "a fault", {"phase": "healed"}).story()).finding is Finding.UNKNOWN


def test_another_command_of_the_same_mode_proves_nothing() -> None:
    facts = proving("stall-command", "gcs", 8)
    told = lasting("Stall", facts, [Proof(LEDGER, ("Stall",), facts={"unit": 7})])
    assert assumptions(told.story()).finding is Finding.UNKNOWN


UNKNOWN: Mapping[str, dict[str, Any]] = {
    "a kind that nobody knows": {"fault": "full-moon", "proof": [{"kind": "note", "what": ["moonrise"]}]},
    "a kind without a proof": {"fault": "kill-gcs", "proof": []},
    "words that nobody knows": {},
}


@pytest.mark.parametrize("what", UNKNOWN)
def test_a_fault_that_nobody_knows_shows_nothing(what: str) -> None:
    told = tale().event("fault", "the moon is full", {"phase": "inject", **UNKNOWN[what]})
    told.event("note", "moonrise").event("gcs", "killed", {"life": 0}, "gcs")
    ruling = assumptions(told.event("fault", "the moon is full", {"phase": "healed"}).story())
    assert ruling.finding is Finding.UNKNOWN
    assert "nobody knows what shows that the fault «the moon is full» struck" in ruling.reason


@pytest.mark.parametrize("name", KINDS)
def test_a_record_of_format_1_is_read_by_the_names_of_its_faults(name: str) -> None:
    proofs = list(PROOFS[KINDS[name]])
    assert assumptions(lasting(name, {}, proofs).story()).finding is Finding.HELD
    assert assumptions(lasting(name, {}, []).story()).finding is Finding.UNKNOWN


@pytest.mark.parametrize("name", sorted(UNSHOWN))
def test_what_format_1_does_not_show_is_taken_as_told(name: str) -> None:
    assert assumptions(lasting(name, {}, []).story()).finding is Finding.HELD
