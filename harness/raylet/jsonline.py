"""JSON lines that carry bytes: ids stay ids on both sides of the control connection.

``b"\\x01"`` travels as ``{"$bytes": "AQ=="}``. Nothing here imports more than the standard library's
smallest parts, because the zygote and its workers use it too.
"""

from __future__ import annotations

import binascii
import json
from typing import Any

MARK = "$bytes"
LIMIT_BYTES = 256 * 1024 * 1024
"""The longest line that either side reads: an object of 190 MB, in base64."""


def pack(value: Any) -> bytes:
    """``value`` as one line, with its newline."""
    return json.dumps(value, default=_mark, separators=(",", ":")).encode() + b"\n"


def unpack(line: bytes) -> Any:
    """The inverse of :func:`pack`; ValueError on garbage."""
    return json.loads(line, object_hook=_unmark)


def _mark(value: Any) -> Any:
    if isinstance(value, bytes | bytearray):
        return {MARK: binascii.b2a_base64(value, newline=False).decode()}
    raise TypeError(f"{type(value).__name__} cannot travel on the control connection")


def _unmark(found: dict[str, Any]) -> Any:
    if len(found) == 1 and MARK in found:
        return binascii.a2b_base64(found[MARK])
    return found
