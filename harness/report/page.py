"""``report.html``: a run as one page that needs no server. Pure, but for :func:`write`."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from harness.history.entry import Entry as Command
from harness.history.event import Event
from harness.history.log import HISTORY, LEDGER
from harness.report import escape, matrix, reading, timeline
from harness.report.folder import read
from harness.report.reading import Entry

HERE = Path(__file__).parent
SCRIPTS, STYLES = ("scale.js", "timeline.js", "page.js"), ("page.css",)
_NO_FINDING = {"check": "", "signature": "", "detail": "", "events": (), "known": False}
_CASE = re.compile(rb'"case":("(?:[^"\\]|\\.)*")')


def write(folder: Path) -> Path:
    """Read a run's ``result.json``, ``history.jsonl`` and ``ledger.jsonl`` and write ``report.html`` beside them."""
    result = read(folder)
    failing = reading.failures(result).all
    cases = {reading.case(entry) for entry in failing}
    events: dict[str, list[Event]] = {}
    for raw in _lines(folder / HISTORY, cases):
        events.setdefault(raw["case"], []).append(Event.of(raw))
    ledger: dict[str, list[Command]] = {}
    for raw in _lines(folder / LEDGER, cases):
        ledger.setdefault(raw["case"], []).append(Command.of(raw))
    path = folder / "report.html"
    path.write_text(html(result, timelines(result, events, ledger), folder.resolve().name), encoding="utf-8")
    return path


def _lines(path: Path, cases: Collection[str]) -> Iterator[dict[str, Any]]:
    """The lines of ``cases``: one pass that parses no other line, of which there are many. Torn lines are left out."""
    if not path.exists() or not cases:
        return
    wanted = {json.dumps(case).encode() for case in cases}
    with path.open("rb") as file:
        for line in file:
            found = _CASE.search(line)
            if found is None or found[1] not in wanted:
                continue
            try:
                yield json.loads(line)
            except ValueError:
                continue


def timelines(
    result: Mapping[str, Any],
    events: Mapping[str, Sequence[Event]],
    ledger: Mapping[str, Sequence[Command]],
) -> dict[str, dict[str, Any]]:
    """Case -> timeline, of each failing case of which something is recorded, within a page's bounds.

    What is unexpected gets its events before what is known, and that before what is inconclusive.
    """
    found = reading.failures(result)
    room = timeline.PER_PAGE
    drawn: dict[str, dict[str, Any]] = {}
    for entries in (found.unexpected, found.known, found.inconclusive):
        proofs: dict[str, set[str]] = {}
        for entry in entries:
            proofs.setdefault(reading.case(entry), set()).update(reading.offending(entry))
        cases = [case for case in proofs if case not in drawn and (events.get(case) or ledger.get(case))]
        wants = [
            min(timeline.PER_CASE, len(events.get(case, ())) + len(ledger.get(case, ()))) for case in cases
        ]
        for case, share in zip(cases, timeline.shares(wants, room), strict=True):
            one = timeline.timeline(events.get(case, ()), ledger.get(case, ()), proofs[case], share)
            drawn[case] = one
            room -= len(one["events"])
    return drawn


def html(result: Mapping[str, Any], drawn: Mapping[str, Mapping[str, Any]], name: str = "") -> str:
    """The page. ``drawn``: case -> what :func:`timeline.timeline` gives; ``name``: that of the run's folder."""
    failing = reading.failures(result)
    numbers = {id(entry): number for number, entry in enumerate(failing.all)}
    script, style = _inlined(SCRIPTS), _inlined(STYLES)
    found = matrix.matrix(reading.entries(result))
    places = {id(entry): place for place, entry in enumerate(_points(found))}
    return _environment().get_template("page.html.j2").render(
        name=name,
        result=result,
        worst=reading.worst(result).name.lower(),
        conclusion=reading.conclusion(result),
        totals=reading.totals(result),
        sections=[
            (title, about, len(some),
             [(gist, [_failure(one, numbers[id(one)], drawn) for one in entries])
              for gist, entries in reading.grouped(some).items()], is_open)
            for title, about, some, is_open in _sections(failing)
        ],
        matrix=found,
        legend=matrix.LEGEND,
        places=places,
        points=_json([_point(entry, numbers.get(id(entry), -1)) for entry in _points(found)]),
        data=[
            (number, _json(drawn[reading.case(entry)]))
            for number, entry in enumerate(failing.all)
            if reading.case(entry) in drawn and drawn[reading.case(entry)]["events"]
        ],
        script=Markup(script), style=Markup(style), script_hash=_hash(script), style_hash=_hash(style),
    )  # fmt: skip


def _sections(failing: reading.Failures) -> Iterable[tuple[str, str, list[Entry], bool]]:
    yield "Unexpected failures", "Read these: nobody has said that they happen.", failing.unexpected, True
    yield "Known breakages", "The expectations file of this release lists them.", failing.known, False
    yield "Inconclusive", "Nothing was proved here, neither way.", failing.inconclusive, False


def _failure(entry: Entry, number: int, drawn: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What the template shows of one failure."""
    one = drawn.get(reading.case(entry))
    return {
        "number": number,
        "entry": entry,
        "verdict": str(entry.get("verdict", "")),
        "findings": [{**_NO_FINDING, **one} for one in reading.findings(entry)],
        "left_out": one["left_out"] if one else 0,
        "total": one["total"] if one else 0,
    }


def _points(found: matrix.Matrix) -> list[Entry]:
    return [entry for cell in found.cells.values() for entry in cell.entries]


def _point(entry: Entry, number: int) -> list[Any]:
    """``[name, told, survived, verdict, mark, tone, command, number of its failure or -1]``."""
    point, name = entry["point"], str(entry.get("verdict", ""))
    return [
        entry.get("scenario"), point.get("told"), point.get("survived"),
        reading.word(name), reading.mark(name), reading.tone(name), entry.get("command"), number,
    ]  # fmt: skip


def _json(data: Any) -> Markup:
    return Markup(escape.for_script(data))


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.filters.update(word=reading.word, mark=reading.mark, tone=reading.tone, counted=reading.counted)
    made.filters.update(line=lambda text, most=400: escape.line(str(text), most), text=_text, identity=id)
    return made


def _text(text: Any, most: int = 20_000) -> str:
    """Lines and all, but without controls that would turn the words around."""
    return escape.cut(escape.without_controls(str(text)), most)


def _inlined(names: Iterable[str]) -> str:
    return "\n".join((HERE / name).read_text(encoding="utf-8") for name in names)


def _hash(text: str) -> str:
    """For the page's content security policy: only this very script and style may take effect."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
