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
    """``survey``: ask every driver whether it still runs tasks. ``of``: one job alone; ``limit``: -1 for none."""

    survey: bool = False
    of: int = -1
    limit: int = -1


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
    owner: int = -1
    """The actor of the same job that creates it and owns it, with which it dies; -1: its job's driver."""
    root: int = -1
    """The detached actor that it descends from; -1: none."""
    node: int = -1
    """Where it must run, or should (``soft``); -1: anywhere."""
    soft: bool = False
    labelled: bool = False
    resolved: bool = False
    """What it depends on is known only when it is created: CreateActor carries another spec than RegisterActor."""


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
    """All, or those of one ``state`` or job (``of``), at most ``limit``; or the names alone."""

    named: bool = False
    state: str = ""
    of: int = -1
    limit: int = -1


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
    """To all of a channel of :data:`CHANNELS`, or to one actor of it; then poll for ever."""

    channel: str = "ACTOR"
    actor: int = -1


@dataclass(frozen=True)
class Publish:
    text: str = ""


@dataclass(frozen=True)
class GetNodes:
    """``how``: info, liveness, alive (CheckAlive), available, total or usage.

    Of the first two: those of one ``state``, one node (``of``), at most ``limit``.
    """

    how: str = "info"
    state: str = ""
    of: int = -1
    limit: int = -1


@dataclass(frozen=True)
class UnregisterNode:
    """A raylet says goodbye and leaves; ``preempted``: because its machine is taken away."""

    node: int = 0
    preempted: bool = False


@dataclass(frozen=True)
class Nonsense:
    """``method`` with every id of its request wrong in the way of ``odd`` (:data:`harness.fuzz.names.ODD`).

    Those of publish and subscribe: about a channel that is not carried there.
    """

    method: str = "GetActorInfo"
    odd: int = -1


Operation = (
    AddJob | FinishJob | NextJobId | ListJobs | StartActor | KillActor | ForgetActor | ReviveActor | GetActor
    | GetNamedActor | ListActors | StartGroup | RemoveGroup | WaitGroup | GetGroup | GetNamedGroup
    | ListGroups | Put | Get | Read | Delete | AddWorker | GetWorkers | ReportWorker | Subscribe | Publish
    | GetNodes | UnregisterNode | Nonsense
)  # fmt: skip
OPERATIONS: tuple[type[Operation], ...] = Operation.__args__
