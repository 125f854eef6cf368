"""Orders that one life of the GCS sent and a busy raylet read in the next are not held against that one."""

from __future__ import annotations

from harness.check.recovery_orders import recovery_orders
from harness.check.tale import Tale, tale

NODE = "0a" * 28
NODES = ("HSCAN", "RAYns@NODE", "0", "COUNT", "1000")
NOTICE, LEASE, WORKERS = "NotifyGCSRestart", "RequestWorkerLease", "ReleaseUnusedActorWorkers"
OLD, NEW = 3, 4
"""Connections."""


def order(told: Tale, method: str, at: float, connection: int) -> Tale:
    facts = {"seq": len(told.events), "outcome": "received", "fields": {}, "worker": "", "script": ""}
    return told.event("order", method, {**facts, "connection": connection}, NODE, at)


def back(told: Tale) -> Tale:
    """The GCS returns, knows its nodes from 19.01 on, and serves at 20.0."""
    told.event("gcs", "killed", {"life": 0}, "gcs", at=18.0)
    told.event("gcs", "started", {"life": 1, "pid": 2}, "gcs", at=19.0).read(*NODES, at=19.01)
    return told.event("gcs", "serving", {"life": 1}, "gcs", at=20.0)


def joined() -> Tale:
    return tale().write("NODE", NODE, {"state": "ALIVE"}, at=1.0)


def said(told: Tale) -> list[str]:
    return [one.signature for one in recovery_orders(told.story()).violations]


def test_two_notices_by_two_connections_may_be_of_two_lives() -> None:
    assert not said(order(order(back(joined()), NOTICE, 19.5, OLD), NOTICE, 19.6, NEW))
    assert said(order(order(back(joined()), NOTICE, 19.5, NEW), NOTICE, 19.6, NEW)) == [
        "a raylet was told twice of one restart"
    ]


def test_what_comes_by_a_connection_of_an_earlier_life_is_that_ones() -> None:
    before = back(order(joined(), LEASE, 17.0, OLD))
    assert not said(order(before, LEASE, 19.5, OLD))
    again = back(order(joined(), LEASE, 17.0, OLD))
    assert said(order(again, LEASE, 19.5, NEW)) == [
        "a worker was leased from a raylet that had not swept the old ones"
    ]


def test_a_late_lease_does_not_hide_the_orders_of_this_life() -> None:
    told = order(back(order(joined(), LEASE, 17.0, OLD)), LEASE, 19.5, OLD)
    order(order(order(told, NOTICE, 19.6, NEW), WORKERS, 19.7, NEW), LEASE, 19.8, NEW)
    assert not said(told)
    told = order(back(order(joined(), LEASE, 17.0, OLD)), LEASE, 19.5, OLD)
    order(order(order(told, NOTICE, 19.6, NEW), LEASE, 19.7, NEW), WORKERS, 19.8, NEW)
    assert said(told) == ["a worker was leased from a raylet that had not swept the old ones"]
