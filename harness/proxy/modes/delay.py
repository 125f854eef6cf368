from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from harness.proxy.modes.base import Act, Decision, Mode
from harness.proxy.unit import Unit


@dataclass(frozen=True)
class Delay(Mode):
    """The store gets the unit, and what follows it on its connection, ``seconds`` later."""

    kind: ClassVar[str] = "delay-command"
    seconds: float

    def on_command(self, unit: Unit) -> Decision:
        return Decision(Act.HOLD, seconds=self.seconds)
