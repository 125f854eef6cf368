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
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor, EnumDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, EnumValueDescriptorProto, FileDescriptorProto
from google.protobuf.message import DecodeError, Message
from packaging.version import Version

from harness.wire.protos import (
    autoscaler_pb2,
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
MODULES = (
    autoscaler_pb2,
    common_pb2,
    tables_pb2,
    pubsub_pb2,
    gcs_pb2,
    raylet_pb2,
    worker_pb2,
    syncer_pb2,
    health_pb2,
)
NEWEST = Version("2.60.0")
OLDEST = Version("2.40.0")
UNUSED = "_UNUSED"  # ends the name of a zero that we had to add to a dialect's enum

M = TypeVar("M", bound=Message)


class Untranslatable(DecodeError, ValueError):
    """A value that one release has no word for: sent on as it is, it would mean something else."""


@dataclass(frozen=True)
class Change:
    """What release ``since`` brought; ``before`` it, these held instead.

    ``fields``: message -> field -> number; ``enums``: enum -> value -> number (in both ``None``
    means that the release has no such thing); ``services``: our service -> the service that
    served its methods; ``facts``: attribute of :class:`Dialect` -> its value.
    """

    since: str
    fields: Mapping[str, Mapping[str, int | None]] = field(default_factory=dict)
    enums: Mapping[str, Mapping[str, int | None]] = field(default_factory=dict)
    services: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


# Newest first. A later entry overrides an earlier one, as one walks back in time. ``since`` is the
# first release on PyPI whose descriptors (for facts: whose binary) show the change.
CHANGES = (
    Change(
        since="2.57.0",
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
    ),
    Change(
        since="2.56.0",
        services={
            "ControlPlanePubSubGcsService": "InternalPubSubGcsService",
            "ObservabilityPubSubService": "InternalPubSubGcsService",
        },
        facts={"bundle_release": "CancelResourceReserve"},
    ),
    Change(
        since="2.53.0",
        facts={"sync_batches": False},
    ),
    Change(
        since="2.52.0",
        facts={"wrong_cluster_id": grpc.StatusCode.ABORTED, "kills_through_raylet": False},
    ),
    Change(
        since="2.51.0",
        fields={"PubMessage": {"node_address_and_liveness_message": None, "sequence_id": 14}},
        enums={"ChannelType": {"GCS_NODE_ADDRESS_AND_LIVENESS_CHANNEL": None}},
        facts={"address_and_liveness_channel": False},
    ),
    Change(
        since="2.50.0",
        fields={
            "PubMessage": {
                "worker_delta_message": 11,
                "error_info_message": 12,
                "log_batch_message": 13,
                "node_resource_usage_message": 15,
                "sequence_id": 16,
            },
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
            "RequestWorkerLeaseRequest": {"lease_spec": None, "resource_spec": 1},
        },
        enums={"ChannelType": {"RAY_NODE_RESOURCE_USAGE_CHANNEL": 10}},
    ),
    Change(
        since="2.49.0",
        fields={
            "CheckAliveRequest": {"node_ids": None, "raylet_address": 1},
            "GetAllNodeInfoRequest": {"limit": 3, "node_selectors": None, "state_filter": None},
        },
        facts={"checks_alive_by_address": True, "selects_nodes": False},
    ),
    Change(since="2.44.0", facts={"kill_unknown_actor": Code.OK}),
    Change(since="2.41.0", facts={"duplicate_name": Code.NOT_FOUND}),
)


@dataclass(frozen=True)
class Dialect:
    """How one release speaks. Make it with :func:`dialect`."""

    release: Version
    fields: Mapping[str, Mapping[str, int | None]]
    enums: Mapping[str, Mapping[str, int | None]]
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
    """The NodeManager method that gives bundles back; CancelResourceReserve takes one a call."""
    checks_alive_by_address: bool = False
    """CheckAlive asks by ``raylet_address`` (``ip:port``); else by ``node_ids``."""
    selects_nodes: bool = True
    """GetAllNodeInfo heeds ``node_selectors`` and ``state_filter``; else it lists all nodes."""

    def service(self, name: str) -> str:
        """The full name of our service ``name`` in this release, e.g. ``ray.rpc.NodeManagerService``."""
        if name == "Health":
            return "grpc.health.v1.Health"
        if name == "RaySyncer":
            return "ray.rpc.syncer.RaySyncer"
        if name == "AutoscalerStateService":
            return "ray.rpc.autoscaler.AutoscalerStateService"
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
        return _classes(self.release).get(kind.DESCRIPTOR.full_name)


@cache
def dialect(release: str | Version = NEWEST) -> Dialect:
    """The dialect of ``release`` ('2.49.2'). ValueError before 2.40.0: another store layout."""
    version = Version(str(release))
    if version < OLDEST:
        raise ValueError(f"Ray {version} is older than {OLDEST}, the oldest release spoken here")
    fields: dict[str, Mapping[str, int | None]] = {}
    enums: dict[str, Mapping[str, int | None]] = {}
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


def spoken_files(spoken: Dialect) -> list[FileDescriptorProto]:
    """Our descriptors with the numbers that ``spoken`` puts on the wire."""
    files = []
    for module in MODULES:
        file = FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(file)
        _renumber(file, spoken)
        files.append(file)
    return files


@cache
def _classes(release: Version) -> dict[str, type[Message]]:
    """Message classes of the messages whose bytes differ in ``release``, by full name."""
    spoken = dialect(release)
    changed = {*spoken.fields, *spoken.enums}
    if not changed:
        return {}
    pool = descriptor_pool.DescriptorPool()
    for file in spoken_files(spoken):
        pool.Add(file)
    return {
        one.full_name: message_factory.GetMessageClass(pool.FindMessageTypeByName(one.full_name))
        for module in MODULES
        for one in module.DESCRIPTOR.message_types_by_name.values()
        if changed & set(_names_within(one, set()))
    }


def _renumber(file: FileDescriptorProto, spoken: Dialect) -> None:
    for message in file.message_type:
        numbers = spoken.fields.get(message.name, {})
        kept = [one for one in message.field if numbers.get(one.name, one.number) is not None]
        for one in kept:
            one.number = numbers.get(one.name) or one.number
        if len(kept) < len(message.field):
            _replace(message.field, kept)
            _drop_empty_oneofs(message)
    for enum in file.enum_type:
        numbers = spoken.enums.get(enum.name, {})
        values = [one for one in enum.value if numbers.get(one.name, one.number) is not None]
        for value in values:
            value.number = numbers.get(value.name) or value.number
        if all(value.number for value in values):
            # proto3 wants a zero first; these releases have a value there that we never use.
            values.insert(0, EnumValueDescriptorProto(name=f"{enum.name}{UNUSED}", number=0))
        _replace(enum.value, values)


def _drop_empty_oneofs(message: DescriptorProto) -> None:
    """A oneof needs a field; proto3 ``optional`` makes one of its own for each such field."""
    used = sorted({one.oneof_index for one in message.field if one.HasField("oneof_index")})
    for one in message.field:
        if one.HasField("oneof_index"):
            one.oneof_index = used.index(one.oneof_index)
    _replace(message.oneof_decl, [message.oneof_decl[index] for index in used])


def _replace(container: Any, items: list[Any]) -> None:
    copies = [type(item).FromString(item.SerializeToString()) for item in items]
    del container[:]
    container.extend(copies)


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
    """Copy what ``target`` has a field for; as with any newer field, the rest would be ignored."""
    for one, value in (*source.ListFields(), *_zero_enums(source)):
        twin = target.DESCRIPTOR.fields_by_name.get(one.name)
        if twin is None:
            continue
        if one.message_type is None:
            _copy_scalar(one, twin, value, target)
        elif one.message_type.GetOptions().map_entry:
            _copy_map(one, value, getattr(target, one.name))
        elif one.is_repeated:
            for item in value:
                _copy_by_name(item, getattr(target, one.name).add())
        else:
            getattr(target, one.name).SetInParent()
            _copy_by_name(value, getattr(target, one.name))


def _zero_enums(source: Message) -> Iterator[tuple[Any, int]]:
    """Enums left at zero: their zero may be another number elsewhere, so absence must be translated."""
    for one in source.DESCRIPTOR.fields:
        plain = one.enum_type is not None and not one.is_repeated and not one.has_presence
        if plain and getattr(source, one.name) == 0:
            yield one, 0


def _copy_scalar(one: Any, twin: Any, value: Any, target: Message) -> None:
    if one.enum_type is not None:
        translate = _enum_translator(one.enum_type, twin.enum_type)
        value = [translate(item) for item in value] if one.is_repeated else translate(value)
    if one.is_repeated:
        getattr(target, one.name).extend(value)
    else:
        setattr(target, one.name, value)


def _copy_map(one: Any, source: Mapping[Any, Any], target: Any) -> None:
    value_type = one.message_type.fields_by_name["value"].message_type
    for key, value in source.items():
        if value_type is not None:
            _copy_by_name(value, target[key])
        else:
            target[key] = value


def _enum_translator(mine: EnumDescriptor, theirs: EnumDescriptor) -> Callable[[int], int]:
    def translate(number: int) -> int:
        known, taken = mine.values_by_number.get(number), theirs.values_by_number.get(number)
        if known is not None and known.name in theirs.values_by_name:
            return theirs.values_by_name[known.name].number
        if known is not None and known.name.endswith(UNUSED):
            return number  # an unset enum stays unset
        if known is None and (taken is None or taken.name.endswith(UNUSED)):
            return number  # open enums may carry a number that nobody knows
        raise Untranslatable(
            f"{mine.name} {known.name if known else number} has no twin in the other release"
        )

    return translate
