"""What each call of a plan's clients was answered in a recorded run. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from harness.check.story import Call, Story
from harness.fuzz.differing.labels import ODD, label, labels_in, spoken, text
from harness.fuzz.differing.replies import compared
from harness.history.outcomes import REFUSALS, about

CLIENT = re.compile(r"^driver-(\d+)$")
SETTLING = 0.15
"""Seconds for which what a call has set going may go on behind its answer."""
NEVER = "never answered"
_FAMILIES = (("InternalKV", "kv"), ("Job", "jobs"), ("Worker", "workers"), ("Node", "nodes"), ("Actor", "things"),
             ("PlacementGroup", "things"), ("Resource", "nodes"), ("CheckAlive", "nodes"))  # fmt: skip
_IDS = frozenset({"node_id", "job_id", "creator_job_id", "actor_id", "placement_group_id", "subscriber_id"})
_AT_ONCE = frozenset({"RegisterActor", "AddJob", "AddWorkerInfo", "GetNextJobID"})
"""Methods that set nothing going which lasts longer than their call."""
_MOVES = ("worker", "bundle", "raylet", "note")


@dataclass(frozen=True)
class Answer:
    """``about``: the request, the same in every run; ``nth``: which of equal ones of this client, from 1.

    ``outcome``: ok, refused with a code of Ray's, a gRPC status, or never answered; of a request that was
    sent several times at once, each that there was. ``steady``: nothing else was going on that could have changed it.
    ``event``: of its first sending.
    """

    client: int
    method: str
    about: str
    nth: int
    outcome: str
    reply: str
    steady: bool
    waits: bool
    event: str

    @property
    def key(self) -> tuple[int, str, str, int]:
        return self.client, self.method, self.about, self.nth


@dataclass(frozen=True)
class Asked:
    """A request with all its sendings. ``end``: infinity while one is open; seconds of the run's clock."""

    client: int
    sendings: tuple[Call, ...]

    @property
    def first(self) -> Call:
        return self.sendings[0]

    @property
    def start(self) -> float:
        return self.first.start

    @cached_property
    def end(self) -> float:
        last = self.sendings[-1]
        over = last.end is not None
        return max(one.end or one.start for one in self.sendings) if over else float("inf")

    @cached_property
    def heard(self) -> tuple[Call, ...]:
        """Its sendings without those that the client itself gave up."""
        return tuple(one for one in self.sendings if one.grpc != "CANCELLED")

    @cached_property
    def disturbed(self) -> bool:
        """Whether the answer to a sending is lost, so that nobody knows what it did."""
        return any(one.grpc not in ("OK", *REFUSALS) for one in self.heard if one.end is not None)

    @cached_property
    def family(self) -> str:
        """What it may depend on, and change; '' for a request with an id of nothing in the plan."""
        if odd(self.first):
            return ""
        found = next((family for word, family in _FAMILIES if word in self.first.method), "")
        return f"kv {self.first.request.get('namespace', '')}" if found == "kv" else found

    @property
    def changes(self) -> bool:
        return about(self.first.method).changes


def asked(story: Story) -> list[Asked]:
    """The requests of the plan's clients, each client's in the order in which it first sent them."""
    clients = sorted({one.client for one in story.calls if CLIENT.match(one.client)}, key=_number)
    chains: dict[str, list[Call]] = {}
    root: dict[str, str] = {}
    for one in story.calls:
        if one.client in clients and one.method != "GetClusterId":
            root[one.id] = root.get(one.again or "", one.id)
            chains.setdefault(root[one.id], []).append(one)
    return [Asked(clients.index(one[0].client), tuple(one)) for one in chains.values()]


def answers(story: Story, requests: Sequence[Asked]) -> Iterator[Answer]:
    """What each was answered."""
    seen: Counter[tuple[int, str, str]] = Counter()
    moves = [one.at for kind in _MOVES for one in story.of(kind)]
    ends = [(life.ended, life.number) for life in story.lives if life.ended is not None]
    for one in requests:
        said = text(spoken(one.first.request))
        seen[one.client, one.first.method, said] += 1
        yield Answer(
            one.client,
            one.first.method,
            said,
            seen[one.client, one.first.method, said],
            _outcome(one),
            text(_replies(one)),
            not one.disturbed
            and not any(one.start <= at <= one.end for at, _ in ends if at is not None)
            and _alone(one, requests, moves),
            about(one.first.method).waits,
            one.first.id,
        )


def _alone(one: Asked, others: Sequence[Asked], moves: Sequence[float]) -> bool:
    """Whether nothing that it may depend on was changing while it was under way, or shortly before."""
    if not one.family:
        return True
    lead = 0.0 if one.family.startswith("kv") else SETTLING
    for other in others:
        if other is not one and other.changes and _related(one, other):
            done = other.end + (0.0 if other.first.method in _AT_ONCE else lead)
            if other.start < one.end and one.start < done:
                return False
    over = one.start if one.changes else one.end  # what happens then is its own doing
    return lead == 0.0 or not any(one.start - lead <= at < over for at in moves)


def _related(one: Asked, other: Asked) -> bool:
    """Key-values depend on those of their namespace alone; all else may depend on each other."""
    if not other.family or one.family.startswith("kv") or other.family.startswith("kv"):
        return one.family == other.family and bool(one.family)
    return True


def _outcome(one: Asked) -> str:
    """The words of its answers; of one that was sent again and again, those of the last."""
    words = [_word(sending) for sending in (one.heard[-1:] if one.disturbed else one.heard)]
    return ", ".join(sorted(set(words))) or NEVER


def _word(sending: Call) -> str:
    if sending.end is None:
        return NEVER
    if sending.grpc != "OK":
        return f"ended {sending.grpc}"
    return f"refused with code {sending.code}" if sending.code else "ok"


def _replies(one: Asked) -> list[str]:
    """The comparable parts of all replies of one request, in no order."""
    method = one.first.method
    return sorted({text(compared(method, sending.reply)) for sending in one.sendings if sending.grpc == "OK"})


def odd(call: Call) -> bool:
    """Whether the request names something that no plan has."""
    return _any_odd(call.request)


def _any_odd(request: object) -> bool:
    if not isinstance(request, dict) and not hasattr(request, "items"):
        return False
    for name, value in request.items():
        if name in (
            "task_spec",
            "scheduling_strategy",
            "address",
            "caller_address",
            "worker_address",
            "driver_address",
        ):
            continue
        if name in _IDS and isinstance(value, str) and not label(value):
            return True
        if hasattr(value, "items") and _any_odd(value):
            return True
    return False


def things(call: Call) -> set[str]:
    """What a request is about, by name: actors, groups, jobs, nodes and drivers."""
    return {ODD} if odd(call) else set(labels_in(call.request))


def _number(client: str) -> int:
    found = CLIENT.match(client)
    return int(found[1]) if found else 0
