"""Tales of one who subscribes to what a GCS publishes, hears some of it and asks for more; for tests of checks."""

from __future__ import annotations

from typing import Any

from harness.check.tale import Tale, tale

ACTOR, OTHER = "aa" * 12 + "01000000", "bb" * 12 + "01000000"
ACTORS, NODES = "GCS_ACTOR_CHANNEL", "GCS_NODE_INFO_CHANNEL"
EAR, NEIGHBOUR = "listener-0", "listener-1"


def listens(
    told: Tale | None = None,
    who: str = EAR,
    subscriber: str = "5b",
    channel: str = ACTORS,
    what: str = "subscribe_message",
    sender: str = "",
    outcome: str = "ok",
    at: float = 1.0,
    **command: Any,
) -> Tale:
    """``who`` subscribes for 0.5 s from ``at`` on."""
    told = told or tale()
    commands = [{"channel_type": channel, what: {}, **command}]
    request = {"subscriber_id": subscriber, "commands": commands, "sender_id": sender}
    told.begin("GcsSubscriberCommandBatch", request, client=who, at=at)
    return told.end(outcome=outcome, at=at + 0.5)


def becomes(
    told: Tale, state: str | None = "ALIVE", key: str = ACTOR, table: str = "ACTOR", at: float = 10.0
) -> Tale:
    """Stored half a second after ``at``."""
    return told.write(table, key, None if state is None else {"state": state}, took=0.5, at=at)


def polls(
    told: Tale,
    who: str = EAR,
    subscriber: str = "5b",
    at: float = 20.0,
    end: float = 20.5,
    outcome: str = "ok",
    brings: str | None = "p0",
    after: float = 0.0,
) -> Tale:
    """A poll; its answer ``brings`` a message of that publisher, of an actor that nobody asks for."""
    told.begin("GcsSubscriberPoll", {"subscriber_id": subscriber}, client=who, at=at)
    told.end(reply={"publisher_id": "p0"}, outcome=outcome, at=end)
    return (
        told if brings is None else hears(told, "PENDING_CREATION", OTHER, who, ACTORS, brings, end + after)
    )


def hears(
    told: Tale,
    state: str = "ALIVE",
    key: str = ACTOR,
    who: str = EAR,
    channel: str = ACTORS,
    publisher: str = "p0",
    at: float = 20.0,
) -> Tale:
    return told.message(channel, key, {"state": state}, publisher=publisher, subscriber=who, at=at)
