from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from harness.proxy.modes.base import Act, Decision, Mode
from harness.proxy.unit import Unit


@dataclass(frozen=True)
class KillAfter(Mode):
    """Kill the GCS when the store has applied the unit, before its reply is passed on."""

    kind: ClassVar[str] = "kill-after-command"
    alone: ClassVar[bool] = True

    def on_reply(self, unit: Unit) -> Decision:
        return Decision(Act.KILL)
