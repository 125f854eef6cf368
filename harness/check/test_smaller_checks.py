"""Strangers, slow starts, refused repeats and forgotten workers: told where broken, else not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.check.durable import durable
from harness.check.identity import identity
from harness.check.once_only import at_most_once
from harness.check.ruling import Ruling
from harness.check.story import Story
from harness.check.swift import swift
from harness.check.tale import Tale, tale

NODE, WORKER = "0a" * 28, "d1" * 28


def claimed(claims: str, grpc: str) -> Tale:
    told = tale().event("call", "InternalKVPut", {"request": {}, "claims": claims}, "intruder", id="c")
    facts = {"call": "c", "outcome": "ok", "grpc": grpc, "code": 0, "said": "", "reply": {}}
    return told.event("return", "InternalKVPut", facts, "intruder")


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
    "a stranger": (identity, claimed("another cluster", "OK"), "a call with another cluster was answered"),
    "no token": (identity, claimed("no token", "OK"), "a call with no token was answered"),
    "a look": (
        identity,
        tale().event("look", "refused", {"why": "UNAUTHENTICATED"}, "eye"),
        "one who claims no cluster id was refused",
    ),
    "a slow start": (swift, started(1.5), "the GCS took more than a second until it served"),
    "a repeat refused": (at_most_once, joined_again(**REFUSED), "RegisterNode was refused when it was repeated"),
    "a worker forgotten": (
        durable,
        added(workers={}),
        "AddWorkerInfo was acknowledged and is gone after a recovery",
    ),
}  # fmt: skip
FINE: dict[str, Case] = {
    "a stranger refused": (identity, claimed("another cluster", "UNAUTHENTICATED")),
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
