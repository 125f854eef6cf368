"""What the hunts came to: lines, a table, data, and the page that later changes are compared with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.table import Table

import reference_gcs.mutants
from harness.fuzz.grammar import USUAL
from harness.mutants.choosing import FORMAT, SOUND, target_of
from harness.mutants.hunt import Hunt, elsewhere
from harness.mutants.on_processes import SEED, RealHunt
from harness.mutants.on_processes import closing as closing_for_real
from harness.mutants.on_processes import table as table_for_real
from reference_gcs.mutants.catalogue import MUTANTS, Mutant

PAGE = Path(reference_gcs.mutants.__path__[0]) / "DETECTION.md"
HEAD = ("mutant", "found in", "median plans", "reached in", "seen first by (campaigns)")


def share(found: Sequence[Hunt]) -> float:
    """The part of the mutants that some campaign found; 1 when there were none."""
    spoilt = _spoilt(found)
    return sum(one.killed for one in spoilt) / len(spoilt) if spoilt else 1.0


def _spoilt(found: Sequence[Hunt]) -> list[Hunt]:
    """The mutants' hunts. One that could not be done to its end found nothing."""
    return [one for one in found if one.target != SOUND]


def _name(hunt: Hunt) -> str:
    return hunt.target.removeprefix(f"{SOUND}+")


def _often(hunt: Hunt) -> str:
    return f"{len(hunt.finds)} of {len(hunt.seeds)}"


def _median(hunt: Hunt) -> str:
    return f"{hunt.median:g}" if hunt.median <= hunt.budget else f"> {hunt.budget}"


def _who(hunt: Hunt) -> str:
    return ", ".join(f"{check} {count}" for check, count in hunt.checks.items())


def line(hunt: Hunt) -> str:
    """A hunt as a line: what came of it, how long it took, how many plans, and who saw it."""
    when = f"{hunt.seconds:6.1f} s  {hunt.target}: "
    if hunt.problem:
        return f"{'problem':9}{when}{hunt.problem}"
    if hunt.killed:
        word = "BROKEN" if hunt.target == SOUND else "found"
        return f"{word:9}{when}{_often(hunt)}, median {_median(hunt)} plans; {_who(hunt)}"
    vague = f", {hunt.vague} proved nothing" if hunt.vague else ""
    if hunt.target == SOUND:
        return f"{'sound':9}{when}{hunt.reached} plans{vague}"
    return f"{'SURVIVED':9}{when}what it spoils ran in {_reached(hunt)} plans{vague}"


def _reached(hunt: Hunt) -> str:
    return f"{hunt.reached} of {len(hunt.seeds) * hunt.budget}"


def left_out(mutant: Mutant, where: str) -> str:
    """That the simulator cannot carry it, and what can."""
    command = f"gauntlet fuzz --gcs {target_of(mutant)}"
    return f"{'shell':20}{target_of(mutant)}: {where} is not simulated; on real processes: {command}"


