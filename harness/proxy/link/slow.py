from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from harness.proxy.link.base import Direction, LinkFault

_PIECES_PER_SECOND = 50


@dataclass(frozen=True)
class Slow(LinkFault):
    """No more than ``bytes_per_second`` in each of its directions, and of each connection."""

    kind: ClassVar[str] = "slow-link"
    bytes_per_second: float
    direction: Direction = "both"

    @property
    def piece(self) -> int:
        return max(1, int(self.bytes_per_second / _PIECES_PER_SECOND))

    def busy(self, size: int) -> float:
        return size / self.bytes_per_second
