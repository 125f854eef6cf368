"""Fields that our protos leave out, copied between messages of real releases by their numbers.

A TaskSpec carries label selectors and fallback strategies that a raylet must get in its
LeaseSpec and that a real GCS expects in an actor's row. We need not understand them to pass
them on: an unknown field's bytes stay valid under another number.
"""

from __future__ import annotations

from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

LENGTH_DELIMITED = 2


def carry_unknown(source: Message, target: Message, numbers: dict[int, int]) -> None:
    """Copy length-delimited unknown fields of ``source`` into ``target``, renumbered.

    Empty ones stay behind: real clients send them, and ``gcs_server`` 2.60.0 does not store them in a row.
    """
    carried = b""
    for field in UnknownFieldSet(source):  # type: ignore[attr-defined]
        data = bytes(field.data) if field.wire_type == LENGTH_DELIMITED else b""
        if field.field_number in numbers and data:
            carried += (
                _varint(numbers[field.field_number] << 3 | LENGTH_DELIMITED) + _varint(len(data)) + data
            )
    if carried:
        target.MergeFromString(carried)


def map_entry(number: int, key: str, value: str) -> bytes:
    """One entry of a ``map<string, string>`` field ``number``, as it lies on the wire."""
    entry = b"\x0a" + _varint(len(key.encode())) + key.encode()
    entry += b"\x12" + _varint(len(value.encode())) + value.encode()
    return _varint(number << 3 | LENGTH_DELIMITED) + _varint(len(entry)) + entry


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
