"""Actors' names as histories of operations, one for each name in its namespace. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from harness.check.assumptions import known_start
from harness.check.effects import RESTART_FOR_LINEAGE
from harness.check.models import ANY
from harness.check.observed import of_reply, written
from harness.check.rows import jobs_before
from harness.check.story import Call, Story
from harness.check.wgl import Operation
from harness.wire.dialect import dialect
from harness.wire.status import Code

# Calls after which an actor may be dead although nobody named it.
ENDINGS = frozenset({"ReportWorkerFailure", "MarkJobFinished", "UnregisterNode", "DrainNode"})
# None of this by itself ends an actor that has an owner, a job and a node.
HARMLESS = (
    "kill -9 of the GCS",
    "SIGTERM of the GCS",
    "the GCS returns at another IP",
    "a second GCS on one namespace",
)
_NAMED = {"KillActorViaGcs", "ReportActorOutOfScope"}


@dataclass(frozen=True)
class NameHistory:
    """All that is known to have been done to ``name``; ``actors`` tried to have it."""

    name: str
    initial: Any
    operations: list[Operation]
    actors: frozenset[str]


def name_histories(story: Story) -> list[NameHistory]:
    """Of each ``namespace/name`` that somebody tried to register, up to where the store lost rows.

    Not of a name whose holder somebody asked to bring back from the dead: nobody can tell when it had its name again.
    """
    until = story.store_lost if story.store_lost is not None else inf
    taken = dialect(story.built.get("release") or "2.60.0").duplicate_name
    found: dict[str, list[Operation]] = {}
    actors: dict[str, set[str]] = {}
    dead = seen_dead(story)
    known: dict[str, float] = {}
    tried: dict[str, float] = {}
    for call in story.calls:
        if call.method != "RegisterActor" or call.start >= until:
            continue
        name, actor = _registered(call)
        if name and actor:
            actors.setdefault(name, set()).add(actor)
            again = known.get(actor, inf) < call.start or _over(
                call, dead.get(actor, inf), tried.get(actor, inf)
            )
            given = ("register again" if again else "register", actor)
            found.setdefault(name, []).extend(_register(call, given, taken, until))
        if call.outcome == "ok" and call.end is not None:
            known[actor] = min(call.end, known.get(actor, inf))
        elif call.outcome == "unknown":
            tried.setdefault(actor, call.start)
    for call in story.calls:
        if call.method == "GetNamedActorInfo" and call.end is not None and call.end <= until:
            name = f"{call.request.get('ray_namespace', '')}/{call.request.get('name', '')}"
            if name in found:
                found[name] += _look(call)
    empty = known_start(story) and (story.baseline is None or story.inherited is not None)
    held = _held_before(story)
    revived = asked_back(story)
    return [
        NameHistory(name, None if empty and name not in held else ANY, done, frozenset(actors[name]))
        for name, done in found.items()
        if not actors[name] & revived
    ]


def _held_before(story: Story) -> frozenset[str]:
    """The names that actors may have had which another life left behind: how those end nobody sees."""
    look = story.inherited
    rows = (look.stored or {}).get("ACTOR", {}).values() if look is not None else ()
    return frozenset(
        f"{row.get('ray_namespace', '')}/{row.get('name', '')}" for row in rows if row.get("state") != "DEAD"
    )


def _over(call: Call, dead: float, tried: float) -> bool:
    """Whether an earlier try of unknown outcome, at ``tried``, may have registered the actor, which has died since."""
    return tried < call.start and call.end is not None and dead <= call.end


def _registered(call: Call) -> tuple[str, str]:
    """The name that ``call`` asks for, and the actor for which; '' where there is none."""
    task: Mapping[str, Any] = call.request.get("task_spec", {})
    spec: Mapping[str, Any] = task.get("actor_creation_task_spec", {})
    if not spec.get("name"):
        return "", ""
    return f"{spec.get('ray_namespace', '')}/{spec['name']}", spec.get("actor_id", "")


def _register(call: Call, given: tuple[str, str], taken: int, until: float) -> Iterator[Operation]:
    if call.end is None or call.end > until or call.outcome == "unknown":
        yield Operation(call.start, inf, given, None, call.ids)
    elif call.outcome == "ok":
        yield Operation(call.start, call.end, given, True, call.ids)
    elif call.grpc == "OK" and call.code == taken:
        yield Operation(call.start, call.end, given, False, call.ids)
    elif call.grpc == "OK":
        # Refused for some other reason: it may have had the name for a moment.
        yield Operation(call.start, inf, given, None, call.ids)


def _look(call: Call) -> Iterator[Operation]:
    assert call.end is not None
    if call.outcome == "ok":
        actor = call.reply.get("actor_table_data", {}).get("actor_id")
        if actor:
            yield Operation(call.start, call.end, ("look",), (actor,), call.ids)
    elif call.grpc == "OK" and call.code == Code.NOT_FOUND:
        yield Operation(call.start, call.end, ("look",), (None,), call.ids)


def releases(story: Story, history: NameHistory) -> list[Operation]:
    """When the holders of a name may have died, as operations that need not happen."""
    anyone = min(_anyone(story), default=inf)
    dead = seen_dead(story)
    found = []
    for actor in sorted(history.actors):
        first = min(one.start for one in history.operations if one.input == ("register", actor))
        start = min([anyone, *_ends_of(story, actor)], default=inf)
        if actor in dead and dead[actor] < start:
            start = first  # nobody knows of what
        if start < inf:
            found.append(Operation(max(start, first), inf, ("free", actor)))
    return found


def _anyone(story: Story) -> Iterator[float]:
    """When something happened by which any actor may have died."""
    heads = [one.start for one in story.calls if one.method == "RegisterNode" and _is_head(one)]
    yield from sorted(heads)[1:2]
    yield from (one.start for one in story.calls if one.method in ENDINGS)
    yield from (one.at for one in story.faults if one.name not in HARMLESS)
    yield from (one.at for one in story.of("raylet") if one.what in ("killed", "exit", "gone", "refused"))
    yield from (one.at for one in story.of("worker") if one.what == "exited")
    yield from (one.at for one in story.of("order") if one.facts.get("script"))
    yield from (one.at for one in story.of("note") if one.what in ("owner left", "ref dropped"))


def _is_head(call: Call) -> bool:
    return bool(call.request.get("node_info", {}).get("is_head_node"))


def _ends_of(story: Story, actor: str) -> Iterator[float]:
    """When something happened that ends ``actor`` by name, or leaves it without a job at a restart."""
    for call in story.calls:
        if call.method in _NAMED and call.request.get("actor_id") == actor:
            yield call.start
        elif call.method == "CreateActor" and call.outcome != "ok":
            spec = call.request.get("task_spec", {}).get("actor_creation_task_spec", {})
            if spec.get("actor_id") == actor:
                yield call.start
    if not _has_job(story, actor[-8:]):
        yield from story.recoveries[:1]


def _has_job(story: Story, job: str) -> bool:
    if job in jobs_before(story.baseline):
        return True
    return any(
        one.method == "AddJob" and one.outcome == "ok" and one.request.get("data", {}).get("job_id") == job
        for one in story.calls
    )


def asked_back(story: Story) -> set[str]:
    """Actors that somebody asked to bring back from the dead."""
    return {str(one.request.get("actor_id", "")) for one in story.calls if one.method == RESTART_FOR_LINEAGE}


def seen_dead(story: Story) -> dict[str, float]:
    """Actors that anyone saw DEAD -> when first."""
    found: dict[str, float] = {}
    for actor, at in _deaths(story):
        found[actor] = min(at, found.get(actor, inf))
    return found


def _deaths(story: Story) -> Iterator[tuple[str, float]]:
    replies = (seen for call in story.calls if call.outcome == "ok" for seen in of_reply(call))
    for seen in (*written(story), *replies):
        if seen.table == "ACTOR" and (seen.stage is None or seen.stage.state == "DEAD"):
            yield seen.key, seen.end
    for write in story.writes:
        if write.table == "ACTOR" and (write.row or {}).get("state") == "DEAD":
            yield write.key, write.entry.at
    for event in story.of("message"):
        if event.what == "GCS_ACTOR_CHANNEL" and event.facts.get("payload", {}).get("state") == "DEAD":
            yield str(event.facts["key"]), event.at
    for look in story.looks:
        for actor, row in look.view.get("actors", {}).items():
            if row.get("state") == "DEAD":
                yield actor, look.at
