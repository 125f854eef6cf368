from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from harness.proxy.link.base import Direction, LinkFault


@dataclass(frozen=True)
class Blackhole(LinkFault):
    """Nothing arrives, no end either, and nobody is told. TCP repeats itself: afterwards all arrives.

    The kernel still completes the handshake of a new connection, which then carries nothing.
    """

    kind: ClassVar[str] = "blackhole-link"
    direction: Direction = "both"

    def leaves(self, arrived: float) -> float:
        return float("inf")
