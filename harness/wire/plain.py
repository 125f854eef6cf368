"""A message as values that JSON can carry, and that a person can read. Pure."""

from __future__ import annotations

import hashlib
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
    found = {one.name: _field(one, value) for one, value in message.ListFields()}
    state = message.DESCRIPTOR.fields_by_name.get("state")
    if state is not None and state.enum_type is not None and "state" not in found:
        found["state"] = state.enum_type.values_by_number[0].name
    return found


def _field(one: Any, value: Any) -> Any:
    kind = one.message_type
    if kind is not None and kind.GetOptions().map_entry:
        return {str(key): _item(kind.fields_by_name["value"], item) for key, item in value.items()}
    if one.is_repeated:
        return [_item(one, item) for item in value]
    return _item(one, value)


def _item(one: Any, value: Any) -> Any:
    if one.message_type is not None:
        return _fields(value)
    if one.enum_type is not None:
        known = one.enum_type.values_by_number.get(value)
        return known.name if known else value
    return shown(value) if isinstance(value, bytes) else value
