"""What a plan can ask of a cluster. Frozen values that say WHAT, never how, and never wait for an answer.

Things are named by index: actor 2 is the third actor of the plan, whether or not anybody created it.
A negative index is a well-formed id of nothing. Which job an actor or a placement group belongs to follows from
its index alone. What may be asked for when is in :mod:`harness.fuzz.legality`.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.check.identity import ANOTHER_CLUSTER as ANOTHER_CLUSTER
from harness.check.identity import ANOTHER_TOKEN as ANOTHER_TOKEN
from harness.check.identity import CLAIMS as CLAIMS
from harness.check.identity import NO_TOKEN as NO_TOKEN
from harness.fuzz.actor_operations import STRATEGIES as STRATEGIES
from harness.fuzz.actor_operations import ForgetActor as ForgetActor
from harness.fuzz.actor_operations import GetActor as GetActor
from harness.fuzz.actor_operations import GetGroup as GetGroup
from harness.fuzz.actor_operations import GetNamedActor as GetNamedActor
from harness.fuzz.actor_operations import GetNamedGroup as GetNamedGroup
from harness.fuzz.actor_operations import KillActor as KillActor
from harness.fuzz.actor_operations import ListActors as ListActors
from harness.fuzz.actor_operations import ListGroups as ListGroups
from harness.fuzz.actor_operations import RemoveGroup as RemoveGroup
from harness.fuzz.actor_operations import ReviveActor as ReviveActor
from harness.fuzz.actor_operations import StartActor as StartActor
from harness.fuzz.actor_operations import StartGroup as StartGroup
from harness.fuzz.actor_operations import WaitGroup as WaitGroup

CHANNELS = ("ACTOR", "JOB", "NODE_INFO", "WORKER_DELTA", "ERROR_INFO")


@dataclass(frozen=True)
class AddJob:
    job: int = 0


@dataclass(frozen=True)
class FinishJob:
    job: int = 0


@dataclass(frozen=True)
class NextJobId:
    pass


@dataclass(frozen=True)
class ListJobs:
    """``survey``: ask every driver whether it still runs tasks. ``of``: one job alone; ``limit``: -1 for none."""

    survey: bool = False
    of: int = -1
    limit: int = -1


@dataclass(frozen=True)
class Put:
    """``copies``: how many times ``value`` is repeated, for values that are large."""

    key: str = "k"
    value: str = ""
    copies: int = 1
    overwrite: bool = True
    namespace: str = "gauntlet"


@dataclass(frozen=True)
class Get:
    key: str = "k"
    namespace: str = "gauntlet"


@dataclass(frozen=True)
class Read:
    """Several keys at once: ``how`` is MultiGet, Exists or Keys (of a prefix)."""

    how: str = "MultiGet"
    keys: tuple[str, ...] = ("k",)
    namespace: str = "gauntlet"


@dataclass(frozen=True)
class Delete:
    key: str = "k"
    prefix: bool = False
    namespace: str = "gauntlet"


@dataclass(frozen=True)
class AddWorker:
    """The driver of ``job`` reports itself as a worker."""

    job: int = 0


@dataclass(frozen=True)
class GetWorkers:
    """The driver of ``job``, or all workers: those that live (``alive``), at most ``limit``."""

    job: int = 0
    every: bool = False
    alive: bool = False
    limit: int = -1


@dataclass(frozen=True)
class ReportWorker:
    """A failure report about a worker that the GCS may never have heard of."""

    worker: int = 0


@dataclass(frozen=True)
class Subscribe:
    """To all of a channel of :data:`CHANNELS`, or to one actor of it; then poll for ever.

    ``twice``: the first poll is soon followed by a second one, which is to release it.
    """

    channel: str = "ACTOR"
    actor: int = -1
    twice: bool = False


@dataclass(frozen=True)
class Publish:
    text: str = ""


@dataclass(frozen=True)
class GetNodes:
    """``how``: info, liveness, alive (CheckAlive), available, total or usage.

    Of the first two: those of one ``state``, one node (``of``), at most ``limit``. Of CheckAlive: ``nodes``.
    """

    how: str = "info"
    state: str = ""
    of: int = -1
    limit: int = -1
    nodes: tuple[int, ...] = (0, -1)


@dataclass(frozen=True)
class UnregisterNode:
    """A raylet says goodbye and leaves; ``preempted``: because its machine is taken away."""

    node: int = 0
    preempted: bool = False


@dataclass(frozen=True)
class DrainNode:
    """A node is asked to take nothing new and to leave: because it is ``idle``, which it may refuse, or because
    its machine is taken away ``deadline`` seconds later."""

    node: int = 0
    idle: bool = False
    deadline: float = 10.0


@dataclass(frozen=True)
class Intrude:
    """A caller who may not call puts ``key``. ``claims``: to belong to another cluster, another token, or none.

    Of tokens there is something to claim in a plan of token mode alone.
    """

    claims: str = CLAIMS[0]
    key: str = "k"


Operation = (
    AddJob | FinishJob | NextJobId | ListJobs | StartActor | KillActor | ForgetActor | ReviveActor | GetActor
    | GetNamedActor | ListActors | StartGroup | RemoveGroup | WaitGroup | GetGroup | GetNamedGroup
    | ListGroups | Put | Get | Read | Delete | AddWorker | GetWorkers | ReportWorker | Subscribe | Publish
    | GetNodes | UnregisterNode | DrainNode | Intrude
)  # fmt: skip
OPERATIONS: tuple[type[Operation], ...] = Operation.__args__
