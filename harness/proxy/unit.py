"""What a store applies as one: a command, or a transaction from MULTI to EXEC; and what it is called."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.history.entry import WRITES, word
from harness.wire.layout import KV, table_of

_ASIDE = frozenset(
    {"PING", "AUTH", "HELLO", "INFO", "CLIENT", "SELECT", "ECHO", "QUIT", "RESET", "COMMAND", "CONFIG", "ACL"}
)
_KEYLESS = frozenset({"SCAN", "KEYS", "DBSIZE", "FLUSHALL", "FLUSHDB", "TIME", "SCRIPT", "CLUSTER", "WAIT"})
_KEY_AFTER_COUNT = frozenset({"EVAL", "EVALSHA", "FCALL", "EVAL_RO", "EVALSHA_RO", "FCALL_RO"})
_USAGE = b"usage_stats"  # the namespace of Ray's usage tags, which a GCS writes whenever it likes
_CHANGING = re.compile(r"[0-9a-fA-F]{8,}|\d+")
_LONGEST_TABLE = 48
_HIDDEN = "***"


@dataclass(slots=True)
class Unit:
    """``label``: the command and the table (``HSET ACTOR``), of a transaction those of its writes, joined
    with ``+``. ``number``: by the order in which units were whole, from 1, over all connections of a proxy.

    ``writes``: whether a store may change by it. ``at``: monotonic seconds, when it was whole.
    """

    number: int
    label: str
    via: str
    connection: int
    writes: bool
    at: float


@dataclass(slots=True)
class Meaning:
    """``name``: the command's, in capitals. ``aside``: it is none that a rule may match."""

    name: str
    label: str
    writes: bool
    aside: bool


_KNOWN: dict[tuple[bytes, bytes], Meaning] = {}
_MOST_KNOWN = 10_000


def meaning(arguments: Sequence[bytes]) -> Meaning:
    """Of a command."""
    if not arguments:
        return Meaning("", "", False, True)
    key = arguments[1] if len(arguments) > 1 else b""
    if len(key) > 256 or arguments[0].upper().decode("ascii", "replace") in _KEY_AFTER_COUNT:
        return _meaning(arguments)
    found = _KNOWN.get((arguments[0], key))
    if found is None:
        if len(_KNOWN) >= _MOST_KNOWN:
            _KNOWN.clear()
        found = _KNOWN[arguments[0], key] = _meaning(arguments)
    return found


def of_usage(arguments: Sequence[bytes]) -> bool:
    """Whether a row of Ray's usage statistics is read or written."""
    return len(arguments) > 2 and _USAGE in arguments[2][:64] and table_of(arguments[1]) == KV


def _meaning(arguments: Sequence[bytes]) -> Meaning:
    name = arguments[0].upper().decode("ascii", "replace")
    place = 3 if name in _KEY_AFTER_COUNT else 1
    key = arguments[place] if len(arguments) > place else b""
    table = "" if name in _KEYLESS | _ASIDE else _table(key)
    return Meaning(name, f"{name} {table}".rstrip(), name in WRITES, name in _ASIDE)


def _table(key: bytes) -> str:
    """The table of a key, or the key without what differs from run to run."""
    if b"@" in key:
        return table_of(key)[:_LONGEST_TABLE]
    text = word(key)
    return "*" if text.startswith(("0x", "sha256:")) else _CHANGING.sub("*", text)[:_LONGEST_TABLE]


def label_of(parts: Iterable[Meaning]) -> str:
    """Of a transaction with these commands: its different writes, in order."""
    return "+".join(dict.fromkeys(part.label for part in parts if part.writes)) or "EXEC"


def words(arguments: Sequence[bytes]) -> tuple[str, ...]:
    """A command as a ledger holds it: without passwords."""
    name = arguments[0].upper() if arguments else b""
    said = [word(argument) for argument in arguments]
    if name == b"AUTH":
        return (*said[:-1], _HIDDEN) if len(said) > 1 else tuple(said)
    if name == b"HELLO":
        for place, argument in enumerate(arguments):
            if argument.upper() == b"AUTH":
                said[place + 2 : place + 3] = [_HIDDEN] * len(said[place + 2 : place + 3])
    elif name in (b"ACL", b"CONFIG", b"MIGRATE"):
        return (*said[:2], *(_HIDDEN for _ in said[2:]))
    return tuple(said)
