"""An answer to CheckAlive that is wrong, or of another length, is told; one that the store bears out is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.check.check_alive import NAME, check_alive
from harness.check.ruling import Finding
from harness.check.tale import Tale, tale

NODE, OTHER = "0a" * 28, "0b" * 28
ALIVE, DEAD = {"state": "ALIVE"}, {"state": "DEAD"}
WRONG = "CheckAlive is wrong about a node"
SHORT = "CheckAlive does not answer one for one"


def lives(told: Tale | None = None) -> Tale:
    """One node is stored as ALIVE, at 1.1."""
    return (told or tale()).write("NODE", NODE, ALIVE, at=1.0)


def asked(told: Tale, *answers: bool, start: float = 8.0, end: float = 9.0, **ending: Any) -> Tale:
    """Of that node, and of one that nobody knows."""
    told.begin("CheckAlive", {"node_ids": [NODE, OTHER]}, "c", at=start)
    return told.end("c", {"raylet_alive": [*answers]}, at=end, **ending)


def without(told: Tale, **facts: Any) -> Tale:
    """The same of a cluster of which less is known."""
    first = told.events[0]
    told.events[0] = replace(first, facts={**first.facts, **facts})
    return told


def lived_before(told: Tale) -> Tale:
    """The case begins with the fourth life of a GCS."""
    told.events = [
        replace(one, facts={**one.facts, "life": 3}) if one.kind == "gcs" else one for one in told.events
    ]
    return told


def bereft(ended: bool) -> Tale:
    """The store dies at 5.0 and comes back; ``ended``: with the GCS of then, and another has come."""
    told = lives().event("store", "killed", {}, at=5.0).event("store", "restarted", {}, at=5.5)
    if ended:
        told.event("gcs", "ended", {"life": 0, "exit": 1}, "gcs", at=6.0)
        told.event("gcs", "started", {"life": 1, "pid": 2}, "gcs", at=6.5)
        told.event("gcs", "serving", {"life": 1}, "gcs", at=7.0)
    return told


BROKEN = {
    "of a GCS that has seen no store die": (asked(bereft(ended=True), False, False), WRONG),
    "before the store died": (asked(bereft(ended=False), False, False, start=3.0, end=4.0), WRONG),
    "another order": (asked(lives(), False, True), WRONG),
    "one that nobody knows is alive": (asked(lives(), True, True), WRONG),
    "one that lives is not": (asked(lives(), False, False), WRONG),
    "one that died before": (asked(lives().write("NODE", NODE, DEAD, at=7.0), True, False), WRONG),
    "one that died after": (asked(lives(), False, False).write("NODE", NODE, DEAD, at=9.1), WRONG),
    "too few answers": (asked(lives(), True), SHORT),
    "too many answers": (asked(lives(), True, False, False), SHORT),
    "no answer": (asked(lives()), SHORT),
    "before the store lost its rows": (asked(lives(), False, False).event("store", "lost"), WRONG),
    "of a release that nobody knows": (without(asked(lives(), False, False), release=""), WRONG),
    "too few answers, without a ledger": (asked(tale(ledger=False), True), SHORT),
}
FINE = {
    "what could not be written": asked(bereft(ended=False), False, False),
    "in its turn": asked(lives(), True, False),
    "it died a moment before": asked(lives().write("NODE", NODE, DEAD, at=7.6), True, False),
    "it died meanwhile, and this says no": asked(lives().write("NODE", NODE, DEAD, at=8.5), False, False),
    "it died meanwhile, and this says yes": asked(lives().write("NODE", NODE, DEAD, at=8.5), True, False),
    "it was DEAD in between": asked(
        lives().write("NODE", NODE, DEAD, at=8.2).write("NODE", NODE, ALIVE, at=8.6), False, False
    ),
    "its death was never acknowledged": asked(
        lives().write("NODE", NODE, DEAD, took=None, at=5.0), False, False
    ),
    "its death was never acknowledged, and it joins anew meanwhile": asked(
        lives().write("NODE", NODE, DEAD, took=None, at=5.0).write("NODE", NODE, ALIVE, at=8.2), False, False
    ),
    "its death is on its way": asked(lives().write("NODE", NODE, DEAD, took=9.0, at=8.5), False, False),
    "its death was on its way long before": asked(
        lives().write("NODE", NODE, DEAD, took=2.0, at=7.2), False, False, end=8.1
    ),
    "no ledger": asked(tale(ledger=False), True, True),
    "a store of before that nobody has read": asked(lived_before(tale()), True, True),
    "a look that did not read the store": asked(tale().look("baseline", {}), True, True),
    "a lost store": asked(lives().event("store", "lost", at=2.0), False, False),
}  # fmt: skip
IDLE = {
    "refused": asked(lives(), False, True, outcome="refused"),
    "of no node": lives().call("CheckAlive", {"node_ids": []}, {"raylet_alive": [True]}),
    "without any": lives().call("CheckAlive", {}, {"raylet_alive": [True]}),
    "another call": lives().call("GetAllNodeInfo", {"node_ids": [NODE]}, {"raylet_alive": [False]}),
    "a lost store": FINE["a lost store"],
    "a release that is asked for addresses": tale(release="2.40.0").call("CheckAlive", {"node_ids": [NODE]}),
    "a rival": asked(lives(), False, True).event("gcs", "started", {"life": 0}, "rival"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_wrong_answer_is_told(name: str) -> None:
    told, signature = BROKEN[name]
    assert [one.signature for one in check_alive(told.story()).violations] == [signature]


@pytest.mark.parametrize("name", FINE)
def test_an_answer_that_the_store_bears_out_is_fine(name: str) -> None:
    assert check_alive(FINE[name].story()).violations == ()


@pytest.mark.parametrize("name", IDLE)
def test_what_is_no_answer_about_nodes_is_not_judged(name: str) -> None:
    ruling = check_alive(IDLE[name].story())
    assert ruling.idle
    assert ruling.check == NAME


def test_each_answer_is_judged() -> None:
    told = asked(asked(lives(), True, False), True, False, start=10.0, end=11.0)
    ruling = check_alive(told.story())
    assert (ruling.check, ruling.finding, ruling.judged) == (NAME, Finding.HELD, 2)


def test_what_proves_it_is_told() -> None:
    [wrong] = check_alive(asked(lives(), True, True).story()).violations
    assert (wrong.detail, wrong.events) == (f"place 1: node {OTHER} is alive by its answer", ("c", "c-end"))
    [wrong] = check_alive(asked(lives(), False, False).story()).violations
    assert wrong.detail == f"place 0: node {NODE} is not alive by its answer"
    [short] = check_alive(asked(lives(), True).story()).violations
    assert (short.detail, short.events) == ("2 nodes asked for, 1 answers", ("c", "c-end"))
