"""Ids in requests: a wrong length is refused at the door, so that no manager ever sees one.

An absent id (empty bytes) passes here unless the method needs it.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from harness.wire import ids

LENGTHS = {
    "node_id": ids.UNIQUE,
    "worker_id": ids.UNIQUE,
    "subscriber_id": ids.UNIQUE,
    "sender_id": ids.UNIQUE,
    "soft_target_node_id": ids.UNIQUE,
    "job_id": ids.JOB,
    "creator_job_id": ids.JOB,
    "actor_id": ids.ACTOR,
    "creator_actor_id": ids.ACTOR,
    "root_detached_actor_id": ids.ACTOR,
    "task_id": ids.TASK,
    "parent_task_id": ids.TASK,
    "caller_id": ids.TASK,
    "placement_group_id": ids.PLACEMENT_GROUP,
    "node_ids": ids.UNIQUE,
}
WITHIN = -1


def wrong_id(request: Message, needs: tuple[str, ...]) -> str | None:
    """What is wrong with the ids of ``request``, as a sentence; None when nothing is."""
    for path in needs:
        complaint = _missing(request, path)
        if complaint:
            return complaint
    return _wrong_length(request) if _holds_ids(request.DESCRIPTOR) else None


def _missing(request: Message, path: str) -> str | None:
    value: Any = request
    for name in path.split("."):
        value = getattr(value, name)
    return f"{path} is missing or nil" if ids.is_nil(value) else None


def _wrong_length(message: Message) -> str | None:
    lengths = _fields_with_ids(message.DESCRIPTOR)
    for field, value in message.ListFields():
        length = lengths.get(field.number)
        if length is None:
            continue
        complaint = _check_messages(field, value) if length == WITHIN else _check_bytes(field, value, length)
        if complaint:
            return complaint
    return None


def _check_bytes(field: FieldDescriptor, value: Any, length: int) -> str | None:
    for one in value if field.is_repeated else (value,):
        if len(one) not in ((length,) if field.is_repeated else (0, length)):
            return f"{field.name} has {len(one)} bytes, not {length}"
    return None


def _check_messages(field: FieldDescriptor, value: Any) -> str | None:
    if not field.is_repeated:
        return _wrong_length(value)
    for one in value:
        complaint = _wrong_length(one)
        if complaint:
            return complaint
    return None


@cache
def _fields_with_ids(descriptor: Descriptor) -> dict[int, int]:
    """The number of each field that is an id, with its length, or holds some (WITHIN)."""
    found = {}
    for field in descriptor.fields:
        if field.type == FieldDescriptor.TYPE_BYTES and field.name in LENGTHS:
            found[field.number] = LENGTHS[field.name]
        elif field.type == FieldDescriptor.TYPE_MESSAGE and _holds_ids(field.message_type):
            found[field.number] = WITHIN
    return found


@cache
def _holds_ids(descriptor: Descriptor) -> bool:
    if descriptor.GetOptions().map_entry:
        return False
    return any(
        (field.type == FieldDescriptor.TYPE_BYTES and field.name in LENGTHS)
        or (field.type == FieldDescriptor.TYPE_MESSAGE and _holds_ids(field.message_type))
        for field in descriptor.fields
    )
