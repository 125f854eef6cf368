"""What subscribers are told, and what raylets hear of each other."""

from __future__ import annotations

from typing import Any

from harness.wire import messages as m
from reference_gcs.core import actors, pubsub, resources
from reference_gcs.core import effects as fx
from reference_gcs.core.publisher import Publisher, Subscriber
from reference_gcs.core.state import Gcs
from reference_gcs.mutants.registry import SCENARIO, Original, mutant

PUBSUB = "test_pubsub.py::"


@mutant(
    pubsub.start,
    breaks="B1",
    seen_by=("pubsub", SCENARIO),
    cases=[PUBSUB + "test_after_a_restart_the_publisher_is_another_and_loses_nothing"],
)
def keeps_its_publisher_id(start: Original, gcs: Gcs) -> None:
    """Publishes under the same id in all its lives."""
    start(gcs)
    for publisher in gcs.publishers.values():
        publisher.publisher_id = b"P" * 28


@mutant(
    pubsub._answer_poll,
    breaks="B2",
    seen_by=(SCENARIO,),
    cases=[PUBSUB + "test_messages_come_in_order_and_again_until_they_are_acknowledged"],
)
def sends_messages_once_only(
    answer: Original, gcs: Gcs, publisher: Publisher, subscriber: Subscriber
) -> None:
    """Forgets a message when it was sent, acknowledged or not."""
    answered = subscriber.poll is not None
    answer(gcs, publisher, subscriber)
    if answered:
        subscriber.mailbox.clear()


@mutant(
    pubsub._answer_poll,
    breaks="B2",
    seen_by=("pubsub", SCENARIO),
    cases=[PUBSUB + "test_messages_come_in_order_and_again_until_they_are_acknowledged"],
)
def sends_messages_backwards(
    answer: Original, gcs: Gcs, publisher: Publisher, subscriber: Subscriber
) -> None:
    """Sends the newest of the waiting messages first."""
    subscriber.mailbox.reverse()
    answer(gcs, publisher, subscriber)
    subscriber.mailbox.reverse()


@mutant(
    pubsub._deliver,
    breaks="B2 B4",
    seen_by=("pubsub", SCENARIO),
    cases=[PUBSUB + "test_every_raylet_hears_of_a_death_around_a_fast_restart"],
)
def drops_the_news_of_deaths(deliver: Original, gcs: Gcs, publisher: Publisher, message: Any) -> None:
    """Publishes everything but the deaths of nodes."""
    if message.node_address_and_liveness_message.state != m.GcsNodeInfo.DEAD:
        deliver(gcs, publisher, message)


@mutant(
    pubsub._close_poll,
    breaks="B2 B4",
    seen_by=(SCENARIO,),
    cases=[PUBSUB + "test_messages_come_in_order_and_again_until_they_are_acknowledged", PUBSUB + "test_after_a_restart_the_publisher_is_another_and_loses_nothing"],
)  # fmt: skip
def drops_the_last_message(
    close: Original, gcs: Gcs, publisher: Publisher, subscriber: Subscriber, reply: Any = None
) -> None:
    """Leaves the last of several messages out of an answer, and out of all later ones."""
    if reply is not None and len(reply.pub_messages) > 1:
        del reply.pub_messages[-1]
        subscriber.mailbox.pop()
    close(gcs, publisher, subscriber, reply)


@mutant(
    pubsub._poll, breaks="B3", seen_by=(SCENARIO,), cases=[PUBSUB + "test_a_second_poll_releases_the_first"]
)
def leaves_the_first_poll_hanging(poll: Original, gcs: Gcs, call: int, request: Any, service: str) -> None:
    """Forgets a subscriber's open poll when it polls again."""
    subscriber = gcs.publishers[service].subscribers.get(request.subscriber_id)
    if subscriber is not None:
        subscriber.poll = None
    poll(gcs, call, request, service)


@mutant(
    actors._store,
    breaks="B4 D13",
    seen_by=("pubsub", SCENARIO),
    cases=["test_durability.py::test_what_is_not_stored_yet_is_not_shown"],
)
def publishes_before_it_stores(store: Original, gcs: Gcs, call: int, row: Any, spec: Any) -> None:
    """Tells subscribers of an actor that the store does not have yet."""
    pubsub.publish(gcs, m.GCS_ACTOR_CHANNEL, row.actor_id, actor_message=row)
    store(gcs, call, row, spec)


@mutant(
    resources._apply,
    breaks="N5",
    seen_by=("agreement", SCENARIO),
    cases=["test_nodes.py::test_resources_are_exactly_right_after_recovery"],
)
def shows_stale_resources(apply: Original, view: Any, reported: Any) -> None:
    """Shows all of a node's resources as available, whatever it reports."""
    apply(view, reported)
    view.available = dict(view.total)


@mutant(
    resources.stream_message,
    breaks="B6",
    seen_by=("syncer streams", SCENARIO),
    cases=[PUBSUB + "test_a_nodes_view_reaches_all_others_and_newcomers"],
)
def sends_views_back(message: Original, gcs: Gcs, stream: int, batch: Any) -> None:
    """Sends a node's own view back to it."""
    message(gcs, stream, batch)
    gcs.effects.append(fx.StreamSend(stream, batch))


@mutant(
    resources.stream_opened,
    breaks="B6",
    seen_by=("syncer streams", SCENARIO),
    cases=[PUBSUB + "test_a_nodes_view_reaches_all_others_and_newcomers"],
)
def tells_newcomers_nothing(opened: Original, gcs: Gcs, stream: int, node_id: bytes) -> None:
    """Does not send the current views to a raylet that opens its stream."""
    opened(gcs, stream, node_id)
    gcs.effects[:] = [one for one in gcs.effects if not isinstance(one, fx.StreamSend)]


@mutant(
    resources.stream_opened,
    breaks="B5",
    seen_by=("syncer streams", SCENARIO),
    cases=[PUBSUB + "test_a_node_whose_link_was_cut_comes_back_with_a_new_stream"],
)
def refuses_a_second_stream(opened: Original, gcs: Gcs, stream: int, node_id: bytes) -> None:
    """Keeps a node's first stream, and ends its second."""
    if node_id in gcs.views.streams:
        gcs.effects.append(fx.StreamClose(stream))
    else:
        opened(gcs, stream, node_id)
