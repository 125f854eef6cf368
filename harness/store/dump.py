"""A namespace read back from Redis: Ray's rows, decoded, and a namespace's end.

Layout since Ray 2.38 (seen in 2.40.0 to 2.60.0): one hash ``RAY<namespace>@<TABLE>`` per table with
the raw id as field and a serialized message as value; ``RAY<namespace>@KV`` holds strings, and
``RAY<namespace>@JobCounter`` is a plain counter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import redis
from google.protobuf.message import DecodeError, Message

from harness.wire.dialect import Dialect
from harness.wire.layout import COUNTER, KV, TABLES, prefix, table_of
from harness.wire.plain import plain, shown

Raw = Mapping[str, Mapping[bytes, bytes]]


def read(client: redis.Redis, namespace: str) -> Raw:
    """Everything stored of ``namespace``: table -> raw key -> raw value.

    The job counter appears as table ``JobCounter`` with the one key ``b""``. ``client`` must not
    decode responses. Not one instant: tables are read one after the other.
    """
    stored: dict[str, dict[bytes, bytes]] = {}
    for key in keys(client, namespace):
        table = table_of(key)
        if table not in (COUNTER, KV, *TABLES):
            continue  # a GCS's own, such as the reference's fence
        # redis-py's annotations cover its asynchronous twin too.
        contents: Any = {b"": client.get(key)} if table == COUNTER else client.hgetall(key)
        stored[table] = dict(contents)
    return stored


def decode(raw: Raw, dialect: Dialect) -> dict[str, dict[bytes, Message]]:
    """The rows of the tables that hold messages, as 2.60.0's messages, whatever release wrote them.

    DecodeError when a row cannot be read.
    """
    return {
        table: {key: dialect.decode(kind, value) for key, value in raw.get(table, {}).items()}
        for table, kind in TABLES.items()
    }


def dump(client: redis.Redis, namespace: str, dialect: Dialect) -> dict[str, dict[bytes, Message]]:
    """:func:`read` and :func:`decode`."""
    return decode(read(client, namespace), dialect)


def plain_rows(raw: Raw, dialect: Dialect) -> dict[str, dict[str, dict[str, Any]]]:
    """``raw`` as values that JSON can carry: table -> key in hex -> row, as :func:`harness.wire.plain.plain` shows it.

    A row that holds no message is ``{"value": …}``; one that cannot be decoded is ``{"$undecodable": <its size>}``.
    """
    return {
        table: {key.hex(): _plain_row(table, value, dialect) for key, value in rows.items()}
        for table, rows in raw.items()
    }


def _plain_row(table: str, value: bytes, dialect: Dialect) -> dict[str, Any]:
    if table == COUNTER:
        return {"value": int(value) if value.isdigit() else shown(value)}
    if table not in TABLES:
        return {"value": shown(value)}
    try:
        return plain(dialect.decode(TABLES[table], value))
    except DecodeError:
        return {"$undecodable": len(value)}


def erase(client: redis.Redis, namespace: str) -> None:
    """Delete every key of ``namespace`` and no other."""
    for key in list(keys(client, namespace)):
        client.delete(key)  # one by one: in cluster mode they lie in several slots


def keys(client: redis.Redis, namespace: str) -> Iterator[bytes]:
    """The Redis keys of ``namespace``."""
    begin = prefix(namespace)
    # A namespace may hold characters that mean something in a pattern.
    pattern = re.sub(r"([*?\[\]\\^])", r"\\\1", begin) + "*"
    for key in client.scan_iter(match=pattern, count=1000):
        if key.startswith(begin.encode()):
            yield key
