"""The tables of FINDINGS.md, from the expectations files: ``python -m harness.findings`` rewrites them.

One row per kind of failure and release: where many scenarios or crash points show the same, the row
counts them and names the one that shows it most surely.
"""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from harness.check.cause import SCENARIO
from harness.expectations import ANYWHERE, Expectation, expectations_for, point_of, releases

PAGE = Path(__file__).parents[1] / "FINDINGS.md"
BEGIN, END = "<!-- findings -->", "<!-- end -->"
HEAD = (
    "| guarantee | what was seen | told | survived | cases | failed | repeat it |",
    "| --- | --- | --- | --- | --- | --- | --- |",
)


def tables() -> str:
    """A section per release."""
    sections = []
    for release in releases():
        rows = table(expectations_for(f"ray=={release}"))
        sections.append(f"## Ray {release}\n\n" + "\n".join([*HEAD, *rows]))
    return "\n\n".join(sections)


def table(entries: Iterable[Expectation]) -> list[str]:
    """A Markdown row per kind of failure: what the record shows first, then the scenarios' own assertions."""
    kinds: defaultdict[tuple[str, str], list[Expectation]] = defaultdict(list)
    for one in entries:
        if one.scenario != ANYWHERE or one.example:  # of the others each has its cases besides
            kinds[kind(one)].append(one)
    ordered = sorted(kinds.items(), key=lambda item: (item[0][0] == SCENARIO, -len(item[1]), item[0]))
    return [_row(about) for _, about in ordered]


def kind(one: Expectation) -> tuple[str, str]:
    """Failures of one kind share a row: of a check by cause or words, of assertions by their function."""
    if one.cause:
        return one.check, one.cause
    if one.check != SCENARIO:
        return one.check, one.messages[0]
    return SCENARIO, one.scenario if point_of(one.scenario) else one.scenario.partition("[")[0]


def _row(about: Sequence[Expectation]) -> str:
    best = max(about, key=lambda one: (_times(one), point_of(one.scenario) is not None))
    guarantee = (
        best.check
        if best.check != SCENARIO
        else "`" + best.scenario.partition("[")[0].removeprefix("scenarios/") + "`"
    )
    seen = best.sentence if best.check == SCENARIO or best.cause else best.messages[0]
    thread = f" ({best.thread})" if best.thread else ""
    told = ", ".join(sorted({one.told for one in about if one.told}))
    survived = ", ".join(sorted({one.survived for one in about if one.survived}))
    least, most = min(map(_times, about)), max(map(_times, about))
    failed = best.reproduced if least == most else f"{least:.0%} to {most:.0%} of the runs"
    cases = "any" if best.scenario == ANYWHERE else str(len(about))
    cells = [guarantee, seen + thread, told, survived, cases, failed, f"`{command(best)}`"]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _times(one: Expectation) -> float:
    failed, _, runs = one.reproduced.partition(" of ")
    return int(failed) / int(runs)


def command(one: Expectation) -> str:
    """The line that repeats it."""
    gcs = f"ray=={one.release}"
    case = one.example or one.scenario
    if (point := point_of(case)) is not None:
        return f"gauntlet crashpoints --gcs {gcs} --point {shlex.quote(point)}"
    return f"gauntlet run --gcs {gcs} {shlex.quote(case)}"


def rewritten(page: str) -> str:
    """``page`` with fresh tables between its marks."""
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n\n{tables()}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
