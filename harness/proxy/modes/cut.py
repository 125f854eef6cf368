from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from harness.proxy.modes.base import PASS, Act, Decision, Mode
from harness.proxy.unit import Unit


@dataclass(frozen=True)
class Cut(Mode):
    """Reset the GCS's connection: before the store gets the unit, or when its reply was read."""

    kind: ClassVar[str] = "cut-command"
    at: Literal["command", "reply"] = "command"

    def on_command(self, unit: Unit) -> Decision:
        return Decision(Act.CUT) if self.at == "command" else PASS

    def on_reply(self, unit: Unit) -> Decision:
        return Decision(Act.CUT) if self.at == "reply" else PASS
