"""What a plan came to on one target, as far as it can be compared with what it came to on another. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from harness.check.process import NAME as PROCESS
from harness.check.process import process
from harness.check.ruling import Finding
from harness.check.story import Look, Story, stories
from harness.fuzz.differing.answers import Answer, Asked, answers, asked, things
from harness.fuzz.differing.labels import label, labels_in
from harness.fuzz.differing.replies import cause
from harness.history.entry import Entry
from harness.history.event import Event
from harness.judge import failures_of, rulings_of

_ABOUT = {
    "RegisterActor": "actor", "CreateActor": "actor", "KillActorViaGcs": "actor", "ReportActorOutOfScope": "actor",
    "RestartActorForLineageReconstruction": "actor", "CreatePlacementGroup": "group", "RemovePlacementGroup": "group",
    "MarkJobFinished": "job", "AddJob": "job", "UnregisterNode": "node",
}  # fmt: skip
"""What a request that changes something changes first."""
_ENDED = frozenset({"killed", "gone", "exit", "disconnected", "refused"})


@dataclass(frozen=True)
class Thing:
    """``facts``: what the last look says of it; ``course``: what had been done about it, in order.

    The course of a thing about which two things were done at the same time is None: who came first, nobody knows.
    """

    facts: Mapping[str, Any]
    course: tuple[str, ...] | None


@dataclass(frozen=True)
class Final:
    """``answers``: by client and request. ``things``: actors, groups, jobs, nodes and names, by name.

    ``store``: the plan's key-values as they were stored in the end, None where nobody could look. ``looked``: whether
    there was a GCS to look at; ``quiet``: whether all had come to rest by then. ``roomy``: all
    that was asked for fits on every node, so that nobody had to wait for room. ``lost``: raylets that died,
    left or were cut off. ``ends``: how the GCS ended by itself, which nothing that was broken explains.
    ``broken``: (check, signature) of what the checks found broken, but for those ends.
    """

    target: str
    answers: tuple[Answer, ...]
    things: Mapping[str, Thing]
    store: Mapping[str, str] | None
    looked: bool
    quiet: bool
    roomy: bool
    lost: frozenset[str]
    ends: tuple[str, ...]
    broken: frozenset[tuple[str, str]] = frozenset()


def outcome_of(events: Iterable[Event], entries: Iterable[Entry]) -> Final:
    """What can be compared of a recorded run, real or simulated. ValueError when there is no record of a cluster."""
    events, entries = list(events), list(entries)
    story = next(iter(stories(events, entries)), None)
    if story is None:
        raise ValueError("there is no record of a cluster")
    requests = asked(story)
    look = story.closing
    roomy = look is not None and _roomy(requests, look)
    return Final(
        target=str(story.built.get("target", "")),
        answers=tuple(answers(story, requests)),
        things=_things(story, requests, look) if look is not None else {},
        store=_stored(requests, look),
        looked=look is not None,
        quiet=look is not None and look.quiet and not (roomy and _groups_wait(look)),
        roomy=roomy,
        lost=frozenset(label(one.who) or one.who for one in story.of("raylet") if one.what in _ENDED),
        ends=_ends(story),
        broken=frozenset(
            (failure.check, failure.message)
            for failure in failures_of(rulings_of(events, entries))
            if failure.check != PROCESS
        ),
    )


def _groups_wait(look: Look) -> bool:
    """Whether a group is not placed yet: a GCS tries again after a pause, in which nothing moves."""
    return any(row["state"] not in ("CREATED", "REMOVED") for row in look.view.get("groups", {}).values())


def _things(story: Story, requests: Sequence[Asked], look: Look) -> dict[str, Thing]:
    view = look.view
    deeds = _deeds(story, requests)
    groups = _kin(requests)
    rows = (look.stored or {}).get("ACTOR", {})
    found: dict[str, dict[str, Any]] = {}
    for id_, row in view.get("actors", {}).items():
        died = cause(rows.get(id_, {}).get("death_cause", {})) if row["state"] == "DEAD" else ""
        found[label(id_)] = {
            "state": row["state"], "restarts": row["restarts"], "name": row["name"], "detached": row["detached"],
            "node": label(row["node"]), "why dead": died,
        }  # fmt: skip
    for id_, row in view.get("groups", {}).items():
        placed = [bool(node.strip("f")) for node in row["nodes"]]
        found[label(id_)] = {"state": row["state"], "name": row["name"], "bundles placed": placed}
    for id_, row in view.get("jobs", {}).items():
        found[label(id_)] = {"finished": row["dead"]}
    for id_, row in view.get("nodes", {}).items():
        found[label(id_)] = {"state": row["state"], "head": row["head"]}
    for name, id_ in view.get("names", {}).items():
        found[f"name {name}"] = {"actor": label(id_)}
    found.pop("", None)
    return {name: Thing(facts, _course(name, groups, deeds)) for name, facts in found.items()}


@dataclass(frozen=True)
class Deed:
    """Something that changes ``about``, from ``start`` to ``end``."""

    about: str
    what: str
    start: float
    end: float


def _deeds(story: Story, requests: Sequence[Asked]) -> list[Deed]:
    found = [
        Deed(name, one.first.method, one.start, one.end)
        for one in requests
        for kind in [_ABOUT.get(one.first.method)]
        if kind is not None
        for name in things(one.first)
        if name.startswith(f"{kind} ")
    ]
    for one in story.of("worker"):
        if one.what == "exited" and label(one.facts.get("actor", "")):
            found.append(Deed(label(one.facts["actor"]), "its worker ended", one.at, one.at))
    for one in story.of("note"):
        if one.what in ("owner left", "ref dropped"):
            name = label(one.facts.get("actor", "")) or label(one.facts.get("worker", ""))
            found.append(Deed(name, one.what, one.at, one.at))
    return sorted(found, key=lambda one: one.start)


def _kin(requests: Sequence[Asked]) -> dict[str, set[str]]:
    """A thing -> all that it depends on: its job, driver and group, and actors that were to have its name."""
    found: dict[str, set[str]] = {}
    named: dict[str, set[str]] = {}
    for one in requests:
        call = one.first
        if call.method in ("RegisterActor", "CreateActor", "CreatePlacementGroup"):
            kind = _ABOUT[call.method]
            about = things(call)
            spec = call.request.get("task_spec", {}).get("actor_creation_task_spec", {})
            for name in about:
                if name.startswith(f"{kind} "):
                    found.setdefault(name, set()).update(about)
                    if spec.get("name"):
                        named.setdefault(f"name {spec.get('ray_namespace', '')}/{spec['name']}", set()).add(
                            name
                        )
    for name, actors in named.items():
        kin = {relative for actor in actors for relative in found[actor]}
        found[name] = kin
        for actor in actors:
            found[actor] = found[actor] | kin
    return found


def _course(name: str, kin: Mapping[str, set[str]], deeds: Sequence[Deed]) -> tuple[str, ...] | None:
    about = {name, *kin.get(name, ())}
    if name.startswith("job "):
        about.add(name.replace("job", "driver"))
    done = [one for one in deeds if one.about in about]
    for one, after in pairwise(done):
        if (
            after.start < one.end
            and (one.about, one.what) != (after.about, after.what)
            and not _follows(one, after)
        ):
            return None
    return tuple(f"{one.what} of {one.about}" for one in done)


def _follows(one: Deed, after: Deed) -> bool:
    """Whether the second is what the first brings about."""
    return after.what == "its worker ended" and one.what in (
        "KillActorViaGcs",
        "ReportActorOutOfScope",
        "MarkJobFinished",
    )


def _stored(requests: Sequence[Asked], look: Look | None) -> dict[str, str] | None:
    """The keys that were put, with what is stored under them; without those that were put or deleted at once."""
    if look is None or look.stored is None:
        return None
    rows = look.stored.get("KV", {})
    found = {}
    puts = [one for one in requests if one.first.method == "InternalKVPut"]
    changing = [*puts, *(one for one in requests if one.first.method == "InternalKVDel")]
    for one in puts:
        namespace, key = one.first.request.get("namespace", ""), one.first.request.get("key", "")
        near = [other for other in changing if other.first.request.get("namespace", "") == namespace]
        near.sort(key=lambda other: other.start)
        raced = any(b.start <= a.end for a, b in pairwise(near))
        if not raced and not key.startswith("sha256:"):
            field = f"@namespace_{_text(namespace)}:".encode().hex() + key if namespace else key
            found[f"{_text(key)!r} of {_text(namespace)!r}"] = rows.get(field, {}).get("value", "nothing")
    return found


def _text(raw: str) -> str:
    try:
        return bytes.fromhex(raw).decode(errors="backslashreplace")
    except ValueError:
        return raw


def _roomy(requests: Sequence[Asked], look: Look) -> bool:
    wanted: dict[str, float] = {}
    for one in requests:
        call = one.first
        if call.method in ("RegisterActor", "CreateActor"):
            wanted[text_of(call.request)] = (
                call.request.get("task_spec", {}).get("required_resources", {}).get("CPU", 0.0)
            )
        elif call.method == "CreatePlacementGroup":
            bundles = call.request.get("placement_group_spec", {}).get("bundles", [])
            cpus = [bundle.get("unit_resources", {}).get("CPU", 0.0) for bundle in bundles]
            spread = "SPREAD" in call.request.get("placement_group_spec", {}).get("strategy", "")
            wanted[text_of(call.request)] = sum(cpus) if not spread else float("inf")
    room = [
        row["total"].get("CPU", 0.0) for row in look.view.get("nodes", {}).values() if row["state"] == "ALIVE"
    ]
    return bool(room) and sum(wanted.values()) <= min(room)


def text_of(request: Mapping[str, Any]) -> str:
    """Which thing a registration is of."""
    return ", ".join(sorted({name for name in labels_in(request) if name.startswith(("actor", "group"))}))


def _ends(story: Story) -> tuple[str, ...]:
    """What the check of the process says, in the words that are the same each time."""
    ruling = process(story)
    if ruling.finding is not Finding.BROKEN:
        return ()
    return tuple(sorted({one.signature for one in ruling.violations}))
