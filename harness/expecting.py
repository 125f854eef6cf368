"""``gauntlet run --update-expectations``: run, repeat what failed, and write down how often it did.

A new file has a row for each cause, and stays so; in one of the older form each case keeps rows of its own.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.cause_rows import by_cause, joined, rows_of
from harness.check.cause import SCENARIO
from harness.errors import EnvironmentProblem
from harness.expectations import (
    ANYWHERE,
    LEAST_REPRODUCTIONS,
    Expectation,
    Failure,
    cause_in,
    caused,
    expectations_for,
    file_for,
    point_of,
)
from harness.plugin.options import ENVIRONMENT_STATUS
from harness.report import folder

RACES = frozenset({"durable"})
"""An answer that does not wait for the store is early by as much as the store is late."""
Kind = tuple[str, str, str]
"""A check, a message, and the name of the cause where the two do not tell it."""
Seen = Mapping[str, Sequence[Failure]]
"""Case -> the failures of one run of it, with their causes."""
Facts = Mapping[str, tuple[str, str]]
"""Crash point -> what the client was told, and what survived."""


@dataclass
class Count:
    """How often a case ran, and how often each of its failures showed."""

    runs: int = 0
    failures: Counter[Kind] = field(default_factory=Counter)
    own: int = 0
    """Runs in which its own assertions failed, whatever they said."""


def counted(runs: Iterable[Seen]) -> dict[str, Count]:
    """Add up several runs; a case that is absent from a run did not run in it."""
    found: defaultdict[str, Count] = defaultdict(Count)
    for run in runs:
        for case, failures in run.items():
            count = found[case]
            count.runs += 1
            kinds = {kind_of(case, one) for one in failures}
            count.failures.update(kinds)
            count.own += any(check == SCENARIO for check, _, _ in kinds)
    return {case: count for case, count in found.items() if count.failures}


def kind_of(case: str, failure: Failure) -> Kind:
    """An assertion on an end of the process is of the check that names the end."""
    told = cause_in(case, Failure(failure.check, failure.message))
    if str(told) == failure.cause:
        return failure.check, failure.message, ""
    return failure.cause.partition(": ")[0], failure.message, failure.cause


def entries_of(
    counts: Mapping[str, Count], release: str, before: Iterable[Expectation], facts: Facts
) -> list[Expectation]:
    """An entry per case and failure, with the sentence and the thread that an old one had."""
    old = {(one.scenario, one.check): one for one in before}
    made = []
    for case, count in sorted(counts.items()):
        for check in sorted({check for check, _, _ in count.failures}):
            messages = {kind[1:]: times for kind, times in count.failures.items() if kind[0] == check}
            known = old.get((case, check))
            if check == SCENARIO:
                groups = [(tuple(sorted(said for said, _ in messages)), "", count.own)]
            else:
                groups = [((said,), cause, times) for (said, cause), times in sorted(messages.items())]
            told, survived = facts.get(case, ("", ""))
            for said, cause, times in groups:
                made.append(
                    Expectation(
                        scenario=case,
                        release=release,
                        check=check,
                        message=said[0] if len(said) == 1 else said,
                        sentence=known.sentence if known else said[0],
                        thread=known.thread if known else "",
                        reproduced=f"{times} of {count.runs}",
                        told=told,
                        survived=survived,
                        cause=cause,
                    )
                )
    return made


def anywhere(counts: Mapping[str, Count], release: str) -> list[Expectation]:
    """What the record of some case showed in some runs only, or what races with the store by its nature.

    It depends on timing, and any case may show it.
    """
    shown: Counter[Kind] = Counter()
    runs: Counter[Kind] = Counter()
    racy = set()
    for count in counts.values():
        for kind, times in count.failures.items():
            if kind[0] == SCENARIO:
                continue
            shown[kind] += times
            runs[kind] += count.runs
            if times < count.runs or kind[0] in RACES:
                racy.add(kind)
    return [
        Expectation(
            scenario=ANYWHERE,
            release=release,
            check=check,
            message=said,
            sentence=said,
            reproduced=f"{shown[check, said, cause]} of {runs[check, said, cause]}",
            cause=cause,
        )
        for check, said, cause in sorted(racy)
    ]


def merged(
    before: Iterable[Expectation], ran: Collection[str], made: Iterable[Expectation]
) -> list[Expectation]:
    """The old entries of cases that did not run, and the new ones, in the order of cases."""
    made = list(made)
    new = {(one.scenario, one.check, one.message, one.cause) for one in made}
    kept = [
        one
        for one in before
        if one.scenario not in ran and (one.scenario, one.check, one.message, one.cause) not in new
    ]
    return sorted([*kept, *made], key=lambda one: (one.scenario != ANYWHERE, one.scenario, one.check))


def as_toml(entries: Sequence[Expectation], target: str) -> str:
    """The file's text. A JSON string is a TOML string, too."""
    lines = [
        f"# What {target} is known to break, and in how many of so many runs it did.",
        "# Rewritten by: gauntlet run --update-expectations --gcs " + target,
    ]
    for one in entries:
        said = one.message if isinstance(one.message, str) else list(one.message)
        lines += ["", "[[broken]]", f"scenario = {json.dumps(one.scenario)}", f'release = "{one.release}"']
        lines += [f"check = {json.dumps(one.check)}"] if one.check != SCENARIO else []
        lines += [f"message = {json.dumps(said)}", f"sentence = {json.dumps(one.sentence)}"]
        for name in ("cause", "thread", "told", "survived", "example"):
            value = getattr(one, name)
            lines += [f"{name} = {json.dumps(value)}"] if value else []
        lines += [f'reproduced = "{one.reproduced}"']
    return "\n".join(lines) + "\n"


