"""A run's folder, ``runs/<time>-<target>/``: its result as data, its logs, and ``runs/latest`` pointing at it."""

from __future__ import annotations

import json
import os
import platform
import re
import shlex
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness import guarantees
from harness.errors import EnvironmentProblem
from harness.expectations import Failure
from harness.report import causes
from harness.report.verdict import Result, Verdict, together

FORMAT = 2
RESULT = "result.json"
LONGEST_LOG_BYTES = 256 * 1024


def as_data(results: Collection[Result], about: Mapping[str, Any]) -> dict[str, Any]:
    """``result.json``'s content; ``about`` says what was judged, where and how it ended."""
    counts = Counter(one.verdict for one in results)
    return {
        "format": FORMAT,
        **about,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
        "totals": {verdict.name.lower(): counts[verdict] for verdict in Verdict},
        "promises": {
            id: _about(promise.sentence, [one for one in results if id in one.promises])
            for id, promise in guarantees.PROMISES.items()
        },
        "clauses": {
            id: _about(clause.statement, [one for one in results if id in one.clauses])
            for id, clause in guarantees.CLAUSES.items()
        },
        "checks": _checks(results),
        "causes": causes.as_data(causes.seen(one.failures for one in results)),
        "scenarios": [
            _scenario(one, str(about.get("target"))) for one in sorted(results, key=lambda one: one.scenario)
        ],
    }


def _checks(results: Collection[Result]) -> dict[str, Any]:
    """Each check's sentence, its verdict over all cases, and in how many it held, broke or knew nothing."""
    from harness.check.registry import (
        CHECKS,
        REAL,
        unjudged,
    )  # not above: pytest loads this module in every run

    found, reasons = {}, unjudged(REAL)
    for name, (_, sentence, *_rest) in CHECKS.items():
        counts = Counter(one.rulings[name] for one in results if name in one.rulings)
        worst = next((one for one in ("broken", "unknown", "held") if counts[one]), "not judged")
        broken = [failure for one in results for failure in one.failures if failure.check == name]
        if worst == "broken" and all(failure.known for failure in broken):
            worst = "known"
        found[name] = {"sentence": sentence, "verdict": worst, "cases": dict(counts)}
        if name in reasons:
            found[name]["never_judged"] = reasons[name]
    return found


def _about(sentence: str, results: Collection[Result]) -> dict[str, Any]:
    counts = Counter(one.verdict for one in results)
    return {
        "sentence": sentence,
        "verdict": together(counts).name.lower(),
        "scenarios": {verdict.name.lower(): count for verdict, count in counts.items()},
    }


def _scenario(one: Result, target: str) -> dict[str, Any]:
    found = {
        "scenario": one.scenario,
        "verdict": one.verdict.name.lower(),
        "reason": one.reason,
        "seconds": round(one.seconds, 3),
        "promises": list(one.promises),
        "clauses": list(one.clauses),
        "behaviours": list(one.behaviours),
        "recoveries": one.recoveries,
        "note": one.note,
        "rulings": dict(one.rulings),
        "findings": [
            finding(failure) for failure in one.failures
        ],
        "command": command_for(target, one),
    }  # fmt: skip
    return found | ({"point": dict(one.point)} if one.point is not None else {})


def finding(failure: Failure) -> dict[str, Any]:
    """A failure in ``result.json``; ``about`` and the like only where they say something."""
    about = {name: value for name, value in asdict(failure.about).items() if value}
    found: dict[str, Any] = {
        "check": failure.check, "signature": failure.message, "cause": failure.cause, "detail": failure.detail,
        "events": list(failure.events), "known": failure.known,
    }  # fmt: skip
    more = {"known_of": failure.known_of, "waited": failure.waited, "about": about}
    return found | {name: value for name, value in more.items() if value}


def failure(found: Mapping[str, Any]) -> Failure:
    """What :func:`finding` wrote, before anybody looked whether it is known."""
    data = {
        name: value
        for name, value in found.items()
        if name in ("check", "detail", "events", "about", "waited")
    }
    return Failure.of_data({**data, "message": found["signature"]})


def create(runs: Path, target: str, now: datetime | None = None) -> Path:
    """A new folder for a run, below ``runs``, named by the time and the target.

    EnvironmentProblem when it cannot be made.
    """
    stamp = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    name = f"{stamp}-{slug(target)}"
    folder = runs / name
    number = 1
    while folder.exists():
        number += 1
        folder = runs / f"{name}-{number}"
    try:
        folder.mkdir(parents=True)
    except OSError as problem:
        raise EnvironmentProblem(f"the run's folder cannot be made: {problem}") from problem
    return folder.absolute()


def write(folder: Path, data: Mapping[str, Any]) -> None:
    """Write ``result.json`` into ``folder`` and point ``latest`` beside it at it."""
    (folder / RESULT).write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    fresh = folder.parent / f".latest-{os.getpid()}"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(folder.name)
    fresh.replace(folder.parent / "latest")


def read(folder: Path) -> dict[str, Any]:
    """The content of ``result.json``. EnvironmentProblem when ``folder`` is no run."""
    try:
        data: dict[str, Any] = json.loads((folder / RESULT).read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise EnvironmentProblem(f"{folder} is not the folder of a run: {problem}") from problem
    return data


def keep_logs(folder: Path, case: str, cluster: int, directory: Path) -> None:
    """Copy the logs below a cluster's ``directory`` to ``logs/<case>/<cluster>/``, each to its last bytes."""
    place = folder / "logs" / slug(case.removeprefix("scenarios/"), 150) / str(cluster)
    for path in sorted(directory.rglob("*.log")):
        size = path.stat().st_size
        if size:
            place.mkdir(parents=True, exist_ok=True)
            with path.open("rb") as file:
                file.seek(max(0, size - LONGEST_LOG_BYTES))
                name = "-".join(path.relative_to(directory).parts)
                (place / name).write_bytes(file.read())


def slug(text: str, longest: int = 60) -> str:
    """``text`` as a part of a path."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-")[:longest]


def command_for(target: str, one: Result) -> str:
    """The one line that repeats ``one`` alone."""
    gcs = shlex.quote(target)
    if one.point is not None:
        return f"gauntlet crashpoints --gcs {gcs} --point {shlex.quote(str(one.point['id']))}"
    return f"gauntlet run --gcs {gcs} {shlex.quote(one.scenario)}"
