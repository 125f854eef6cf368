"""Which function serves which method, and which ids its request must carry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

Behaviour = TypeVar("Behaviour", bound=Callable[..., None])


@dataclass(frozen=True, slots=True)
class Served:
    """A method's behaviour ``(gcs, call, request)`` and the dotted paths of the ids it needs."""

    behave: Callable[[Any, int, Any], None]
    needs: tuple[str, ...]


SERVED: dict[str, Served] = {}


def serves(method: str, *needs: str) -> Callable[[Behaviour], Behaviour]:
    """Decorator: this serves ``Service.Method``, whose ids at ``needs`` must be present and not nil."""

    def register(behave: Behaviour) -> Behaviour:
        SERVED[method] = Served(behave, needs)
        return behave

    return register