def update(
    run: Callable[[Sequence[str], Sequence[str]], list[str]],
    options: Sequence[str],
    paths: Sequence[str],
    target: str,
    chosen: str | None,
) -> int:
    """Run ``paths``, then what failed four times more, and write the target's file; the exit status.

    ``run``: makes the command from options and paths. Entries of cases that did not run stay as they are.
    """
    try:
        before = expectations_for(target, chosen)
    except EnvironmentProblem:
        before = ()  # of an older form, or none yet
    runs: list[Seen] = []
    release = ""
    facts: dict[str, tuple[str, str]] = {}
    todo = list(paths)
    for number in range(LEAST_REPRODUCTIONS):
        more, which = asked(options, todo)
        result = _run(run([*more, "--expectations", "none"], which))
        if result is None:
            return ENVIRONMENT_STATUS
        release = str(result["release"])
        runs.append(seen_in(result))
        points = {one["scenario"]: one["point"] for one in result["scenarios"] if "point" in one}
        facts |= {case: (point.get("told", ""), point.get("survived", "")) for case, point in points.items()}
        todo = sorted(counted(runs))
        print(f"gauntlet: run {number + 1} of {LEAST_REPRODUCTIONS}: {len(todo)} cases failed so far")
        if not todo:
            break
    ran = set(runs[0])
    counts = counted(runs)
    for count in counts.values():
        count.runs = len(runs)  # a crash point that was not there in a repetition did not fail in it
    if by_cause(before):
        made = rows_of(runs, release, before)
        entries = joined(before, ran, made)
    else:
        made = [*anywhere(counts, release), *entries_of(counts, release, before, facts)]
        entries = merged(before, ran, made)
    file = Path(chosen) if chosen and chosen != "none" else file_for(target)
    file.write_text(as_toml(entries, target), encoding="utf-8")
    print(
        f"gauntlet: wrote {file}: {len(entries)} entries, {len(made)} of them from {len(ran)} cases; review it"
    )
    return 0


def asked(options: Sequence[str], todo: Sequence[str]) -> tuple[list[str], list[str]]:
    """Options and paths that run ``todo``. Crash points go by ``--point``: a flow that hangs now and then
    may not be found again, and then pytest would know nothing of its points."""
    if "--crash-points" not in options or not any(map(point_of, todo)):
        return list(options), list(todo)
    points = [point for one in todo if (point := point_of(one))]
    file = todo[0].partition("::")[0]
    return [*options, *(word for one in points for word in ("--point", one))], [file]


def seen_in(result: Mapping[str, Any]) -> Seen:
    """The failures of each case in ``result.json``'s content; cases without a verdict are left out."""
    return {
        one["scenario"]: [caused(one["scenario"], folder.failure(found)) for found in one["findings"]]
        for one in result["scenarios"]
        if one["verdict"] in ("held", "broken", "known", "mended")
    }


def _run(command: Sequence[str]) -> dict[str, Any] | None:
    """``result.json`` of one run; None when it judged nothing."""
    with tempfile.TemporaryDirectory(prefix="gauntlet-runs-") as runs:
        subprocess.run([*command, "--run-dir", runs], check=False)
        latest = Path(runs) / "latest" / "result.json"
        return dict(json.loads(latest.read_text())) if latest.exists() else None
