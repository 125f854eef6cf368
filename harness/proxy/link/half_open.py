from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from harness.proxy.link.base import LinkFault, Struck


@dataclass(frozen=True)
class HalfOpen(LinkFault):
    """One side has lost the connection (its machine restarted, a router forgot), the other believes in it.

    What the believer sends vanishes. When the fault ends it is told, by the RST that TCP then sends.
    """

    kind: ClassVar[str] = "half-open-link"
    lost_by: Literal["client", "backend"] = "backend"

    def strike(self, link: Struck) -> None:
        link.lose(self.lost_by)

    def lift(self, link: Struck) -> None:
        link.reset()
