"""Known breakages of a target: what fails, and by which cause, read from ``harness/expectations/``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from packaging.version import Version

from harness.check.cause import PROCESS, SCENARIO, Cause, cause_of
from harness.check.ruling import NOTHING_SAID, About, signature
from harness.errors import EnvironmentProblem

FOLDER = Path(__file__).parent / "expectations"
LEAST_REPRODUCTIONS = 5
_OPTIONAL = frozenset({"thread", "check", "told", "survived", "cause", "example"})
CRASH_POINT = "::test_crash_point["
"""What the id of a crash point's case has between its file and the point."""
ANYWHERE = "scenarios/*"
"""What shows now and then, depending on timing, may show in any case."""


@dataclass(frozen=True)
class Failure:
    """One thing that a case showed to be broken. ``check``: :data:`SCENARIO`, or one of ``harness.check.registry``.

    ``message``: the same in every repetition (``ruling.signature``); ``events``: the proof's ids; ``about``: what its
    cause is derived from; ``waited``: of an assertion, that it had no answer in time. From :func:`caused` it has
    ``cause``, a name, and ``cause_check``. ``known_of``: the nearest release that is known for it, where the target
    is not.
    """

    check: str
    message: str
    detail: str = ""
    events: tuple[str, ...] = ()
    known: bool = False
    about: About = NOTHING_SAID
    waited: bool = False
    cause: str = ""
    cause_check: str = ""
    known_of: str = ""

    @classmethod
    def of_data(cls, data: Mapping[str, Any]) -> Failure:
        """From :func:`dataclasses.asdict`'s form, after JSON."""
        about = data.get("about", {})
        about = About(**{**about, "keys": tuple(about.get("keys", ()))})
        return cls(**{**data, "events": tuple(data["events"]), "about": about})


def cause_in(scenario: str, failure: Failure) -> Cause:
    """Why ``failure`` came about in ``scenario``. An assertion's words mean something only within their test."""
    cause = cause_of(failure.check, failure.message, failure.about)
    return replace(cause, kind=test_of(scenario)) if cause.check == SCENARIO else cause


def caused(scenario: str, failure: Failure) -> Failure:
    """``failure`` with its cause."""
    cause = cause_in(scenario, failure)
    return replace(failure, cause=str(cause), cause_check=cause.check)


def test_of(case: str) -> str:
    """The test that a case's id names, without its parameters; of a crash point with its request or flow."""
    test = case.rpartition("/")[2].partition("[")[0]
    point = point_of(case)
    return f"{test}[{point.partition(':')[0]}]" if point else test


test_of.__test__ = False  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Expectation:
    """What a release is known to break, and how sure that is.

    ``scenario``: a scenario or a crash point by id; ``*`` stands for any characters in it, and in
    ``message``, which may also be a list of alternatives. ``check`` and ``message`` put a cause, unless ``cause`` names
    it; it is known in any other case, too, and in any words; of a scenario's own assertions, in the same test.
    Where all of at least five repetitions failed, the case must fail; where only some did (``2 of 5``), it may.
    ``told`` and ``survived``: of a crash point, what the client heard and what was there afterwards. ``example``: of
    a row for any case, one that showed it. ``neighbour``: of another release than the target.
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
    cause: str = ""
    example: str = ""
    neighbour: bool = False

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

    @cached_property
    def causes(self) -> frozenset[Cause]:
        """The causes that its words put; none where it names its cause."""
        words = () if self.cause else self.messages
        return frozenset(cause_in(self.scenario, Failure(self.check, one)) for one in words)

    @property
    def names(self) -> frozenset[str]:
        """Of its causes."""
        return frozenset({self.cause} if self.cause else map(str, self.causes))

    def about(self, scenario: str) -> bool:
        return _like(self.scenario, scenario)

    def explains(self, scenario: str, failure: Failure) -> bool:
        """Whether ``failure``, in ``scenario``, has a cause of this."""
        cause = cause_in(scenario, failure)
        if self.check == SCENARIO and not (self.about(scenario) or test_of(self.scenario) == cause.kind):
            return False
        return str(cause) == self.cause or any(_covers(one, cause) for one in self.causes)

    def says(self, failure: Failure) -> bool:
        """Whether ``failure`` is put as this is."""
        return self.check == failure.check and any(_like(one, failure.message) for one in self.messages)


def _covers(row: Cause, cause: Cause) -> bool:
    """Whether a row's cause is ``cause``: equal, but for a pattern in its condition, and a file that it does not tell."""
    if row.check != cause.check or not row.condition:
        return False
    if row.condition == "*":
        return True
    placed = row.kind == cause.kind or row.check == SCENARIO or (row.check == PROCESS and not row.kind)
    same = (row.state, row.method, row.origin) == (cause.state, cause.method, cause.origin)
    return placed and same and _like(row.condition, cause.condition)


