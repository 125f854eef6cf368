from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from harness.proxy.link.base import LinkFault


@dataclass(frozen=True)
class Refuse(LinkFault):
    """New connections are refused as a closed port refuses; those that exist go on."""

    kind: ClassVar[str] = "refuse-link"
    refuses: ClassVar[bool] = True
