"""What the smaller managers remember: nodes, jobs, workers, views, health, recovery gates."""

from __future__ import annotations

from dataclasses import dataclass, field

from google.protobuf.message import Message

from harness.wire import messages as m


@dataclass
class Nodes:
    """``alive`` and ``dead`` mirror stored rows; ``registering`` and ``retiring`` are writes on their way."""

    alive: dict[bytes, m.GcsNodeInfo] = field(default_factory=dict)
    dead: dict[bytes, m.GcsNodeInfo] = field(default_factory=dict)
    registering: dict[bytes, list[int]] = field(default_factory=dict)
    retiring: dict[bytes, list[int]] = field(default_factory=dict)
    draining: dict[bytes, m.autoscaler.DrainNodeRequest] = field(default_factory=dict)
    """What raylets have accepted in this life of the GCS; their views tell of earlier ones."""


@dataclass
class Jobs:
    """``rows`` mirrors stored rows; calls wait in the other two for a write on its way."""

    rows: dict[bytes, m.JobTableData] = field(default_factory=dict)
    adding: dict[bytes, list[int]] = field(default_factory=dict)
    finishing: dict[bytes, list[int]] = field(default_factory=dict)
    surveys: dict[int, m.GetAllJobInfoReply] = field(default_factory=dict)


@dataclass
class Workers:
    """``failing``: calls with the replies that they get once the worker's death is stored."""

    rows: dict[bytes, m.WorkerTableData] = field(default_factory=dict)
    failing: dict[bytes, list[tuple[int, Message]]] = field(default_factory=dict)


@dataclass
class View:
    """What a node has and has left; quantities by resource name."""

    total: dict[str, float]
    available: dict[str, float]
    reported: m.ResourceViewSyncMessage | None = None
    load: dict[str, float] = field(default_factory=dict)


@dataclass
class Views:
    """Resource views of alive nodes, the last syncer message of each (node, type), the streams."""

    of: dict[bytes, View] = field(default_factory=dict)
    latest: dict[tuple[bytes, int], m.RaySyncMessage] = field(default_factory=dict)
    streams: dict[bytes, int] = field(default_factory=dict)
    stream_nodes: dict[int, bytes] = field(default_factory=dict)


@dataclass
class Pulse:
    """One node's health check: misses in a row, the last proof of life (unix seconds)."""

    misses: int = 0
    proof: float = 0.0
    timer: int | None = None
    probe: int | None = None


@dataclass
class Health:
    pulses: dict[bytes, Pulse] = field(default_factory=dict)


@dataclass
class Gates:
    """Nodes that still owe an answer to a recovery order, and since when (unix seconds)."""

    workers: dict[bytes, float] = field(default_factory=dict)
    bundles: dict[bytes, float] = field(default_factory=dict)
