"""What a check says of a recorded case. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.check.story import Story


class Finding(Enum):
    """The three values of a ruling."""

    HELD = "held"
    BROKEN = "broken"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class About:
    """What a violation is about, as values. All of it may be empty.

    ``condition``: what is wrong, the same wherever it was seen (empty: what the signature says); ``kind``: a table, or
    a source file; ``state``: of the row; ``method``: of the request; ``origin``: what came before, where one condition
    has several causes; ``keys``: ids in hex of the rows; ``lost``: what was acknowledged is not there any more;
    ``moment``: of an end of a GCS, whether it had served.
    """

    condition: str = ""
    kind: str = ""
    state: str = ""
    method: str = ""
    origin: str = ""
    keys: tuple[str, ...] = ()
    lost: bool = False
    moment: str = ""


NOTHING_SAID = About()


@dataclass(frozen=True)
class Violation:
    """One thing that must not be. ``signature``: the sentence without ids, numbers and times, the same
    in every repetition; ``detail``: what was seen this time; ``events``: ids of the events and
    ledger entries that prove it; ``about``: what its cause is derived from."""

    signature: str
    detail: str = ""
    events: tuple[str, ...] = ()
    about: About = NOTHING_SAID


@dataclass(frozen=True)
class Ruling:
    """The verdict of the check named ``check``.

    ``judged``: how many things it looked at. An UNKNOWN with ``judged`` 0 found nothing of its kind
    in the case, which is no fault of the case; any other UNKNOWN says in ``reason`` what stood in the way.
    ``void``: so much so that nothing which failed in the case speaks of the GCS.
    """

    check: str
    finding: Finding
    reason: str = ""
    violations: tuple[Violation, ...] = ()
    judged: int = 0
    void: bool = False

    @property
    def idle(self) -> bool:
        """Whether the case had nothing for this check."""
        return self.finding is Finding.UNKNOWN and self.judged == 0


Check = Callable[["Story"], Ruling]
"""A pure function of a story, registered by name in ``harness.check.registry``."""


def rule(check: str, violations: Iterable[Violation], judged: int, unknown: str = "") -> Ruling:
    """BROKEN with violations, HELD when something was judged without any, else UNKNOWN.

    ``unknown``: why nothing can be said although there was something, when there are no violations.
    """
    found = tuple(violations)
    if found:
        return Ruling(check, Finding.BROKEN, found[0].signature, found, max(judged, len(found)))
    if unknown:
        return Ruling(check, Finding.UNKNOWN, unknown, (), max(judged, 1))
    if judged:
        return Ruling(check, Finding.HELD, "", (), judged)
    return Ruling(check, Finding.UNKNOWN, "nothing to judge")


_IDS = re.compile(r"\b(?:0x)?[0-9a-f]{8,}\b")
_NUMBERS = re.compile(r"\d+(?:\.\d+)*")


def signature(sentence: str) -> str:
    """``sentence`` with its ids as ``<id>`` and its numbers as ``<n>``: equal for equal kinds of failure."""
    return _NUMBERS.sub("<n>", _IDS.sub("<id>", sentence))
