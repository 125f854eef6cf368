"""What a process and a container have in common, seen by whoever started one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol


class Running(Protocol):
    """One life of a process or of a container. Every method may be called again."""

    @property
    def pid(self) -> int:
        """Of its first process, as the machine counts that runs it."""

    @property
    def log_path(self) -> Path:
        """What it printed, appended."""

    @property
    def flooded(self) -> bool:
        """Whether it was killed because its log grew beyond all use."""

    def poll(self) -> int | None:
        """The exit status (negative: the signal that ended it); None while it runs."""

    def wait(self, within: float) -> int | None:
        """Wait up to ``within`` seconds for the end; the exit status, or None when it still runs."""

    def kill(self, group: bool = False) -> None:
        """SIGKILL, and return when it is dead and its sockets are closed."""

    def terminate(self, within: float = 5.0, group: bool = False) -> int:
        """SIGTERM, then SIGKILL when it is not gone after ``within`` seconds; the exit status."""

    def pause(self, group: bool = False) -> None:
        """Return when it has stopped: its connections stay open and nothing is answered."""

    def resume(self, group: bool = False) -> None: ...

    def log_tail(self, lines: int = 20) -> str: ...


Spawn = Callable[[str, Sequence[str], str, Mapping[str, str], Path, str], Running]
"""(module, arguments, address, env, log path, name) -> ``python -m MODULE ARGUMENTS``, a program of ours,
reachable at ``address``, with ``env`` beside what it needs to run. It must not outlive us."""
