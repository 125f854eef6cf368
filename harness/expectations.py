"""Known breakages of a target: what must fail, and with which words, read from ``harness/expectations/``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from harness.check.ruling import signature
from harness.errors import EnvironmentProblem

FOLDER = Path(__file__).parent / "expectations"
LEAST_REPRODUCTIONS = 5
SCENARIO = "scenario"
"""The check that a scenario's own assertions are."""
_OPTIONAL = frozenset({"thread", "check", "told", "survived", "fatal"})
_OTHER_TYPES = frozenset({"message", "fatal"})
CRASH_POINT = "::test_crash_point["
"""What the id of a crash point's case has between its file and the point."""
ANYWHERE = "scenarios/*"
"""What shows now and then, depending on timing, may show in any case."""


@dataclass(frozen=True)
class Failure:
    """One thing that a case showed to be broken. ``check``: :data:`SCENARIO`, or one of ``harness.check.registry``.

    ``message``: the same in every repetition (``ruling.signature``); ``events``: the proof's ids.
    """

    check: str
    message: str
    detail: str = ""
    events: tuple[str, ...] = ()
    known: bool = False


@dataclass(frozen=True)
class Expectation:
    """What a release is known to break, and how sure that is.

    ``scenario``: a scenario or a crash point by id; ``*`` stands for any characters in it, and in
    ``message``, which may also be a list of alternatives. Where all of at least five repetitions
    failed, it must fail; where only some did (``2 of 5``), it may. ``told`` and ``survived``: of a
    crash point, what the client heard and what was there afterwards. ``fatal``: the GCS dies of it, or
    loses what it had acknowledged, so that whatever else fails in the same case is its consequence.
    """

    scenario: str
    release: str
    message: str | tuple[str, ...]
    sentence: str
    reproduced: str
    check: str = SCENARIO
    thread: str = ""
    told: str = ""
    survived: str = ""
    fatal: bool = False

    def __str__(self) -> str:
        return f"{self.sentence} ({', '.join(filter(None, [self.thread, self.reproduced]))})"

    @property
    def strict(self) -> bool:
        """Whether it must fail, rather than may."""
        failed, _, runs = self.reproduced.partition(" of ")
        return failed == runs and "*" not in self.scenario

    @property
    def messages(self) -> tuple[str, ...]:
        return (self.message,) if isinstance(self.message, str) else self.message

    def about(self, scenario: str) -> bool:
        return _like(self.scenario, scenario)

    def explains(self, failure: Failure) -> bool:
        """Whether ``failure``, of a scenario that this is about, is the known one."""
        return self.check == failure.check and any(_like(one, failure.message) for one in self.messages)


@dataclass(frozen=True)
class Sorted:
    """The failures of a case: those that nobody expected, those known with what was known, and the
    expectations that had to come true and did not."""

    unexpected: tuple[Failure, ...] = ()
    known: tuple[tuple[Failure, Expectation], ...] = ()
    mended: tuple[Expectation, ...] = field(default=())


def sort_out(scenario: str, failures: Sequence[Failure], entries: Iterable[Expectation]) -> Sorted:
    """Compare what failed in ``scenario`` with what is known of it."""
    about = [one for one in entries if one.about(scenario)]
    known = [(failure, one) for failure in failures for one in about if one.explains(failure)]
    explained = {id(failure) for failure, _ in known}
    if (death := next((one for _, one in known if one.fatal), None)) is not None:
        rest = [failure for failure in failures if id(failure) not in explained]
        return Sorted(known=(*known, *((failure, death) for failure in rest)))
    seen = {id(one) for _, one in known}
    # A case that is known to show what depends on timing may show nothing of it, its own assertions included.
    anywhere = {(one.check, one.message) for one in about if one.scenario == ANYWHERE}
    depends = any((one.check, one.message) in anywhere for one in about if one.scenario != ANYWHERE)
    return Sorted(
        unexpected=tuple(one for one in failures if id(one) not in explained),
        known=tuple(known),
        mended=tuple(one for one in about if one.strict and id(one) not in seen and not depends),
    )


def point_of(case: str) -> str | None:
    """The crash point (``RegisterActor:2:kill-before``) that a case's id names; None for any other case."""
    _, found, point = case.partition(CRASH_POINT)
    return point.removesuffix("]") if found else None


