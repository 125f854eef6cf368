"""What the GCS remembers of one actor, and of all."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

from harness.wire import messages as m

if TYPE_CHECKING:
    from reference_gcs.core.state import Then


class Phase(Enum):
    """Where an actor stands. Finer than the stored state: some of it is known to memory only."""

    REGISTERING = auto()  # its first rows are on their way to the store
    REGISTERED = auto()  # nothing happens until the owner sends CreateActor
    SEEKING = auto()  # looks for a node that may lease it a worker
    LEASING = auto()  # a raylet has been asked for a worker
    CREATING = auto()  # has a worker; its creation task is stored, then pushed
    ALIVE = auto()
    RESTARTING = auto()  # the RESTARTING row is on its way to the store
    DYING = auto()  # the DEAD row is on its way to the store
    DEAD = auto()  # out of scope, but lineage may bring it back


@dataclass
class Actor:
    """``row`` is where the actor is heading, ``shown`` what readers may see.

    ``life`` counts attempts: what was begun in an earlier life is ignored when it ends in a later.
    """

    row: m.ActorTableData
    spec: m.TaskSpec
    phase: Phase
    shown: m.ActorTableData | None = None
    life: int = 0
    lease_id: bytes = b""
    lease_node: bytes = b""
    lease_send: int | None = None
    push_send: int | None = None
    owner_poll: int | None = None
    register_calls: list[int] = field(default_factory=list)
    create_calls: list[int] = field(default_factory=list)
    restart_calls: list[int] = field(default_factory=list)
    when_dead: list[Then] = field(default_factory=list)
    kill_ordered: bytes = b""

    @property
    def actor_id(self) -> bytes:
        return self.row.actor_id

    @property
    def name(self) -> tuple[str, str]:
        """(namespace, name); the name may be empty."""
        return self.row.ray_namespace, self.row.name

    def new_life(self) -> None:
        self.life += 1


@dataclass
class Actors:
    """``live`` holds all that may still change, ``dead`` the rows of the rest, oldest first.

    ``names`` maps (namespace, name) to its holder; RegisterActor calls that want a name whose
    holder is coming or going wait in ``name_waiters`` until it is settled.
    """

    live: dict[bytes, Actor] = field(default_factory=dict)
    dead: dict[bytes, m.ActorTableData] = field(default_factory=dict)
    names: dict[tuple[str, str], bytes] = field(default_factory=dict)
    name_waiters: dict[tuple[str, str], list[tuple[int, m.RegisterActorRequest]]] = field(
        default_factory=dict
    )
    owned: dict[bytes, set[bytes]] = field(default_factory=dict)
    """Owner's worker id to the actors it owns (detached ones have no owner to watch)."""
