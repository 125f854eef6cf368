"""What the GCS remembers of one placement group, and of all."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

from harness.wire import messages as m


class GroupPhase(Enum):
    """Where a group stands; finer than the stored state."""

    CREATING = auto()  # its first row is on its way to the store
    WAITING = auto()  # has bundles without a node; tries again on its timer
    PREPARING = auto()  # Prepare calls are out
    STORING = auto()  # PREPARED or RESCHEDULING is on its way to the store
    COMMITTING = auto()  # Commit calls are out
    CREATED = auto()
    REMOVING = auto()  # REMOVED is on its way to the store


@dataclass
class Group:
    """``row`` is where the group is heading, ``shown`` what readers may see.

    ``plan`` maps bundle index to node for the attempt under way; ``life`` counts attempts, as
    an actor's does. ``dirty`` counts, per node, releases of this group not yet answered; ``owing``:
    attempts and nodes that have not answered Prepare, and are waited for no longer (counted as dirty, too).
    """

    row: m.PlacementGroupTableData
    phase: GroupPhase
    shown: m.PlacementGroupTableData | None = None
    life: int = 0
    plan: dict[int, bytes] = field(default_factory=dict)
    failed: set[bytes] = field(default_factory=set)
    preparing: dict[bytes, int] = field(default_factory=dict)
    committing: set[bytes] = field(default_factory=set)
    dirty: dict[bytes, int] = field(default_factory=dict)
    owing: set[tuple[int, bytes]] = field(default_factory=set)
    retry_after: float = 0.0
    create_calls: list[int] = field(default_factory=list)
    remove_calls: list[int] = field(default_factory=list)

    @property
    def group_id(self) -> bytes:
        return self.row.placement_group_id

    @property
    def name(self) -> tuple[str, str]:
        return self.row.ray_namespace, self.row.name

    def bundles_on(self, node_id: bytes) -> list[m.Bundle]:
        """Bundles that the row places on a node."""
        return [bundle for bundle in self.row.bundles if bundle.node_id == node_id]


@dataclass
class Groups:
    """``live`` and ``removed`` by id; ``waiters`` are WaitPlacementGroupUntilReady calls by group id."""

    live: dict[bytes, Group] = field(default_factory=dict)
    removed: dict[bytes, m.PlacementGroupTableData] = field(default_factory=dict)
    names: dict[tuple[str, str], bytes] = field(default_factory=dict)
    name_waiters: dict[tuple[str, str], list[tuple[int, m.CreatePlacementGroupRequest]]] = field(
        default_factory=dict
    )
    waiters: dict[bytes, list[int]] = field(default_factory=dict)
