"""Streams, strangers, CheckAlive, slow starts, refused repeats and forgotten workers: told where broken, else not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.check.check_alive import check_alive
from harness.check.durable import durable
from harness.check.identity import identity
from harness.check.once_only import at_most_once
from harness.check.ruling import Ruling
from harness.check.story import Story
from harness.check.streams import streams
from harness.check.swift import swift
from harness.check.tale import Tale, tale

NODE, OTHER, WORKER = "0a" * 28, "0b" * 28, "d1" * 28
VIEW = {"nodes": {NODE: {"state": "ALIVE"}, OTHER: {"state": "ALIVE"}}}
BOOKS = {NODE: {"state": "connected"}, OTHER: {"state": "connected"}}


def sync(told: Tale, what: str, node: str = NODE, stream: int = 1, **facts: Any) -> Tale:
    return told.event("sync", what, {"stream": stream, **facts}, node)


def both() -> Tale:
    return sync(sync(tale(), "open"), "open", OTHER)


def heard(told: Tale) -> Tale:
    return sync(sync(told, "view", NODE, of=[OTHER]), "view", OTHER, of=[NODE])


def looked(told: Tale) -> Tale:
    return told.look("closing", VIEW, books=BOOKS, at=60.0)


def claimed(claims: str, grpc: str) -> Tale:
    told = tale().event("call", "InternalKVPut", {"request": {}, "claims": claims}, "intruder", id="c")
    facts = {"call": "c", "outcome": "ok", "grpc": grpc, "code": 0, "said": "", "reply": {}}
    return told.event("return", "InternalKVPut", facts, "intruder")


def asked_of(*answers: bool) -> Tale:
    """Of one node that lives, and of one that nobody knows."""
    told = tale().write("NODE", NODE, {"state": "ALIVE"}, at=1.0)
    return told.call("CheckAlive", {"node_ids": [NODE, OTHER]}, {"raylet_alive": [*answers]}, id="c", at=9.0)


def started(own: float, **built: Any) -> Tale:
    told = tale(**{"clock": "virtual", **built}).event("gcs", "killed", {"life": 0}, "gcs", at=10.0)
    told.event("gcs", "started", {"life": 1}, "gcs", at=20.0)
    told.write("KV", "k", "v", took=5.0, at=20.0)
    return told.event("gcs", "serving", {"life": 1}, "gcs", at=25.0 + own)


JOINS = {"node_info": {"node_id": NODE}}


def joined_again(first: dict[str, Any] | None = None, **second: Any) -> Tale:
    told = tale().call("RegisterNode", JOINS, client=NODE, **(first or {}))
    return told.call("RegisterNode", JOINS, client=NODE, **second)


REFUSED: dict[str, Any] = {"outcome": "refused", "grpc": "ALREADY_EXISTS"}
ADDED = {"worker_data": {"worker_address": {"worker_id": WORKER}}}


def added(**view: Any) -> Tale:
    told = tale().begin("AddWorkerInfo", ADDED).write("WORKERS", WORKER, {"is_alive": True}).end()
    return told.restart().look("closing", view)


Case = tuple[Callable[[Story], Ruling], Tale]
BROKEN: dict[str, tuple[Callable[[Story], Ruling], Tale, str]] = {
    "an echo": (streams, sync(both(), "view", of=[NODE]), "a node was sent its own view"),
    "a stream that is refused": (
        streams,
        sync(sync(both(), "open", stream=2), "closed", stream=2),
        "the newest stream of a living node was ended",
    ),
    "a newcomer that hears nothing": (
        streams,
        looked(sync(both(), "view", OTHER, of=[NODE])),
        "a node was not told of another's view",
    ),
    "a stranger": (identity, claimed("another cluster", "OK"), "a call with another cluster was answered"),
    "no token": (identity, claimed("no token", "OK"), "a call with no token was answered"),
    "a look": (
        identity,
        tale().event("look", "refused", {"why": "UNAUTHENTICATED"}, "eye"),
        "one who claims no cluster id was refused",
    ),
    "another order": (check_alive, asked_of(False, True), "CheckAlive is wrong about a node"),
    "too few answers": (check_alive, asked_of(True), "CheckAlive does not answer one for one"),
    "a slow start": (swift, started(1.5), "the GCS took more than a second until it served"),
    "a repeat refused": (at_most_once, joined_again(**REFUSED), "RegisterNode was refused when it was repeated"),
    "a worker forgotten": (
        durable,
        added(workers={}),
        "AddWorkerInfo was acknowledged and is gone after a recovery",
    ),
}  # fmt: skip
FINE: dict[str, Case] = {
    "all hear of all": (streams, looked(heard(both()))),
    "the older of two streams ends": (streams, sync(sync(both(), "open", stream=2), "closed", stream=1)),
    "a stream ends with its GCS": (
        streams,
        sync(both().event("gcs", "killed", {"life": 0}, "gcs"), "closed"),
    ),
    "a raylet is cut off": (streams, sync(both().event("raylet", "disconnected", {}, NODE), "closed")),
    "a dead node's stream": (streams, sync(both().write("NODE", NODE, {"state": "DEAD"}), "closed")),
    "a stranger refused": (identity, claimed("another cluster", "UNAUTHENTICATED")),
    "in its turn": (check_alive, asked_of(True, False)),
    "a slow store": (swift, started(0.5)),
    "a slow machine": (swift, started(9.0, clock="")),
    "a repeat acknowledged": (at_most_once, joined_again()),
    "refused from the first": (at_most_once, joined_again(first=REFUSED, **REFUSED)),
    "a worker kept": (durable, added(workers={WORKER: {"alive": True}})),
    "a look that reads no workers": (durable, added()),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_told(name: str) -> None:
    check, told, signature = BROKEN[name]
    assert {one.signature for one in check(told.story()).violations} == {signature}


@pytest.mark.parametrize("name", FINE)
def test_what_is_sound_is_fine(name: str) -> None:
    check, told = FINE[name]
    assert check(told.story()).violations == ()


def test_without_frames_streams_are_not_judged() -> None:
    assert streams(tale().restart().story()).idle


def test_a_release_that_is_asked_for_addresses_is_not_judged_by_ids() -> None:
    told = tale(release="2.40.0").call("CheckAlive", {"node_ids": [NODE]}, {})
    assert check_alive(told.story()).idle
    assert check_alive(tale().call("CheckAlive", {"node_ids": [NODE]}, {}).story()).violations
