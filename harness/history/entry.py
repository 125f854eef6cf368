"""One entry of the ledger: a command that a GCS sent to its store, and what came of it. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LONGEST_ARGUMENT = 64 * 1024
WRITES = frozenset(
    {"SET", "SETNX", "DEL", "UNLINK", "HSET", "HSETNX", "HDEL", "INCR", "INCRBY", "HINCRBY", "FLUSHALL", "FLUSHDB",
     "RENAME", "EXPIRE", "GETDEL", "GETSET", "HMSET", "MSET", "APPEND", "EVAL", "EVALSHA", "FCALL", "LPUSH", "RPUSH",
     "SADD", "SREM", "ZADD", "ZREM", "XADD"}
)  # fmt: skip
"""Commands that change a store."""
_ENCODE = json.JSONEncoder(separators=(",", ":")).encode
TRANSACTION = frozenset({"MULTI", "EXEC", "DISCARD", "WATCH", "UNWATCH"})


@dataclass(frozen=True, slots=True)
class Entry:
    """``at``: when it was read from the GCS, ``done``: when the store's reply was there (monotonic
    seconds; None: never). ``command``: its words; binary ones as ``0x…``, over-long ones as
    ``sha256:…:<length>``. ``via``: ``gcs`` or ``rival``. ``connection`` numbers those of the proxy.

    ``unit`` numbers what is applied as one: a command, or all between MULTI and EXEC. ``applied``:
    whether the store did it; None: it was sent and nobody knows. ``rule``: the mode that struck it.
    """

    id: str
    case: str
    cluster: int
    at: float
    done: float | None
    via: str
    connection: int
    unit: int
    command: tuple[str, ...]
    reply: Any
    applied: bool | None
    rule: str = ""

    @property
    def name(self) -> str:
        return self.command[0].upper() if self.command else ""

    @property
    def key(self) -> str:
        """The first argument, as text: the key of every command that has one."""
        return self.command[1] if len(self.command) > 1 else ""

    @property
    def writes(self) -> bool:
        return self.name in WRITES

    def line(self) -> str:
        """The entry as one JSON line, without its newline."""
        # Written for every command of a GCS: dataclasses.asdict, which copies deeply, took half of a proxy's time.
        return _ENCODE(
            {
                "id": self.id,
                "case": self.case,
                "cluster": self.cluster,
                "at": round(self.at, 6),
                "done": self.done,
                "via": self.via,
                "connection": self.connection,
                "unit": self.unit,
                "command": self.command,
                "reply": self.reply,
                "applied": self.applied,
                "rule": self.rule,
            }
        )

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Entry:
        """The inverse of :meth:`line`. TypeError when something is missing."""
        return cls(**{**raw, "command": tuple(raw["command"])})


def word(argument: bytes) -> str:
    """An argument of a command as text: ``0x…`` where it is not printable ASCII."""
    if len(argument) > LONGEST_ARGUMENT:
        return f"sha256:{hashlib.sha256(argument).hexdigest()[:16]}:{len(argument)}"
    text = argument.decode("ascii", "replace")
    if text.isprintable() and "\ufffd" not in text and not text.startswith(("0x", "sha256:")):
        return text
    return "0x" + argument.hex()


def argument(text: str) -> bytes | None:
    """The inverse of :func:`word`; None where only a digest was kept."""
    if text.startswith("sha256:"):
        return None
    return bytes.fromhex(text[2:]) if text.startswith("0x") else text.encode()
