"""A GCS that comes back to its nodes, and what it orders then, for the tests of those orders."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from harness.check.tale import Tale, tale

NODE, OTHER = "0a" * 28, "0b" * 28
NODES = ("HSCAN", "RAYns@NODE", "0", "COUNT", "1000")
NOTICE, LEASE, PREPARE = "NotifyGCSRestart", "RequestWorkerLease", "PrepareBundleResources"
WORKERS, BUNDLES = "ReleaseUnusedActorWorkers", "ReleaseUnusedBundles"


def order(
    told: Tale, method: str, node: str = NODE, script: str = "", at: float | None = None, worker: str = ""
) -> Tale:
    seq = len(told.events)
    facts: dict[str, Any] = {
        "seq": seq,
        "outcome": "received",
        "fields": {},
        "worker": worker,
        "script": script,
    }
    return told.event("order", method, facts, node, at)


def ended(told: Tale, outcome: str, at: float | None = None) -> Tale:
    """How the last order ended."""
    last = next(one for one in reversed(told.events) if one.kind == "order")
    return told.event("order", last.what, {"seq": last.facts["seq"], "outcome": outcome}, last.who, at)


def back(state: str = "ALIVE", other: str = "", knows: float = 19.01, serves: bool = True) -> Tale:
    """Two nodes join, and the GCS returns; it serves at 20.0, if at all."""
    told = tale().write("NODE", NODE, {"state": state}, at=1.0)
    if other:
        told.write("NODE", OTHER, {"state": other}, at=2.0)
    told.event("gcs", "killed", {"life": 0}, "gcs", at=18.0)
    told.event("gcs", "started", {"life": 1, "pid": 2}, "gcs", at=19.0).read(*NODES, at=knows)
    return told.event("gcs", "serving", {"life": 1}, "gcs", at=20.0) if serves else told


def told_of(told: Tale, *nodes: str, at: float = 19.5) -> Tale:
    for node in nodes or (NODE,):
        order(told, NOTICE, node, at=at)
    return told


def looked(told: Tale, at: float = 40.0) -> Tale:
    return told.look("closing", {"nodes": {NODE: {"state": "ALIVE"}}}, at=at)


def again(told: Tale, at: float = 30.0) -> Tale:
    """The GCS ends ``at``, and returns a second time; it serves two seconds later."""
    told.event("gcs", "killed", {"life": 1}, "gcs", at=at)
    told.event("gcs", "started", {"life": 2, "pid": 3}, "gcs", at=at + 1).read(*NODES, at=at + 1.01)
    return told.event("gcs", "serving", {"life": 2}, "gcs", at=at + 2)


def away(told: Tale, since: float, until: float) -> Tale:
    """The first node is out of reach for a while."""
    told.event("raylet", "disconnected", {}, NODE, at=since)
    return told.event("raylet", "reachable", {}, NODE, at=until)


def joins(told: Tale, start: float, end: float | None = None, method: str = "RegisterNode") -> Tale:
    told.begin(method, {"node_info": {"node_id": NODE}}, f"join-{start}", NODE, at=start)
    return told if end is None else told.end(f"join-{start}", at=end)


def nobody(told: Tale, method: str = BUNDLES, node: str = NODE, at: float = 19.5) -> Tale:
    """Nobody was at the door when an order came for the node."""
    return told.event("note", "nobody heard", {"method": method}, node, at=at)


def answered(told: Tale, method: str = WORKERS, node: str = NODE, at: float | None = None) -> Tale:
    """An order that the node makes wait, and answers at last."""
    order(told, method, node, "delay", at=19.6)
    return ended(told, "answered", at=at)


def unread(told: Tale) -> Tale:
    """The store never said to the last who asked which nodes there are."""
    told.ledger[-1] = replace(told.ledger[-1], done=None)
    return told
