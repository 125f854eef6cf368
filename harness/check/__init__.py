"""What decides a guarantee: plain functions of recorded values, with no I/O.

Each gives the violations it found as sentences; an empty list means that the guarantee held.
"""

from __future__ import annotations

from collections.abc import Sequence


def held(*findings: Sequence[str]) -> None:
    """AssertionError with all the sentences, one a line, unless there are none."""
    broken = [sentence for found in findings for sentence in found]
    if broken:
        raise AssertionError("\n".join(broken))
