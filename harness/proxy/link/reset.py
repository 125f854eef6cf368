from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from harness.proxy.link.base import LinkFault, Struck


@dataclass(frozen=True)
class Reset(LinkFault):
    """RST to both sides of every connection; new ones are taken and reset at once."""

    kind: ClassVar[str] = "reset-link"

    def strike(self, link: Struck) -> None:
        link.reset()
