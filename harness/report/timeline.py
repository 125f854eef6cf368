"""What ``report.html`` draws of one failing case: its events, cut to what a page can hold. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from harness.history import show
from harness.history.entry import Entry
from harness.history.event import Event
from harness.report import lanes
from harness.report.escape import cut

PER_PAGE = 10_000
"""Events in a page, beside those that prove a finding, of which none is left out."""
PER_CASE = 1_500
# Characters of an event's facts, and of those of all events of a case together.
_FACTS, _FACTS_OF_CASE, _FACTS_OF_PROOF = 4_000, 1_500_000, 20_000
_GIST = 200
# What bars and shades hang on: cheap, and nothing is understood without it.
_FRAME = frozenset({"gcs", "fault", "store", "cluster", "raylet"})


def shares(wants: Sequence[int], room: int) -> list[int]:
    """How many events each case may show so that all together keep to ``room``: the small ones all of
    theirs, the rest alike."""
    given = [0] * len(wants)
    left = room
    order = sorted(range(len(wants)), key=lambda place: wants[place])
    for done, place in enumerate(order):
        given[place] = min(wants[place], max(0, left) // (len(wants) - done))
        left -= given[place]
    return given


def chosen(events: Sequence[Event], proof: Collection[str], most: int) -> list[Event]:
    """Of ``events`` (in the order of time) about ``most``: those of ``proof`` always, with the other ends
    of their calls, then what the timeline hangs on, then the nearest to the proof; without proof the
    last ones, where a case comes to its end."""
    if len(events) <= most:
        return list(events)
    kept = _proof_and_partners(events, proof)
    anchors = sorted(place for place, one in enumerate(events) if one.id in proof) or [len(events) - 1]
    near = _distances(len(events), anchors)
    others = (place for place in range(len(events)) if place not in kept)
    ranked = sorted(others, key=lambda place: (events[place].kind not in _FRAME, near[place]))
    kept.update(ranked[: max(0, most - len(kept))])
    return [events[place] for place in sorted(kept)]


def _proof_and_partners(events: Sequence[Event], proof: Collection[str]) -> set[int]:
    calls = {str(one.facts.get("call")) for one in events if one.kind == "return" and one.id in proof}
    wanted = {*proof, *calls}
    return {
        place
        for place, one in enumerate(events)
        if one.id in wanted or (one.kind == "return" and str(one.facts.get("call")) in wanted)
    }


def _distances(count: int, anchors: Sequence[int]) -> list[int]:
    """How many events lie between each place and the nearest anchor (sorted)."""
    found = [count] * count
    for direction in (1, -1):
        steps = count
        near = set(anchors)
        for place in range(count)[::direction]:
            steps = 0 if place in near else steps + 1
            found[place] = min(found[place], steps)
    return found


def timeline(
    events: Iterable[Event], ledger: Iterable[Entry], proof: Collection[str], most: int = PER_CASE
) -> dict[str, Any]:
    """The case as ``page.js`` reads it. Seconds since the first event, whose clock reading is ``start``.

    ``lanes``: [{sort, name, title}]; ``events``: [id, at, lane, kind, who, what, facts as JSON text, shape,
    1 if it is proof, facts as ``gauntlet show`` says them]; ``bars``: [lane, start, end or null, tone, label, ids]; ``windows``: [fault, start,
    end or null, ids]; ``end``; ``total`` events there were, ``left_out`` of them.
    """
    events, ledger = list(events), list(ledger)
    everything = lanes.merged(events, ledger)
    said = gists([*events, *ledger])
    kept = chosen(everything, proof, most)
    start = everything[0].at if everything else 0.0
    nodes = lanes.raylets(everything)
    shown = {one.id for one in kept}
    bars = [bar for bar in lanes.bars(everything) if not shown.isdisjoint(bar.ids)]
    used = {*(lanes.lane(one, nodes) for one in kept), *(bar.lane for bar in bars)}
    order = sorted(used, key=lambda lane: (lane[0], lanes.SORTS.index(lane[1]), lane[2]))
    place = {lane: number for number, lane in enumerate(order)}
    most_facts = max(300, min(_FACTS, _FACTS_OF_CASE // max(1, len(kept))))

    def since(at: float | None) -> float | None:
        return None if at is None else round(at - start, 6)

    return {
        "start": start,
        "end": since(max((one.at for one in everything), default=start)),
        "total": len(everything),
        "left_out": len(everything) - len(kept),
        "lanes": [lanes.name(lane, len({one[0] for one in order})) for lane in order],
        "events": [
            [one.id, since(one.at), place[lanes.lane(one, nodes)], one.kind, one.who, one.what,
             _facts(one, _FACTS_OF_PROOF if one.id in proof else most_facts), lanes.shape(one), int(one.id in proof), said[one.id]]
            for one in kept
        ],
        "bars": [[place[bar.lane], since(bar.start), since(bar.end), bar.tone, bar.label, bar.ids] for bar in bars],
        "windows": [[one.name, since(one.start), since(one.end), one.ids] for one in lanes.windows(everything)],
    }  # fmt: skip


def gists(records: Iterable[Event | Entry]) -> dict[str, str]:
    """Id -> the last column of ``gauntlet show``: its line, less the columns before that one."""
    writer = show.Writer(0.0, None)
    found = {}
    for one in sorted(records, key=lambda one: one.at):
        nameless = replace(one, who="", what="") if isinstance(one, Event) else replace(one, via="")
        before = len(f"{one.at:9.3f} {one.id:<{show.ID}}") + show.KIND + show.WHO + show.WHAT + 4
        found[one.id] = cut(writer.line(nameless)[before:], _GIST)
    return found


def _facts(event: Event, most: int) -> str:
    text = json.dumps(event.facts, separators=(",", ":"), ensure_ascii=False, default=str)
    return cut(text, most)