def failure_of(said: str) -> Failure:
    """The failure of a scenario's own assertion that ended with ``said``."""
    first = said.strip().partition("\n")[0]
    return Failure(SCENARIO, signature(first)[:200], first)


def _like(pattern: str, text: str) -> bool:
    if "*" not in pattern:
        return pattern == text
    return (
        re.fullmatch(".*".join(re.escape(part) for part in pattern.split("*")), text, re.DOTALL) is not None
    )


def file_for(target: str) -> Path:
    """Where the known breakages of the target named ``target`` (``ray==2.60.0``) would lie."""
    slug = re.sub(r"[^A-Za-z0-9.]+", "-", target)
    return FOLDER / f"{slug[:100]}.toml"  # a command may be longer than a file's name


def expectations_for(target: str, chosen: str | None = None) -> tuple[Expectation, ...]:
    """What ``target`` is known to fail: from the file ``chosen`` by the user, else from its own.

    ``none`` for no file at all. EnvironmentProblem if a chosen file is not there, for a malformed
    one, and for any at all when the target is the reference, which has nothing to be excused.
    """
    if chosen == "none":
        return ()
    path = Path(chosen) if chosen else file_for(target)
    if not path.exists():
        if chosen:
            raise EnvironmentProblem(f"no expectations file at {path}")
        return ()
    if target == "reference":
        raise EnvironmentProblem(f"{path}: the reference has no known breakages; mend it instead")
    return _read(path, target)


def _read(path: Path, target: str) -> tuple[Expectation, ...]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as problem:
        raise EnvironmentProblem(f"{path} is not TOML: {problem}") from problem
    except (OSError, UnicodeDecodeError) as problem:
        raise EnvironmentProblem(f"{path} cannot be read: {problem}") from problem
    if set(document) - {"broken"}:
        raise EnvironmentProblem(f"{path}: only [[broken]] entries belong here")
    entries = tuple(_entry(path, number, one) for number, one in enumerate(document.get("broken", []), 1))
    places = [(one.scenario, one.check, one.messages) for one in entries]
    doubled = {place[0] for place in places if places.count(place) > 1}
    if doubled:
        raise EnvironmentProblem(f"{path}: listed twice: {', '.join(sorted(doubled))}")
    for one in entries:
        if target.startswith("ray==") and target != f"ray=={one.release}":
            raise EnvironmentProblem(f"{path}: {one.scenario} is about {one.release}, the target is {target}")
    return entries


def _entry(path: Path, number: int, raw: dict[str, Any]) -> Expectation:
    names = {one.name for one in fields(Expectation)}
    where = f"{path}, entry {number}"
    if set(raw) - names or names - _OPTIONAL - set(raw):
        raise EnvironmentProblem(
            f"{where}: wanted {', '.join(sorted(names))}; found {', '.join(sorted(raw))}"
        )
    said = raw["message"]
    if isinstance(said, list):
        raw = {**raw, "message": tuple(said)}
    words = [value for name, value in raw.items() if name not in _OTHER_TYPES]
    if not all(isinstance(one, str) for one in [*words, *(said if isinstance(said, list) else [said])]):
        raise EnvironmentProblem(f"{where}: every value is a string, and message a string or a list of them")
    if not isinstance(raw.get("fatal", False), bool):
        raise EnvironmentProblem(f"{where}: fatal is true or false")
    entry = Expectation(**raw)
    times = re.fullmatch(r"(\d+) of (\d+)", entry.reproduced)
    if not times or not 0 < int(times[1]) <= int(times[2]) or int(times[2]) < LEAST_REPRODUCTIONS:
        raise EnvironmentProblem(
            f"{where}: reproduced is {entry.reproduced!r}; wanted so many of at least "
            f"{LEAST_REPRODUCTIONS} runs ('5 of 5')"
        )
    return entry


def unmatched(entries: Iterable[Expectation], collected: Iterable[str]) -> list[str]:
    """Scenarios of ``entries`` that are not among the ``collected`` ones."""
    known = set(collected)
    return sorted({one.scenario for one in entries if "*" not in one.scenario and one.scenario not in known})
