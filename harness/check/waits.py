"""Calls that wait for the world are answered once it has come: for a group, an actor, or a later poll. Pure.

Source: P3, I2 and B3 of the contract.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from harness.check.calm import SETTLED_S, calm_since, last_rest
from harness.check.effects import created_actor
from harness.check.ruling import Violation
from harness.check.story import Call, Life, Look, Story

POLL = "GcsSubscriberPoll"


def hanging(story: Story) -> Iterator[Violation]:
    """The calls that are still open in the closing look at rest although what they waited for was there long before."""
    rest = last_rest(story)
    if rest is None:
        return
    look, life = rest
    since = calm_since(story, look, life)
    if look.at - since < SETTLED_S:
        return
    waiting = [
        one
        for one in story.calls
        if one.start >= life.started and _open(one, look) and look.at - one.start >= SETTLED_S
    ]
    for call in waiting:
        said = _said(story, call, look)
        if said:
            yield Violation(f"{call.method} was not answered", said, (*call.ids, look.id))
    yield from _overtaken(story, waiting, life, look)


def _open(call: Call, look: Look) -> bool:
    return call.end is None or call.end > look.at


def _said(story: Story, call: Call, look: Look) -> str:
    """What speaks against its waiting; '' when it may go on."""
    if call.method == "WaitPlacementGroupUntilReady":
        group = str(call.request.get("placement_group_id", ""))
        state = look.view.get("groups", {}).get(group, {}).get("state", "")
        if state in ("CREATED", "REMOVED") and _long_so(story, look, "PLACEMENT_GROUP", group):
            return f"{call.client} waits for group {group}, which is {state}"
    if call.method == "CreateActor":
        actor = created_actor(call)
        state = look.view.get("actors", {}).get(actor, {}).get("state", "")
        if state in ("ALIVE", "DEAD") and _long_so(story, look, "ACTOR", actor):
            return f"{call.client} waits for actor {actor}, which is {state}"
        if state == "DEPENDENCIES_UNREADY":
            return f"{call.client} waits for actor {actor}, with which nothing was begun"
    return ""


def _long_so(story: Story, look: Look, table: str, key: str) -> bool:
    """Whether the row was written long before the look."""
    return all(
        one.done is not None and look.at - one.done >= SETTLED_S
        for one in story.writes
        if (one.table, one.key) == (table, key) and one.entry.at <= look.at and one.entry.applied is not False
    )


def _overtaken(story: Story, waiting: Iterable[Call], life: Life, look: Look) -> Iterator[Violation]:
    """Polls that a later one of the same subscriber should have released."""
    last: Mapping[tuple[str, str], Call] = {
        (one.client, str(one.request.get("subscriber_id", ""))): one
        for one in story.calls
        if one.method == POLL
        and life.serving is not None
        and life.serving <= one.start <= look.at - SETTLED_S
        and (one.end is None or one.grpc == "OK")
    }
    for call in waiting:
        if call.method != POLL or life.serving is None or call.start < life.serving:
            continue
        later = last.get((call.client, str(call.request.get("subscriber_id", ""))))
        if later is not None and later.start > call.start:
            yield Violation(
                "a poll was not released by the next one",
                f"{call.client} polled at {call.start:.6f} and again at {later.start:.6f}",
                (*call.ids, *later.ids, look.id),
            )