def table(found: Sequence[Hunt]) -> Table:
    """Mutants by how often, how soon and by whom they were found."""
    made = Table(*HEAD, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for one in found:
        made.add_row(_name(one), _often(one), _median(one), f"{one.reached}", _who(one) or one.problem)
    return made


def closing(found: Sequence[Hunt]) -> str:
    """How many were found, by how many campaigns, and who was not."""
    spoilt = _spoilt(found)
    if not spoilt:
        return "no mutant was tried"
    killed = [one for one in spoilt if one.killed]
    soon = [one for one in killed if one.median <= one.budget]
    said = (
        f"{len(killed)} of {len(spoilt)} simulated mutants ({_percent(killed, spoilt)}) found by the fuzzer alone "
        f"in {len(spoilt[0].seeds)} campaigns of {spoilt[0].budget} plans, "
        f"{len(soon)} ({_percent(soon, spoilt)}) by half of the campaigns or more"
    )
    survivors = ", ".join(_name(one) for one in spoilt if not one.killed)
    return f"{said}; survivors: {survivors}" if survivors else said


def _percent(part: Sequence[Hunt], whole: Sequence[Hunt]) -> str:
    return f"{100 * len(part) / len(whole):.0f} %"


def as_data(
    found: Sequence[Hunt], wanted: Sequence[Mutant], really: Sequence[RealHunt] = ()
) -> dict[str, Any]:
    """``detection.json``: every hunt, with its ``median`` (null: most campaigns did not find it) and its ``checks``.

    ``share``: of the simulated mutants that were found; ``elsewhere``: those that no simulator carries, and where
    they are; ``real``: the hunts for them on real processes.
    """
    return {
        "format": FORMAT,
        "hunts": [
            {
                **asdict(one),
                "killed": one.killed,
                "median": one.median if one.median <= one.budget else None,
                "checks": one.checks,
                "seconds": round(one.seconds, 1),
            }
            for one in found
        ],
        "share": round(share(found), 4),
        "survivors": [one.target for one in _spoilt(found) if not one.killed],
        "elsewhere": {target_of(one): where for one in wanted if (where := elsewhere(one))},
        "real": [asdict(one) for one in really],
    }


def page(found: Sequence[Hunt], wanted: Sequence[Mutant], really: Sequence[RealHunt] = ()) -> str:
    """``DETECTION.md``: its first table is equal for equal code, so that a change of it is one of what the fuzzer sees."""
    return "\n".join([*_lines(found), *(_real(really) if really else _elsewhere(wanted)), ""])


def _real(really: Sequence[RealHunt]) -> Iterator[str]:
    yield "## On real processes"
    yield ""
    yield (
        f"What these spoil is in the shell, which is not simulated. Seed {SEED}: one campaign each of "
        "`gauntlet fuzz --gcs reference+NAME`, ended by its first failure. Its plans are the same each time, what "
        "processes make of them is not; these numbers may change by themselves."
    )
    yield ""
    yield f"{closing_for_real(really)}."
    yield ""
    yield from table_for_real(really)


def _elsewhere(wanted: Sequence[Mutant]) -> Iterator[str]:
    yield "Not simulated, for what they spoil is in the shell; `gauntlet fuzz --gcs reference+NAME` runs them on"
    yield "real processes:"
    yield ""
    for mutant in wanted:
        if where := elsewhere(mutant):
            yield f"- {mutant.name}: `{where}`"


def _lines(found: Sequence[Hunt]) -> Iterator[str]:
    seeds, budget = len(found[0].seeds), found[0].budget
    yield "# How soon the fuzzer alone finds each mutant"
    yield ""
    yield f"Written by `gauntlet mutants --fuzz --seeds {seeds} --plans {budget} --write`; do not edit."
    yield ""
    yield (
        f"Seeds 1 to {seeds}: a simulated campaign each, of at most {budget} plans, ended by its first failure. "
        f"A plan has {_range(USUAL.operations)} operations, {_range(USUAL.kills)} kills of the GCS and "
        f"{_range(USUAL.faults)} other faults. Plans are counted up to and including the one that fails; a "
        f"campaign without a failure counts as more than {budget}. Reached in: the plans, of all {seeds * budget}, in "
        "which the function runs that the mutant replaces. The same code gives the same numbers."
    )
    yield ""
    yield f"{closing(found)}."
    for one in found:
        if one.target == SOUND:
            yield f"The sound reference: {'BROKEN' if one.killed else 'held'}, {one.reached} plans."
    yield ""
    yield f"| {' | '.join(HEAD)} |"
    yield "| --- | ---: | ---: | ---: | --- |"
    for one in found:
        if one.target != SOUND:
            who = _who(one) or one.problem or "nobody"
            yield f"| {_name(one)} | {_often(one)} | {_median(one)} | {one.reached} | {who} |"
    yield ""


def _range(bounds: tuple[int, int]) -> str:
    return f"{bounds[0]} to {bounds[1]}"


def missing(text: str) -> set[str]:
    """The mutants of which a page says nothing."""
    return {name for name in MUTANTS if f"| {name} |" not in text and f"- {name}:" not in text}
