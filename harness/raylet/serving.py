"""Doors: gRPC ports on loopback, each with its own table of answers in raw bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from harness.raylet.h2 import CALLER, Answer, Connection, Refused

__all__ = ["CALLER", "Answer", "Door", "Refused"]


class Door:
    """One bound port. ``answers``: path (``/ray.rpc.CoreWorkerService/Exit``) -> answer."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self._answers = answers
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def open(self, address: str, port: int = 0) -> int:
        """Bind ``address:port`` (0: any); gives back the port. OSError if it is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self._answers, self._connections), address, port, backlog=64
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self.port

    async def close(self) -> None:
        """Close the port and cut its connections at once."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in list(self._connections):
            connection.abort()
