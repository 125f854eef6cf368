"""Why something failed: the same value in every case, command and campaign, however it was put. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from harness.check.ruling import NOTHING_SAID, About

EARLY = "acknowledged before it was stored"
BACK = "back from the dead"
HEAD_AGAIN = "a head that registered again is DEAD"
UNKNOWN_LINE = "ended by itself"
"""The condition of an end of which no line of a log tells."""
SCENARIO = "scenario"
"""The check that a scenario's own assertions are."""
PROCESS = "process"
_OVER = frozenset({"DEAD", "REMOVED"})


@dataclass(frozen=True, order=True)
class Cause:
    """``check``: what found it; ``condition``: what is wrong; ``kind``, ``state`` and ``method``: with which table,
    source file or test, in which state, after which request; ``origin``: what came before.

    Of a scenario's own assertion ``kind`` is the test, and the condition its words.
    """

    check: str
    condition: str
    kind: str = ""
    state: str = ""
    method: str = ""
    origin: str = ""

    def __str__(self) -> str:
        said = " ".join(one for one in (self.kind, self.state, self.method, self.condition) if one)
        return f"{self.check}: {said}" + (f" ({self.origin})" if self.origin else "")


def cause_of(check: str, words: str, about: About = NOTHING_SAID) -> Cause:
    """The cause of a failure that ``check`` put as ``words``, a signature.

    From ``about`` where that names a condition; else from the words, as for a row of an expectations file.
    """
    if about.condition:
        check = PROCESS if about.moment else check
        return Cause(check, about.condition, about.kind, about.state, about.method, about.origin)
    return replace(of_words(check, words), origin=about.origin)


def of_words(check: str, words: str) -> Cause:
    """What ``words`` alone tell: several sentences of a check may put one cause."""
    for pattern, made in _SAID.get(check, {}).items():
        if (found := re.fullmatch(pattern, words)) is not None:
            return made(check, found)
    return Cause(check, words)


def about(cause: Cause, *keys: str) -> About:
    """What a violation of that cause says of itself, with the ids of its rows."""
    return About(cause.condition, cause.kind, cause.state, cause.method, cause.origin, keys)


def back_from_the_dead(check: str, table: str) -> Cause:
    """A row that was DEAD or REMOVED is so no more."""
    return Cause(check, BACK, kind=table)


def step(check: str, table: str, before: str, after: str) -> Cause:
    """A row in ``before`` was later found in ``after``, and no arrow leads there."""
    if before in _OVER:
        return back_from_the_dead(check, table)
    return Cause(check, f"to {after}", kind=table, state=before)


NOUNS: Mapping[str, str] = {
    "ACTOR": "an actor",
    "PLACEMENT_GROUP": "a placement group",
    "NODE": "a node",
    "JOB": "a job",
}
_TABLES = {noun: table for table, noun in NOUNS.items()}
_Made = Callable[[str, "re.Match[str]"], Cause]
_SAID: Mapping[str, Mapping[str, _Made]] = {
    "durable": {
        r"(\w+) was acknowledged (?:before it was stored|and never stored|and is gone after a recovery)": (
            lambda check, found: Cause(check, EARLY, method=found[1])
        )
    },
    "legal lives": {
        rf"({'|'.join(_TABLES)}) (?:fell|went) from (\w+) to (\w+) in .+": (
            lambda check, found: step(check, _TABLES[found[1]], found[2], found[3])
        )
    },
    "one name, one actor": {
        r".*two living actors with one name.*": (
            lambda check, _: Cause(check, "two living actors with one name", kind="ACTOR")
        )
    },
    # An assertion on an end of the process does not tell which it was: no row of it makes any other known.
    SCENARIO: {
        r".+ (?:exited with status -?\S+ before it served at|ended by itself in) .+": (
            lambda _check, _found: Cause(PROCESS, "")
        )
    },
    PROCESS: {
        r"the GCS wrote: (?:(\S+\.(?:cc|h)): )?(.+)": (
            lambda check, found: Cause(check, found[2], kind=found[1] or "")
        ),
        r"the GCS ended by itself.*": lambda check, _: Cause(check, UNKNOWN_LINE),
    },
}
