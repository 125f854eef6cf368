"""A GCS does not end by itself, says nothing fatal, and ends when it is told to, unless something was broken on
purpose. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from harness.check.cause import UNKNOWN_LINE
from harness.check.ruling import About, Ruling, Violation, rule, signature
from harness.check.stack import frame
from harness.check.story import Fault, Life, Story
from harness.history.event import Event

NAME = "process"
KILLED = -9
"""How one exits that gets SIGKILL."""
AFTERMATH = 15.0
"""Seconds for which a healed fault still explains an end: Ray gives a store up after some four."""

# spdlog, as Ray sets it up: "[2025-01-01 00:00:00,000 C 12 34] (gcs_server) file.cc:1: Check failed: …".
_SPDLOG = re.compile(r"^\[[\d\- :,.]+ [CF] \d+ \d+\]")
_GLOG = re.compile(r"^F\d{4,8} [\d:.]+ ")
_FATAL = re.compile(
    r"Check failed|terminate called|^\*\*\* Aborted at"
    r"|ERROR: (?:Address|Leak)Sanitizer|ERROR: libFuzzer|WARNING: (?:Thread|Memory)Sanitizer|: runtime error: "
    r"|^Fatal Python error|^panic: |^fatal error: |^thread '.*' (?:\(\d+\) )?panicked at"
)
# In every text with a fatal line: the logs of most lives have nothing of the kind, and are long.
_PERHAPS = re.compile(
    r" [CF] \d|F\d{4}|Check failed|terminate called|\*\*\*|Sanitizer|libFuzzer|runtime error|Fatal Python"
    r"|panic|fatal error|Traceback"
)
_SIGNAL = "*** SIG"
_TRACEBACK = "Traceback (most recent call last):"
_HEADER = re.compile(r"^(?:\[[^\]]*\]|F\d{4,8} [\d:.]+ +\d+)\s*(?:\([\w ]+\)\s*)?")
_PLACE = re.compile(r"\S+\.(?:cc|h|cpp|hpp|c|py|rs|go|pyx):\d+(?::\d+)?[:\]]?\s*")
_PREAMBLE = re.compile(r"^An unexpected system state has occurred\..*?(?=Check failed)")
# The key of a row and its value are this time's; the command and the table are not.
_NAMESPACE = re.compile(r"\bRAY[^\s@]*@")
_ROW = re.compile(r"\[(\w+ RAY<namespace>@\w+)[^\]]*\]?")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# What is done to others, or ends a GCS cleanly, explains no end that nobody asked for.
_NO_EXCUSE = re.compile(
    r"kill|SIGTERM|another IP|restarted|replaced|clock|raylet|worker|actor|crash", re.IGNORECASE
)
_STORE = re.compile(r"store|redis|database", re.IGNORECASE)
_KILLS = ("KillBefore", "KillAfter")
_AWAY = frozenset({"paused", "killed"})
"""After these a store does not answer."""


def fatal_lines(text: str) -> list[str]:
    """The lines of a log that tell of a failed check, an abort, a crash or an error that nobody caught.

    Of a Python traceback the line that names the error; with a signal the function in which it struck; without the
    colours of a terminal.
    """
    plain = _COLOUR.sub("", text)
    if not _PERHAPS.search(plain):
        return []
    found = []
    traced = False
    lines = plain.splitlines()
    for place, raw in enumerate(lines):
        line = raw.rstrip()
        if line.endswith(_TRACEBACK):
            traced = True
        elif traced and line and not line[0].isspace():
            traced = False
            found.append(f"Traceback: {line}")
        elif line.startswith(_SIGNAL):
            where = frame(lines, place)
            found.append(f"{line} in {where}" if where else line)
        elif _SPDLOG.match(line) or _GLOG.match(line) or _FATAL.search(line):
            found.append(line)
    return found


def said(line: str) -> str:
    """A fatal line as a signature: without its time, its process, its place in the source, and any row's name."""
    sentence = _PLACE.sub("", _HEADER.sub("", line)).strip()
    sentence = _NAMESPACE.sub("RAY<namespace>@", _PREAMBLE.sub("", sentence))
    return signature(_ROW.sub(r"[\1 …]", sentence))


def process(story: Story) -> Ruling:
    """Judged: every life of a GCS."""
    lines: dict[tuple[str, int], list[Event]] = {}
    for one in story.of("log"):
        if one.what == "fatal":
            lines.setdefault((one.who, one.facts.get("life", 0)), []).append(one)
    found = []
    for life in story.lives:
        last_words = lines.get((life.who, life.number), [])
        if last_words and not _explained(story, life):
            found.append(_spoken(story, life, last_words))
        elif unexpected(story, life):
            found.append(_ended(life))
        elif _stayed(story, life):
            sentence = f"life {life.number} of the {life.who}: {_how(life)}"
            found.append(Violation("the GCS did not end when it was told to", sentence, life.ids))
    return rule(NAME, found, len(story.lives))


