"""Our numbers and types against the descriptors in real wheels: the drift test.

Not covered, for lack of a descriptor in any wheel: the ``RaySyncer`` stream (its numbers come from
the strings of the binaries; the scenarios over real raylet views are their proof) and gRPC's own
``Health`` service (a public specification).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from packaging.version import Version

from harness.wire.descriptors import Field, Wire, files_in, wire_of
from harness.wire.dialect import PACKAGE, UNUSED, Dialect, dialect, spoken_files

RELEASES = ("2.40.0", "2.49.2", "2.55.1", "2.60.0")

# Not in any wheel's Python modules; everything else of ours must be in at least one of RELEASES.
WITHOUT_DESCRIPTOR = {
    "messages": {
        "CommandsSyncMessage",
        "HealthCheckRequest",
        "HealthCheckResponse",
        "RaySyncMessage",
        "RaySyncMessageBatch",
        "ResourceViewSyncMessage",
    },
    "enums": {"HealthCheckResponse.ServingStatus", "MessageType"},
    "services": {"Health", "RaySyncer"},
}

# Gone before 2.60.0, and spoken by us for the releases that have them.
RETIRED = {
    "CancelResourceReserveReply",
    "CancelResourceReserveRequest",
    "CheckAliveRequest.raylet_address",
    "NodeManagerService.CancelResourceReserve",
    "NodeManagerService.ReturnWorker",
    "PlacementGroupSpec.max_cpu_fraction_per_node",
    "RequestWorkerLeaseRequest.resource_spec",
    "ReturnWorkerReply",
    "ReturnWorkerRequest",
}


@dataclass(frozen=True)
class Allowed:
    """A difference that changes no meaning on the wire: ``ours`` is ``theirs`` before ``before``."""

    message: str
    ours: str
    theirs: str
    kind: str
    before: str
    reason: str


SAME_BYTES = (
    Allowed("Address", "node_id", "raylet_id", "bytes", "2.49.0", "renamed, number and type kept"),
    Allowed("WorkerDeltaData", "node_id", "raylet_id", "bytes", "2.49.0", "renamed, number and type kept"),
    Allowed(
        "ActorCreationTaskSpec",
        "allow_out_of_order_execution",
        "execute_out_of_order",
        "bool",
        "2.49.0",
        "renamed, number and type kept",
    ),
    Allowed(
        "CancelWorkerLeaseRequest",
        "lease_id",
        "task_id",
        "bytes",
        "2.50.0",
        "until 2.49 a lease is known by the id of its task: a raylet compares with resource_spec.task_id",
    ),
    Allowed(
        "InternalKVPutReply", "added", "added_num", "int32", "2.41.0", "0 and 1, one varint byte like a bool"
    ),
    Allowed(
        "TaskSpec", "attempt_number", "attempt_number", "uint64", "2.50.0", "a varint, the same for 0 and up"
    ),
    Allowed(
        "ActorTableData",
        "num_restarts",
        "num_restarts",
        "uint64",
        "2.50.0",
        "a varint, the same for 0 and up",
    ),
)


def allowed(release: Version, message: str, ours: Field, theirs: Field) -> bool:
    return ours.number == theirs.number and any(
        release < Version(one.before)
        and (one.message, one.ours, one.theirs, one.kind)
        == (message, ours.name, theirs.name, theirs.kind)
        for one in SAME_BYTES
    )  # fmt: skip


def differences(spoken: Dialect, ours: Wire, theirs: Wire) -> Iterator[str]:
    """Each number or type of ours that means something else to that release, as a sentence."""
    for message in ours.messages.keys() & theirs.messages.keys() - WITHOUT_DESCRIPTOR["messages"]:
        yield from _field_differences(spoken.release, message, ours, theirs)
    for enum in ours.enums.keys() & theirs.enums.keys():
        yield from _enum_differences(enum, ours.enums[enum], theirs.enums[enum])
    for service, methods in ours.services.items():
        known = theirs.services.get(spoken.services.get(service, service), {})
        for name, one in methods.items():
            if name in known and known[name] != one:
                yield f"{service}.{name}: ours is {one}, theirs {known[name]}"


def _field_differences(release: Version, message: str, ours: Wire, theirs: Wire) -> Iterator[str]:
    by_number = {one.number: one for one in theirs.messages[message].values()}
    for one in ours.messages[message].values():
        twin = theirs.messages[message].get(one.name) or by_number.get(one.number)
        if twin is not None and twin != one and not allowed(release, message, one, twin):
            yield f"{message}: ours is {one}, theirs {twin}"


def _enum_differences(enum: str, ours: Mapping[str, int], theirs: Mapping[str, int]) -> Iterator[str]:
    names = {number: name for name, number in theirs.items()}
    for name, number in ours.items():
        if name in theirs and theirs[name] != number:
            yield f"{enum}.{name}: ours is {number}, theirs {theirs[name]}"
        if name not in theirs and number in names and not name.endswith(UNUSED):
            yield f"{enum}.{name}: ours is {number}, which is their {names[number]}"


def things(wire: Wire) -> set[str]:
    """Messages, fields, enums, enum values, and methods, by dotted name."""
    return (
        set(wire.messages)
        | {f"{message}.{one}" for message, fields in wire.messages.items() for one in fields}
        | {f"{enum}.{one}" for enum, values in wire.enums.items() for one in values}
        | {f"{service}.{one}" for service, methods in wire.services.items() for one in methods}
    )


def things_of_ours(wire: Wire) -> set[str]:
    """As :func:`things`, without what no wheel describes."""
    without = set().union(*WITHOUT_DESCRIPTOR.values())
    return {
        one for one in things(wire) if not any(one == name or one.startswith(f"{name}.") for name in without)
    }


@cache
def spoken_in(release: str) -> Wire:
    return wire_of(spoken_files(dialect(release)), PACKAGE)


@cache
def found_in(release: str) -> Wire:
    # Late, because collecting this file must not need what fetching a wheel needs.
    from harness.target.ray_wheel import generated_modules

    directory: Path = generated_modules(release)
    return wire_of(files_in(directory), "ray.rpc")


@pytest.mark.parametrize("release", RELEASES)
def test_every_number_and_type_is_that_of_the_release(release: str) -> None:
    assert sorted(differences(dialect(release), spoken_in(release), found_in(release))) == []


def test_everything_of_ours_is_in_the_newest_release_or_retired() -> None:
    missing = things_of_ours(spoken_in("2.60.0")) - things(found_in("2.60.0"))
    assert {one for one in missing if one.rpartition(".")[0] not in RETIRED} == RETIRED


def test_what_is_retired_was_once_there() -> None:
    """A misspelt name would be absent everywhere, and never compared with anything."""
    once = set().union(*(things(found_in(release)) for release in RELEASES))
    assert once >= RETIRED


@pytest.mark.parametrize("release", RELEASES)
def test_every_method_is_served_where_the_dialect_says(release: str) -> None:
    """Each of our services is known to the release by the name that the dialect gives it."""
    spoken, known = dialect(release), found_in(release).services
    ours = spoken_in(release).services.keys() - WITHOUT_DESCRIPTOR["services"]
    assert {spoken.services.get(one, one) for one in ours} <= known.keys()


@pytest.mark.parametrize("release", RELEASES)
def test_facts_about_methods_agree_with_the_wheel(release: str) -> None:
    spoken, known = dialect(release), found_in(release)
    assert spoken.bundle_release in known.services["NodeManagerService"]
    assert spoken.kills_through_raylet == ("KillLocalActor" in known.services["NodeManagerService"])
    channels = known.enums["ChannelType"]
    assert spoken.address_and_liveness_channel == ("GCS_NODE_ADDRESS_AND_LIVENESS_CHANNEL" in channels)
    assert spoken.checks_alive_by_address == ("raylet_address" in known.messages["CheckAliveRequest"])
    assert spoken.selects_nodes == ("node_selectors" in known.messages["GetAllNodeInfoRequest"])


def test_each_allowed_difference_is_still_needed() -> None:
    for one in SAME_BYTES:
        release = next(known for known in RELEASES if Version(known) < Version(one.before))
        fields = found_in(release).messages[one.message]
        assert fields[one.theirs].kind == one.kind, one
        assert spoken_in(release).messages[one.message][one.ours] != fields[one.theirs], one


@pytest.mark.parametrize("release", ["2.40.0", "2.49.2", "2.55.1"])
def test_the_newest_numbers_would_be_wrong_for_an_older_release(release: str) -> None:
    """The test can fail: it sees real drift when no dialect is applied."""
    found = list(differences(dialect(release), spoken_in("2.60.0"), found_in(release)))
    assert any("PubMessage: ours is Field(name='sequence_id', number=14" in one for one in found)
    assert any(one.startswith("ChannelType.GCS_ACTOR_CHANNEL: ours is 2, theirs 3") for one in found)


WRONG = {
    "a wrong number": Field("node_id", 8, "bytes", repeated=False),
    "a wrong type": Field("node_id", 1, "string", repeated=False),
    "a wrong label": Field("node_id", 1, "bytes", repeated=True),
    "a wrong oneof": Field("node_id", 1, "bytes", repeated=False, oneof="which", presence=True),
    "a reused number": Field("nonsense", 1, "bytes", repeated=False),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_deliberate_mistake_in_a_field_is_found(what: str) -> None:
    theirs = found_in("2.60.0")
    assert theirs.messages["Address"]["node_id"] == Field("node_id", 1, "bytes", repeated=False)
    ours = Wire({"Address": {"it": WRONG[what]}}, {}, {})
    (sentence,) = differences(dialect(), ours, theirs)
    assert sentence.startswith("Address: ours is Field(")


def test_a_deliberate_mistake_in_an_enum_or_a_method_is_found() -> None:
    theirs = found_in("2.60.0")
    alive = Wire({}, {"GcsNodeInfo.GcsNodeState": {"ALIVE": 1}}, {})
    assert list(differences(dialect(), alive, theirs)) == [
        "GcsNodeInfo.GcsNodeState.ALIVE: ours is 1, theirs 0"
    ]
    reused = Wire({}, {"GcsNodeInfo.GcsNodeState": {"GONE": 1}}, {})
    assert list(differences(dialect(), reused, theirs)) == [
        "GcsNodeInfo.GcsNodeState.GONE: ours is 1, which is their DEAD"
    ]
    methods = dict(spoken_in("2.60.0").services["NodeInfoGcsService"])
    methods["CheckAlive"] = methods["GetClusterId"]
    swapped = Wire({}, {}, {"NodeInfoGcsService": methods})
    (sentence,) = differences(dialect(), swapped, theirs)
    assert sentence.startswith("NodeInfoGcsService.CheckAlive: ours is")
