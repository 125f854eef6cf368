"""Leases and bundles that come before raylets have swept the old ones are told; those that come after are not."""

from __future__ import annotations

import pytest

from harness.check.recovery_orders import recovery_orders
from harness.check.returned import (
    BUNDLES,
    LEASE,
    NODE,
    OTHER,
    PREPARE,
    WORKERS,
    answered,
    away,
    back,
    ended,
    order,
    told_of,
)

LEASED = "a worker was leased from a raylet that had not swept the old ones"
THIRD = "0c" * 28
PREPARED = "a bundle was prepared before all raylets had swept the old ones"
BROKEN = {
    "a lease before the sweep": (
        order(order(told_of(back()), LEASE), WORKERS),
        LEASED,
    ),
    "a lease after a sweep whose caller is gone": (
        order(ended(order(told_of(back()), WORKERS), "caller gone"), LEASE),
        LEASED,
    ),
    "a bundle before another node's sweep": (
        order(order(told_of(back(other="ALIVE"), NODE, OTHER), BUNDLES), PREPARE),
        PREPARED,
    ),
    "a bundle while a raylet is mute": (
        order(order(told_of(back()), BUNDLES, script="mute", at=20.1), PREPARE, at=20.2),
        PREPARED,
    ),
    "a lease before a late answer": (
        order(answered(told_of(back()), at=20.5), LEASE, at=20.4),
        LEASED,
    ),
    "a lease after another node's sweep": (
        order(order(told_of(back(other="ALIVE"), NODE, OTHER), WORKERS, OTHER), LEASE),
        LEASED,
    ),
    "a lease of a node whose death is stored long after": (
        order(told_of(back()), LEASE, at=22.0).write("NODE", NODE, {"state": "DEAD"}, at=22.6),
        LEASED,
    ),
    "a second sweep that nobody answers": (
        order(ended(order(order(told_of(back()), LEASE, at=20.2), WORKERS), "caller gone"), WORKERS),
        LEASED,
    ),
    "a bundle before another node's sweep, and a third was killed before": (
        order(
            order(
                told_of(
                    back(other="ALIVE").write("NODE", THIRD, {"state": "ALIVE"}, at=2.5)
                    .event("raylet", "killed", {}, THIRD, at=17.0),
                    NODE, OTHER,
                ),
                BUNDLES,
            ),
            PREPARE,
        ),
        PREPARED,
    ),
    "a bundle before the sweep of a raylet that was killed later": (
        order(order(told_of(back(other="ALIVE"), NODE, OTHER), BUNDLES), PREPARE, at=20.5)
        .event("raylet", "killed", {}, OTHER, at=20.6),
        PREPARED,
    ),
    "a bundle before the GCS may lose patience": (order(told_of(back()), PREPARE, at=23.9), PREPARED),
    "a bundle before a late answer": (
        order(answered(told_of(back()), BUNDLES, at=20.5), PREPARE, at=20.4),
        PREPARED,
    ),
}  # fmt: skip
FINE = {
    "a lease after an error to the sweep": order(ended(order(told_of(back()), WORKERS), "refused"), LEASE),
    "a bundle after an error to the sweep": order(ended(order(told_of(back()), BUNDLES), "refused"), PREPARE),
    "a raylet that was killed before the GCS ended": order(
        order(told_of(back(other="ALIVE").event("raylet", "killed", {}, OTHER, at=17.0)), BUNDLES), PREPARE
    ),
    "a raylet that was killed in the recovery": order(
        order(told_of(back(other="ALIVE"), NODE, OTHER), BUNDLES)
        .event("raylet", "exit", {}, OTHER, at=20.6), PREPARE, at=20.7
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
    "a node whose death is slowly stored": order(told_of(back()), PREPARE, at=22.0).write(
        "NODE", NODE, {"state": "DEAD"}, took=2.0, at=22.1
    ),
    "a lease after a late answer": order(answered(told_of(back()), at=20.5), LEASE, at=20.6),
    "a lease after the first of two sweeps": order(
        order(order(told_of(back()), WORKERS, at=20.1), WORKERS, at=22.0), LEASE, at=21.0
    ),
    "a lease after the sweep of old releases": order(order(told_of(back()), "ReleaseUnusedWorkers"), LEASE),
    "a bundle when the GCS has lost its patience": order(told_of(back()), PREPARE, at=24.1),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_what_comes_before_a_sweep_is_told(name: str) -> None:
    told, signature = BROKEN[name]
    assert {one.signature for one in recovery_orders(told.story()).violations} == {signature}


@pytest.mark.parametrize("name", FINE)
def test_what_comes_after_the_sweeps_is_fine(name: str) -> None:
    assert recovery_orders(FINE[name].story()).violations == ()


def test_what_proves_that_it_came_before_a_sweep_is_told() -> None:
    def told(name: str) -> tuple[str, tuple[str, ...]]:
        [found] = recovery_orders(BROKEN[name][0].story()).violations
        return found.detail, found.events

    said = f"node {NODE} at 20.400000; it did at 20.500000"
    assert told("a lease before a late answer") == (said, ("e5", "e6", "e10"))
    said = f"node {NODE} at 21.500000; node {OTHER}: it never did"
    assert told("a bundle before another node's sweep") == (said, ("e5", "e6", "e10"))


def test_a_sweep_that_a_raylet_out_of_reach_did_not_hear_has_a_cause_of_its_own() -> None:
    (mute,) = recovery_orders(order(told_of(back()), PREPARE).story()).violations
    (gone,) = recovery_orders(order(away(told_of(back()), 18.5, 30.0), PREPARE, at=22.0).story()).violations
    assert {mute.signature, gone.signature} == {PREPARED}
    assert (mute.about.origin, gone.about.origin) == ("", "one was out of reach")
    (later,) = recovery_orders(away(order(told_of(back()), PREPARE, at=20.5), 21.0, 30.0).story()).violations
    assert later.about.origin == ""
