"""A mode decides twice about its unit: before the store gets it, and when the store has answered.

Of a transaction the first moment is before EXEC is passed on: what MULTI has gathered until then
changes nothing, and Redis forgets it when the connection ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import ClassVar

from harness.proxy.unit import Unit


class Act(Enum):
    PASS = auto()
    KILL = auto()
    """Kill the GCS; nothing of it reaches the store any more, and no reply reaches it."""
    HOLD = auto()
    """Keep it, and what follows it in its direction, until the rule is released."""
    SWALLOW = auto()
    """The reply is lost, with all that follow: a stream of bytes has no gaps."""
    CUT = auto()
    """Reset the connection."""
    REFUSE = auto()
    """The store does not get it, and the reply is an error."""


@dataclass(frozen=True)
class Decision:
    """``seconds``: how long to hold, None until released. ``error``: the reply of REFUSE, a RESP line."""

    act: Act = Act.PASS
    seconds: float | None = None
    error: str = ""


PASS = Decision()


class Mode:
    """Base of all: lets everything pass. Modes are frozen dataclasses."""

    kind: ClassVar[str]
    """As of a fault: one of :data:`harness.history.proof.PROOFS`."""
    alone: ClassVar[bool] = False
    """Whether what follows on the same connection waits until the unit is answered and judged."""

    @property
    def name(self) -> str:
        return type(self).__name__

    def on_command(self, unit: Unit) -> Decision:
        """The unit was read from the GCS."""
        return PASS

    def on_reply(self, unit: Unit) -> Decision:
        """The store's reply to it was read."""
        return PASS
