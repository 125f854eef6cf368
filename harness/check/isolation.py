"""A GCS touches no key of its store outside its own namespace. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from harness.check.ruling import Ruling, Violation, rule
from harness.check.story import Story
from harness.history.entry import Entry, argument
from harness.wire import layout

NAME = "isolation"
PROBE = "DUMMY"
"""A key that exists nowhere: its deletion probes whether the store takes writes (contract, section 2.1)."""
EVERYTHING = frozenset({"FLUSHALL", "FLUSHDB", "SWAPDB", "KEYS"})
"""Commands that reach all keys of a store at once."""
ALL_ARGUMENTS = frozenset({"DEL", "UNLINK", "RENAME"})
SCRIPTS = frozenset({"EVAL", "EVALSHA", "FCALL"})


def isolation(story: Story) -> Ruling:
    """Judged: every command of the ledger that changes something or reaches all keys."""
    if not story.built:
        return rule(NAME, (), 0)
    prefix = layout.prefix(story.built.get("namespace", "")).encode()
    judged, found = 0, []
    for entry in story.ledger:
        if entry.name in EVERYTHING:
            judged += 1
            detail = f"{' '.join(entry.command[:2])} by the {entry.via}"
            found.append(Violation(f"{entry.name} reaches every namespace of the store", detail, (entry.id,)))
        elif entry.writes:
            judged += 1
            strange = [key for key in _keys(entry) if not _within(key, prefix)]
            if strange and (entry.name, strange) != ("DEL", [PROBE]):
                detail = (
                    f"{entry.name} of {', '.join(strange)}; the namespace's keys begin with {prefix.decode()}"
                )
                found.append(Violation(f"{entry.name} of a key outside the namespace", detail, (entry.id,)))
    return rule(NAME, found, judged)


def _keys(entry: Entry) -> Sequence[str]:
    """The keys that a writing command names."""
    if entry.name in ALL_ARGUMENTS:
        return entry.command[1:]
    if entry.name == "MSET":
        return entry.command[1::2]
    if entry.name in SCRIPTS:
        count = entry.command[2] if len(entry.command) > 2 else "0"
        return entry.command[3 : 3 + int(count)] if count.isdigit() else ()
    return entry.command[1:2]


def _within(key: str, prefix: bytes) -> bool:
    raw = argument(key)
    return raw is None or raw.startswith(prefix)
