"""Changes that a subscriber had to hear of, and neither heard nor read. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.check.assumptions import known_start
from harness.check.observed import CHANNELS, REPLIES, Seen, life_of, written
from harness.check.ruling import Violation
from harness.check.story import Call, Story
from harness.history.event import Event

PROMPT = 1.0
"""Seconds after a write was answered in which its message must have reached the subscriber's mailbox."""
PATIENCE = 5.0
"""Seconds that a poll must have waited in vain to show that its mailbox was empty."""
# The states that are published once they are stored (contract, section 6).
DUE: Mapping[str, frozenset[str]] = {
    "ACTOR": frozenset({"ALIVE", "RESTARTING", "DEAD"}),
    "NODE": frozenset({"ALIVE", "DEAD"}),
    "JOB": frozenset({"ALIVE", "DEAD"}),
}


@dataclass(frozen=True)
class Subscription:
    """``subscriber`` of ``who`` hears all of ``channel`` from ``start`` to ``end``, in one life of the GCS."""

    who: str
    subscriber: str
    channel: str
    start: float
    end: float
    ids: tuple[str, ...]


def gaps(story: Story) -> tuple[list[Violation], int]:
    """What was missed, and how many changes were due to some subscriber.

    A change was missed when the subscriber asked once more well after it was stored, or was still asking
    long after, and got other messages or none but never that one, and nothing was read that would show it.
    """
    if any(life.who != "gcs" for life in story.lives) or not known_start(story):
        return [], 0
    changes = list(_changes(story))
    if not changes:
        return [], 0
    records = _Records(story)
    found: dict[tuple[str, str], Violation] = {}
    due = 0
    for one in _subscriptions(story):
        if (one.who, one.subscriber) not in records.polls:
            continue  # of this one nothing is recorded but that it subscribed
        table = CHANNELS[one.channel]
        mine = [
            seen for seen in changes if seen.table == table and one.start <= seen.start and seen.end < one.end
        ]
        due += len(mine)
        for seen in records.unheard(one, mine):
            proof = records.proof(one, seen)
            if proof is not None and not records.read_again(one, seen):
                found.setdefault((one.who, table), _violation(one, seen, proof))
    return list(found.values()), due


def _changes(story: Story) -> Iterator[Seen]:
    """The writes that gave a row another state, one that is to be published.

    A state that was written over before its own write was answered is over by the time that it could be told.
    """
    last: dict[tuple[str, str], str] = {}
    until = story.store_lost if story.store_lost is not None else float("inf")
    told = [
        seen for seen in written(story) if seen.table in DUE and seen.stage is not None and seen.end < until
    ]
    over = _written_over(told)
    for number, seen in enumerate(told):
        assert seen.stage is not None
        state, place = seen.stage.state, (seen.table, seen.key)
        from_baseline = story.baseline is not None and seen.ids == (story.baseline.id,)
        changed = last.get(place) != state and not from_baseline
        if changed and state in DUE[seen.table] and number not in over:
            yield seen
        last[place] = state


def _written_over(writes: Sequence[Seen]) -> set[int]:
    """The places in ``writes`` of those that the next write of the same row overtook."""
    found: set[int] = set()
    before: dict[tuple[str, str], int] = {}
    for number, seen in enumerate(writes):
        previous = before.get((seen.table, seen.key))
        if previous is not None and seen.start < writes[previous].end:
            found.add(previous)
        before[seen.table, seen.key] = number
    return found


def _subscriptions(story: Story) -> Iterator[Subscription]:
    """Those to whole channels. One that is ever taken back is not among them."""
    deaths: dict[str, list[Seen]] = {}
    for seen in written(story):
        if seen.table == "NODE" and seen.stage is not None and seen.stage.state == "DEAD":
            deaths.setdefault(seen.key, []).append(seen)
    found: dict[tuple[str, str, str, int], Subscription] = {}
    given_up: set[tuple[str, str]] = set()
    for call in story.calls:
        if call.method != "GcsSubscriberCommandBatch":
            continue
        subscriber = call.request.get("subscriber_id", "")
        start = call.end if call.outcome == "ok" else None
        life = life_of(call.start, start, story) if start is not None else None
        for command in call.request.get("commands", ()):
            channel = command.get("channel_type", "")
            if "unsubscribe_message" in command:
                given_up.add((subscriber, channel))
            if channel not in CHANNELS or command.get("key_id") or start is None or life is None:
                continue
            over = life.ended if life.ended is not None else story.ended
            # A node may register anew after its death, and then listens again.
            known = deaths.get(call.request.get("sender_id", ""), ())
            later = (one.start for one in known if one.end >= call.start)
            end = min(over, min(later, default=over))
            mine = Subscription(call.client, subscriber, channel, start, end, call.ids)
            found.setdefault((call.client, subscriber, channel, life.number), mine)
    return (one for one in found.values() if (one.subscriber, one.channel) not in given_up)


