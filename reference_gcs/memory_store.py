"""Rows in this process' memory, for a GCS that was given no Redis."""

from __future__ import annotations

import asyncio
from typing import Any

from reference_gcs.core import effects as fx
from reference_gcs.store import Answered


class MemoryStore:
    """Tables in this process: gone with it."""

    def __init__(self, answered: Answered) -> None:
        self._answered = answered
        self._tables: dict[str, dict[bytes, bytes]] = {}
        self._counters: dict[str, int] = {}

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()

    def write(self, op: int, command: fx.WriteCommand) -> None:
        self._loop.call_soon(self._answered, op, self.obey(command))

    def read(self, op: int, command: fx.ReadCommand) -> None:
        self._loop.call_soon(self._answered, op, self.obey(command))

    def obey(self, command: fx.WriteCommand | fx.ReadCommand) -> Any:
        """Carry out one command; answers as the command's docstring says."""
        return carry_out(self._tables, self._counters, command)


def carry_out(
    tables: dict[str, dict[bytes, bytes]], counters: dict[str, int], command: fx.WriteCommand | fx.ReadCommand
) -> Any:
    """One command on plain dictionaries, which it changes; answers as the command's docstring says."""
    if isinstance(command, fx.Increment):
        counters[command.table] = counters.get(command.table, 0) + 1
        return counters[command.table]
    return _obey(tables.setdefault(command.table, {}), command)


def _obey(rows: dict[bytes, bytes], command: fx.WriteCommand | fx.ReadCommand) -> Any:
    if isinstance(command, fx.Put | fx.PutIfAbsent):
        new = command.key not in rows
        if new or isinstance(command, fx.Put):
            rows[command.key] = command.value
        return new
    if isinstance(command, fx.Delete):
        return sum(rows.pop(key, None) is not None for key in command.keys)
    if isinstance(command, fx.Get):
        return rows.get(command.key)
    if isinstance(command, fx.GetMany):
        return [rows.get(key) for key in command.keys]
    assert isinstance(command, fx.Scan)
    return {key: value for key, value in rows.items() if key.startswith(command.prefix)}
