"""What reports read out of ``result.json``. Pure.

Shape: :func:`harness.report.folder.as_data`. A verdict there is a name in small letters
(``held``, ``known``); checks also say ``unknown``. What an older run lacks is taken as empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.report.table import SAYING
from harness.report.verdict import Verdict, together

Entry = Mapping[str, Any]
"""One of ``result["scenarios"]``: a scenario, or a crash point."""

MARKS: Mapping[str, str] = {
    "held": "✓",
    "broken": "✗",
    "known": "!",
    "mended": "✗",
    "inconclusive": "?",
    "unknown": "?",
    "error": "✗",
    "environment": "✗",
    "skipped": "-",
    "not judged": "-",
}
"""A sign for each verdict, for those who cannot tell its colour."""
TONES: Mapping[str, str] = {
    "held": "held",
    "broken": "broken",
    "mended": "broken",
    "error": "broken",
    "environment": "broken",
    "known": "known",
}
"""The colour class of a verdict; the rest is ``unknown``."""
_UNEXPECTED = ("environment", "broken", "error", "mended")


def verdict(name: str) -> Verdict:
    """The verdict of a name; what we do not know proves nothing."""
    return Verdict.__members__.get(name.upper(), Verdict.INCONCLUSIVE)


def word(name: str) -> str:
    """How a verdict is called before people."""
    if name == "skipped":
        return "not judged"
    found = Verdict.__members__.get(name.upper())
    return found.value if found else name


def mark(name: str) -> str:
    return MARKS.get(name, "?")


def tone(name: str) -> str:
    return TONES.get(name, "unknown")


def entries(result: Mapping[str, Any]) -> list[Entry]:
    """All scenarios and crash points of a run."""
    return list(result.get("scenarios", ()))


def case(entry: Entry) -> str:
    """The name under which the entry's events are recorded."""
    return str(entry.get("case") or entry.get("scenario", ""))


def findings(entry: Entry) -> list[Mapping[str, Any]]:
    """What checks found against it: check, signature, detail, events, known."""
    return list(entry.get("findings") or ())


def offending(entry: Entry) -> list[str]:
    """The ids of the events and ledger entries that prove its findings, each once."""
    return list(dict.fromkeys(str(id) for one in findings(entry) for id in one.get("events", ())))


def gist(entry: Entry) -> str:
    """What went wrong there in a sentence that many entries may share."""
    unexpected = [one for one in findings(entry) if not one.get("known")]
    first = next(iter(unexpected or findings(entry)), None)
    if first is None:
        return " ".join(str(entry.get("reason") or "").split())[:200] or word(str(entry.get("verdict", "")))
    return f"{first.get('check', '')}: {first.get('signature', '')}"


@dataclass(frozen=True)
class Failures:
    """What did not hold, by what a reader has to do about it."""

    unexpected: list[Entry]
    known: list[Entry]
    inconclusive: list[Entry]

    @property
    def all(self) -> list[Entry]:
        return [*self.unexpected, *self.known, *self.inconclusive]


def failures(result: Mapping[str, Any]) -> Failures:
    """The entries of a run that did not hold; those broken before those in which the harness failed."""
    found = entries(result)
    unexpected = [one for name in _UNEXPECTED for one in found if one.get("verdict") == name]
    done = {*_UNEXPECTED, "known", "held", "skipped"}
    return Failures(
        unexpected,
        [one for one in found if one.get("verdict") == "known"],
        [one for one in found if one.get("verdict") not in done],
    )


def grouped(found: Iterable[Entry]) -> dict[str, list[Entry]]:
    """The entries by their gist, in the order in which these first occur."""
    groups: dict[str, list[Entry]] = {}
    for entry in found:
        groups.setdefault(gist(entry), []).append(entry)
    return groups


def worst(result: Mapping[str, Any]) -> Verdict:
    """The verdict of the whole run."""
    return together(verdict(str(one.get("verdict", ""))) for one in entries(result))


def conclusion(result: Mapping[str, Any]) -> str:
    """The sentence that a reader in a hurry reads."""
    return f"{result.get('target', 'the target')}: {SAYING[worst(result)]}"


def totals(result: Mapping[str, Any]) -> list[tuple[str, int]]:
    """``(verdict, how many)`` of those that occurred."""
    return [(name, int(count)) for name, count in result.get("totals", {}).items() if count]


def counted(counts: Mapping[str, int]) -> str:
    """``3 held, 1 broken``."""
    return ", ".join(f"{count} {word(name)}" for name, count in counts.items() if count)
