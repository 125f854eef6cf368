"""The host's side of the zygote: worker processes as awaitable births and reported deaths."""

from __future__ import annotations

import asyncio
import itertools
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness.raylet import jsonline


@dataclass(frozen=True)
class Born:
    """A worker process: its pid and the port of its JSON-lines protocol."""

    pid: int
    port: int


class Nursery:
    """All worker processes of one host."""

    def __init__(self, pair: socket.socket) -> None:
        self._pair = pair
        self._numbers = itertools.count()
        self._awaited: dict[int, asyncio.Future[Born]] = {}
        self._on_death: dict[int, Callable[[int], None]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None

    async def open(self) -> None:
        reader, self._writer = await asyncio.open_unix_connection(sock=self._pair, limit=jsonline.LIMIT_BYTES)
        self._reading = asyncio.create_task(self._read(reader))

    async def spawn(self, address: str, worker_id: bytes, on_death: Callable[[int], None]) -> Born:
        """Start a worker; ``on_death`` is told its exit status (negative: the signal) once.

        OSError if its port cannot be bound.
        """
        number = next(self._numbers)
        future: asyncio.Future[Born] = asyncio.get_running_loop().create_future()
        self._awaited[number] = future
        self._send({"spawn": number, "address": address, "worker_id": worker_id})
        born = await future
        self._on_death[born.pid] = on_death
        return born

    def kill(self, pid: int, number: int = signal.SIGKILL) -> None:
        """Send signal ``number`` to a worker; nothing happens if it is already reaped."""
        self._send({"kill": pid, "signal": int(number)})

    def _send(self, order: dict[str, Any]) -> None:
        if self._writer is None:
            raise RuntimeError("the nursery is not open")
        self._writer.write(jsonline.pack(order))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            news = jsonline.unpack(line)
            if "exited" in news:
                # A worker may die before its spawner runs again: let that one register first.
                asyncio.get_running_loop().call_soon(self._died, news["exited"], news["status"])
            elif "error" in news:
                self._awaited.pop(news["spawned"]).set_exception(OSError(news["error"]))
            else:
                self._awaited.pop(news["spawned"]).set_result(Born(news["pid"], news["port"]))

    def _died(self, pid: int, status: int) -> None:
        on_death = self._on_death.pop(pid, None)
        if on_death is not None:
            on_death(status)
