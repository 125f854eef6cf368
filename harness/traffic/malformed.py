"""Requests that nobody should send: empty, with ids of a wrong length, about things that do not exist. Pure."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from harness.wire import ids
from harness.wire.rpc import METHODS, Method

GCS_SERVICES = frozenset(
    one.service for one in METHODS.values() if "Gcs" in one.service or "PubSub" in one.service
)
# They wait by design: for messages, or for a group that may yet be created.
LONG_POLLS = frozenset({"GcsSubscriberPoll", "WaitPlacementGroupUntilReady"})
# Lengths of ids by the name of their field; all others are 28 bytes.
LENGTHS = {
    "job_id": ids.JOB,
    "creator_job_id": ids.JOB,
    "actor_id": ids.ACTOR,
    "creator_actor_id": ids.ACTOR,
    "root_detached_actor_id": ids.ACTOR,
    "task_id": ids.TASK,
    "parent_task_id": ids.TASK,
    "placement_group_id": ids.PLACEMENT_GROUP,
}
# Byte strings that are not ids.
FREE = frozenset(
    {
        "key",
        "keys",
        "value",
        "namespace",
        "prefix",
        "key_id",
        "serialized_exception",
        "serialized_actor_handle",
    }
)
DEPTH = 4


def gcs_methods() -> list[Method]:
    """Every method that a GCS serves to its clients."""
    return [one for one in METHODS.values() if one.service in GCS_SERVICES]


def _fill(message: Message, identifier: Callable[[str], bytes], depth: int = 0) -> Message:
    for one in message.DESCRIPTOR.fields:
        if one.message_type is not None:
            if depth >= DEPTH or one.message_type.GetOptions().map_entry:
                continue
            inner = getattr(message, one.name)
            _fill(inner.add() if one.is_repeated else inner, identifier, depth + 1)
            if not one.is_repeated:
                inner.SetInParent()
        elif one.type == FieldDescriptor.TYPE_BYTES and one.name not in FREE:
            if one.is_repeated:
                getattr(message, one.name).append(identifier(one.name))
            else:
                setattr(message, one.name, identifier(one.name))
    return message


def empty(kind: type[Message]) -> Message:
    return kind()


def short_ids(kind: type[Message]) -> Message:
    """Every id one byte long."""
    return _fill(kind(), lambda _: b"x")


def long_ids(kind: type[Message]) -> Message:
    """Every id a hundred bytes long."""
    return _fill(kind(), lambda _: b"x" * 100)


def unknown_ids(kind: type[Message]) -> Message:
    """Every id well-formed, and of something that does not exist."""
    return _fill(kind(), lambda name: os.urandom(LENGTHS.get(name, ids.UNIQUE)))


def differs(kind: type[Message], form: str) -> bool:
    """Whether ``form`` of a message is another one than the empty one: it has an id to get wrong."""
    return form == "empty" or bool(FORMS[form](kind).ByteSize())


FORMS: Mapping[str, Callable[[type[Message]], Message]] = {
    "empty": empty,
    "short ids": short_ids,
    "long ids": long_ids,
    "unknown ids": unknown_ids,
}
