"""Hand-made cases that have come to rest with something left over, for the tests of that."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from harness.check.tale import Tale, tale

JOB = "01000000"
ACTOR, GROUP = "a1" * 12 + JOB, "b1" * 14 + JOB
YOUNG = "02000000"
"""A job that goes on, with an actor and a group of its own."""
SECOND, OTHER = "a2" * 12 + YOUNG, "b2" * 14 + YOUNG
FRESH = "b3" * 14 + JOB
NODE, HEAD = "0a" * 28, "0b" * 28
Row = dict[str, Any]
BOOK = {"state": "connected", "available": {"CPU": 2.0}}
SPEC = {"job_id": JOB, "actor_creation_task_spec": {"actor_id": ACTOR}, "required_resources": {"CPU": 1.0}}
GROUP_SPEC = {"placement_group_id": GROUP, "creator_job_id": JOB, "creator_actor_dead": True}
BUNDLE = {"unit_resources": {"CPU": 1.0}}


def registered(**more: Any) -> Tale:
    return tale().call("RegisterActor", {"task_spec": {**SPEC, **more}})


def grouped(**more: Any) -> Tale:
    return tale().call("CreatePlacementGroup", {"placement_group_spec": {**GROUP_SPEC, **more}})


def finished(told: Tale) -> Tale:
    return told.write("JOB", JOB, {"is_dead": True})


def stored(told: Tale, state: str, bundles: int = 1, wants: Row = BUNDLE, **how: Any) -> Tale:
    return told.write("PLACEMENT_GROUP", GROUP, {"state": state, "bundles": [wants] * bundles}, **how)


def unreadable(told: Tale) -> Tale:
    """What was written last was longer than the record keeps."""
    last = told.ledger[-1]
    told.ledger[-1] = replace(last, command=(*last.command[:3], "sha256:00:99999"))
    return told


def looked(told: Tale, after: float = 60.0, books: Row | None = None, **view: Any) -> Tale:
    base: Row = {
        "jobs": {JOB: {"dead": True}},
        "nodes": {NODE: {"state": "ALIVE"}},
        "available": {NODE: {"CPU": 2.0}},
    }
    return told.look("closing", {**base, **view}, books=books or {NODE: BOOK}, at=told.now + after)


def actor(state: str, **more: Any) -> Row:
    return {"actors": {ACTOR: {"state": state, "detached": False, **more}}}


def group(state: str, *nodes: str) -> Row:
    return {"groups": {GROUP: {"state": state, "nodes": nodes or [NODE]}}}


def pending(told: Tale | None = None, after: float = 60.0, books: Row | None = None, **view: Any) -> Tale:
    """A group that wants one CPU is PENDING."""
    return looked(stored(told or tale(), "PENDING"), after, books, **{**group("PENDING"), **view})


def freed(kind: str, what: str, before: float, node: str = NODE) -> Tale:
    """A group is PENDING, and so long before the look this happens on a node."""
    told = stored(tale(), "PENDING").event(kind, what, {}, node, at=60.0)
    return looked(told, before, **group("PENDING"))


def wanting(kind: str, amount: float) -> Tale:
    """A group that wants this is PENDING."""
    return stored(tale(), "PENDING", wants={"unit_resources": {kind: amount}})


def book(state: str = "connected", **available: float) -> Row:
    return {"state": state, "available": available}


def heads(first: str = "ALIVE") -> Row:
    return {"nodes": {NODE: {"state": first, "head": True}, HEAD: {"state": "ALIVE", "head": True}}}


def again() -> Tale:
    """The first head registers twice, with the second in between refused."""
    info = {"node_info": {"node_id": NODE}}
    told = (
        tale()
        .call("RegisterNode", info)
        .call("RegisterNode", {"node_info": {"node_id": HEAD}}, outcome="refused")
    )
    return told.call("RegisterNode", info)


def two_heads(at_once: bool = False) -> Tale:
    first, second = ({"node_info": {"node_id": one, "is_head_node": True}} for one in (NODE, HEAD))
    told = tale().begin("RegisterNode", first, "first", NODE)
    if not at_once:
        told.end("first")
    told.call("RegisterNode", second, id="second", client=HEAD)
    return told.end("first") if at_once else told


def restarting(**more: Any) -> Tale:
    return registered(**more).write("ACTOR", ACTOR, {"state": "RESTARTING"}).restart()


def lease(told: Tale, actor: str = ACTOR, **how: Any) -> Tale:
    return told.event(
        "order", "RequestWorkerLease", {"fields": {"lease_spec": {"actor_id": actor}}}, NODE, **how
    )


def sweep(told: Tale, seq: int = 1, node: str = NODE, at: float | None = None, **more: Any) -> Tale:
    """A node is made to take its time to answer a sweep."""
    facts = {"seq": seq, "outcome": "received", "script": "delay", **more}
    return told.event("order", "ReleaseUnusedBundles", facts, node, at)


def commit(told: Tale, script: str = "delay", node: str = NODE) -> Tale:
    """A node is made to deviate when it is told to commit its bundles."""
    facts = {"seq": 1, "outcome": "received", "script": script}
    return told.event("order", "CommitBundleResources", facts, node)


def ended(
    told: Tale, outcome: str = "answered", seq: int = 1, node: str = NODE, at: float | None = None
) -> Tale:
    return told.event("order", "ReleaseUnusedBundles", {"seq": seq, "outcome": outcome}, node, at)
