"""The shape of a fault, and the frame that always heals it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from harness.history.proof import proving

if TYPE_CHECKING:
    from harness.cluster import Cluster


class Fault(Protocol):
    """A value. ``heal`` may be called twice, and after an ``inject`` that failed half-way."""

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> str:
        """The same in every record: one of :data:`harness.history.proof.PROOFS`."""

    def disturbs(self, cluster: Cluster) -> Mapping[str, object]:
        """What it is about to break, as it stands before: pids, addresses, counters."""

    def inject(self, cluster: Cluster) -> None: ...

    def heal(self, cluster: Cluster) -> None: ...


@dataclass
class Injection:
    """One use of a fault. Times are monotonic seconds; ``healed`` is None while it lasts."""

    fault: Fault
    disturbed: Mapping[str, object]
    at: float = field(default_factory=time.monotonic)
    healed: float | None = None


@contextmanager
def injected(cluster: Cluster, fault: Fault) -> Iterator[Injection]:
    """Break it for the length of the block, then heal, whatever happened meanwhile.

    Both are in the history: the fault before anything breaks, with what will prove that it struck, and its end
    once all is healed.
    """
    injection = Injection(fault, fault.disturbs(cluster))
    facts = {"phase": "inject", **injection.disturbed, **_proof(fault, injection.disturbed)}
    cluster.recorder.write("fault", fault.name, facts, at=injection.at)
    cluster.unhealed.append(fault.name)
    try:
        fault.inject(cluster)
        yield injection
    finally:
        fault.heal(cluster)
        injection.healed = time.monotonic()
        cluster.unhealed.remove(fault.name)
        cluster.recorder.write("fault", fault.name, {"phase": "healed"}, at=injection.healed)


def _proof(fault: Fault, disturbed: Mapping[str, object]) -> dict[str, Any]:
    """Narrowed to the ``node`` or the ``actor`` that it disturbs, where it says one."""
    about = {"actor": disturbed["actor"]} if "actor" in disturbed else {}
    return proving(fault.kind, str(disturbed.get("node", "")), facts=about)
