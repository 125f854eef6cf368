"""What a campaign on real processes must have seen now and then to mean anything, read from the records. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

from harness.fuzz.plan import Plan
from harness.history.entry import Entry
from harness.history.event import Event

LAST_PART = 0.9
SPECS, ACTORS = "@ACTOR_TASK_SPEC", "@ACTOR"


@dataclass
class Record:
    """A plan's record, with what several conditions ask of it."""

    plan: Plan
    events: Sequence[Event]
    entries: Sequence[Entry]
    _by_kind: dict[str, list[Event]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for one in self.events:
            self._by_kind.setdefault(one.kind, []).append(one)

    def of(self, kind: str, *what: str) -> list[Event]:
        return [one for one in self._by_kind.get(kind, []) if not what or one.what in what]

    @cached_property
    def deaths(self) -> list[Event]:
        """The ends of the GCS's lives."""
        return self.of("gcs", "killed", "ended")

    @cached_property
    def young(self) -> list[bool]:
        """For each death, whether that life had not yet served; the first life is no recovery."""
        served = {one.facts.get("life") for one in self.of("gcs", "serving")}
        return [one.facts.get("life") not in served and one.facts.get("life") != 0 for one in self.deaths]

    @cached_property
    def _turns(self) -> list[tuple[float, bool]]:
        return [(one.at, one.what == "serving") for one in self.of("gcs", "serving", "killed", "ended")]

    def outage(self, at: float) -> bool:
        """Whether no GCS served then."""
        place = bisect_right(self._turns, (at, True)) - 1
        return place >= 0 and not self._turns[place][1]

    def struck(self, *modes: str) -> list[Entry]:
        return [one for one in self.entries if one.rule in modes]

    @cached_property
    def repeats(self) -> list[tuple[Event, Event | None]]:
        """Calls that repeat another, each with the end of that other one, if it had ended by then."""
        ends = {one.facts["call"]: one for one in self.of("return")}
        found = []
        for call in self.of("call"):
            if again := call.facts.get("again"):
                end = ends.get(again)
                found.append((call, end if end is not None and end.at <= call.at else None))
        return found


def _torn_registration(record: Record) -> bool:
    specs, actors = _set(record, SPECS), _set(record, ACTORS)
    return any(
        any(at <= death.at and actors.get(key, float("inf")) > death.at for key, at in specs.items())
        for death in record.deaths
    )


def _set(record: Record, table: str) -> dict[str, float]:
    """Key -> when it was first set in ``table``."""
    found: dict[str, float] = {}
    for one in record.entries:
        if one.name == "HSET" and one.key.endswith(table) and one.applied and len(one.command) > 2:
            found.setdefault(one.command[2], one.at)
    return found


def _torn_group(record: Record) -> bool:
    ends = {
        (one.who, one.facts.get("group"), one.facts.get("index")): one.at
        for one in record.of("bundle", "committed", "returned")
    }
    prepared = [
        (one.at, ends.get((one.who, one.facts.get("group"), one.facts.get("index")), float("inf")))
        for one in record.of("bundle", "prepared")
    ]
    return any(begun <= death.at < ended for death in record.deaths for begun, ended in prepared)


def _in_its_last_part(record: Record) -> bool:
    waiting: dict[str, float] = {}
    for one in record.of("raylet"):
        if one.what == "waiting":
            waiting.setdefault(one.who, one.at)
        elif one.what == "connected":
            since = waiting.pop(one.who, None)
            if since is not None and one.at - since >= LAST_PART * record.plan.reconnect_limit:
                return True
    return False


def _hung_young(record: Record) -> bool:
    served = {one.facts.get("life"): one.at for one in record.of("gcs", "serving")}
    hung = [(one.facts.get("life"), one.at) for one in record.of("gcs", "paused") if one.who == "gcs"]
    return any(life != 0 and at < served.get(life, float("inf")) for life, at in hung)


def _taken_over(record: Record) -> bool:
    begun = {one.id: one for one in record.of("call", "RegisterActor")}
    owners: dict[tuple[str, str], str] = {}
    for end in record.of("return", "RegisterActor"):
        call = begun.get(end.facts["call"])
        if call is None or end.facts["outcome"] != "ok":
            continue
        spec = call.facts["request"].get("task_spec", {}).get("actor_creation_task_spec", {})
        place = (spec.get("ray_namespace", ""), spec.get("name", ""))
        if place[1] and owners.setdefault(place, spec.get("actor_id", "")) != spec.get("actor_id", ""):
            return True
    return False


def _created_again(record: Record) -> bool:
    actors = [one.facts.get("actor") for one in record.of("worker", "actor")]
    return len(set(actors)) < len(actors)


def _given_up(record: Record) -> bool:
    rows = (row for look in record.of("look", "closing") for row in _nodes(look))
    return any(row.get("death_info", {}).get("reason") == "UNEXPECTED_TERMINATION" for row in rows)


def _nodes(look: Event) -> Iterable[Mapping[str, Any]]:
    stored: Mapping[str, Mapping[str, Mapping[str, Any]]] = look.facts.get("stored") or {}
    return stored.get("NODE", {}).values()


CONDITIONS: Mapping[str, Callable[[Record], bool]] = {
    "a crash between two commands": lambda it: bool(it.struck("KillBefore", "KillAfter")),
    "a crash during recovery": lambda it: any(it.young),
    "two kills within one recovery": lambda it: any(both == (True, True) for both in pairwise(it.young)),
    "a crash between the two writes of RegisterActor": _torn_registration,
    "a crash between prepare and commit": _torn_group,
    "a write is lost with its GCS": lambda it: any(one.writes for one in it.struck("KillBefore")),
    "a write takes place, and its GCS never knows": lambda it: any(
        one.writes for one in it.struck("KillAfter")
    ),
    "the GCS gives up a store that fails": lambda it: (
        bool(it.struck("RefuseWith", "Cut")) and any(one.what == "ended" for one in it.deaths)
    ),
    "a call outlives a GCS or its connection": lambda it: any(
        end is not None and end.facts["grpc"] == "UNAVAILABLE" for _, end in it.repeats
    ),
    "a request is sent twice at once": lambda it: any(end is None for _, end in it.repeats),
    "the store dies": lambda it: bool(it.of("store", "killed")),
    "a GCS hangs": lambda it: bool(it.of("gcs", "paused")),
    "a GCS hangs during recovery": _hung_young,
    "a GCS ends in order": lambda it: any(one.facts.get("asked") for one in it.of("gcs", "ended")),
    "the store cuts its connections": lambda it: bool(it.of("store", "cut")),
    "a second GCS comes": lambda it: any(one.who == "rival" for one in it.of("gcs", "serving")),
    "a raylet reconnects in its last 10 %": _in_its_last_part,
    "a raylet leaves at its limit": lambda it: any(
        one.facts.get("why") == "no GCS" for one in it.of("raylet", "exit")
    ),
    "a node dies during an outage": lambda it: any(it.outage(one.at) for one in it.of("raylet", "killed")),
    "a node is found dead by its health check": _given_up,
    "a GCS dies after a node": lambda it: any(
        death.at > one.at for one in it.of("raylet", "killed", "exit") for death in it.deaths
    ),
    "a worker dies during an outage": lambda it: any(it.outage(one.at) for one in it.of("worker", "exited")),
    "an actor is created again": _created_again,
    "a name is taken over": _taken_over,
}


def reached(plan: Plan, events: Sequence[Event], entries: Sequence[Entry]) -> frozenset[str]:
    """The conditions that this record shows."""
    record = Record(plan, events, entries)
    return frozenset(name for name, holds in CONDITIONS.items() if holds(record))
