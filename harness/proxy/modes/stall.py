from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from harness.proxy.modes.base import PASS, Act, Decision, Mode
from harness.proxy.unit import Unit


@dataclass(frozen=True)
class Stall(Mode):
    """Hold the unit, or its reply, until the rule is released.

    ``command``: it and all commands behind it on its connection do not reach the store.
    ``reply``: the store applies it; its reply and all behind it are withheld, commands pass.
    Commands that are held when the GCS ends are lost.
    """

    kind: ClassVar[str] = "stall-command"
    at: Literal["command", "reply"] = "command"

    def on_command(self, unit: Unit) -> Decision:
        return Decision(Act.HOLD) if self.at == "command" else PASS

    def on_reply(self, unit: Unit) -> Decision:
        return Decision(Act.HOLD) if self.at == "reply" else PASS
