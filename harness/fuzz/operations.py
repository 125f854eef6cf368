"""What a plan can ask of a cluster. Frozen values that say WHAT, never how, and never wait for an answer.

Things are named by index: actor 2 is the third actor of the plan, whether or not anybody created it.
A negative index is an id that no client should send: see :data:`harness.fuzz.names.ODD`. Which job an
actor or a placement group belongs to follows from its index alone.
"""

from __future__ import annotations

from dataclasses import dataclass

STRATEGIES = ("PACK", "SPREAD", "STRICT_PACK", "STRICT_SPREAD")
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
    pass


@dataclass(frozen=True)
class StartActor:
    """RegisterActor, and CreateActor once that is acknowledged; ``only``: ``register`` or ``create`` alone."""

    actor: int = 0
    name: str = ""
    namespace: str = "n"
    detached: bool = False
    restarts: int = 0
    cpus: float = 1.0
    group: int = -1
    """The placement group it lives in; -1: none."""
    bundle: int = -1
    only: str = ""


@dataclass(frozen=True)
class KillActor:
    actor: int = 0
    restart: bool = False


@dataclass(frozen=True)
class ForgetActor:
    """Its owner says that nobody refers to it any more."""

    actor: int = 0


@dataclass(frozen=True)
class ReviveActor:
    """RestartActorForLineageReconstruction, for the restart that its owner believes to be next."""

    actor: int = 0
    restarts: int = 0


@dataclass(frozen=True)
class GetActor:
    actor: int = 0


@dataclass(frozen=True)
class GetNamedActor:
    name: str = ""
    namespace: str = "n"


@dataclass(frozen=True)
class ListActors:
    named: bool = False


@dataclass(frozen=True)
class StartGroup:
    """``bundles``: the CPUs of each."""

    group: int = 0
    bundles: tuple[float, ...] = (1.0,)
    strategy: str = "PACK"
    name: str = ""
    detached: bool = False


@dataclass(frozen=True)
class RemoveGroup:
    group: int = 0


@dataclass(frozen=True)
class WaitGroup:
    group: int = 0


@dataclass(frozen=True)
class GetGroup:
    group: int = 0


@dataclass(frozen=True)
class GetNamedGroup:
    name: str = ""


@dataclass(frozen=True)
class ListGroups:
    pass


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
    """The driver of ``job``, or all workers."""

    job: int = 0
    every: bool = False


@dataclass(frozen=True)
class ReportWorker:
    """A failure report about a worker that the GCS may never have heard of."""

    worker: int = 0


@dataclass(frozen=True)
class Subscribe:
    """To all of a channel of :data:`CHANNELS`, or to one actor of it; then poll for ever."""

    channel: str = "ACTOR"
    actor: int = -1


@dataclass(frozen=True)
class Publish:
    text: str = ""


@dataclass(frozen=True)
class GetNodes:
    """``how``: info, liveness, alive (CheckAlive), available, total or usage."""

    how: str = "info"


@dataclass(frozen=True)
class UnregisterNode:
    """A raylet says goodbye and leaves."""

    node: int = 0


@dataclass(frozen=True)
class Nonsense:
    """``method`` with every id of its request wrong in the way of ``odd`` (:data:`harness.fuzz.names.ODD`)."""

    method: str = "GetActorInfo"
    odd: int = -1


Operation = (
    AddJob | FinishJob | NextJobId | ListJobs | StartActor | KillActor | ForgetActor | ReviveActor | GetActor
    | GetNamedActor | ListActors | StartGroup | RemoveGroup | WaitGroup | GetGroup | GetNamedGroup
    | ListGroups | Put | Get | Read | Delete | AddWorker | GetWorkers | ReportWorker | Subscribe | Publish
    | GetNodes | UnregisterNode | Nonsense
)  # fmt: skip
OPERATIONS: tuple[type[Operation], ...] = Operation.__args__
