"""Orders of a recovery that are missing, doubled, too early, or meant for the dead are told; those in order are not."""

from __future__ import annotations

from typing import Any

import pytest

from harness.check.recovery_orders import recovery_orders
from harness.check.ruling import Finding
from harness.check.tale import Tale, tale

NODE, OTHER = "0a" * 28, "0b" * 28
NODES = ("HSCAN", "RAYns@NODE", "0", "COUNT", "1000")
NOTICE, LEASE, PREPARE = "NotifyGCSRestart", "RequestWorkerLease", "PrepareBundleResources"
WORKERS, BUNDLES = "ReleaseUnusedActorWorkers", "ReleaseUnusedBundles"


def order(told: Tale, method: str, node: str = NODE, script: str = "", at: float | None = None) -> Tale:
    seq = len(told.events)
    facts: dict[str, Any] = {"seq": seq, "outcome": "received", "fields": {}, "worker": "", "script": script}
    return told.event("order", method, facts, node, at)


def ended(told: Tale, outcome: str, at: float | None = None) -> Tale:
    """How the last order ended."""
    last = next(one for one in reversed(told.events) if one.kind == "order")
    return told.event("order", last.what, {"seq": last.facts["seq"], "outcome": outcome}, last.who, at)


def back(state: str = "ALIVE", other: str = "") -> Tale:
    """Two nodes join, and the GCS returns; it serves at 20.0."""
    told = tale().write("NODE", NODE, {"state": state}, at=1.0)
    if other:
        told.write("NODE", OTHER, {"state": other}, at=2.0)
    told.event("gcs", "killed", {"life": 0}, "gcs", at=18.0)
    told.event("gcs", "started", {"life": 1, "pid": 2}, "gcs", at=19.0).read(*NODES, at=19.01)
    return told.event("gcs", "serving", {"life": 1}, "gcs", at=20.0)


def told_of(told: Tale, *nodes: str) -> Tale:
    for node in nodes or (NODE,):
        order(told, NOTICE, node, at=19.5)
    return told


def looked(told: Tale, at: float = 40.0) -> Tale:
    return told.look("closing", {"nodes": {NODE: {"state": "ALIVE"}}}, at=at)


def late(told: Tale, at: float) -> Tale:
    """The last order is answered ``at``, with a lease before that."""
    seq = told.events[-1].facts["seq"]
    order(told, LEASE, at=at - 0.1)
    return told.event("order", WORKERS, {"seq": seq, "outcome": "answered"}, NODE, at)


BROKEN = {
    "a raylet is never told": (looked(back()), "a living raylet was not told of a restart"),
    "a raylet that could not be reached is never told": (
        looked(back().event("raylet", "disconnected", {}, NODE, at=19.2).event("raylet", "reachable", {}, NODE, at=22.0)),
        "a living raylet was not told of a restart",
    ),
    "a raylet is told twice": (
        order(told_of(back()), NOTICE, at=19.6),
        "a raylet was told twice of one restart",
    ),
    "a dead one is told": (
        told_of(back("DEAD")),
        "NotifyGCSRestart was sent to a node that was DEAD",
    ),
    "a dead one is told at a door where nobody stands": (
        back("DEAD").event("note", "nobody heard", {"method": BUNDLES}, NODE, at=19.5),
        "ReleaseUnusedBundles was sent to a node that was DEAD",
    ),
    "a lease before the sweep": (
        order(order(told_of(back()), LEASE), WORKERS),
        "a worker was leased from a raylet that had not swept the old ones",
    ),
    "a lease after a sweep that was refused": (
        order(ended(order(told_of(back()), WORKERS), "refused"), LEASE),
        "a worker was leased from a raylet that had not swept the old ones",
    ),
    "a bundle before another node's sweep": (
        order(order(told_of(back(other="ALIVE"), NODE, OTHER), BUNDLES), PREPARE),
        "a bundle was prepared before all raylets had swept the old ones",
    ),
    "a bundle while a raylet is mute": (
        order(order(told_of(back()), BUNDLES, script="mute", at=20.1), PREPARE, at=20.2),
        "a bundle was prepared before all raylets had swept the old ones",
    ),
    "a lease before a late answer": (
        late(order(told_of(back()), WORKERS, script="delay", at=20.1), at=20.5),
        "a worker was leased from a raylet that had not swept the old ones",
    ),
}  # fmt: skip
FINE = {
    "all in order": looked(order(order(order(order(told_of(back()), WORKERS), BUNDLES), LEASE), PREPARE)),
    "a first notice whose answer was lost": order(ended(told_of(back()), "lost"), NOTICE),
    "a raylet that ended": looked(back().event("raylet", "killed", {}, NODE, at=19.1)),
    "a raylet that cannot be reached": looked(back().event("raylet", "disconnected", {}, NODE, at=19.1)),
    "a look too soon": looked(back(), at=21.0),
    "a node that registers in this life": order(
        back().call("RegisterNode", {"node_info": {"node_id": NODE}}, client=NODE), LEASE
    ),
    "an answer that comes nobody knows when": order(order(told_of(back()), WORKERS, script="delay"), LEASE),
    "a mute raylet, after long": order(
        order(told_of(back()), BUNDLES, script="mute", at=20.1), PREPARE, at=30.0
    ),
    "a node that died meanwhile": order(
        told_of(back()).write("NODE", NODE, {"state": "DEAD"}, at=21.0), PREPARE, at=22.0
    ),
    "a node whose death is stored a moment later": order(told_of(back()), PREPARE, at=22.0).write(
        "NODE", NODE, {"state": "DEAD"}, at=22.1
    ),
    "one of the life before": told_of(order(back(), LEASE, at=17.0)),
}


