"""Notices that are missing, doubled, or meant for the dead are told; those in order are not."""

from __future__ import annotations

from typing import Any

import pytest

from harness.check.recovery_orders import NAME, recovery_orders
from harness.check.returned import (
    BUNDLES,
    LEASE,
    NODE,
    NODES,
    NOTICE,
    OTHER,
    PREPARE,
    WORKERS,
    again,
    away,
    back,
    ended,
    joins,
    looked,
    nobody,
    order,
    told_of,
    unread,
)
from harness.check.ruling import Finding
from harness.check.tale import Tale, tale

UNTOLD, TWICE = "a living raylet was not told of a restart", "a raylet was told twice of one restart"
LEASED = "a worker was leased from a raylet that had not swept the old ones"
BROKEN = {
    "a raylet is never told": (looked(back()), UNTOLD),
    "a raylet that could not be reached is never told": (
        looked(back().event("raylet", "disconnected", {}, NODE, at=19.2).event("raylet", "reachable", {}, NODE, at=22.0)),
        UNTOLD,
    ),
    "a raylet is told twice": (
        order(told_of(back()), NOTICE, at=19.6),
        TWICE,
    ),
    "a raylet is told twice that had orders before by nobody knows which connection": (
        order(told_of(order(back(), LEASE, at=17.0)), NOTICE, at=19.6),
        TWICE,
    ),
    "a dead one is told": (
        told_of(back("DEAD")),
        "NotifyGCSRestart was sent to a node that was DEAD",
    ),
    "a dead one is told, and nobody is at its door": (
        nobody(back("DEAD")),
        "ReleaseUnusedBundles was sent to a node that was DEAD",
    ),
    "a raylet is not told by a life that ended": (order(again(back()), NOTICE, at=31.5), UNTOLD),
    "a raylet was out of reach before the GCS came back": (
        looked(away(back(), 3.0, 15.0), at=26.0),
        UNTOLD,
    ),
    "a raylet was out of reach for a moment": (looked(away(back(), 24.0, 25.0), at=30.6), UNTOLD),
    "a raylet was out of reach after the GCS had ended": (
        order(away(again(back()), 30.5, 30.6), NOTICE, at=31.5),
        UNTOLD,
    ),
    "a raylet is not told that had registered with the life before": (looked(joins(back(), 5.0, 6.0)), UNTOLD),
    "a raylet is not told that registers with the next life": (
        order(joins(again(back()), 33.0, 34.0), NOTICE, at=31.5),
        UNTOLD,
    ),
    "a raylet is not told that does not register": (looked(joins(back(), 21.0, 22.0, "CheckAlive")), UNTOLD),
    "a raylet is told twice, long after it was out of reach": (
        order(told_of(away(back(), 3.0, 4.0)), NOTICE, at=19.6),
        TWICE,
    ),
    "a dead one is told by the second life": (
        nobody(again(back("DEAD")), at=31.5),
        f"{BUNDLES} was sent to a node that was DEAD",
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
    "one of the life before": told_of(order(back().read(*NODES, at=0.5), LEASE, at=17.0)),
    "while the GCS reads what else there is": told_of(
        order(back(knows=19.2).read("HSCAN", "RAYns@JOB", "0", at=19.0), LEASE, at=19.15), at=19.5
    ),
    "while the GCS writes of a node before it has read them": told_of(
        order(back(knows=19.2).write("NODE", OTHER, {"state": "DEAD"}, at=19.0), LEASE, at=19.15), at=19.5
    ),
    "a GCS that never learns which nodes there are": order(unread(back()), LEASE, at=20.5),
    "a GCS that never learns it, before one that does": order(again(unread(back())), NOTICE, at=31.5),
    "each of two lives tells": order(again(told_of(back())), NOTICE, at=31.5),
    "each of two nodes is told": told_of(back(other="ALIVE"), NODE, OTHER),
    "a first notice that was answered late": order(
        ended(order(back(), NOTICE, script="delay", at=19.5), "answered", at=20.5), NOTICE, at=20.6
    ),
    "told again after it was out of reach": order(away(told_of(back()), 19.6, 20.0), NOTICE, at=20.5),
    "told again after the store lost its rows": order(
        told_of(back()).event("store", "lost", at=19.55), NOTICE, at=19.6
    ),
    "an order to its worker": order(told_of(back()), LEASE, worker="d1" * 28),
    "a GCS that never served": looked(told_of(again(back(serves=False)), at=31.5)),
    "a GCS that served not long enough": looked(told_of(again(back(), at=22.0), at=23.5)),
    "no last look": back(),
    "a last look after the store lost its rows": looked(back().event("store", "lost", at=30.0)),
    "a raylet that is DEAD in the end": looked(back().write("NODE", NODE, {"state": "DEAD"}, at=30.0)),
    "a raylet that was out of reach just before": looked(away(back(), 24.0, 25.0), at=30.4),
    "a raylet that was out of reach for long": looked(away(back(), 21.0, 30.0), at=38.0),
    "a node that registers for the first time": order(joins(back(), 19.3), LEASE),
    "a node whose registration came to an end in this life": order(joins(back(), 17.0, 19.05), LEASE),
    "two nodes that register in one life": order(
        joins(back(other="ALIVE"), 20.2, 20.3).call("RegisterNode", {"node_info": {"node_id": OTHER}}), LEASE
    ),
    "a probe of a dead node that nobody heard": nobody(back("DEAD"), "Check"),
    "a note of something else about a dead node": back("DEAD").event(
        "note", "reachable", {"method": BUNDLES}, NODE, at=19.5
    ),
    "nobody was at a dead node's door before the GCS came back": nobody(back("DEAD"), at=18.5),
    "a living node is told of where another is dead": order(nobody(back("DEAD"), node=OTHER), NOTICE, OTHER),
    "a life that had begun before the record": looked(
        tale()
        .look("baseline", {}, stored={"NODE": {NODE: {"state": "ALIVE"}}}, at=0.4)
        .read("HSCAN", "RAYns@NODE", "0", "COUNT", "1000", at=0.5)
    ),
    "a store that nobody has read": order(back().look("baseline", {}, at=0.5), LEASE),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_an_order_out_of_order_is_told(name: str) -> None:
    told, signature = BROKEN[name]
    assert {one.signature for one in recovery_orders(told.story()).violations} == {signature}


@pytest.mark.parametrize("name", FINE)
def test_orders_in_order_are_fine(name: str) -> None:
    assert recovery_orders(FINE[name].story()).violations == ()


def test_without_a_ledger_or_with_a_rival_there_is_nothing_to_judge() -> None:
    ruling = recovery_orders(tale(ledger=False).restart().story())
    assert ruling.idle
    assert ruling.check == NAME
    assert recovery_orders(looked(back()).event("gcs", "started", {"life": 0}, "rival").story()).idle


JUDGED = {
    "a notice": (told_of(back()), 1),
    "those of two": (told_of(back(other="ALIVE"), NODE, OTHER), 2),
    "and a lease of each": (
        order(order(told_of(back(other="ALIVE"), NODE, OTHER), LEASE, OTHER, "hold"), LEASE),
        4,
    ),
    "and a bundle": (order(order(told_of(back(other="ALIVE"), NODE, OTHER), PREPARE), LEASE), 5),
    "a dead node": (back("DEAD"), 1),
    "two dead nodes": (back("DEAD", other="DEAD"), 2),
    "in each of two lives": (again(told_of(back())), 2),
}


@pytest.mark.parametrize("name", JUDGED)
def test_each_thing_is_judged(name: str) -> None:
    told, judged = JUDGED[name]
    assert recovery_orders(told.story()).judged == judged


def test_what_is_judged_is_held() -> None:
    ruling = recovery_orders(FINE["all in order"].story())
    assert (ruling.check, ruling.finding) == (NAME, Finding.HELD)


def test_what_proves_it_is_told() -> None:
    life = ("e5", "e6")

    def told(name: str) -> tuple[str, tuple[str, ...]]:
        [found] = recovery_orders(BROKEN[name][0].story()).violations
        return found.detail, found.events

    said = f"node {NODE} was ALIVE when life 1 started at 19.000000; until 40.000000 it heard nothing"
    assert told("a raylet is never told") == (said, life)
    said = f"node {NODE} at 19.500000, which it answered, and at 19.600000"
    assert told("a raylet is told twice") == (said, (*life, "e7", "e8"))
    said = f"node {NODE} at 19.500000, life 1"
    assert told("a dead one is told") == (said, (*life, "e7"))
    assert told("a dead one is told by the second life") == (
        f"node {NODE} at 31.500000, life 2",
        ("e8", "e9", "e10"),
    )


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
    assert found.signature == TWICE


def test_an_order_that_comes_before_a_gcs_knows_its_nodes_is_of_the_one_before() -> None:
    late = order(back(), LEASE, at=19.005)
    assert not recovery_orders(late.story()).violations
    own = order(back(), LEASE, at=19.2)
    assert [one.signature for one in recovery_orders(own.story()).violations] == [LEASED]
