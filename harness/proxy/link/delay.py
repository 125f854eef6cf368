from __future__ import annotations

from dataclasses import dataclass

from harness.proxy.link.base import Direction, LinkFault


@dataclass(frozen=True)
class Delay(LinkFault):
    """Bytes, and the end of a connection, arrive ``seconds`` later. Making a connection takes no longer."""

    seconds: float
    direction: Direction = "both"

    def leaves(self, arrived: float) -> float:
        return arrived + self.seconds
