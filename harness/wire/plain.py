"""A message as values that JSON can carry, and that a person can read. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from typing import Any

from google.protobuf.message import Message

LONGEST_BYTES = 512
"""Bytes up to this length are shown whole, in hex; longer ones by digest and length."""
LARGEST_MESSAGE = 256 * 1024


def plain(message: Message) -> dict[str, Any]:
    """The set fields of ``message``: bytes as :func:`shown`, enums by name, nested messages as dicts.

    A ``state`` is there even when it is its enum's zero, which proto3 takes for unset. Of a message
    of more than 256 KiB only ``{"$cut": <its size>}`` remains.
    """
    size = message.ByteSize()
    return {"$cut": size} if size > LARGEST_MESSAGE else _fields(message)


def shown(data: bytes) -> str:
    """Hex, or ``sha256:<16 hex digits>:<length>`` for what is too long to be read."""
    if len(data) <= LONGEST_BYTES:
        return data.hex()
    return f"sha256:{hashlib.sha256(data).hexdigest()[:16]}:{len(data)}"


def _fields(message: Message) -> dict[str, Any]:
    found = {one.name: _how(one)(value) for one, value in message.ListFields()}
    zero = _zero_state(message.DESCRIPTOR)
    if zero is not None and "state" not in found:
        found["state"] = zero
    return found


# Descriptors are few and live as long as the process; to read one anew costs more than the value it describes.
@cache
def _zero_state(kind: Any) -> str | None:
    state = kind.fields_by_name.get("state")
    return state.enum_type.values_by_number[0].name if state is not None and state.enum_type else None


@cache
def _how(one: Any) -> Callable[[Any], Any]:
    kind = one.message_type
    if kind is not None and kind.GetOptions().map_entry:
        item = _how_each(kind.fields_by_name["value"])
        return lambda value: {str(key): item(each) for key, each in value.items()}
    each = _how_each(one)
    return (lambda value: [each(item) for item in value]) if one.is_repeated else each


def _how_each(one: Any) -> Callable[[Any], Any]:
    if one.message_type is not None:
        return _fields
    if one.enum_type is not None:
        names = {number: known.name for number, known in one.enum_type.values_by_number.items()}
        return lambda value: names.get(value, value)
    return shown if one.type == one.TYPE_BYTES else _as_it_is


def _as_it_is(value: Any) -> Any:
    return value
