"""What a plan can ask about actors and placement groups. Values as in :mod:`harness.fuzz.operations`."""

from __future__ import annotations

from dataclasses import dataclass

STRATEGIES = ("PACK", "SPREAD", "STRICT_PACK", "STRICT_SPREAD")


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
    restarts: int = 1


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
