"""Verdicts of scenarios and of promises, and the exit status that follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from harness.expectations import Failure


class Inconclusive(Exception):
    """Raised by a scenario that proves nothing: a fault that hit nothing, too little traffic.

    Such a scenario neither passes nor is broken; a run with nothing worse ends with exit status 2.
    """


class Verdict(Enum):
    """What one scenario, or all scenarios of a guarantee together, came to."""

    HELD = "held"
    BROKEN = "broken"
    KNOWN = "broken (known)"
    """Failed, as the target's expectations file says it does."""
    MENDED = "held, though expected to fail"
    """Passed, against the expectations file: that entry must go."""
    INCONCLUSIVE = "inconclusive"
    ERROR = "harness error"
    """The harness itself failed: nothing is said about the target."""
    ENVIRONMENT = "environment"
    """This machine, or the user's input, does not allow the run."""
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Result:
    """One scenario's verdict, and all that the table and ``result.json`` need of it."""

    scenario: str
    verdict: Verdict
    reason: str = ""
    seconds: float = 0.0
    promises: tuple[str, ...] = ()
    clauses: tuple[str, ...] = ()
    behaviours: tuple[str, ...] = ()
    note: str = ""
    """What the scenario measured or wants said, whatever its verdict."""
    recoveries: int = 0
    """How often a GCS of it served again after its end."""
    failures: tuple[Failure, ...] = ()
    """All that was broken, the known breakages too."""
    rulings: Mapping[str, str] = field(default_factory=dict)
    """Check -> held, broken or unknown; checks that found nothing to judge are left out."""
    point: Mapping[str, Any] | None = None
    """Of a crash point: rpc, unit, label, mode, told, survived."""


# The worst first. A promise with one broken scenario is broken, whatever the others say.
_GRAVITY = (
    Verdict.ENVIRONMENT,
    Verdict.BROKEN,
    Verdict.ERROR,
    Verdict.INCONCLUSIVE,
    Verdict.MENDED,
    Verdict.KNOWN,
    Verdict.HELD,
    Verdict.SKIPPED,
)

_EXIT_STATUS = {
    Verdict.ENVIRONMENT: 3,
    Verdict.BROKEN: 1,
    Verdict.MENDED: 1,
    Verdict.ERROR: 3,
    Verdict.INCONCLUSIVE: 2,
}


def together(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of a guarantee from its scenarios'; SKIPPED if nothing was judged."""
    return min(verdicts, key=_GRAVITY.index, default=Verdict.SKIPPED)


def exit_status(verdicts: Iterable[Verdict]) -> int:
    """0 conforms, 1 a guarantee is broken, 2 inconclusive only, 3 environment or harness.

    Known breakages count as conforming here, as pytest's xfail does; the table still shows them.
    """
    seen = set(verdicts)
    return next((status for verdict, status in _EXIT_STATUS.items() if verdict in seen), 0)
