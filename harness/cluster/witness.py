"""A stand-in at an address where nothing should be told anything any more."""

from __future__ import annotations

from pathlib import Path

from harness.process.running import Spawn
from harness.wait import until

_START_SECONDS = 20.0


class Witness:
    """Listens at ``address:port`` in a process, or a container, of its own and notes every method that is
    called, answering none. Its files go to ``directory``."""

    def __init__(self, spawn: Spawn, address: str, port: int, directory: Path) -> None:
        """Start it, and wait until it listens: TimedOut after 20 s, RuntimeError if it cannot."""
        directory.mkdir(parents=True, exist_ok=True)
        self._calls = directory / "calls"
        arguments = ["--address", f"{address}:{port}", "--calls", str(self._calls)]
        self._running = spawn(
            "harness.raylet.witness", arguments, address, {}, directory / "witness.log", "witness"
        )
        until(
            "the witness listens",
            lambda: self._calls.exists() or self._running.poll() is not None,
            _START_SECONDS,
            evidence=self._running.log_tail,
        )
        if not self._calls.exists():
            raise RuntimeError(f"the witness ended:\n{self._running.log_tail()}")

    def calls(self) -> list[str]:
        return self._calls.read_text().split()

    def close(self) -> None:
        self._running.kill()
