"""A small message as the expression that makes it, with the names of a scenario for the ids in it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.message import Message

from harness.fuzz.promoting.page import octets, quoted

Names = Mapping[bytes, str]
"""An id -> the expression for it."""


def spelt(message: Message, known: Names) -> str:
    """``m.GetActorInfoRequest(actor_id=a0)``."""
    fields = [f"{one.name}={_field(one, value, known)}" for one, value in message.ListFields()]
    name = message.DESCRIPTOR.full_name.removeprefix(f"{message.DESCRIPTOR.file.package}.")
    return f"m.{name}({', '.join(fields)})"


def _field(one: Any, value: Any, known: Names) -> str:
    if not one.is_repeated:
        return _item(one, value, known)
    return f"[{', '.join(_item(one, item, known) for item in value)}]"


def _item(one: Any, value: Any, known: Names) -> str:
    if one.message_type is not None:
        return spelt(value, known)
    if isinstance(value, bytes):
        return known.get(value) or _octets(value)
    if not isinstance(value, str):
        return str(value)
    raw = next((one for one in known if one.hex() == value), None)
    return quoted(value) if raw is None else f"{known[raw]}.hex()"


def _octets(value: bytes) -> str:
    if value.isascii() and value.decode().isprintable():
        return octets(value.decode())
    return f'bytes.fromhex("{value.hex()}")'
