"""What a mutant is, and how it takes the place of the function that it spoils."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any

from reference_gcs.core.happenings import LISTENERS
from reference_gcs.core.serving import SERVED
from reference_gcs.core.state import Gcs
from reference_gcs.core.step import HANDLERS

Original = Callable[..., Any]
SCENARIO = "scenario"
"""The check that a scenario's own assertions are."""
POINT = "point:"
"""Before the id of a crash point among a mutant's cases."""


@dataclass(frozen=True)
class Mutant:
    """The reference with one function, ``original``, replaced by ``instead``.

    ``clauses`` of the contract that it breaks; ``checks`` that are expected to see it, by their names in
    reports; ``cases`` that show it: scenarios below ``scenarios/``, and crash points (``point:put:1:error``).
    """

    name: str
    sentence: str
    clauses: tuple[str, ...]
    checks: tuple[str, ...]
    cases: tuple[str, ...]
    original: Original
    instead: Original

    def plant(self) -> Callable[[], None]:
        """Spoil this process. What is returned mends it again."""
        original, instead = self.original, self.instead

        @functools.wraps(original)
        def spoiled(*arguments: Any, **named: Any) -> Any:
            return instead(original, *arguments, **named)

        replace(original, spoiled)
        return lambda: replace(spoiled, original)


MUTANTS: dict[str, Mutant] = {}


def mutant(
    original: Original, *, breaks: str, seen_by: Sequence[str], cases: Sequence[str]
) -> Callable[[Original], Original]:
    """Decorator: ``original`` is replaced by the decorated function, which gets it as its first argument.

    Its name, with hyphens, is the mutant's; its docstring the sentence. ``breaks``: clauses, by spaces.
    """

    def register(instead: Original) -> Original:
        assert isinstance(instead, FunctionType) and instead.__doc__
        name = instead.__name__.replace("_", "-")
        sentence = " ".join(instead.__doc__.split())
        enter(Mutant(name, sentence, tuple(breaks.split()), tuple(seen_by), tuple(cases), original, instead))
        return instead

    return register


def enter(one: Mutant) -> None:
    assert one.name not in MUTANTS, one.name
    MUTANTS[one.name] = one


def replace(old: Original, new: Original) -> None:
    """Put ``new`` wherever a module or class of the reference, or one of its tables of functions, has ``old``."""
    assert isinstance(old, FunctionType)
    place: Any = sys.modules[old.__module__]
    *owners, name = old.__qualname__.split(".")
    for owner in owners:
        place = getattr(place, owner)
    setattr(place, name, new)
    for module in list(sys.modules.values()):
        if isinstance(module, ModuleType) and _is_ours(module):
            for name in [name for name, value in vars(module).items() if value is old]:
                setattr(module, name, new)
    for method, served in SERVED.items():
        if served.behave is old:
            SERVED[method] = dataclasses.replace(served, behave=new)
    for event, handler in HANDLERS.items():
        if handler is old:
            HANDLERS[event] = new
    for listeners in LISTENERS.values():
        listeners[:] = [new if one is old else one for one in listeners]


def _is_ours(module: ModuleType) -> bool:
    """Of the reference; started with ``-m``, its own main module has another name."""
    spec = getattr(module, "__spec__", None)
    name = spec.name if spec is not None else module.__name__
    return bool(name.startswith("reference_gcs.")) and not name.startswith("reference_gcs.mutants")


def one_in_ten(seed: bytes) -> bool:
    """By chance, but the same for the same ``seed``."""
    return hashlib.sha256(b"mutant" + seed).digest()[0] % 10 == 0


def notes(gcs: Gcs) -> dict[bytes, bytes]:
    """Where a mutant may remember something in this life of the GCS."""
    return gcs.loaded.setdefault("notes of a mutant", {})
