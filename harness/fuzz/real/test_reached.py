"""Conditions of a campaign, told from records made by hand."""

from __future__ import annotations

from typing import Any

import pytest

from harness.fuzz.plan import Plan
from harness.fuzz.real.reached import CONDITIONS, reached
from harness.history.entry import Entry
from harness.history.event import Event

Told = tuple[float, str, str, str, dict[str, Any]]
UP: list[Told] = [(0.0, "gcs", "gcs", "started", {"life": 0}), (0.1, "gcs", "gcs", "serving", {"life": 0})]
DOWN: Told = (5.0, "gcs", "gcs", "killed", {"life": 0})
AGAIN: list[Told] = [(6.0, "gcs", "gcs", "started", {"life": 1}), (6.1, "gcs", "gcs", "serving", {"life": 1})]


def found(told: list[Told], entries: list[Entry] | None = None, limit: float = 60.0) -> frozenset[str]:
    events = [
        Event(f"e{number}", "c", 0, *one) for number, one in enumerate(sorted(told, key=lambda it: it[0]))
    ]
    return reached(Plan(reconnect_limit=limit), events, entries or [])


def entry(at: float, *command: str, rule: str = "", applied: bool = True) -> Entry:
    return Entry("s1", "c", 0, at, at, "gcs", 1, 1, command, 1, applied, rule)


def registered(at: float, actor: str, id: str) -> list[Told]:
    spec = {"ray_namespace": "n", "name": "a", "actor_id": actor}
    asked = {"request": {"task_spec": {"actor_creation_task_spec": spec}}}
    return [
        (at, "call", "driver-0", "RegisterActor", asked),
        (at + 0.1, "return", "driver-0", "RegisterActor", {"call": id, "outcome": "ok", "grpc": "OK"}),
    ]


CASES: dict[str, tuple[list[Told], list[Entry]]] = {
    "a crash between two commands": ([*UP, DOWN], [entry(5.0, "HSET", "k", rule="KillBefore", applied=False)]),
    "a write is lost with its GCS": ([*UP, DOWN], [entry(5.0, "HSET", "k", rule="KillBefore", applied=False)]),
    "a write takes place, and its GCS never knows": ([*UP, DOWN], [entry(5.0, "HSET", "k", rule="KillAfter")]),
    "a crash during recovery": ([*UP, DOWN, AGAIN[0], (6.05, "gcs", "gcs", "killed", {"life": 1})], []),
    "two kills within one recovery": (
        [
            *UP, DOWN, AGAIN[0], (6.05, "gcs", "gcs", "killed", {"life": 1}),
            (7.0, "gcs", "gcs", "started", {"life": 2}), (7.1, "gcs", "gcs", "killed", {"life": 2}),
        ],
        [],
    ),
    "a crash between the two writes of RegisterActor": (
        [*UP, DOWN], [entry(4.9, "HSET", "RAYns@ACTOR_TASK_SPEC", "0xaa", "v")]
    ),
    "a crash between prepare and commit": (
        [*UP, (4.9, "bundle", "n0", "prepared", {"group": "g", "index": 0}), DOWN], []
    ),
    "the GCS gives up a store that fails": (
        [*UP, (5.0, "gcs", "gcs", "ended", {"life": 0})], [entry(4.9, "HSET", "k", rule="RefuseWith", applied=False)]
    ),
    "a call outlives a GCS or its connection": (
        [
            *UP, (1.0, "call", "d", "GetActorInfo", {}),
            (2.0, "return", "d", "GetActorInfo", {"call": "e2", "grpc": "UNAVAILABLE", "outcome": "unknown"}),
            (3.0, "call", "d", "GetActorInfo", {"again": "e2"}),
        ],
        [],
    ),
    "a request is sent twice at once": (
        [*UP, (1.0, "call", "d", "GetActorInfo", {}), (1.1, "call", "d", "GetActorInfo", {"again": "e2"})], []
    ),
    "the store dies": ([*UP, (5.0, "store", "harness", "killed", {})], []),
    "a GCS hangs": ([*UP, (5.0, "gcs", "gcs", "paused", {"life": 0})], []),
    "a GCS hangs during recovery": (
        [*UP, DOWN, AGAIN[0], (6.05, "gcs", "gcs", "paused", {"life": 1})], []
    ),
    "a GCS ends in order": ([*UP, (5.0, "gcs", "gcs", "ended", {"life": 0, "asked": True})], []),
    "the store cuts its connections": ([*UP, (5.0, "store", "harness", "cut", {})], []),
    "a second GCS comes": ([*UP, (5.0, "gcs", "rival", "serving", {"life": 0})], []),
    "a raylet reconnects in its last 10 %": (
        [*UP, (1.0, "raylet", "n0", "waiting", {}), (2.15, "raylet", "n0", "connected", {})], []
    ),
    "a raylet leaves at its limit": ([*UP, (9.0, "raylet", "n0", "exit", {"why": "no GCS"})], []),
    "a node dies during an outage": ([*UP, DOWN, (5.5, "raylet", "n0", "killed", {}), *AGAIN], []),
    "a node is found dead by its health check": (
        [
            *UP,
            (9.0, "look", "look-0", "closing",
             {"stored": {"NODE": {"n0": {"state": "DEAD", "death_info": {"reason": "UNEXPECTED_TERMINATION"}}}}}),
        ],
        [],
    ),
    "a GCS dies after a node": ([*UP, (4.0, "raylet", "n0", "killed", {}), DOWN], []),
    "a worker dies during an outage": ([*UP, DOWN, (5.5, "worker", "n0", "exited", {}), *AGAIN], []),
    "an actor is created again": (
        [*UP, (1.0, "worker", "n0", "actor", {"actor": "a"}), (2.0, "worker", "n0", "actor", {"actor": "a"})], []
    ),
    "a name is taken over": ([*UP, *registered(1.0, "aa", "e2"), *registered(2.0, "bb", "e4")], []),
}  # fmt: skip


def test_every_condition_has_its_case() -> None:
    assert set(CASES) == set(CONDITIONS)


@pytest.mark.parametrize("name", CASES)
def test_it_is_seen_where_it_is(name: str) -> None:
    told, entries = CASES[name]
    assert name in found(told, entries, limit=1.2)


def test_a_quiet_plan_reaches_nothing() -> None:
    told = [
        *UP,
        *registered(1.0, "aa", "e2"),
        (2.0, "raylet", "n0", "waiting", {}),
        (2.2, "raylet", "n0", "connected", {}),
    ]
    assert found(told, [entry(1.0, "HSET", "RAYns@ACTOR", "0xaa", "v")], limit=1.2) == frozenset()


def test_a_plain_kill_of_a_gcs_that_serves_is_no_crash_of_a_recovery() -> None:
    assert found([*UP, DOWN, *AGAIN, (8.0, "gcs", "gcs", "killed", {"life": 1})]) == frozenset()


def test_a_gcs_that_served_when_it_was_hung_hangs_in_no_recovery() -> None:
    hung: Told = (7.0, "gcs", "gcs", "paused", {"life": 1})
    assert found([*UP, DOWN, *AGAIN, hung]) == {"a GCS hangs"}


def test_a_registration_whole_before_the_kill_is_not_torn() -> None:
    both = [
        entry(4.8, "HSET", "RAYns@ACTOR_TASK_SPEC", "0xaa", "v"),
        entry(4.9, "HSET", "RAYns@ACTOR", "0xaa", "v"),
    ]
    assert "a crash between the two writes of RegisterActor" not in found([*UP, DOWN], both)
