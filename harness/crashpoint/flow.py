"""A flow: something that makes a GCS write, and how to set it going on a cluster that lives on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from packaging.version import Version

from harness.cluster import Cluster
from harness.crashpoint.act import Act
from harness.wire.dialect import Dialect

Prepare = Callable[[Cluster], Act]
"""Brings about, on a running cluster, what the flow needs, with ids of its own; nothing of it starts yet."""

PLAIN, GHOSTS, MORTAL, RICH = "plain", "ghosts", "mortal", "rich"
"""Kinds of stands. ``ghosts``: nodes without a raylet are registered there; ``mortal``: nodes die, and
that is noticed soon; ``rich``: populated with some of everything."""


@dataclass(frozen=True)
class Flow:
    """``name`` as in the ids of points: an RPC, ``RPC+form``, or ``flow.name``. ``asks``: whether a
    client asks for it, who could ask again. ``since``: the first release (``2.49``) that has the RPC.
    ``races``: it may go one way or another, with other store commands."""

    name: str
    prepare: Prepare
    kind: str = PLAIN
    asks: bool = True
    since: str = ""
    races: bool = False

    def known_to(self, dialect: Dialect) -> bool:
        """Whether a GCS that speaks ``dialect`` has it."""
        return not self.since or dialect.release >= Version(self.since)
