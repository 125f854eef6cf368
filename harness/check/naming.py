"""One name, one actor: of the actors that are not DEAD no two have one name in one namespace. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from math import inf
from typing import Any

from harness.check.inheritance import left, loadable
from harness.check.name_history import asked_back, seen_dead
from harness.check.observed import Seen, of_reply, read, written
from harness.check.ruling import Ruling, Violation, rule
from harness.check.story import Call, Story
from harness.wire import ids

NAME = "one name, one actor"
Name = tuple[str, str]
"""Namespace and name."""


def one_name(story: Story) -> Ruling:
    """In the store at every moment, in every reply and look, and among what was acknowledged."""
    until = story.store_lost if story.store_lost is not None else float("inf")
    stored = [one for one in written(story) if one.table == "ACTOR" and one.end < until]
    over = _over_with_their_job(story)
    stored = [one for one in stored if not _left_behind(one, story)]
    spans = [span for span in _spans(stored) if span.ends_with not in over]
    named = {span.name for span in spans}
    found = [*_overlapping(spans)]
    for call in story.calls:
        if call.method == "GetAllActorInfo" and call.outcome == "ok" and call.start < until:
            found += _doubled(_names_read(of_reply(call)), "a client read", call.ids)
    for look in story.looks:
        if look.at < until:  # an inherited one has no view
            found += _doubled(_names_looked_at(look.view.get("actors", {})), "a look shows", (look.id,))
    registered = _registered(story.calls, until)
    found += _both_lived(registered, story)
    return rule(NAME, found, len({*named, *registered}))


def _left_behind(one: Seen, story: Story) -> bool:
    """Whether it is a row of another life's that no GCS has to load, or one of two with one name even then."""
    look = story.inherited
    if look is None or one.ids != (look.id,):
        return False
    living = loadable(story)
    rows = [row for actor, row in left(story, "ACTOR").items() if actor in living]
    same = [row for row in rows if _name(row) == _name(one.row or {})]
    return one.key not in living or len(same) > 1


def _name(row: Mapping[str, Any]) -> Name:
    return row.get("ray_namespace", ""), row.get("name", "")


# --- in the store ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Span:
    """An actor was surely stored as living under ``name`` from ``start`` to ``end``.

    ``ends_with``: the job that it ends with, in hex; empty for a detached one.
    """

    name: Name
    actor: str
    start: float
    end: float
    proof: str
    ends_with: str


def _spans(stored: Iterable[Seen]) -> Iterator[_Span]:
    begun: dict[str, tuple[float, Mapping[str, Any], str]] = {}
    for one in stored:
        lives = one.stage is not None and one.stage.state != "DEAD"
        if lives and one.row is not None and one.row.get("name"):
            begun.setdefault(one.key, (one.end, one.row, one.ids[0]))
        elif not lives and one.key in begun:
            yield _span(one.key, *begun.pop(one.key), one.start)
    for actor, begin in begun.items():
        yield _span(actor, *begin, float("inf"))


def _span(actor: str, start: float, row: Mapping[str, Any], proof: str, end: float) -> _Span:
    job = "" if row.get("is_detached") else actor[-2 * ids.JOB :]
    return _Span((row.get("ray_namespace", ""), row["name"]), actor, start, end, proof, job)


def _over_with_their_job(story: Story) -> frozenset[str]:
    """Jobs that were finished: their actors are as good as DEAD, whatever their rows still say."""
    return frozenset(
        str(one.request.get("job_id", "")) for one in story.calls if one.method == "MarkJobFinished"
    ) | {
        one.key
        for one in written(story)
        if one.table == "JOB" and one.stage is not None and one.stage.state == "DEAD"
    }


def _overlapping(spans: Iterable[_Span]) -> Iterator[Violation]:
    by_name: dict[Name, list[_Span]] = {}
    for span in spans:
        by_name.setdefault(span.name, []).append(span)
    for name, same in by_name.items():
        same.sort(key=lambda one: one.start)
        latest = same[0]
        for span in same[1:]:
            if span.actor != latest.actor and span.start < latest.end:
                yield Violation(
                    "two living actors with one name are stored",
                    f"{'/'.join(name)}: actor {latest.actor} from {latest.start:.6f} to {latest.end:.6f}, "
                    f"actor {span.actor} from {span.start:.6f}",
                    (latest.proof, span.proof),
                )
            if span.end > latest.end:
                latest = span


# --- as it was read --------------------------------------------------------------------------------


def _names_read(seen: Iterable[Seen]) -> Iterator[tuple[Name, str]]:
    for one in seen:
        row = one.row or {}
        if row.get("name") and row.get("state") != "DEAD":
            yield (row.get("ray_namespace", ""), row["name"]), one.key


def _names_looked_at(actors: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[Name, str]]:
    for actor, row in actors.items():
        if row.get("name") and row.get("state") != "DEAD":
            namespace, _, name = str(row["name"]).partition("/")
            yield (namespace, name), actor


def _doubled(named: Iterable[tuple[Name, str]], where: str, proof: tuple[str, ...]) -> Iterator[Violation]:
    holders: dict[Name, str] = {}
    for name, actor in named:
        if holders.setdefault(name, actor) != actor:
            said = f"{'/'.join(name)}: actors {holders[name]} and {actor}"
            yield Violation(f"{where} two living actors with one name", said, proof)


# --- as it was acknowledged ------------------------------------------------------------------------


def _registered(calls: Iterable[Call], until: float) -> dict[Name, dict[str, Call]]:
    """Name -> actor -> its first acknowledged registration."""
    found: dict[Name, dict[str, Call]] = {}
    for call in calls:
        if call.method != "RegisterActor" or call.outcome != "ok" or call.end is None or call.end >= until:
            continue
        task = call.request.get("task_spec", {})
        spec = task.get("actor_creation_task_spec", {})
        namespace = spec.get("ray_namespace") or task.get("job_config", {}).get("ray_namespace", "")
        if spec.get("name"):
            found.setdefault((namespace, spec["name"]), {}).setdefault(spec.get("actor_id", ""), call)
    return found


def _both_lived(registered: Mapping[Name, Mapping[str, Call]], story: Story) -> Iterator[Violation]:
    """Two were acknowledged, and one at least was read as living after both acknowledgements.

    The one that was acknowledged first lived all the while if it lives then, for DEAD is for good.
    """
    shared = {name: actors for name, actors in registered.items() if len(actors) > 1}
    if not shared:
        return
    brought_back = asked_back(story)
    dead = seen_dead(story)
    alive = {
        one.key: one
        for one in sorted(read(story), key=lambda one: one.start)
        if one.table == "ACTOR" and one.stage is not None and one.stage.state != "DEAD"
    }
    for name, actors in shared.items():
        for first, second in combinations(sorted(actors, key=lambda one: actors[one].end or 0.0), 2):
            if brought_back & {first, second}:
                continue
            one, other = actors[first], actors[second]
            both = max(one.end or 0.0, other.end or 0.0)
            holds = first in alive and alive[first].start > both
            follows = second in alive and alive[second].start > both
            # What was registered by an earlier try, and has died, is acknowledged all the same.
            anew = (one.end or 0.0) < other.start and dead.get(second, inf) > (other.end or 0.0)
            if holds and (follows or anew):
                yield Violation(
                    "RegisterActor was acknowledged for two living actors with one name",
                    f"{'/'.join(name)}: actor {first} at {one.end:.6f}, actor {second} at {other.end:.6f}",
                    (*one.ids, *other.ids, *alive[first].ids),
                )
