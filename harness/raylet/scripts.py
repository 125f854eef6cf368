"""What a scenario wants a raylet to do instead of answering as it should. Pure but for a future.

Modes, by method (``*`` for all):

* ``hold``: obey at once, withhold the reply until released.
* ``stall``: neither obey nor answer until released; then both.
* ``delay``: as stall, released by itself after ``seconds``.
* ``refuse``: answer with the method's own word for no.
* ``fail``: a gRPC error, ``code`` (``UNAVAILABLE`` unless told), nothing obeyed.
* ``mute``: never obey, never answer.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

MODES = ("hold", "stall", "delay", "refuse", "fail", "mute")
EVERY = "*"


@dataclass
class Script:
    """One deviation, for the next ``times`` calls (``None``: all)."""

    mode: str
    seconds: float = 0.0
    code: str = "UNAVAILABLE"
    times: int | None = None
    released: asyncio.Event = field(default_factory=asyncio.Event)


class Scripts:
    """The deviations of one raylet."""

    def __init__(self) -> None:
        self._by_method: dict[str, Script] = {}

    def set(self, method: str, script: Script) -> None:
        """Deviate in ``method`` from now on. ValueError for a mode that does not exist."""
        if script.mode not in MODES:
            raise ValueError(f"no such mode: {script.mode} (there are {', '.join(MODES)})")
        self.release(method)
        self._by_method[method] = script

    def release(self, method: str) -> bool:
        """End the deviation and let go what it holds; false if there was none."""
        script = self._by_method.pop(method, None)
        if script is not None:
            script.released.set()
        return script is not None

    def any(self) -> bool:
        """Is anything scripted at all?"""
        return bool(self._by_method)

    def take(self, method: str) -> Script | None:
        """The script that this call of ``method`` falls under, if any; uses up one of its times."""
        script = self._by_method.get(method) or self._by_method.get(EVERY)
        if script is None or script.times is None:
            return script
        if script.times <= 0:
            return None
        script.times -= 1
        return script
