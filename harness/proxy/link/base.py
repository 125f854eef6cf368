"""What a fault of a link may do. One that does nothing of its own is none: each overrides a little."""

from __future__ import annotations

from typing import ClassVar, Literal, Protocol

Direction = Literal["up", "down", "both"]
"""``up``: from the client to the backend; ``down``: back."""
ALL = 1 << 62


class Struck(Protocol):
    """A connection, as a fault sees it."""

    def reset(self) -> None:
        """RST to both sides; what is under way is lost."""

    def lose(self, side: Literal["client", "backend"]) -> None:
        """RST to that side alone; the other is told nothing, and what it sends is lost."""


class LinkFault:
    """Base of all. Faults are frozen dataclasses; times are seconds of one clock, sizes bytes."""

    kind: ClassVar[str]
    """The same in every record: one of :data:`harness.history.proof.PROOFS`."""
    refuses: ClassVar[bool] = False
    """Whether new connections are refused."""

    @property
    def name(self) -> str:
        return type(self).__name__

    def holds_for(self, direction: Literal["up", "down"]) -> bool:
        """Whether bytes of this direction are under its influence."""
        return getattr(self, "direction", None) in (direction, "both")

    def leaves(self, arrived: float) -> float:
        """When bytes that arrived then may go on; infinity: not before this fault is gone."""
        return arrived

    @property
    def piece(self) -> int:
        """How many bytes go on at once at most."""
        return ALL

    def busy(self, size: int) -> float:
        """For how long the link is busy with so many bytes."""
        return 0.0

    def strike(self, link: Struck) -> None:
        """It begins, or a new connection is made under it."""

    def lift(self, link: Struck) -> None:
        """It ends."""
