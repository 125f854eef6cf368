"""The lanes and bars of a case's timeline: who did what from when to when. Pure.

Sorts of lanes, in the order in which they are drawn: harness, client, gcs, store, raylet. Times are
seconds since the case's first event.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.history import show
from harness.history.entry import Entry
from harness.history.event import HARNESS, Event
from harness.wire import layout

SORTS = ("harness", "client", "gcs", "store", "raylet")
_RAYLET_KINDS = frozenset({"order", "raylet", "worker", "bundle"})
_HARNESS_KINDS = frozenset({"cluster", "look", "watch", "note", "fault"})
_DEATHS = frozenset({"killed", "ended", "gone", "exit", "lost", "wiped", "tampered", "evicted"})


@dataclass(frozen=True, slots=True)
class Bar:
    """Something that lasted, drawn from ``start`` to ``end`` (None: as far as was seen).

    ``tone``: a class of the style sheet; ``ids``: the events that began and ended it.
    """

    lane: tuple[int, str, str]
    start: float
    end: float | None
    tone: str
    label: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """A fault, from ``start`` until it was healed (None: never)."""

    name: str
    start: float
    end: float | None
    ids: tuple[str, ...]


def merged(events: Iterable[Event], ledger: Iterable[Entry]) -> list[Event]:
    """Events and store commands as one list in the order of time; a command becomes an event ``ledger``."""
    found = [*events, *(as_event(entry) for entry in ledger)]
    return sorted(found, key=lambda one: one.at)


def as_event(entry: Entry) -> Event:
    """``HSET ACTOR``, with the entry's other fields as facts."""
    facts = {
        "command": entry.command, "reply": entry.reply, "applied": entry.applied, "unit": entry.unit,
        "connection": entry.connection, "took": None if entry.done is None else round(entry.done - entry.at, 6),
        "rule": entry.rule,
    }  # fmt: skip
    where = layout.table_of(entry.key.encode(errors="replace")) if "@" in entry.key else ""
    what = f"{entry.name} {where}".strip()
    return Event(entry.id, entry.case, entry.cluster, entry.at, show.LEDGER, entry.via, what, facts)


def raylets(events: Iterable[Event]) -> frozenset[str]:
    """The node ids of all raylets that a case tells of; their calls belong into their lanes."""
    return frozenset(one.who for one in events if one.kind in _RAYLET_KINDS)


def lane(event: Event, nodes: frozenset[str]) -> tuple[int, str, str]:
    """``(cluster, sort, name)`` of the lane in which an event lies."""
    if event.kind == "gcs":
        return (event.cluster, "gcs", event.who)
    if event.kind in (show.LEDGER, "store"):
        return (event.cluster, "store", "store" if event.who in ("gcs", HARNESS) else f"store, {event.who}")
    if event.kind in _RAYLET_KINDS or event.who in nodes:
        return (event.cluster, "raylet", event.who)
    if event.kind in _HARNESS_KINDS or event.who == HARNESS:
        return (event.cluster, "harness", HARNESS)
    return (event.cluster, "client", event.who)


def shape(event: Event) -> str:
    """How an event is drawn beside its bar: ``bar`` (that alone), ``cross`` for an end, or ``dot``."""
    if event.kind in ("call", "return", show.LEDGER):
        return "bar"
    return "cross" if event.what in _DEATHS and event.kind != "fault" else "dot"


def bars(events: Sequence[Event]) -> list[Bar]:
    """Calls, store commands, the lives of GCSs and of workers, with times as the events have them."""
    nodes = raylets(events)
    found = [
        *_calls(events, nodes),
        *_commands(events, nodes),
        *_lives(events, nodes),
        *_workers(events, nodes),
    ]
    return sorted(found, key=lambda bar: bar.start)


