from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from harness.proxy.modes.base import Act, Decision, Mode
from harness.proxy.unit import Unit


@dataclass(frozen=True)
class RefuseWith(Mode):
    """The store does not get the unit; the GCS is answered ``error``, a line as Redis writes one."""

    kind: ClassVar[str] = "refuse-command"
    error: str = "-ERR refused by the proxy"

    def on_command(self, unit: Unit) -> Decision:
        return Decision(Act.REFUSE, error=self.error)
