"""Which unit a mode strikes, and whether it has."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.proxy.loop import LOOP
from harness.proxy.modes.base import Mode
from harness.proxy.unit import Unit

if TYPE_CHECKING:
    from harness.proxy.redis import RedisProxy


@dataclass(frozen=True)
class Match:
    """The ``nth`` unit (from 1) with this label since the rule was armed, of connections of ``via``.

    ``label`` empty: any unit; a command's name alone: on whatever table. ``via`` empty: of whomever.
    """

    label: str = ""
    nth: int = 1
    via: str = "gcs"

    def fits(self, unit: Unit) -> bool:
        name, _, table = unit.label.partition(" ")
        labels = ("", unit.label) if "+" in table else ("", unit.label, name)
        return self.label in labels and self.via in ("", unit.via)


class Armed:
    """A rule that was armed: it strikes one unit, once. Usable from any thread."""

    def __init__(
        self, proxy: RedisProxy, mode: Mode, match: Match, tell: Callable[[Armed], None] | None = None
    ) -> None:
        self.mode, self.match = mode, match
        self.struck = threading.Event()
        """Set when the mode has done what it does (a kill: the process is dead), and the ledger says so."""
        self.unit: Unit | None = None
        """The one that it matched; its mode may still wait for the reply."""
        self.struck_at: float | None = None
        """Monotonic seconds."""
        self.live = True
        """Whether it may still strike."""
        self._proxy = proxy
        self._tell = tell or (lambda _: None)
        self._seen = 0
        self._held: list[Callable[[], None]] = []

    def wait(self, timeout: float | None = None) -> bool:
        """Whether it has struck, after ``timeout`` seconds at most."""
        return self.struck.wait(timeout)

    def is_set(self) -> bool:
        return self.struck.is_set()

    def release(self) -> None:
        """Let go what is held."""
        LOOP.call(self._release)

    def disarm(self) -> None:
        """Strike nothing from now on, and let go what is held. May be called again."""

        def end() -> None:
            self.live = False
            self._proxy.forget(self)
            self._release()
            self._tell(self)

        LOOP.call(end)

    # In the loop

    def takes(self, unit: Unit) -> bool:
        """Count ``unit``; whether it is the one."""
        if self.unit is not None or not self.match.fits(unit):
            return False
        self._seen += 1
        if self._seen < self.match.nth:
            return False
        self.unit = unit
        self._tell(self)
        return True

    def done(self) -> None:
        """The mode has done what it does."""
        self.struck.set()
        self._tell(self)

    def holds(self, release: Callable[[], None]) -> None:
        self._held.append(release)

    def _release(self) -> None:
        held, self._held = self._held, []
        for release in held:
            release()