@pytest.mark.parametrize("name", BROKEN)
def test_an_order_out_of_order_is_told(name: str) -> None:
    told, signature = BROKEN[name]
    assert {one.signature for one in recovery_orders(told.story()).violations} == {signature}


@pytest.mark.parametrize("name", FINE)
def test_orders_in_order_are_fine(name: str) -> None:
    assert recovery_orders(FINE[name].story()).violations == ()


def test_without_a_ledger_or_with_a_rival_there_is_nothing_to_judge() -> None:
    assert recovery_orders(tale(ledger=False).restart().story()).idle
    assert recovery_orders(looked(back()).event("gcs", "started", {"life": 0}, "rival").story()).idle


def test_what_is_judged_is_held() -> None:
    assert recovery_orders(FINE["all in order"].story()).finding is Finding.HELD


def test_a_life_that_had_begun_before_the_record_is_no_recovery() -> None:
    told = order(tale().write("NODE", NODE, {"state": "ALIVE"}, at=1.0), LEASE, at=2.0)
    assert not recovery_orders(told.look("baseline", {}, at=0.5, stored={}).story()).violations


def test_orders_at_an_address_of_two_nodes_are_nobodys() -> None:
    door = {"node_manager_address": "127.0.0.1", "node_manager_port": 1000}
    row = {"node_id": NODE, "state": "ALIVE", **door}
    info = {"node_info": {"node_id": OTHER, **door}}

    def twice(asked: dict[str, Any]) -> Tale:
        told = tale().look("baseline", {}, at=0.5, stored={"NODE": {NODE: row}}).call("RegisterNode", asked)
        told = told.event("gcs", "killed", {"life": 0}, "gcs", at=18.0)
        told = told.event("gcs", "started", {"life": 1, "pid": 2}, "gcs", at=19.0).read(*NODES, at=19.01)
        told = told.event("gcs", "serving", {"life": 1}, "gcs", at=20.0)
        return order(order(told, NOTICE, at=19.5), NOTICE, at=19.6)

    assert not recovery_orders(twice(info).story()).violations
    elsewhere = {"node_info": {**info["node_info"], "node_manager_port": 1001}}
    [found] = recovery_orders(twice(elsewhere).story()).violations
    assert found.signature == "a raylet was told twice of one restart"


def test_an_order_that_comes_before_a_gcs_knows_its_nodes_is_of_the_one_before() -> None:
    late = order(back(), LEASE, at=19.005)
    assert not recovery_orders(late.story()).violations
    own = order(back(), LEASE, at=19.2)
    assert [one.signature for one in recovery_orders(own.story()).violations] == [
        "a worker was leased from a raylet that had not swept the old ones"
    ]
