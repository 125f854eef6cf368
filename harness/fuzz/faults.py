"""What a plan can break. Frozen values; times in seconds, things by index as in :mod:`harness.fuzz.operations`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.history.proof import proving


@dataclass(frozen=True)
class KillGcs:
    """``down``: until the next one starts. ``applied``: how many writes on their way still reach the store.

    ``recoveries``: the next lives are killed in their turn, each at that effect of its own; one that serves
    without having come so far may be killed shortly after, or live.
    """

    down: float = 0.1
    applied: int = 0
    recoveries: tuple[int, ...] = ()


@dataclass(frozen=True)
class CrashGcs:
    """As :class:`KillGcs`, but between two effects: after the first ``effects`` that the next operation causes.

    An effect is whatever leaves the GCS: a write to the store, an answer, an order, a timer. On a real GCS it is
    a command to the store.
    """

    effects: int = 0
    down: float = 0.1
    applied: int = 0
    recoveries: tuple[int, ...] = ()


@dataclass(frozen=True)
class TerminateGcs:
    """The GCS is told to end (SIGTERM), and has time to do so in order; the next one starts after ``down`` seconds."""

    down: float = 0.1


@dataclass(frozen=True)
class HangGcs:
    """The process of the GCS stands still for a while: its connections stay open, and nothing is answered."""

    seconds: float = 1.0


@dataclass(frozen=True)
class StallStore:
    """The store answers nothing for a while, and then everything."""

    seconds: float = 1.0


@dataclass(frozen=True)
class FailStore:
    """The store refuses a write for good; whether it took place is ``applied``. ``writes``: how many pass before."""

    writes: int = 0
    applied: bool = False
    down: float = 0.1


@dataclass(frozen=True)
class KillStore:
    """The store's process dies, and comes back with all that was written."""

    seconds: float = 0.1


@dataclass(frozen=True)
class CutStore:
    """The store closes all its connections, once; what was on its way may have taken place."""


@dataclass(frozen=True)
class Rival:
    """A second GCS on the same store, for a while."""

    seconds: float = 1.0


@dataclass(frozen=True)
class AddNode:
    """``head``: as the head, in the place of the one before."""

    cpus: float = 4.0
    head: bool = False


@dataclass(frozen=True)
class KillNode:
    node: int = 0


@dataclass(frozen=True)
class CutNode:
    """The raylet and the GCS do not reach each other for a while."""

    node: int = 0
    seconds: float = 1.0


@dataclass(frozen=True)
class KillWorker:
    """The process of an actor dies, if it has one."""

    actor: int = 0


@dataclass(frozen=True)
class KillDriver:
    """The driver of a job dies, and its node says so."""

    job: int = 0


@dataclass(frozen=True)
class DropRef:
    """The owner lets go of an actor."""

    actor: int = 0


@dataclass(frozen=True)
class BreakLinks:
    """All connections to the GCS are reset: calls on their way fail, whatever became of them."""


@dataclass(frozen=True)
class SyncAgain:
    """A raylet opens another syncer stream while the first stands."""

    node: int = 0


@dataclass(frozen=True)
class TearStore:
    """An actor's task spec vanishes from the store while no GCS is there, as a crash of older releases left it."""

    actor: int = 0


@dataclass(frozen=True)
class Disobey:
    """A raylet, or a worker of its, deviates in the next ``calls`` of ``method``.

    ``mode``, as :mod:`harness.raylet.scripts` has it: ``refuse`` (its own word for no: a lease is rejected,
    bundles are not prepared, an actor's constructor raises), ``fail`` (UNAVAILABLE, and nothing is done),
    ``delay`` (done ``seconds`` later).
    """

    node: int = 0
    method: str = "RequestWorkerLease"
    mode: str = "refuse"
    calls: int = 1
    seconds: float = 1.0


Fault = (
    KillGcs | CrashGcs | StallStore | FailStore | AddNode | KillNode | CutNode | KillWorker | KillDriver
    | DropRef | BreakLinks | Disobey | SyncAgain | TearStore | HangGcs | KillStore | Rival
    | TerminateGcs | CutStore
)  # fmt: skip
FAULTS: tuple[type[Fault], ...] = Fault.__args__
BRISK_ONLY: tuple[type[Fault], ...] = (TerminateGcs, CutStore)
"""Not drawn as such: see :func:`harness.fuzz.brisk.brisk`."""
STABLE: Mapping[type[Fault], str] = {
    KillGcs: "kill-gcs",
    CrashGcs: "crash-gcs",
    TerminateGcs: "terminate-gcs",
    HangGcs: "hang-gcs",
    StallStore: "pause-store",
    FailStore: "fail-store",
    KillStore: "kill-store",
    CutStore: "cut-store",
    Rival: "second-gcs",
    AddNode: "add-raylet",
    KillNode: "kill-raylet",
    CutNode: "disconnect-raylet",
    KillWorker: "kill-worker",
    KillDriver: "kill-driver",
    DropRef: "drop-reference",
    BreakLinks: "break-links",
    SyncAgain: "second-stream",
    TearStore: "tamper-with-store",
    Disobey: "disobey",
}
"""The kind of each in a record: see :mod:`harness.history.proof`."""


def told(
    how: Fault, who: str = "", facts: Mapping[str, Any] | None = None, unit: int | None = None
) -> tuple[str, dict[str, Any]]:
    """What a record says of a fault of a plan that finds something to break: its kind, and what will prove it.

    ``who`` and ``facts`` narrow down the events that do, ``unit`` the commands.
    """
    kind = STABLE[type(how)]
    return kind, proving(kind, who, unit, facts)
