from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from harness.proxy.modes.base import Act, Decision, Mode
from harness.proxy.unit import Unit


@dataclass(frozen=True)
class KillBefore(Mode):
    """Kill the GCS before the store gets the unit."""

    kind: ClassVar[str] = "kill-before-command"

    def on_command(self, unit: Unit) -> Decision:
        return Decision(Act.KILL)
