"""What a Redis user may do who is to serve a GCS, and nothing else.

Found by running. The ledger has every command that a GCS sent: 2.60.0 and the reference through all
scenarios and crash points, 2.40.0, 2.49.2 and 2.55.1 through those of requests, durability, actors, groups,
nodes, identity and pubsub; Ray's releases do not differ. With these rights each went through boot, every kind
of request and a recovery on Redis 7.0 and 8.2, where ``ACL LOG`` stayed empty, as did that of Valkey; and
without any one of them it ended: at its start, or at the first request that needs it. (The reference alone
can do without INFO: it takes the refusal for a plain server.)

Of ``INFO`` a GCS asks for two sections only (SENTINEL, CLUSTER), but servers call it a misuse to allow no
others. The rules in brackets need Redis 7 or Valkey. Whoever switches the default user off beside such a
line leaves it its rights (``user default off ~* &* +@all``) where the store keeps an append-only log and the
GCS writes transactions, as the reference does: Redis reads the log as that user, and passes over each
transaction that it may not execute.
"""

from __future__ import annotations

import re

from packaging.version import Version

from harness.wire.layout import prefix

NAMED_SINCE = Version("2.49.0")
"""Releases before it log in as the default user: the oldest that is known to take a user name is 2.49.2."""
_DEFAULT = "default"
_ROWS = ("hdel", "hget", "hmget", "hscan", "hset", "hsetnx", "incrby")
# A GCS asks first whether it has met a sentinel, then whether a cluster, and by a deletion who leads that;
# it says PING as a sign of life.
_RAY = ("hexists", "info", "ping")
_PROBE = "(~DUMMY +del)"
_REFERENCE = ("exec", "info", "multi")
_FENCE = "(~{keys}FENCE +get +set +watch)"


def minimal(namespace: str, release: str | None, user: str = "ray", password: str = "PASSWORD") -> str:
    """The line of ``redis.conf`` or an ACL file for the GCS of one namespace; ``ACL SETUSER`` takes it from the name on.

    ``release``: of Ray, like ``2.60.0``; None: the reference GCS. The user is ``default`` for a
    release that cannot be told another.
    """
    if release is not None and Version(release) < NAMED_SINCE:
        user = _DEFAULT
    return _line(user, password, _pattern(namespace), ray=release is not None, reference=release is None)


def anyone(user: str, password: str) -> str:
    """The same for whatever GCS and namespace: all that any of them needs."""
    return _line(user, password, prefix("*"), ray=True, reference=True)


def login(line: str) -> str:
    """Whose rights a line says."""
    return line.split()[1]


def without(line: str, right: str) -> str:
    """``line`` without ``right``, like ``hset``; ValueError when it gives none such."""
    less, found = re.subn(rf" \+{re.escape(right)}(?=[ )]|$)", "", line)
    if not found:
        raise ValueError(f"{right} is no right of {line!r}")
    return re.sub(r" \(~\S+\)", "", less)  # brackets that allow nothing any more


def _line(user: str, password: str, keys: str, ray: bool, reference: bool) -> str:
    commands = sorted({*_ROWS, *(_RAY if ray else ()), *(_REFERENCE if reference else ())})
    words = [f"user {user} on >{password} resetchannels ~{keys}* -@all", *(f"+{one}" for one in commands)]
    if ray:
        words.append(_PROBE)
    if reference:
        words.append(_FENCE.format(keys=keys))
    return " ".join(words)


def _pattern(namespace: str) -> str:
    """What keys of ``namespace`` begin with, as a pattern: what means something there or splits a line is escaped."""
    escaped = re.sub(r"([*?\[\]\\^])", r"\\\1", prefix(namespace))
    return re.sub(r"[\s\"'()]", "?", escaped)
