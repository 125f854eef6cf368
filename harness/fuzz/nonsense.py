"""Requests that no client should send: odd ids everywhere, channels of somebody else. Pure."""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from harness.fuzz import names
from harness.wire import ids
from harness.wire import messages as m

ID_LENGTHS = {
    "node_id": ids.UNIQUE, "worker_id": ids.UNIQUE, "job_id": ids.JOB, "creator_job_id": ids.JOB,
    "actor_id": ids.ACTOR, "placement_group_id": ids.PLACEMENT_GROUP, "subscriber_id": ids.UNIQUE,
}  # fmt: skip


def spoil(request: Message, odd: int) -> None:
    """Make every id of ``request`` odd in that way; of one to a publisher, what it is about."""
    if isinstance(request, m.GcsPublishRequest):
        request.pub_messages.add(channel_type=m.RAY_LOG_CHANNEL, key_id=b"e")
    elif isinstance(request, m.GcsSubscriberCommandBatchRequest):
        request.subscriber_id = names.made_up("stranger", 0, ids.UNIQUE)
        if odd == -1:  # it had never subscribed
            nothing = m.UnsubscribeMessage()
            request.commands.add(channel_type=m.GCS_ACTOR_CHANNEL, unsubscribe_message=nothing)
            request.commands.add(
                channel_type=m.GCS_ACTOR_CHANNEL, key_id=names.actor_id(0), unsubscribe_message=nothing
            )
        else:
            request.commands.add(channel_type=m.RAY_LOG_CHANNEL, subscribe_message=m.SubMessage())
    else:
        _fill(request, odd)


def _fill(message: Any, odd: int, depth: int = 0) -> None:
    """Every id of ``message``, also in the messages within it, becomes odd."""
    for one in message.DESCRIPTOR.fields:
        if one.is_repeated:
            continue
        if one.type == FieldDescriptor.TYPE_BYTES and one.name in ID_LENGTHS:
            setattr(message, one.name, names.odd_id(odd, ID_LENGTHS[one.name]))
        elif one.message_type is not None and depth < 3 and one.name != "scheduling_strategy":
            getattr(message, one.name).SetInParent()
            _fill(getattr(message, one.name), odd, depth + 1)
