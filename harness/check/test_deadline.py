"""A raylet leaves at its limit and not before, and is connected or waits; what is neither is told."""

from __future__ import annotations

from typing import Any

from harness.check.over_history import deadline, two_state_raylet
from harness.check.ruling import Finding
from harness.check.tale import Tale, tale

NODE = "c1" * 28


def waiting(how: str, lasted: float, why: str = "no GCS", limit: float = 5.0) -> Tale:
    joins = {"reconnect_limit": limit, "pid": 1}
    story = tale().event("raylet", "joins", joins, NODE).event("raylet", "waiting", {"why": ""}, NODE, at=10)
    return story.event("raylet", how, {"why": why, "status": 1}, NODE, at=10 + lasted)


def test_a_raylet_leaves_at_its_limit() -> None:
    assert deadline(waiting("exit", 5.01).story()).finding is Finding.HELD
    assert deadline(waiting("exit", 4.5).story()).reason == "a raylet left before its limit"
    assert deadline(waiting("exit", 8.5).story()).reason == "a raylet left long after its limit"
    for other in (waiting("exit", 1.0, "left by the scenario"), waiting("connected", 1.0)):
        assert deadline(other.story()).idle


def test_a_raylet_does_not_wait_beyond_its_limit() -> None:
    assert two_state_raylet(waiting("connected", 6.5).story()).finding is Finding.HELD
    assert two_state_raylet(waiting("connected", 7.5).story()).finding is Finding.BROKEN
    still = waiting("refused", 1.0)
    assert two_state_raylet(still.story()).finding is Finding.HELD
    assert two_state_raylet(still.event("note", "later", at=18.0).story()).finding is Finding.BROKEN


def test_a_connected_raylet_whose_node_is_dead_is_a_third_state() -> None:
    books = {NODE: {"state": "connected"}}
    dead = {"nodes": {NODE: {"state": "DEAD"}}}
    ruling = two_state_raylet(tale().look("closing", dead, books=books).story())
    assert ruling.reason == "a raylet is connected, and its node is DEAD"
    alive = {"nodes": {NODE: {"state": "ALIVE"}}}
    assert two_state_raylet(tale().look("closing", alive, books=books).story()).finding is Finding.HELD
    asked_to = tale().call("UnregisterNode", {"node_id": NODE}).look("closing", dead, books=books)
    assert two_state_raylet(asked_to.story()).idle
    assert two_state_raylet(tale().look("closing", dead, books=books, quiet=False).story()).idle
    meanwhile = tale().look("closing", dead, books=books, at=1.0).call("UnregisterNode", {"node_id": NODE})
    meanwhile.call("GetAllNodeInfo", client="driver-0")
    assert two_state_raylet(meanwhile.story()).idle, "asked while the look was read"


def test_a_node_whose_raylet_is_long_gone_is_not_alive() -> None:
    alive, dead = ({"nodes": {NODE: {"state": state}}} for state in ("ALIVE", "DEAD"))

    def gone(view: dict[str, Any], at: float) -> Tale:
        return tale().event("raylet", "killed", {}, NODE, at=10).look("closing", view, at=at)

    assert deadline(gone(alive, 50).story()).reason == "a raylet is long gone, and its node is ALIVE"
    assert deadline(gone(dead, 50).story()).finding is Finding.HELD
    assert deadline(gone(alive, 30).story()).idle
    disturbed = gone(alive, 50).event("gcs", "resumed", {}, "gcs", at=30)
    assert deadline(disturbed.story()).idle
