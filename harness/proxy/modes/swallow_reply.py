from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from harness.proxy.modes.base import Act, Decision, Mode
from harness.proxy.unit import Unit


@dataclass(frozen=True)
class SwallowReply(Mode):
    """The store applies the unit and its reply is lost, with all later ones of that connection.

    Commands still pass. One missing reply alone would give each later command the reply of another.
    """

    kind: ClassVar[str] = "swallow-reply"

    def on_reply(self, unit: Unit) -> Decision:
        return Decision(Act.SWALLOW)