def point_of(case: str) -> str | None:
    """The crash point (``RegisterActor:2:kill-before``) that a case's id names; None for any other case."""
    _, found, point = case.partition(CRASH_POINT)
    return point.removesuffix("]") if found else None


def failure_of(said: str, about: About = NOTHING_SAID, waited: bool = False) -> Failure:
    """The failure of a scenario's own assertion that ended with ``said``."""
    first = said.strip().partition("\n")[0]
    return Failure(SCENARIO, signature(first)[:200], first, about=about, waited=waited)


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


def knowledge_for(target: str, chosen: str | None = None) -> tuple[Expectation, ...]:
    """:func:`expectations_for`, and what Ray's other releases are known for, the nearest first, if ``target`` is one."""
    own = expectations_for(target, chosen)
    release = target.removeprefix("ray==")
    if chosen or release == target:
        return own
    return (*own, *(one for other in _by_distance(release) for one in _as_neighbours(other)))


def releases() -> list[str]:
    """Ray's releases that have an expectations file, the newest first."""
    found = [file.stem.removeprefix("ray-") for file in FOLDER.glob("ray-*.toml")]
    return sorted(found, key=Version, reverse=True)


def _by_distance(release: str) -> list[str]:
    at = Version(release)
    return sorted(
        (one for one in releases() if one != release),
        key=lambda one: abs((Version(one).major - at.major) * 1000 + Version(one).minor - at.minor),
    )


def _as_neighbours(release: str) -> list[Expectation]:
    """Each cause that ``release`` is known for, once."""
    found: dict[frozenset[str], Expectation] = {}
    for one in expectations_for(f"ray=={release}"):
        found.setdefault(one.names, replace(one, neighbour=True))
    return list(found.values())


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
    places = [(one.scenario, one.check, one.messages, one.cause) for one in entries]
    doubled = {place[0] for place in places if places.count(place) > 1}
    if doubled:
        raise EnvironmentProblem(f"{path}: listed twice: {', '.join(sorted(doubled))}")
    for one in entries:
        if target.startswith("ray==") and target != f"ray=={one.release}":
            raise EnvironmentProblem(f"{path}: {one.scenario} is about {one.release}, the target is {target}")
    return entries


def _entry(path: Path, number: int, raw: dict[str, Any]) -> Expectation:
    names = {one.name for one in fields(Expectation)} - {"neighbour"}
    raw = {
        name: value for name, value in raw.items() if name != "fatal"
    }  # of an older form: the check tells it
    where = f"{path}, entry {number}"
    if set(raw) - names or names - _OPTIONAL - set(raw):
        raise EnvironmentProblem(
            f"{where}: wanted {', '.join(sorted(names))}; found {', '.join(sorted(raw))}"
        )
    said = raw["message"]
    if isinstance(said, list):
        raw = {**raw, "message": tuple(said)}
    words = [value for name, value in raw.items() if name != "message"]
    if not all(isinstance(one, str) for one in [*words, *(said if isinstance(said, list) else [said])]):
        raise EnvironmentProblem(f"{where}: every value is a string, and message a string or a list of them")
    entry = Expectation(**raw)
    if entry.cause and not entry.cause.startswith(f"{entry.check}: "):
        raise EnvironmentProblem(f"{where}: the cause {entry.cause!r} is not one of the check {entry.check}")
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
    return sorted(
        {
            one.scenario
            for one in entries
            if not one.neighbour and "*" not in one.scenario and one.scenario not in known
        }
    )
