"""Who claims to be another is refused, and who claims nothing is answered: what is judged, and what proves it."""

from __future__ import annotations

from typing import Any

from harness.check.identity import identity
from harness.check.tale import Tale, tale

FACTS: dict[str, Any] = {"outcome": "ok", "code": 0, "said": "", "reply": {}}
CLAIM = "another cluster"


def claimed(told: Tale, id: str, grpc: str = "OK", claims: str = CLAIM) -> Tale:
    told.event("call", "InternalKVPut", {"request": {}, "claims": claims}, "intruder", id=id)
    return told.event(
        "return", "InternalKVPut", {**FACTS, "call": id, "grpc": grpc}, "intruder", id=f"{id}-end"
    )


def test_what_proves_that_a_stranger_was_answered() -> None:
    (found,) = identity(claimed(tale(), "c").story()).violations
    assert (found.signature, found.events) == ("a call with another cluster was answered", ("c", "c-end"))
    assert found.detail == "intruder called InternalKVPut with another cluster at 1.000000"


def test_what_proves_that_one_who_claims_nothing_was_refused() -> None:
    told = tale().event("look", "refused", {"why": "UNAUTHENTICATED"}, "eye", id="look")
    found = identity(told.event("look", "refused", {}, "ear", id="next").story()).violations
    assert {one.signature for one in found} == {"one who claims no cluster id was refused"}
    assert [(one.events, one.detail) for one in found] == [
        (("look",), "eye: UNAUTHENTICATED"),
        (("next",), "ear: "),
    ]


def test_claims_that_were_answered_at_all_and_looks_are_judged() -> None:
    assert identity(tale().call("InternalKVPut").story()).idle
    told = tale().event("call", "InternalKVPut", {"request": {}, "claims": CLAIM}, "intruder", id="open")
    assert identity(told.story()).idle
    claimed(claimed(told, "c", "UNAUTHENTICATED"), "d", "UNAUTHENTICATED").look().look()
    ruling = identity(told.story())
    assert (ruling.violations, ruling.judged) == ((), 4)


def test_one_who_claims_what_the_cluster_is_called_is_no_stranger() -> None:
    told = tale().call("GetClusterId", reply={"cluster_id": "ab"})
    for number, claimed_id in enumerate(("ab", "cd")):
        told.event("call", "GetAllNodeInfo", {"claims": CLAIM, "claimed": claimed_id}, "x", id=f"c{number}")
        told.event("return", "GetAllNodeInfo", {**FACTS, "call": f"c{number}", "grpc": "OK"}, "x")
    ruling = identity(told.story())
    assert ([one.events[0] for one in ruling.violations], ruling.judged) == (["c1"], 1)


def test_a_call_that_no_gcs_answered_shows_nothing() -> None:
    for status in ("UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED"):
        assert identity(claimed(tale(), "c", status).story()).idle
    assert identity(claimed(tale(), "c", "ABORTED").story()).judged == 1


def test_no_other_call_hides_a_stranger() -> None:
    told = tale().call("InternalKVPut").event("call", "InternalKVPut", {"claims": CLAIM}, "intruder")
    assert [one.events for one in identity(claimed(told, "c").story()).violations] == [("c", "c-end")]
