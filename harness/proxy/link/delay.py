from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from harness.proxy.link.base import Direction, LinkFault


@dataclass(frozen=True)
class Delay(LinkFault):
    """Bytes, and the end of a connection, arrive ``seconds`` later. Making a connection takes no longer."""

    kind: ClassVar[str] = "delay-link"
    seconds: float
    direction: Direction = "both"

    def leaves(self, arrived: float) -> float:
        return arrived + self.seconds
