"""What a recorded id is called in its plan, and what of a message may be compared between two runs. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from harness.fuzz import names

MOST = 64
"""No plan has more things of a kind."""
ODD = "odd id"
# What a server draws, or what depends on where and when it runs.
_OWN = frozenset({
    "address", "actor_address", "owner_address", "caller_address", "driver_address", "driver_ip_address",
    "driver_pid", "worker_address", "ip_address", "port", "pid", "deadline",
})  # fmt: skip


@cache
def _known() -> Mapping[str, str]:
    """Hex of an id -> its name."""
    found: dict[str, str] = {}
    for number in range(MOST):
        found[names.actor_id(number).hex()] = f"actor {number}"
        found[names.group_id(number).hex()] = f"group {number}"
        found[names.node_id(number).hex()] = f"node {number}"
        found[names.job_id(number).hex()] = f"job {number}"
        found[names.driver_id(number).hex()] = f"driver {number}"
    return found


def label(raw: str) -> str:
    """``actor 2`` for an id in hex; '' for what is no id of a plan."""
    return _known().get(raw, "")


def labels_in(value: Any) -> Iterator[str]:
    """The names of all ids in a message."""
    if isinstance(value, Mapping):
        for one in value.values():
            yield from labels_in(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from labels_in(one)
    elif isinstance(value, str) and (found := label(value)):
        yield found


def spoken(value: Any) -> Any:
    """``value`` with the names of ids, and without what is a run's own."""
    if isinstance(value, Mapping):
        return {key: spoken(one) for key, one in value.items() if key not in _OWN}
    if isinstance(value, list | tuple):
        return [spoken(one) for one in value]
    return (label(value) or value) if isinstance(value, str) else value


def text(value: Any) -> str:
    """A value that JSON has, the same for equal values."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
