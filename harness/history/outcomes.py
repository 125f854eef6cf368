"""What a call's end says about its effect: ok, refused (certainly none), or unknown. Pure.

The registry: for each method whether it changes what a GCS keeps, and whether it may rightly wait
for the world (a lease, a poll) rather than for the GCS. Codes are those of Ray's ``status.h``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from harness.wire.status import Code


class Outcome(Enum):
    OK = "ok"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class About:
    """``changes``: it may change a table. ``waits``: its answer may take as long as the world likes.

    ``partial``: Ray codes with which a refusal comes although something has happened.
    """

    changes: bool = True
    waits: bool = False
    partial: frozenset[int] = frozenset()


# A GCS that did nothing says so with these; any other gRPC status leaves open what it did.
REFUSALS = frozenset(
    {"UNAUTHENTICATED", "PERMISSION_DENIED", "UNIMPLEMENTED", "INVALID_ARGUMENT", "NOT_FOUND",
     "ALREADY_EXISTS", "FAILED_PRECONDITION", "OUT_OF_RANGE"}
)  # fmt: skip
# Ray codes that tell of trouble on the way, not of a decision.
TROUBLE = frozenset({Code.IO_ERROR, Code.TIMED_OUT})
# gRPC says this when no connection came about, so nothing was sent.
NEVER_SENT = ("failed to connect", "connection refused", "Name resolution", "DNS resolution")

_READS = [
    "CheckAlive",
    "GetClusterId",
    "GetAllNodeInfo",
    "GetInternalConfig",
    "GetAllNodeAddressAndLiveness",
    "GetAllJobInfo",
    "GetActorInfo",
    "GetNamedActorInfo",
    "ListNamedActors",
    "GetAllActorInfo",
    "GetPlacementGroup",
    "GetNamedPlacementGroup",
    "GetAllPlacementGroup",
    "InternalKVGet",
    "InternalKVMultiGet",
    "InternalKVExists",
    "InternalKVKeys",
    "GetWorkerInfo",
    "GetAllWorkerInfo",
    "GetAllAvailableResources",
    "GetAllTotalResources",
    "GetAllResourceUsage",
    "GetDrainingNodes",
    "Check",
]
_WAITING_READS = ("WaitPlacementGroupUntilReady", "GcsSubscriberPoll")
# They change what the GCS has in memory, and no table.
_PASSING = ["GcsSubscriberCommandBatch", "GcsPublish", "StartSync"]

METHODS: Mapping[str, About] = {
    **dict.fromkeys((*_READS, *_PASSING), About(changes=False)),
    **dict.fromkeys(_WAITING_READS, About(changes=False, waits=True)),
    # These end an actor that had been on its way.
    "CreateActor": About(
        waits=True, partial=frozenset({Code.CREATION_TASK_ERROR, Code.SCHEDULING_CANCELLED})
    ),
}
"""Methods by bare name. One that is not here is taken to change a table and to be answered at once."""


def about(method: str) -> About:
    """What the registry knows of ``Service.Method`` or ``Method``."""
    return METHODS.get(method.rpartition(".")[2], About())


def outcome(method: str, grpc: str, code: int = 0, said: str = "") -> Outcome:
    """Of a call of ``method`` that ended with gRPC status ``grpc`` (``OK``, ``UNAVAILABLE`` …).

    ``code``: the Ray status code of the reply, ``said``: the details of the gRPC status.
    """
    known = about(method)
    if grpc == "OK":
        if code == 0:
            return Outcome.OK
        return Outcome.UNKNOWN if code in TROUBLE | known.partial else Outcome.REFUSED
    if grpc in REFUSALS or (grpc == "UNAVAILABLE" and any(one in said for one in NEVER_SENT)):
        return Outcome.REFUSED
    if grpc == "ABORTED" and "AuthError" in said:  # Ray <= 2.51 to a stranger's cluster id
        return Outcome.REFUSED
    return Outcome.UNKNOWN
