"""News of a row that is not stored so is told, each once; news that may be of a stored row is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.check.premature import premature
from harness.check.ruling import Violation
from harness.check.tale import Tale, tale

ACTOR, OTHER = "aa" * 12 + "01000000", "bb" * 12 + "01000000"
ACTORS = "GCS_ACTOR_CHANNEL"
TWICE = {"state": "RESTARTING", "num_restarts": 2}


def row(**fields: Any) -> dict[str, Any]:
    return {"actor_id": ACTOR, "state": "ALIVE", **fields}


def news(told: Tale, key: str = ACTOR, state: str = "ALIVE") -> Tale:
    return told.message(ACTORS, key, {"state": state})


def violations(told: Tale) -> list[Violation]:
    return premature(told.story())


def lived_before() -> Tale:
    told = tale()
    told.events = [replace(one, facts={**one.facts, "life": 3}) for one in told.events]
    return told


FINE = {
    "of what was stored": news(tale().write("ACTOR", ACTOR, row())),
    "of what has changed since": news(
        tale().write("ACTOR", ACTOR, row()).write("ACTOR", ACTOR, row(state="DEAD"))
    ),
    "of what had been deleted": news(tale().write("ACTOR", ACTOR, None).write("ACTOR", ACTOR, row())),
    "of a second restart": tale().write("ACTOR", ACTOR, row(**TWICE)).message(ACTORS, ACTOR, TWICE),
    "of an actor at another worker": news(tale().write("ACTOR", ACTOR, row(address={"worker_id": "d1" * 28}))),
    "of a row too large to be read": news(tale().write("ACTOR", ACTOR, row(name="n" * 70_000))),
    "too large to be read": tale().message(ACTORS, ACTOR, {"$cut": 300_000}),
    "of what is in no table": tale().message("RAY_LOG_CHANNEL", "log", {"state": "ALIVE"}),
    "after the store had lost rows": news(tale().event("store", "wiped")),
    "of a store that nobody saw": news(lived_before()),
}  # fmt: skip


@pytest.mark.parametrize("name", FINE)
def test_news_that_may_be_true_already_is_accepted(name: str) -> None:
    assert violations(FINE[name]) == []


def test_news_of_another_count_of_restarts_is_told() -> None:
    once = tale().write("ACTOR", ACTOR, row(**{**TWICE, "num_restarts": 1}))
    assert len(violations(once.message(ACTORS, ACTOR, TWICE))) == 1


def test_each_row_and_state_is_told_once_whatever_else_is_heard() -> None:
    told = tale().message("RAY_LOG_CHANNEL", "log", {}).message(ACTORS, ACTOR, {"$cut": 300_000})
    news(told, state="PENDING_CREATION")
    for key, state in ((ACTOR, "ALIVE"), (ACTOR, "ALIVE"), (ACTOR, "DEAD"), (OTHER, "ALIVE")):
        news(told, key, state)
    assert [one.events for one in violations(told)] == [("e7",), ("e9",), ("e10",)]
