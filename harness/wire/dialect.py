"""What differs between Ray releases on the wire, as data, and the translation it asks for.

A :class:`Dialect` is derived from the release by applying :data:`CHANGES` backwards: everything
that a later release changed is undone. All code outside this module speaks the messages of
2.60.0; a message whose numbering differs in a dialect is copied field by name into that
dialect's own class, built once in a private descriptor pool. ``test_drift.py`` holds each
number against the descriptors in real wheels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from packaging.version import Version

from harness.wire.protos import (
    common_pb2,
    gcs_pb2,
    health_pb2,
    pubsub_pb2,
    raylet_pb2,
    syncer_pb2,
    tables_pb2,
    worker_pb2,
)
from harness.wire.status import Code

PACKAGE = "gauntlet.wire"
MODULES = (common_pb2, tables_pb2, pubsub_pb2, gcs_pb2, raylet_pb2, worker_pb2, syncer_pb2, health_pb2)
NEWEST = Version("2.60.0")
OLDEST = Version("2.40.0")

M = TypeVar("M", bound=Message)


@dataclass(frozen=True)
class Change:
    """What release ``since`` brought; ``before`` it, these held instead.

    ``fields``: message -> field -> number; ``enums``: enum -> value -> number;
    ``services``: our service -> the service that served its methods;
    ``facts``: attribute of :class:`Dialect` -> its value.
    """

    since: str
    fields: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    enums: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    services: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


# Newest first. A later entry overrides an earlier one, as one walks back in time.
CHANGES = (
    Change(
        since="2.60.0",
        services={
            "ControlPlanePubSubGcsService": "InternalPubSubGcsService",
            "ObservabilityPubSubService": "InternalPubSubGcsService",
        },
        fields={
            "PubMessage": {
                "failure_message": 6,
                "actor_message": 7,
                "job_message": 8,
                "node_info_message": 9,
                "worker_delta_message": 10,
                "error_info_message": 11,
                "log_batch_message": 12,
                "node_resource_usage_message": 13,
                "node_address_and_liveness_message": 14,
                "sequence_id": 15,
            }
        },
        enums={
            "ChannelType": {
                "WORKER_REF_REMOVED_CHANNEL": 1,
                "WORKER_OBJECT_LOCATIONS_CHANNEL": 2,
                "GCS_ACTOR_CHANNEL": 3,
                "GCS_JOB_CHANNEL": 4,
                "GCS_NODE_INFO_CHANNEL": 5,
                "GCS_WORKER_DELTA_CHANNEL": 6,
                "RAY_ERROR_INFO_CHANNEL": 7,
                "RAY_LOG_CHANNEL": 8,
                "RAY_NODE_RESOURCE_USAGE_CHANNEL": 9,
                "GCS_NODE_ADDRESS_AND_LIVENESS_CHANNEL": 10,
            }
        },
        facts={"bundle_release": "CancelResourceReserve"},
    ),
    Change(
        since="2.53.0",
        fields={
            "ActorCreationTaskSpec": {
                "actor_id": 2,
                "max_actor_restarts": 3,
                "max_task_retries": 4,
                "dynamic_worker_options": 5,
                "max_concurrency": 6,
                "is_detached": 7,
                "name": 8,
                "ray_namespace": 9,
                "is_asyncio": 10,
                "extension_data": 11,
                "serialized_actor_handle": 12,
                "allow_out_of_order_execution": 14,
                "max_pending_calls": 15,
            },
            "RequestWorkerLeaseRequest": {"lease_spec": 1001, "resource_spec": 1},
        },
        facts={
            "wrong_cluster_id": grpc.StatusCode.ABORTED,
            "sync_batches": False,
            "kills_through_raylet": False,
            "address_and_liveness_channel": False,
        },
    ),
    Change(
        since="2.49.0",
        facts={"duplicate_name": Code.NOT_FOUND, "kill_unknown_actor": Code.OK},
    ),
)


@dataclass(frozen=True)
class Dialect:
    """How one release speaks. Make it with :func:`dialect`."""

    release: Version
    fields: Mapping[str, Mapping[str, int]]
    enums: Mapping[str, Mapping[str, int]]
    services: Mapping[str, str]
    duplicate_name: Code = Code.ALREADY_EXISTS
    kill_unknown_actor: Code = Code.NOT_FOUND
    wrong_cluster_id: grpc.StatusCode = grpc.StatusCode.UNAUTHENTICATED
    sync_batches: bool = True
    """A syncer frame is a RaySyncMessageBatch; else a bare RaySyncMessage."""
    kills_through_raylet: bool = True
    """KillLocalActor to the raylet; else KillActor to the worker."""
    address_and_liveness_channel: bool = True
    bundle_release: str = "RemovePlacementGroupBundles"

    def service(self, name: str) -> str:
        """The full name of our service ``name`` in this release, e.g. ``ray.rpc.NodeManagerService``."""
        if name == "Health":
            return "grpc.health.v1.Health"
        if name == "RaySyncer":
            return "ray.rpc.syncer.RaySyncer"
        return f"ray.rpc.{self.services.get(name, name)}"

    def encode(self, message: Message) -> bytes:
        """``message`` (2.60.0's numbers) as this release's bytes."""
        own = self._own_class(type(message))
        if own is None:
            return message.SerializeToString()
        translated = own()
        _copy_by_name(message, translated)
        return translated.SerializeToString()

    def decode(self, kind: type[M], data: bytes) -> M:
        """This release's ``data`` as a ``kind``; raises protobuf's DecodeError on garbage."""
        own = self._own_class(kind)
        if own is None:
            return kind.FromString(data)
        message = kind()
        _copy_by_name(own.FromString(data), message)
        return message

    def _own_class(self, kind: type[Message]) -> type[Message] | None:
        name = kind.DESCRIPTOR.name
        if name not in _classes(self.release):
            return None
        return _classes(self.release)[name]


@cache
def dialect(release: str | Version = NEWEST) -> Dialect:
    """The dialect of ``release`` ('2.49.2'). ValueError before 2.40.0: another store layout."""
    version = Version(str(release))
    if version < OLDEST:
        raise ValueError(f"Ray {version} is older than {OLDEST}, the oldest release spoken here")
    fields: dict[str, Mapping[str, int]] = {}
    enums: dict[str, Mapping[str, int]] = {}
    services: dict[str, str] = {}
    facts: dict[str, Any] = {}
    for change in CHANGES:
        if version < Version(change.since):
            for name, numbers in change.fields.items():
                fields[name] = {**fields.get(name, {}), **numbers}
            for name, numbers in change.enums.items():
                enums[name] = {**enums.get(name, {}), **numbers}
            services.update(change.services)
            facts.update(change.facts)
    return Dialect(version, fields, enums, services, **facts)


@cache
def _classes(release: Version) -> dict[str, type[Message]]:
    """Message classes of the messages whose bytes differ in ``release``, by name."""
    spoken = dialect(release)
    if not spoken.fields and not spoken.enums:
        return {}
    pool = descriptor_pool.DescriptorPool()
    for module in MODULES:
        file = descriptor_pb2.FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(file)
        _renumber(file, spoken)
        pool.Add(file)  # type: ignore[no-untyped-call]
    changed = {*spoken.fields, *spoken.enums}
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}"))  # type: ignore[no-untyped-call]
        for module in MODULES
        for name, descriptor in module.DESCRIPTOR.message_types_by_name.items()
        if changed & set(_names_within(descriptor, set()))
    }


def _renumber(file: descriptor_pb2.FileDescriptorProto, spoken: Dialect) -> None:
    for message in file.message_type:
        for one in message.field:
            one.number = spoken.fields.get(message.name, {}).get(one.name, one.number)
    for enum in file.enum_type:
        numbers = spoken.enums.get(enum.name, {})
        for value in enum.value:
            value.number = numbers.get(value.name, value.number)
        if numbers and all(value.number for value in enum.value):
            # proto3 wants a zero first; releases before 2.60 had a value there that we never use.
            enum.value.insert(0, descriptor_pb2.EnumValueDescriptorProto(name=f"{enum.name}_UNUSED", number=0))


def _names_within(descriptor: Descriptor, seen: set[str]) -> Iterator[str]:
    """Names of a message, of all messages in it at any depth, and of their enums."""
    if descriptor.full_name in seen:
        return
    seen.add(descriptor.full_name)
    yield descriptor.name
    for one in descriptor.fields:
        if one.message_type is not None:
            yield from _names_within(one.message_type, seen)
        if one.enum_type is not None:
            yield one.enum_type.name


def _copy_by_name(source: Message, target: Message) -> None:
    for one, value in source.ListFields():
        twin: FieldDescriptor = target.DESCRIPTOR.fields_by_name[one.name]
        translate = _translator(one, twin)
        if one.message_type is not None and one.message_type.GetOptions().map_entry:
            _copy_map(one, value, getattr(target, one.name))
        elif one.is_repeated:
            if one.message_type is not None:
                for item in value:
                    _copy_by_name(item, getattr(target, one.name).add())
            else:
                getattr(target, one.name).extend(translate(item) for item in value)
        elif one.message_type is not None:
            getattr(target, one.name).SetInParent()
            _copy_by_name(value, getattr(target, one.name))
        else:
            setattr(target, one.name, translate(value))


def _copy_map(one: FieldDescriptor, source: Mapping[Any, Any], target: Any) -> None:
    value_type = one.message_type.fields_by_name["value"].message_type
    for key, value in source.items():
        if value_type is not None:
            _copy_by_name(value, target[key])
        else:
            target[key] = value


def _translator(one: FieldDescriptor, twin: FieldDescriptor) -> Callable[[Any], Any]:
    if one.enum_type is None:
        return lambda value: value
    mine, theirs = one.enum_type.values_by_number, twin.enum_type.values_by_name

    def translate(number: int) -> int:
        # An open enum may carry a number that neither side knows: pass it through.
        name = mine[number].name if number in mine else None
        return theirs[name].number if name in theirs else number

    return translate