def _calls(events: Sequence[Event], nodes: frozenset[str]) -> Iterable[Bar]:
    ends = {str(one.facts.get("call")): one for one in events if one.kind == "return"}
    for one in events:
        if one.kind != "call":
            continue
        end = ends.get(one.id)
        outcome = str(end.facts.get("outcome", "unknown")) if end else "open"
        ids = (one.id, end.id) if end else (one.id,)
        tone = outcome if outcome in ("ok", "refused", "unknown") else "open"
        yield Bar(lane(one, nodes), one.at, end.at if end else None, tone, one.what, ids)


def _commands(events: Sequence[Event], nodes: frozenset[str]) -> Iterable[Bar]:
    for one in events:
        if one.kind == show.LEDGER:
            took = one.facts.get("took")
            tone = "struck" if one.facts.get("rule") else "command"
            end = one.at if took is None else one.at + took
            yield Bar(lane(one, nodes), one.at, end, tone, one.what, (one.id,))


def _lives(events: Sequence[Event], nodes: frozenset[str]) -> Iterable[Bar]:
    """A GCS boots, is alive or is paused; its end ends each of these."""
    tones = {"started": "boot", "serving": "alive", "paused": "paused", "resumed": "alive"}
    now: dict[tuple[int, str], tuple[Event, str]] = {}
    for one in events:
        if one.kind != "gcs" or one.what == "moved":
            continue
        key = (one.cluster, one.who)
        before = now.pop(key, None)
        if before is not None:
            yield _life(before, one, nodes)
        if one.what in tones:
            now[key] = (one, tones[one.what])
    for before in now.values():
        yield _life(before, None, nodes)


def _life(began: tuple[Event, str], end: Event | None, nodes: frozenset[str]) -> Bar:
    event, tone = began
    life = event.facts.get("life")
    label = f"{event.who} {'boots' if tone == 'boot' else tone}" + ("" if life is None else f", life {life}")
    ids = (event.id, end.id) if end else (event.id,)
    return Bar(lane(event, nodes), event.at, end.at if end else None, tone, label, ids)


def _workers(events: Sequence[Event], nodes: frozenset[str]) -> Iterable[Bar]:
    begun: dict[str, Event] = {}
    actors: dict[str, str] = {}
    for one in events:
        if one.kind != "worker":
            continue
        worker = str(one.facts.get("worker", ""))
        actors.setdefault(worker, str(one.facts.get("actor") or ""))
        if one.what == "started":
            begun[worker] = one
        elif one.what == "actor":
            actors[worker] = str(one.facts.get("actor") or "")
        elif one.what == "exited" and worker in begun:
            yield _worker(begun.pop(worker), one, actors[worker], nodes)
    for worker, one in begun.items():
        yield _worker(one, None, actors[worker], nodes)


def _worker(began: Event, end: Event | None, actor: str, nodes: frozenset[str]) -> Bar:
    label = f"worker {str(began.facts.get('worker', ''))[:8]}" + (f", actor {actor[:8]}" if actor else "")
    ids = (began.id, end.id) if end else (began.id,)
    return Bar(lane(began, nodes), began.at, end.at if end else None, "worker", label, ids)


def windows(events: Iterable[Event]) -> list[Window]:
    """The faults and how long they lasted."""
    found: list[Window] = []
    for one in events:
        if one.kind != "fault":
            continue
        if one.facts.get("phase") != "healed":
            found.append(Window(one.what, one.at, None, (one.id,)))
            continue
        for place, window in enumerate(found):
            if window.name == one.what and window.end is None:
                found[place] = Window(window.name, window.start, one.at, (*window.ids, one.id))
                break
    return found


def name(lane: tuple[int, str, str], clusters: int) -> Mapping[str, Any]:
    """``{"sort", "name", "title"}`` for the page: node ids short, the cluster told where there are several."""
    cluster, sort, who = lane
    short = f"raylet {who[:8]}" if sort == "raylet" else "GCS" if who == "gcs" else who
    prefix = f"{cluster}: " if clusters > 1 else ""
    return {"sort": sort, "name": prefix + short[:24], "title": f"{prefix}{sort} {who}"[:200]}
