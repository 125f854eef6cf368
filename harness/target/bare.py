"""A bare start of a target's program: executed and loaded, but asked for nothing. What its start costs on this machine now.

It is measured while a start takes long, beside it: a machine that is busy is then as busy for the one as for the
other. One that is measured once for a whole run would say nothing of the moment.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from harness.target.base import Command, Launch, Target

TIMES = 3
"""How often it is started, one after the other: the slowest counts."""
LONGEST_S = 30.0


@runtime_checkable
class Bare(Protocol):
    """A target that knows how to be started and do nothing."""

    def bare(self, launch: Launch) -> Command:
        """What loads all of its program and ends at once."""


def bare_command(target: Target, launch: Launch) -> Command | None:
    """How ``target`` is started bare; None for one of which nobody knows."""
    return target.bare(launch) if isinstance(target, Bare) else None


class Measurement:
    """Times bare starts in the background; ``tell`` is called with the seconds of the slowest, unless none ended."""

    def __init__(self, command: Command, tell: Callable[[float], None]) -> None:
        self._command, self._tell = command, tell
        self._thread = threading.Thread(target=self._measure, name="bare start", daemon=True)
        self._thread.start()

    def wait(self, within: float) -> None:
        """Return when it is told, or after ``within`` seconds."""
        self._thread.join(within)

    def _measure(self) -> None:
        took = [seconds for _ in range(TIMES) if (seconds := self._once()) is not None]
        if took:
            self._tell(max(took))

    def _once(self) -> float | None:
        began, null = time.monotonic(), subprocess.DEVNULL
        command = self._command
        try:
            subprocess.run(
                command.argv,
                env=dict(command.env),
                cwd=command.cwd,
                stdin=null,
                stdout=null,
                stderr=null,
                timeout=LONGEST_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return time.monotonic() - began
