"""What a GCS publishes comes in order, once, and whole; after a restart under another publisher's id. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from harness.check.observed import life_of
from harness.check.premature import premature
from harness.check.published import gaps
from harness.check.ruling import Ruling, Violation, rule
from harness.check.story import Call, Life, Story
from harness.history.event import Event

NAME = "pubsub"
POLL = "GcsSubscriberPoll"


@dataclass
class Delivery:
    """The answer to one poll, and the messages in it in their order."""

    poll: Call
    publisher: str
    messages: list[Event] = field(default_factory=list)


def pubsub(story: Story) -> Ruling:
    """Judged: the messages, and the changes that a subscriber had to hear of."""
    deliveries = _deliveries(story)
    missed, due = gaps(story)
    found = [
        *(one for by in deliveries.values() for one in _disordered(by)),
        *_old_names(story, deliveries),
        *missed,
        *premature(story),
    ]
    return rule(NAME, found, len(story.of("message")) + due)


def _deliveries(story: Story) -> dict[tuple[str, str], list[Delivery]]:
    """The answered polls of each subscriber of each client, in the order of their ends.

    The messages of an answer are written at the time of its end (a client's) or just after it (a
    raylet's, which has one poll at a time).
    """
    polls = {call.ids[1]: call for call in story.calls if call.method == POLL and call.outcome == "ok"}
    found: dict[tuple[str, str], list[Delivery]] = {}
    latest: dict[str, Delivery] = {}
    for one in story.events:
        if one.kind == "return" and one.id in polls:
            poll = polls[one.id]
            latest[one.who] = Delivery(poll, poll.reply.get("publisher_id", ""))
            found.setdefault((one.who, poll.request.get("subscriber_id", "")), []).append(latest[one.who])
        elif one.kind == "message" and one.who in latest:
            last = latest[one.who]
            if last.publisher == one.facts.get("publisher"):
                last.messages.append(one)
    return found


def _disordered(deliveries: list[Delivery]) -> Iterator[Violation]:
    """Within an answer numbers grow. What a poll acknowledges does not come again; what it does not,
    comes again before anything newer."""
    had: dict[str, dict[int, tuple[float, Event]]] = {}
    for delivery in deliveries:
        earlier = had.setdefault(delivery.publisher, {})
        yield from _skipped(delivery, earlier)
        last: Event | None = None
        for one in delivery.messages:
            number = int(one.facts["sequence"])
            if last is not None and number <= int(last.facts["sequence"]):
                yield _violation("a message came after one with a later number", one, last)
            if one.facts.get("again"):
                yield _violation("a message came again that the poll had acknowledged", one)
            earlier.setdefault(number, (delivery.poll.end or one.at, one))
            last = one


def _skipped(delivery: Delivery, earlier: dict[int, tuple[float, Event]]) -> Iterator[Violation]:
    if not delivery.messages:
        return
    request = delivery.poll.request
    same = request.get("publisher_id", "") == delivery.publisher
    acknowledged = int(request.get("max_processed_sequence_id", 0)) if same else 0
    numbers = {int(one.facts["sequence"]): one for one in delivery.messages}
    for number in [one for one in earlier if one <= acknowledged]:
        del earlier[number]
    for number, (end, one) in earlier.items():
        if number not in numbers and number < max(numbers) and end <= delivery.poll.start:
            later = numbers[max(numbers)]
            yield _violation("a message that was not acknowledged did not come again", one, later)
            return


def _violation(sentence: str, one: Event, other: Event | None = None) -> Violation:
    facts = one.facts
    detail = (
        f"{one.who} heard number {facts['sequence']} of publisher {str(facts['publisher'])[:8]} on {one.what}"
    )
    if other is None:
        return Violation(sentence, detail, (one.id,))
    return Violation(sentence, f"{detail}; the other is number {other.facts['sequence']}", (other.id, one.id))


def _old_names(story: Story, deliveries: dict[tuple[str, str], list[Delivery]]) -> Iterator[Violation]:
    """A publisher's id belongs to one life."""
    owners: dict[str, tuple[Life, Call]] = {}
    told: set[str] = set()
    for delivery in sorted((one for by in deliveries.values() for one in by), key=lambda one: one.poll.start):
        poll = delivery.poll
        life = life_of(poll.start, poll.end or poll.start, story)
        if life is None or not delivery.publisher:
            continue
        owner, first = owners.setdefault(delivery.publisher, (life, poll))
        if owner is not life and delivery.publisher not in told:
            told.add(delivery.publisher)
            yield Violation(
                "a restarted GCS publishes under its old publisher id",
                f"{delivery.publisher[:8]} in life {owner.number} and in life {life.number} of the {life.who}",
                (first.ids[-1], poll.ids[-1]),
            )
