"""Long-poll publish and subscribe: two publishers, a mailbox per subscriber.

A message stays in the mailbox until a later poll acknowledges its sequence id to this
publisher; what another (an earlier) publisher sent says nothing about ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from harness.wire import messages as m
from reference_gcs.core.happenings import NodeGone, on
from reference_gcs.core.publisher import Publisher, Subscriber
from reference_gcs.core.serving import serves
from reference_gcs.core.state import Gcs, then

CONTROL, OBSERVABILITY = "ControlPlanePubSubGcsService", "ObservabilityPubSubService"
CHANNELS = {
    CONTROL: frozenset(
        {
            m.GCS_ACTOR_CHANNEL,
            m.GCS_JOB_CHANNEL,
            m.GCS_NODE_INFO_CHANNEL,
            m.GCS_WORKER_DELTA_CHANNEL,
            m.GCS_NODE_ADDRESS_AND_LIVENESS_CHANNEL,
        }
    ),
    OBSERVABILITY: frozenset(
        {m.RAY_ERROR_INFO_CHANNEL, m.RAY_LOG_CHANNEL, m.RAY_NODE_RESOURCE_USAGE_CHANNEL}
    ),
}


def start(gcs: Gcs) -> None:
    """Give both publishers fresh ids: nothing acknowledged to an earlier process counts here."""
    for service, channels in CHANNELS.items():
        gcs.publishers[service] = Publisher(gcs.random.randbytes(28), channels)
    gcs.after(gcs.config.seconds("subscriber_timeout_ms") / 2, then(_sweep))


def publish(gcs: Gcs, channel: int, key: bytes, **inner: Any) -> None:
    """Publish a control-plane message. Call it only once the store holds what it says."""
    message = m.PubMessage(channel_type=channel, key_id=key, **inner)  # type: ignore[arg-type]
    _deliver(gcs, gcs.publishers[CONTROL], message)


def _deliver(gcs: Gcs, publisher: Publisher, message: m.PubMessage) -> None:
    publisher.sequence += 1
    message.sequence_id = publisher.sequence
    for subscriber in publisher.subscribers.values():
        if subscriber.wants(message):
            subscriber.mailbox.append(message)
            _answer_poll(gcs, publisher, subscriber)


def _answer_poll(gcs: Gcs, publisher: Publisher, subscriber: Subscriber) -> None:
    """Answer the open poll, if there is one and there is something to say."""
    if subscriber.poll is None or not subscriber.mailbox:
        return
    reply = m.GcsSubscriberPollReply(publisher_id=publisher.publisher_id)
    limit = int(gcs.config.get("publish_batch_size"))
    for message in subscriber.mailbox:
        if len(reply.pub_messages) >= limit:
            break
        reply.pub_messages.append(message)
    _close_poll(gcs, publisher, subscriber, reply)


def _close_poll(
    gcs: Gcs, publisher: Publisher, subscriber: Subscriber, reply: m.GcsSubscriberPollReply | None = None
) -> None:
    if subscriber.poll is not None:
        gcs.reply(subscriber.poll, reply or m.GcsSubscriberPollReply(publisher_id=publisher.publisher_id))
        subscriber.poll = None
        subscriber.seen = gcs.now


def _poll(gcs: Gcs, call: int, request: m.GcsSubscriberPollRequest, service: str) -> None:
    publisher = gcs.publishers[service]
    subscriber = publisher.subscribers.get(request.subscriber_id)
    if subscriber is None:
        subscriber = Subscriber(request.subscriber_id, gcs.now)
        publisher.subscribers[request.subscriber_id] = subscriber
    subscriber.seen = gcs.now
    _close_poll(gcs, publisher, subscriber)
    if request.publisher_id == publisher.publisher_id:
        _acknowledge(subscriber, request.max_processed_sequence_id)
    subscriber.poll = call
    _answer_poll(gcs, publisher, subscriber)


def _acknowledge(subscriber: Subscriber, sequence: int) -> None:
    while subscriber.mailbox and subscriber.mailbox[0].sequence_id <= sequence:
        subscriber.mailbox.popleft()


def _commands(gcs: Gcs, call: int, request: m.GcsSubscriberCommandBatchRequest, service: str) -> None:
    publisher = gcs.publishers[service]
    if not _carries(publisher, request.commands):
        gcs.reject(call, "ABORTED", "InvalidArgument")
        return
    subscriber = publisher.subscribers.get(request.subscriber_id)
    if subscriber is None:
        subscriber = Subscriber(b"", gcs.now)
        publisher.subscribers[request.subscriber_id] = subscriber
    subscriber.sender_id = request.sender_id or request.subscriber_id
    subscriber.seen = gcs.now
    for command in request.commands:
        _obey(subscriber, command)
    gcs.reply(call, m.GcsSubscriberCommandBatchReply())


def _carries(publisher: Publisher, commands: Iterable[m.Command | m.PubMessage]) -> bool:
    return all(
        one.channel_type in publisher.channels
        and (isinstance(one, m.PubMessage) or one.WhichOneof("command_message_one_of") is not None)
        for one in commands
    )


def _obey(subscriber: Subscriber, command: m.Command) -> None:
    wanted = command.HasField("subscribe_message")
    if command.key_id:
        change = subscriber.keys.add if wanted else subscriber.keys.discard
        change((command.channel_type, command.key_id))
    else:
        alter = subscriber.channels.add if wanted else subscriber.channels.discard
        alter(command.channel_type)


def _publish_request(gcs: Gcs, call: int, request: m.GcsPublishRequest, service: str) -> None:
    publisher = gcs.publishers[service]
    if not _carries(publisher, request.pub_messages):
        gcs.reject(call, "ABORTED", "InvalidArgument")
        return
    for message in request.pub_messages:
        _deliver(gcs, publisher, message)
    gcs.reply(call, m.GcsPublishReply())


@on(NodeGone)
def _node_gone(gcs: Gcs, gone: NodeGone) -> None:
    drop_sender(gcs, gone.node_id)


def drop_sender(gcs: Gcs, sender_id: bytes) -> None:
    """Drop the subscribers of a dead node or worker; their open polls end empty."""
    for publisher in gcs.publishers.values():
        for subscriber_id, subscriber in list(publisher.subscribers.items()):
            if subscriber.sender_id == sender_id:
                _close_poll(gcs, publisher, subscriber)
                del publisher.subscribers[subscriber_id]


def _sweep(gcs: Gcs, _outcome: Any) -> None:
    """End polls that stood open for too long, and drop subscribers that stopped polling."""
    patience = gcs.config.seconds("subscriber_timeout_ms")
    for publisher in gcs.publishers.values():
        for subscriber_id, subscriber in list(publisher.subscribers.items()):
            if gcs.now - subscriber.seen < patience:
                continue
            if subscriber.poll is None:
                del publisher.subscribers[subscriber_id]
            _close_poll(gcs, publisher, subscriber)
    gcs.after(patience / 2, then(_sweep))


def poll_cancelled(gcs: Gcs, call: int) -> None:
    """The poller hung up: keep its mailbox, forget the call."""
    for publisher in gcs.publishers.values():
        for subscriber in publisher.subscribers.values():
            if subscriber.poll == call:
                subscriber.poll = None
                subscriber.seen = gcs.now


@serves(f"{CONTROL}.GcsSubscriberPoll", "subscriber_id")
def _control_poll(gcs: Gcs, call: int, request: m.GcsSubscriberPollRequest) -> None:
    _poll(gcs, call, request, CONTROL)


@serves(f"{OBSERVABILITY}.GcsSubscriberPoll", "subscriber_id")
def _observability_poll(gcs: Gcs, call: int, request: m.GcsSubscriberPollRequest) -> None:
    _poll(gcs, call, request, OBSERVABILITY)


@serves(f"{CONTROL}.GcsSubscriberCommandBatch", "subscriber_id")
def _control_commands(gcs: Gcs, call: int, request: m.GcsSubscriberCommandBatchRequest) -> None:
    _commands(gcs, call, request, CONTROL)


@serves(f"{OBSERVABILITY}.GcsSubscriberCommandBatch", "subscriber_id")
def _observability_commands(gcs: Gcs, call: int, request: m.GcsSubscriberCommandBatchRequest) -> None:
    _commands(gcs, call, request, OBSERVABILITY)


@serves(f"{CONTROL}.GcsPublish")
def _control_publish(gcs: Gcs, call: int, request: m.GcsPublishRequest) -> None:
    _publish_request(gcs, call, request, CONTROL)


@serves(f"{OBSERVABILITY}.GcsPublish")
def _observability_publish(gcs: Gcs, call: int, request: m.GcsPublishRequest) -> None:
    _publish_request(gcs, call, request, OBSERVABILITY)
