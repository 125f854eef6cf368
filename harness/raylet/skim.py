"""Reading as little of a poll's reply as an acknowledgement needs. Pure.

In a fleet of a thousand, each registration is heard a thousand times: decoding all of it would be
the fleet's main cost, and nobody looks at it.
"""

from __future__ import annotations

from dataclasses import dataclass

MESSAGES, PUBLISHER = 1, 2  # fields of GcsSubscriberPollReply, the same in all releases


@dataclass(frozen=True)
class Skimmed:
    """The gist of a GcsSubscriberPollReply."""

    publisher_id: bytes
    messages: int
    last_sequence_id: int


def skim(reply: bytes, sequence_field: int) -> Skimmed:
    """Count the messages of ``reply`` and read the last one's sequence id (field ``sequence_field``).

    IndexError or ValueError on garbage.
    """
    publisher, count, last = b"", 0, b""
    for field, value in _fields(reply):
        if field == MESSAGES and isinstance(value, bytes):
            count, last = count + 1, value
        elif field == PUBLISHER and isinstance(value, bytes):
            publisher = value
    sequence = next((v for f, v in _fields(last) if f == sequence_field and isinstance(v, int)), 0)
    return Skimmed(publisher, count, sequence)


def _fields(data: bytes) -> list[tuple[int, int | bytes]]:
    found: list[tuple[int, int | bytes]] = []
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == 0:
            value, at = _varint(data, at)
            found.append((tag >> 3, value))
            continue
        if kind == 2:
            size, at = _varint(data, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError(f"wire type {kind} is not one of proto3")
        if at + size > len(data):
            raise ValueError("a field runs past the end")
        found.append((tag >> 3, data[at : at + size]))
        at += size
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
