"""The way to a Redis: let in with a password, past a sentinel or a replica to the primary that it names."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import Any

from reference_gcs.core import layout
from reference_gcs.resp import Connection, RedisError

_REFUSALS = ("WRONGPASS", "NOAUTH", "ERR", "NOPERM")


class StoreRefused(Exception):
    """The store cannot be used at all; the message is a sentence for the log."""


@dataclass(frozen=True)
class RedisPlace:
    """Which Redis, or which sentinel, as whom, and in which namespace.

    ``hang``: seconds, the longest wait for an answer. ``known_as``: whose certificate it must show, under
    TLS; empty: its host's.
    """

    host: str
    port: int
    username: str
    password: str
    tls: ssl.SSLContext | None
    namespace: str
    hang: float
    known_as: str = ""

    async def connect(self) -> Connection:
        """A connection that is let in. OSError: try again; StoreRefused: pointless."""
        connection, watches = await self._let_in(self.host, self.port)
        if not watches:
            return await self._past_replica(connection)
        try:
            host, port = await self._primary(connection)
        finally:
            connection.close()
        connection, watches = await self._let_in(host, port)
        if watches:
            connection.close()
            raise ConnectionError(f"the sentinel names a sentinel, {host}:{port}, as the primary")
        return connection

    async def _past_replica(self, connection: Connection) -> Connection:
        """In cluster mode a replica names its primary when it is asked for a key."""
        (reply,) = await self.ask(connection, (b"GET", layout.redis_key(self.namespace, layout.FENCE)))
        if not isinstance(reply, RedisError) or not str(reply).startswith("MOVED "):
            return connection
        connection.close()
        host, _, port = str(reply).split()[2].rpartition(":")
        connection, _watches = await self._let_in(host or self.host, int(port))
        return connection

    async def ask(self, connection: Connection, *commands: tuple[bytes, ...]) -> list[Any]:
        """Replies within the hang timeout; StoreRefused when they do not come."""
        try:
            return await asyncio.wait_for(connection.send(*commands), self.hang)
        except TimeoutError:
            raise StoreRefused(f"Redis has not answered for {self.hang:g} s") from None

    async def _let_in(self, host: str, port: int) -> tuple[Connection, bool]:
        """A connection, and whether a sentinel is at its other end."""
        opening = Connection.open(host, port, self.tls, self.known_as or None)
        connection = await asyncio.wait_for(opening, self.hang)
        if self.password:
            user = (self.username.encode(),) if self.username else ()
            hello = (b"AUTH", *user, self.password.encode())
        else:
            hello = (b"PING",)
        reply, sentinel = await self.ask(connection, hello, (b"INFO", b"SENTINEL"))
        if isinstance(reply, RedisError):
            connection.close()
            if str(reply).startswith(_REFUSALS):
                raise StoreRefused(f"Redis refused this GCS: {reply}")
            raise ConnectionError(str(reply))
        # Whoever does not let us ask is no sentinel.
        return connection, bool(sentinel) and not isinstance(sentinel, RedisError)

    async def _primary(self, sentinel: Connection) -> tuple[str, int]:
        """Where the primary is now, as the sentinel says; like Ray, it may watch one only."""
        (found,) = await self.ask(sentinel, (b"SENTINEL", b"MASTERS"))
        if isinstance(found, RedisError):
            raise ConnectionError(f"the sentinel does not name its primary: {found}")
        if len(found) != 1:
            raise StoreRefused(f"the sentinel watches {len(found)} primaries; it must be one")
        (words,) = found
        facts = dict(zip(words[::2], words[1::2], strict=True))
        return facts[b"ip"].decode(), int(facts[b"port"])
