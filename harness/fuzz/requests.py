"""Requests by the name of their method. Pure."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from google.protobuf.message import Message

from harness.driver.specs import Owner
from harness.wire import rpc

Ask = tuple[str, Message]
"""``Service.Method`` and its request."""
Owners = Callable[[int], Owner]
"""The driver of a job, as an engine placed it."""


@cache
def found(name: str) -> rpc.Method:
    """The method of that name, looked for once."""
    return rpc.method(name)


def ask(method: str, /, **fields: Any) -> Ask:
    """That request, with these fields."""
    one = found(method)
    return one.full_name, one.request(**fields)


def at_most(limit: int) -> dict[str, int]:
    """The field of a listing with a limit; none below 0."""
    return {"limit": limit} if limit >= 0 else {}
