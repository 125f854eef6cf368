"""What a run ends with: a row per promise, the clauses in a few lines, and what needs a word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness import guarantees
from harness.report import causes
from harness.report.verdict import Result, Verdict, together

NARROWEST, WIDEST = 60, 100
_STYLE = {
    Verdict.HELD: "green",
    Verdict.BROKEN: "bold red",
    Verdict.MENDED: "red",
    Verdict.KNOWN: "yellow",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.ERROR: "magenta",
    Verdict.ENVIRONMENT: "magenta",
    Verdict.SKIPPED: "dim",
}
_TELL = (
    Verdict.ENVIRONMENT,
    Verdict.BROKEN,
    Verdict.ERROR,
    Verdict.MENDED,
    Verdict.INCONCLUSIVE,
    Verdict.KNOWN,
)


SAYING: Mapping[Verdict, str] = {
    Verdict.HELD: "every guarantee judged here held",
    Verdict.KNOWN: "does not conform: it fails as its expectations file says",
    Verdict.SKIPPED: "nothing was judged",
    Verdict.BROKEN: "a guarantee is broken",
    Verdict.MENDED: "a known breakage is gone: take its entry out of the expectations file",
    Verdict.INCONCLUSIVE: "inconclusive: not everything that was asked was proved",
    Verdict.ERROR: "the harness itself failed: no verdict",
    Verdict.ENVIRONMENT: "this machine or its input does not allow the run: no verdict",
}
"""What a run's worst verdict says of its target."""


def show(results: Collection[Result], target: str, file: TextIO, width: int, colour: bool) -> None:
    """Print the tables for ``results`` to ``file``; without ``colour``, plain text."""
    console = Console(
        file=file,
        width=max(NARROWEST, min(width, WIDEST)),
        force_terminal=colour,
        no_color=not colour,
        highlight=False,
        emoji=False,
    )
    console.print(_promises(results, target))
    for line in (*_clauses(results), *_checks(results)):
        console.print(line)
    for verdict in _TELL:
        for result in results:
            if result.verdict is verdict:
                console.print(Text.assemble((verdict.value, _STYLE[verdict]), f"  {result.scenario}"))
                console.print(Text(f"    {result.reason}"))
    for reason, count in sorted(
        Counter(one.reason for one in results if one.verdict is Verdict.SKIPPED).items()
    ):
        console.print(Text.assemble(("skipped", "dim"), f"  {count}: {reason}"))
    found = causes.seen(one.failures for one in results)
    if found:
        for said in causes.lines(found):
            console.print(Text(said))
    console.print(conclusion(results, target))


def _promises(results: Collection[Result], target: str) -> Table:
    title = Text(f"Promises of Ray, judged on {target}")
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1), expand=True)
    table.add_column("", no_wrap=True)
    table.add_column("promise", ratio=1, overflow="fold")
    table.add_column("verdict", no_wrap=True)
    for heading in ("scenarios", "known", "skipped"):
        table.add_column(heading, justify="right", no_wrap=True)
    for promise in guarantees.PROMISES.values():
        about = [one for one in results if promise.id in one.promises]
        counts = Counter(one.verdict for one in about)
        judged = len(about) - counts[Verdict.SKIPPED]
        table.add_row(
            promise.id,
            f"{promise.title}: {promise.sentence}",
            verdict_text([one.verdict for one in about]),
            str(judged),
            str(counts[Verdict.KNOWN] or ""),
            str(counts[Verdict.SKIPPED] or ""),
        )
    return table


def verdict_text(verdicts: Sequence[Verdict]) -> Text:
    """The merged verdict in its colour; 'not judged' where no scenario spoke."""
    verdict = together(verdicts)
    return Text("not judged" if verdict is Verdict.SKIPPED else verdict.value, _STYLE[verdict])


def _clauses(results: Iterable[Result]) -> list[Text]:
    """A line per verdict: the clauses that came to it, in the contract's order."""
    verdicts: dict[str, list[Verdict]] = {id: [] for id in guarantees.CLAUSES}
    for result in results:
        for id in result.clauses:
            verdicts[id].append(result.verdict)
    merged = {id: together(found) for id, found in verdicts.items()}
    lines = []
    for verdict in Verdict:
        ids = [id for id, found in merged.items() if found is verdict]
        if ids:
            word = "not judged" if verdict is Verdict.SKIPPED else verdict.value
            lines.append(
                Text.assemble((f"clauses {word}", _STYLE[verdict]), f" ({len(ids)}): {' '.join(ids)}")
            )
    return lines


def _checks(results: Iterable[Result]) -> list[Text]:
    """A line per finding: the checks over the record that came to it, with the number of cases; and who found nothing."""
    known: Counter[str] = Counter()
    found: Counter[tuple[str, str]] = Counter()
    for result in results:
        unknown = {failure.check for failure in result.failures if not failure.known}
        for check, finding in result.rulings.items():
            known[check] += finding == "broken" and check not in unknown
            found[check, finding] += 1
    lines = []
    for finding, style in (("broken", "bold red"), ("unknown", "yellow"), ("held", "green")):
        said = [f"{check} {count}" for (check, of), count in sorted(found.items()) if of == finding]
        if said:
            lines.append(Text.assemble((f"checks {finding}", style), f" (cases): {', '.join(said)}"))
    silent = [check for check in _all_checks() if not any(check == one for one, _ in found)]
    if silent and found:
        lines.append(Text.assemble(("checks not judged", "dim"), f": {', '.join(silent)}"))
    if known := +known:
        said = [f"{check} {count}" for check, count in sorted(known.items())]
        lines.append(Text.assemble(("of these known", "yellow"), f": {', '.join(said)}"))
    return lines


def _all_checks() -> list[str]:
    from harness.check.registry import CHECKS  # not above: pytest loads this module in every run

    return list(CHECKS)


def conclusion(results: Collection[Result], target: str) -> Text:
    """The sentence that a reader in a hurry reads."""
    counts = Counter(one.verdict for one in results)
    total = "1 scenario" if len(results) == 1 else f"{len(results)} scenarios"
    parts = ", ".join(f"{counts[verdict]} {verdict.value}" for verdict in Verdict if counts[verdict])
    worst = together(counts)
    return Text.assemble((f"{target}: {SAYING[worst]}", _STYLE[worst]), f" ({total}: {parts or 'none'})")
