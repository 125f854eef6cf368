"""A plan: all that happens to a cluster, drawn before anything runs. A frozen value with a digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from harness.errors import EnvironmentProblem
from harness.fuzz.faults import FAULTS, CrashGcs, FailStore, Fault, KillGcs, TerminateGcs
from harness.fuzz.operations import OPERATIONS, Operation, StartActor, StartGroup

FORMAT = 1
DEADLY = (KillGcs, CrashGcs, FailStore, TerminateGcs)
KINDS: Mapping[str, type[Any]] = {kind.__name__: kind for kind in (*OPERATIONS, *FAULTS)}


@dataclass(frozen=True)
class Step:
    """``pause``: seconds since the step before. ``client``: who asks. ``times``: how often the request is sent."""

    do: Operation | Fault
    pause: float = 0.0
    client: int = 0
    times: int = 1


@dataclass(frozen=True)
class Weather:
    """What the network and the store are like all the time. Seconds, and chances from 0 to 1.

    A lost message ends its call with a broken connection, as in gRPC: the other side may have heard it.
    """

    delay: float = 0.0
    """The longest that a message takes beyond the shortest way; messages overtake each other."""
    loss: float = 0.0
    duplication: float = 0.0
    """How often a client's request is sent again while the first is under way."""
    store: float = 0.0
    """The longest that the store takes beyond its shortest answer."""


@dataclass(frozen=True)
class Health:
    """How soon the GCS notices that a raylet is gone: its settings, in seconds, by default Ray's own."""

    initial_delay: float = 5.0
    period: float = 3.0
    timeout: float = 10.0
    threshold: int = 5

    def settings(self) -> dict[str, object]:
        """As Ray's system config has them."""
        times = {"initial_delay": self.initial_delay, "period": self.period, "timeout": self.timeout}
        return {
            **{f"health_check_{name}_ms": round(1000 * seconds) for name, seconds in times.items()},
            "health_check_failure_threshold": self.threshold,
        }

    @property
    def notice(self) -> float:
        """Seconds within which it has noticed that a raylet is gone, on a machine that is busy."""
        return self.initial_delay + self.threshold * self.period + self.timeout + NOTICE_SLACK


NOTICE_SLACK = 3.0
QUICK = Health(0.8, 0.4, 5.0, 4)


@dataclass(frozen=True)
class Plan:
    """``seed`` decides everything that chance decides. ``nodes``: the CPUs of each; the first is the head.

    ``jobs``: how many were added, with a driver each, before the first step.
    """

    steps: tuple[Step, ...] = ()
    nodes: tuple[float, ...] = (4.0,)
    jobs: int = 1
    clients: int = 1
    reconnect_limit: float = 60.0
    weather: Weather = Weather()
    seed: int = 0
    token: bool = False
    """The cluster is in token mode, where it is simulated: whoever calls needs the token."""
    health: Health = Health()

    @property
    def operations(self) -> int:
        return sum(not isinstance(one.do, FAULTS) for one in self.steps)

    @property
    def kills(self) -> int:
        """How often this plan ends a GCS, if every crash point is reached."""
        deadly = [one.do for one in self.steps if isinstance(one.do, DEADLY)]
        return sum(1 + len(getattr(one, "recoveries", ())) for one in deadly)

    def data(self) -> dict[str, Any]:
        """Values that JSON can carry, without what is as always; :func:`plan_of` is the inverse."""
        steps = [
            {
                "do": type(one.do).__name__,
                **_unusual(one.do),
                **{k: v for k, v in _unusual(one).items() if k != "do"},
            }
            for one in self.steps
        ]
        rest = {name: value for name, value in asdict(self).items() if name != "steps"}
        if not self.token:
            del rest["token"]  # plans of before there was one keep their digests
        if self.health == Health():
            del rest["health"]
        return {"format": FORMAT, **rest, "steps": steps}

    def text(self) -> str:
        """The plan as a readable file: a step each line."""
        data = self.data()
        steps = ",\n".join(f"    {json.dumps(one)}" for one in data.pop("steps"))
        head = json.dumps(data, indent=2).removesuffix("\n}")
        return f'{head},\n  "steps": [\n{steps}\n  ]\n}}\n'

    @property
    def digest(self) -> str:
        """Sixteen hex digits, equal for equal plans."""
        canonical = json.dumps(self.data(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def consistent(plan: Plan) -> Plan:
    """The plan as every engine carries it out: an actor or a group is what its first mention says.

    What a GCS owes to a second registration of one id with other contents, no clause says. One that had a name
    is registered once (``times`` at once): a late repeat, acknowledged when the actor is dead and another has its
    name, looks to the check of names like a second owner.
    """
    actors: dict[int, StartActor] = {}
    groups: dict[int, StartGroup] = {}
    steps = []
    for step in plan.steps:
        if isinstance(step.do, StartActor):
            known = actors.get(step.do.actor)
            late = known is not None and known.name
            known = actors.setdefault(step.do.actor, step.do)
            step = replace(step, do=replace(known, only="create" if late else step.do.only))
        elif isinstance(step.do, StartGroup):
            step = replace(step, do=groups.setdefault(step.do.group, step.do))
        steps.append(step)
    return replace(plan, steps=tuple(steps))


def read(text: str) -> Plan:
    """The plan in a file's ``text``. EnvironmentProblem when there is none."""
    try:
        return plan_of(json.loads(text))
    except (ValueError, KeyError, TypeError) as problem:
        raise EnvironmentProblem(f"this is no plan: {problem}") from problem


def plan_of(data: Mapping[str, Any]) -> Plan:
    """The inverse of :meth:`Plan.data`. KeyError, TypeError or ValueError when it is none."""
    if data["format"] != FORMAT:
        raise ValueError(f"format {data['format']} is not {FORMAT}")
    return Plan(
        steps=tuple(_step(one) for one in data["steps"]),
        nodes=tuple(data["nodes"]),
        jobs=data["jobs"],
        clients=data["clients"],
        reconnect_limit=data["reconnect_limit"],
        weather=Weather(**data["weather"]),
        seed=data["seed"],
        token=data.get("token", False),
        health=Health(**data.get("health", {})),
    )


def _step(data: Mapping[str, Any]) -> Step:
    about = {one.name for one in fields(Step)} - {"do"}
    kind = KINDS[data["do"]]
    given = {name: _frozen(value) for name, value in data.items() if name != "do"}
    do = kind(**{name: value for name, value in given.items() if name not in about})
    return Step(do, **{name: value for name, value in given.items() if name in about})


def _frozen(value: Any) -> Any:
    return tuple(_frozen(one) for one in value) if isinstance(value, list) else value


def _unusual(value: Any) -> dict[str, Any]:
    """The fields that differ from their defaults."""
    return {
        one.name: getattr(value, one.name) for one in fields(value) if getattr(value, one.name) != one.default
    }