class _Records:
    """Messages, polls and reads by who heard, asked or read."""

    def __init__(self, story: Story) -> None:
        self.polls: dict[tuple[str, str], list[Call]] = {}
        self._story = story
        self._unheard = any(
            event.what in ("paused", "disconnected", "partitioned")
            for kind in ("gcs", "raylet")
            for event in story.of(kind)
        )
        self._messages: dict[str, list[Event]] = {}
        self._last_read: dict[tuple[str, str], float] = {}
        for event in story.of("message"):
            self._messages.setdefault(event.who, []).append(event)
        for call in story.calls:
            if call.method == "GcsSubscriberPoll":
                place = (call.client, call.request.get("subscriber_id", ""))
                self.polls.setdefault(place, []).append(call)
            elif call.outcome == "ok" and call.method in REPLIES:
                self._last_read[call.client, REPLIES[call.method][0]] = call.start

    def unheard(self, one: Subscription, changes: list[Seen]) -> Iterator[Seen]:
        """The changes for which no message is left, when each message is good for one."""
        heard: Counter[tuple[str, Any]] = Counter()
        for event in self._messages.get(one.who, ()):
            if event.what == one.channel and one.start <= event.at:
                heard[str(event.facts["key"]), _state(event.facts.get("payload", {}))] += 1
        for seen in changes:
            assert seen.stage is not None
            place = (seen.key, seen.stage.state)
            if heard[place]:
                heard[place] -= 1
            else:
                yield seen

    def proof(self, one: Subscription, seen: Seen) -> Call | None:
        """A poll, sent well after the change or open until long after it, in whose answer it had to be."""
        for call in self.polls[one.who, one.subscriber]:
            end = min(call.end if call.end is not None else self._story.ended, one.end)
            long = end - max(call.start, seen.end) >= PATIENCE
            if call.outcome == "ok" and call.end is not None and call.end <= one.end:
                if (long or call.start >= seen.end + PROMPT) and self._brought(call):
                    return call
            elif call.outcome != "ok" and long and not self._unheard:
                return call
        return None

    def _brought(self, poll: Call) -> bool:
        """Whether ``poll`` was answered with messages, which are written with its end or just after it."""
        assert poll.end is not None
        return any(
            one.facts.get("publisher") == poll.reply.get("publisher_id")
            and poll.end <= one.at <= poll.end + PROMPT / 10
            for one in self._messages.get(poll.client, ())
        )

    def read_again(self, one: Subscription, seen: Seen) -> bool:
        """Whether the subscriber has read that table since."""
        last = self._last_read.get((one.who, seen.table))
        return last is not None and last >= seen.end


def _state(payload: Mapping[str, Any]) -> Any:
    if "state" in payload:
        return payload["state"]
    return "DEAD" if payload.get("is_dead") else "ALIVE"


def _violation(one: Subscription, seen: Seen, proof: Call) -> Violation:
    assert seen.stage is not None
    detail = (
        f"{seen.table} {seen.key[:12]} became {seen.stage.state}; {one.who} subscribed to {one.channel}, asked"
        f" {proof.start - seen.end:.1f} s later, and neither heard of it nor read it"
    )
    return Violation(
        f"a subscriber missed that {_NOUN[seen.table]} became {seen.stage.state}",
        detail,
        (one.ids[0], *seen.ids, proof.ids[0]),
    )


_NOUN = {"ACTOR": "an actor", "NODE": "a node", "JOB": "a job"}
