"""Known breakages of a target: which scenarios must fail, read from ``harness/expectations/``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from harness.errors import EnvironmentProblem

FOLDER = Path(__file__).parent / "expectations"
LEAST_REPRODUCTIONS = 5


@dataclass(frozen=True)
class Expectation:
    """One scenario that a release is known to fail, and how sure that is."""

    scenario: str
    release: str
    sentence: str
    reproduced: str
    thread: str = ""

    def __str__(self) -> str:
        return f"{self.sentence} ({', '.join(filter(None, [self.thread, self.reproduced]))})"


def file_for(target: str) -> Path:
    """Where the known breakages of the target named ``target`` (``ray==2.60.0``) would lie."""
    slug = re.sub(r"[^A-Za-z0-9.]+", "-", target)
    return FOLDER / f"{slug[:100]}.toml"  # a command may be longer than a file's name


def expectations_for(target: str, chosen: str | None = None) -> tuple[Expectation, ...]:
    """What ``target`` is known to fail: from the file ``chosen`` by the user, else from its own.

    EnvironmentProblem if a chosen file is not there, for a malformed one, and for any at all when
    the target is the reference, which has nothing to be excused.
    """
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
    doubled = {one.scenario for one in entries if sum(one.scenario == two.scenario for two in entries) > 1}
    if doubled:
        raise EnvironmentProblem(f"{path}: listed twice: {', '.join(sorted(doubled))}")
    for one in entries:
        if target.startswith("ray==") and target != f"ray=={one.release}":
            raise EnvironmentProblem(f"{path}: {one.scenario} is about {one.release}, the target is {target}")
    return entries


def _entry(path: Path, number: int, raw: dict[str, Any]) -> Expectation:
    names = {one.name for one in fields(Expectation)}
    where = f"{path}, entry {number}"
    if set(raw) - names or names - {"thread"} - set(raw):
        raise EnvironmentProblem(
            f"{where}: wanted {', '.join(sorted(names))}; found {', '.join(sorted(raw))}"
        )
    if not all(isinstance(value, str) for value in raw.values()):
        raise EnvironmentProblem(f"{where}: every value is a string")
    entry = Expectation(**raw)
    times = re.fullmatch(r"(\d+) of (\d+)", entry.reproduced)
    if not times or times[1] != times[2] or int(times[1]) < LEAST_REPRODUCTIONS:
        raise EnvironmentProblem(
            f"{where}: reproduced is {entry.reproduced!r}; a strict expectation needs all of at least "
            f"{LEAST_REPRODUCTIONS} runs ('5 of 5')"
        )
    return entry


def unmatched(entries: Iterable[Expectation], collected: Iterable[str]) -> list[str]:
    """Scenarios of ``entries`` that are not among the ``collected`` ones."""
    known = set(collected)
    return sorted(one.scenario for one in entries if one.scenario not in known)
