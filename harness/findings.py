"""The tables of FINDINGS.md, from the expectations files: ``python -m harness.findings`` rewrites them.

One row per kind of failure and release: where many scenarios or crash points show the same, the row
counts them and names the one that shows it most surely.
"""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from packaging.version import Version

from harness.expectations import ANYWHERE, FOLDER, SCENARIO, Expectation, expectations_for, point_of

PAGE = Path(__file__).parents[1] / "FINDINGS.md"
BEGIN, END = "<!-- findings -->", "<!-- end -->"
HEAD = (
    "| guarantee | what was seen | told | survived | cases | failed | repeat it |",
    "| --- | --- | --- | --- | --- | --- | --- |",
)


def releases() -> list[str]:
    """The releases that have an expectations file, the newest first."""
    found = [file.stem.removeprefix("ray-") for file in FOLDER.glob("ray-*.toml")]
    return sorted(found, key=Version, reverse=True)


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
        if one.scenario != ANYWHERE:  # each has its cases besides
            kinds[kind(one)].append(one)
    ordered = sorted(kinds.items(), key=lambda item: (item[0][0] == SCENARIO, -len(item[1]), item[0]))
    return [_row(about) for _, about in ordered]


def kind(one: Expectation) -> tuple[str, str]:
    """Failures of one kind share a row: of a check by its words, of assertions by their function."""
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
    seen = best.sentence if best.check == SCENARIO else best.messages[0]
    thread = f" ({best.thread})" if best.thread else ""
    told = ", ".join(sorted({one.told for one in about if one.told}))
    survived = ", ".join(sorted({one.survived for one in about if one.survived}))
    least, most = min(map(_times, about)), max(map(_times, about))
    failed = best.reproduced if least == most else f"{least:.0%} to {most:.0%} of the runs"
    cells = [guarantee, seen + thread, told, survived, str(len(about)), failed, f"`{command(best)}`"]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _times(one: Expectation) -> float:
    failed, _, runs = one.reproduced.partition(" of ")
    return int(failed) / int(runs)


def command(one: Expectation) -> str:
    """The line that repeats it."""
    gcs = f"ray=={one.release}"
    if (point := point_of(one.scenario)) is not None:
        return f"gauntlet crashpoints --gcs {gcs} --point {shlex.quote(point)}"
    return f"gauntlet run --gcs {gcs} {shlex.quote(one.scenario)}"


def rewritten(page: str) -> str:
    """``page`` with fresh tables between its marks."""
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n\n{tables()}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
