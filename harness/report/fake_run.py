"""A made-up run for the tests of reports: every verdict, every kind of event, and strings that bite."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.history.entry import Entry
from harness.history.event import HARNESS, Event
from harness.history.log import HISTORY, LEDGER

HOSTILE = (
    "<script>window.bitten=1</script>",
    "</script><script>window.bitten=2</script>",
    "<img src=x onerror=window.bitten=3>",
    "a | b ` c\n\n# not a heading\n```\n<details>",
    "\u202egnp.exe\u0007",
)
MODES = ("kill-before", "kill-after", "swallow", "stall-retry-kill", "delay", "error", "cut")
COMMANDS = {
    "RegisterActor": ("HSET ACTOR", "HSET ACTOR_TASK_SPEC"),
    "InternalKVPut": ("HSET KV",),
    "CreatePlacementGroup": ("HSET PLACEMENT_GROUP", "HSET PLACEMENT_GROUP", "HSET PLACEMENT_GROUP"),
    "recovery": ("HGETALL ACTOR", "HSCAN NODE", "INCRBY JobCounter"),
}
NODES = ("3f" * 28, "a7" * 28)


def case_events(case: str, size: int = 120, start: float = 1000.0) -> tuple[list[Event], list[Entry]]:
    """A cluster's story of about ``size`` events: boot, calls, a kill with a silence, a recovery, calls."""
    numbers = itertools.count(1)
    events: list[Event] = []

    def add(at: float, kind: str, who: str, what: str, **facts: Any) -> str:
        id = f"c-{next(numbers)}"
        events.append(Event(id, case, 0, start + at, kind, who, what, facts))
        return id

    add(0, "cluster", HARNESS, "built", target="ray 2.60.0", store="redis", ledger=True)
    add(0.01, "gcs", "gcs", "started", life=0, pid=4711)
    add(0.16, "gcs", "gcs", "serving", life=0)
    for place, node in enumerate(NODES):
        add(0.2 + place / 50, "raylet", node, "joins", pid=100 + place)
        add(0.25 + place / 50, "worker", node, "started", worker=f"{place}b" * 28, pid=200 + place)
        add(0.3 + place / 50, "worker", node, "actor", worker=f"{place}b" * 28, actor="ac" * 16)
    add(0.5, "fault", HARNESS, "kill the GCS", phase="inject", pid=4711)
    add(0.52, "gcs", "gcs", "killed", life=0)
    add(0.53, "raylet", NODES[0], "waiting", why="UNAVAILABLE")
    add(9.4, "gcs", "gcs", "started", life=1, pid=4712)
    add(9.6, "gcs", "gcs", "serving", life=1)
    add(9.61, "fault", HARNESS, "kill the GCS", phase="healed")
    add(9.7, "worker", NODES[1], "exited", worker="1b" * 28, detail="SIGKILL by order")
    add(9.75, "raylet", NODES[1], "gone", why="<b>told</b> that it is dead")
    ledger = list(_traffic(add, case, start, max(4, (size - len(events)) // 4)))
    add(10.4, "look", "driver-0", "closing", quiet=True, view={"actors": {"ac" * 16: "DEAD"}})
    return sorted(events, key=lambda one: one.at), ledger


def _traffic(add: Any, case: str, start: float, rounds: int) -> Iterator[Entry]:
    """Calls of two clients and a raylet, each with a store command, and what a subscriber heard of it."""
    for number in range(rounds):
        before = number < rounds // 2
        at = (0.3 + number / rounds * 0.4) if before else (9.62 + (number - rounds // 2) / rounds * 1.4)
        who = ("driver-0", "driver-1", NODES[0])[number % 3]
        call = add(
            at, "call", who, "RegisterActor", request={"name": HOSTILE[number % len(HOSTILE)]}, deadline=None
        )
        lost = before and number == rounds // 2 - 1
        done = None if lost else start + at + 0.0011
        key, value = "RAYmine@ACTOR", f"0x{number:016x}"
        rule = "kill-before" if lost else ""
        yield Entry(
            f"s-{number + 1}",
            case,
            0,
            start + at + 0.001,
            done,
            "gcs",
            1,
            number,
            ("HSET", key, value, "0xff"),
            1,
            not lost,
            rule,
        )
        outcome = (
            {"outcome": "unknown", "grpc": "UNAVAILABLE", "said": HOSTILE[0]}
            if lost
            else {"outcome": "ok", "grpc": "OK"}
        )
        add(at + 0.004, "return", who, "RegisterActor", call=call, reply={}, code=0, **outcome)
        if number % 2:
            add(
                at + 0.005,
                "message",
                "listener-2",
                "GCS_ACTOR_CHANNEL",
                sequence=number,
                payload={"state": "ALIVE"},
            )
        else:
            add(
                at + 0.005,
                "order",
                NODES[number % 4 // 2],
                "RequestWorkerLease",
                outcome="answered",
                seq=number,
            )


def _entry(scenario: str, verdict: str, **more: Any) -> dict[str, Any]:
    return {
        "scenario": scenario, "verdict": verdict, "reason": "", "seconds": 1.25, "promises": ["1"], "clauses": ["D1"],
        "behaviours": [], "recoveries": 1, "note": "", "findings": [],
        "command": f"gauntlet run --gcs ray==2.60.0 '{scenario}'", **more,
    }  # fmt: skip


def finding(signature: str, events: list[str], known: bool = False, check: str = "durable") -> dict[str, Any]:
    detail = f"seen this time: {signature}\nand a second line {HOSTILE[3]}"
    return {"check": check, "signature": signature, "detail": detail, "events": events, "known": known}


def crash_points() -> Iterator[dict[str, Any]]:
    """One for each command and mode; each seventh one broken as known, the first swallowed one broken."""
    number = 0
    for rpc, labels in COMMANDS.items():
        for unit, label in enumerate(labels, 1):
            for mode in MODES:
                number += 1
                told, survived = (
                    ("ok", "stored") if mode in ("kill-after", "delay") else ("unknown", "not stored")
                )
                point = {
                    "rpc": rpc,
                    "unit": unit,
                    "label": label,
                    "mode": mode,
                    "told": told,
                    "survived": survived,
                }
                name = f"{rpc}:{unit}:{mode}"
                verdict = (
                    "broken"
                    if number == 3
                    else "known"
                    if number % 7 == 0
                    else "inconclusive"
                    if number == 9
                    else "held"
                )
                found = [
                    finding(
                        "an acknowledged actor is gone after recovery", ["s-9", "c-12"], verdict == "known"
                    )
                ]
                yield _entry(
                    name, verdict, point=point, findings=found if verdict in ("broken", "known") else [],
                    command=f"gauntlet crashpoints --gcs ray==2.60.0 --point {name}",
                )  # fmt: skip


def result(hostile: bool = True) -> dict[str, Any]:
    """A ``result.json`` with scenarios, crash points, promises, clauses and checks."""
    words = HOSTILE if hostile else ("plain",)
    scenarios = [_entry(f"scenarios/test_a.py::test_held[{number}]", "held") for number in range(3)]
    for number, word in enumerate(words):
        scenarios.append(
            _entry(f"scenarios/test_b.py::test_hostile_{number}[{word}]", "broken", reason=word, command=f"gauntlet run '{word}'",
                   findings=[finding(f"it said {word}", [f"c-{number + 10}", "s-3"]), finding("and more", ["c-5"], True, "legal lives")])
        )  # fmt: skip
    scenarios.append(
        _entry("scenarios/test_c.py::test_proves_nothing", "inconclusive", reason="the fault hit nothing")
    )
    scenarios += crash_points()
    totals = {
        name: sum(one["verdict"] == name for one in scenarios)
        for name in ("held", "broken", "known", "inconclusive")
    }
    return {
        "format": 2, "target": "ray 2.60.0", "release": "2.60.0", "store": {"spec": "redis", "version": "8.2.1"},
        "exit_status": 1, "problems": [], "python": "3.11.2", "machine": "Linux x86_64, 2 CPUs", "totals": totals,
        "promises": {
            "1": {"sentence": "A restarted GCS has all its data again.", "verdict": "broken", "scenarios": {"held": 4, "broken": 5}},
            "7": {"sentence": "At any time only one GCS is active.", "verdict": "skipped", "scenarios": {}},
        },
        "clauses": {"D1": {"sentence": "A node whose RegisterNode was acknowledged is ALIVE", "verdict": "held", "scenarios": {"held": 3}}},
        "checks": {
            "durable": {"sentence": "Acknowledged => stored => visible.", "verdict": "broken", "cases": {"held": 40, "broken": 5}},
            "isolation": {"sentence": "No key outside the namespace.", "verdict": "held", "cases": {"held": 45}},
            "pubsub": {"sentence": "Ordered, no duplicate.", "verdict": "unknown", "cases": {"unknown": 45}},
            "deadline": {"sentence": "Nothing is late.", "verdict": "known", "cases": {"broken": 1}},
        },
        "scenarios": scenarios,
    }  # fmt: skip


def write(folder: Path, made: dict[str, Any], size: int = 120) -> Path:
    """A run's folder with events for each failing case; ``size``: events of each."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "result.json").write_text(json.dumps(made), encoding="utf-8")
    with (folder / HISTORY).open("w") as history, (folder / LEDGER).open("w") as commands:
        for entry in made["scenarios"]:
            if entry["verdict"] != "held":
                events, ledger = case_events(entry["scenario"], size)
                history.writelines(one.line() + "\n" for one in events)
                commands.writelines(one.line() + "\n" for one in ledger)
    return folder
