"""Where a process was when a signal ended it: the frame of a stack trace in its log that says most. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

LONGEST = 80
"""Lines of a log before and after the signal in which its trace is looked for; other threads write between them."""
# Ray's own trace, before the signal: "/x/gcs_server(+0x12) [0x34] ray::gcs::f()"; that of abseil, after it:
# "    @     0x55c1f6511009         16  ray::gcs::f()".
_FRAME = re.compile(r"(?:\) \[0x[0-9a-f]+\]|@ +0x[0-9a-f]+ +(?:\d+|\(unknown\))) +(\S.*)$")
# What every trace goes through: logging, unwinding, event loops.
_NO_PLACE = re.compile(
    r"\(unknown\)|_|ray::(?:operator|RayLog|RayEvent|SpdLog|TerminateHandler)|std::|boost::|absl::|EventTracker|main\b"
)
_OURS = "ray::"


def frame(lines: Sequence[str], at: int) -> str:
    """The function in which the signal of line ``at`` struck; '' when no trace names one.

    Of several the innermost of Ray's own, else the innermost of all.
    """
    before, after = lines[max(0, at - LONGEST) : at], lines[at + 1 : at + 1 + LONGEST]
    named = [*_last_trace(before), *_functions(after)]
    return next((one for one in named if one.startswith(_OURS)), next(iter(named), ""))


def _last_trace(lines: Sequence[str]) -> Iterable[str]:
    begun = max((place for place, one in enumerate(lines) if "Stack trace:" in one), default=None)
    return _functions(lines[begun:]) if begun is not None else ()


def _functions(lines: Iterable[str]) -> list[str]:
    found = [match[1] for one in lines if (match := _FRAME.search(one.rstrip()))]
    return [one for one in found if not _NO_PLACE.match(one)]