def _spoken(story: Story, life: Life, lines: list[Event]) -> Violation:
    """One violation a life, of its most telling line."""
    line = telling(one.facts["line"] for one in lines)
    source = next(one for one in lines if one.facts["line"] == line)
    ending = f"; {_how(life)}" if life.why == "ended" else ""
    detail = f"life {life.number} of the {life.who} wrote: {line}{ending}"
    told = line.startswith(_SIGNAL) and any(one.facts.get("asked") for one in _of_life(story, life))
    origin = "when it was told to end" if told else ""
    about = replace(last_words(line), moment=_moment(life), origin=origin)
    return Violation(f"the GCS wrote: {said(line)}", detail, (source.id, *life.ids), about)


def _ended(life: Life) -> Violation:
    where = _moment(life)
    exit_ = "" if life.exit is None else f" with {_status(life.exit)}"
    sentence = f"the GCS ended by itself {where}{exit_}"
    about = About(UNKNOWN_LINE, moment=where)
    return Violation(sentence, f"life {life.number} of the {life.who}: {_how(life)}", life.ids, about)


def last_words(line: str = "") -> About:
    """The cause of an end of which ``line`` of the log tells; '': none does.

    The failed check and its source file: lines of files differ between releases, these do not.
    """
    if not line:
        return About(UNKNOWN_LINE)
    place = _PLACE.search(line)
    file = place[0].partition(":")[0].rpartition("/")[2] if place and "Check failed" in line else ""
    return About(said(line), kind=file)


def telling(lines: Iterable[str]) -> str:
    """Of fatal lines the one that says why: what comes after a failed check follows from it. '' of none."""
    return min(lines, key=lambda line: "Check failed" not in line, default="")


def _moment(life: Life) -> str:
    return "before it served" if life.serving is None else "while it served"


def _how(life: Life) -> str:
    return f"it ended with {_status(life.exit)}, {(life.ended or 0) - life.started:.2f} s after its start"


def _status(status: int | None) -> str:
    if status is None:
        return "an unknown status"
    return f"signal {-status}" if status < 0 else f"status {status}"


def _ended_by_itself(story: Story, life: Life) -> bool:
    if life.why != "ended" or any(_struck(one) for one in _of_life(story, life)):
        return False
    crashed = life.exit is not None and life.exit < 0
    return crashed or life.serving is not None or _ought_to_have_served(story, life)


def unexpected(story: Story, life: Life) -> bool:
    """Whether it ended by itself, and nothing that was broken explains it."""
    return _ended_by_itself(story, life) and not _explained(story, life)


def _stayed(story: Story, life: Life) -> bool:
    """Whether it was told to end, and had to be killed in the end, though nothing kept it from its store."""
    told = [one.facts.get("struck", one.at) for one in _of_life(story, life) if one.facts.get("asked")]
    if not told or life.exit != KILLED:
        return False
    end = life.ended if life.ended is not None else story.ended
    troubled = any(one.at <= end and (one.healed is None or one.healed >= told[0]) for one in _excuses(story))
    away = [one for one in story.of("store") if one.at <= end]
    return not troubled and not (away and away[-1].what in _AWAY)


def _struck(one: Event) -> bool:
    """Whether we had just sent a signal to end it."""
    return bool(one.facts.get("asked")) or "struck" in one.facts


def _of_life(story: Story, life: Life) -> Iterator[Event]:
    ids = frozenset(life.ids)
    return (one for one in story.of("gcs") if one.id in ids)


def _ought_to_have_served(story: Story, life: Life) -> bool:
    """A start may fail for a setting that the history does not tell of. Not one that had worked before,
    with a store that answered all it was asked."""
    if not any(
        one.who == life.who and one.serving is not None and one.started < life.started for one in story.lives
    ):
        return False
    asked = [
        one
        for one in story.ledger
        if one.via == life.who and life.started <= one.at <= (life.ended or one.at)
    ]
    refused = any(isinstance(one.reply, dict) and "error" in one.reply for one in asked)
    return len(asked) > 1 and not refused and all(one.done is not None for one in asked[:-1])


def _explained(story: Story, life: Life) -> bool:
    """Whether anything was broken, in its life or shortly before, that may end a GCS."""
    end = life.ended if life.ended is not None else story.ended
    begin = life.started - AFTERMATH
    if any(one.at <= end and (one.healed is None or one.healed >= begin) for one in _excuses(story)):
        return True
    if any(begin <= one.at <= end for one in story.of("store") if one.what != "started"):
        return True
    if any(one.what == "paused" and life.started <= one.at <= end for one in _of_life(story, life)):
        return True
    if any(other.who != life.who and _overlap(life, other, end) for other in story.lives):
        return True
    return any(
        one.rule and one.rule not in _KILLS and one.via == life.who and life.started <= one.at <= end
        for one in story.ledger
    )


def _excuses(story: Story) -> Iterable[Fault]:
    theirs = {one.facts["address"] for one in story.of("gcs") if "address" in one.facts}
    for one in story.faults:
        # A link on which others reach a GCS is theirs; the one on which it reaches its store is its own.
        others_link = one.facts.get("backend") in theirs
        if _STORE.search(one.name) or not (others_link or _NO_EXCUSE.search(one.name)):
            yield one


def _overlap(life: Life, other: Life, end: float) -> bool:
    return other.started <= end and (other.ended is None or other.ended >= life.started)
