"""A run as data: ``runs/<time>-<target>/result.json``, and ``runs/latest`` pointing at it."""

from __future__ import annotations

import json
import os
import platform
import re
from collections import Counter
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness import guarantees
from harness.report.verdict import Result, Verdict, together

FORMAT = 1


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
        "scenarios": [_scenario(one) for one in sorted(results, key=lambda one: one.scenario)],
    }


def _about(sentence: str, results: Collection[Result]) -> dict[str, Any]:
    counts = Counter(one.verdict for one in results)
    return {
        "sentence": sentence,
        "verdict": together(counts).name.lower(),
        "scenarios": {verdict.name.lower(): count for verdict, count in counts.items()},
    }


def _scenario(one: Result) -> dict[str, Any]:
    return {
        "scenario": one.scenario,
        "verdict": one.verdict.name.lower(),
        "reason": one.reason,
        "seconds": round(one.seconds, 3),
        "promises": list(one.promises),
        "clauses": list(one.clauses),
        "behaviours": list(one.behaviours),
        "recoveries": one.recoveries,
        "note": one.note,
    }


def write(runs: Path, target: str, data: Mapping[str, Any], now: datetime | None = None) -> Path:
    """Write ``data`` into a new folder below ``runs`` and point ``latest`` at it; the folder."""
    stamp = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    name = f"{stamp}-{re.sub(r'[^A-Za-z0-9.]+', '-', target).strip('-')[:60]}"
    folder = runs / name
    number = 1
    while folder.exists():
        number += 1
        folder = runs / f"{name}-{number}"
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    fresh = runs / f".latest-{os.getpid()}"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(folder.name)
    fresh.replace(runs / "latest")
    return folder
