from harness.wire.protos import autoscaler_pb2 as _autoscaler_pb2
from harness.wire.protos import common_pb2 as _common_pb2
from harness.wire.protos import tables_pb2 as _tables_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class NotifyGCSRestartRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class NotifyGCSRestartReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetResourceLoadRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetResourceLoadReply(_message.Message):
    __slots__ = ("resources",)
    RESOURCES_FIELD_NUMBER: _ClassVar[int]
    resources: _tables_pb2.ResourcesData
    def __init__(self, resources: _Optional[_Union[_tables_pb2.ResourcesData, _Mapping]] = ...) -> None: ...

class RequestWorkerLeaseRequest(_message.Message):
    __slots__ = ("lease_spec", "resource_spec", "backlog_size", "grant_or_reject", "is_selected_based_on_locality")
    LEASE_SPEC_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_SPEC_FIELD_NUMBER: _ClassVar[int]
    BACKLOG_SIZE_FIELD_NUMBER: _ClassVar[int]
    GRANT_OR_REJECT_FIELD_NUMBER: _ClassVar[int]
    IS_SELECTED_BASED_ON_LOCALITY_FIELD_NUMBER: _ClassVar[int]
    lease_spec: _common_pb2.LeaseSpec
    resource_spec: _common_pb2.TaskSpec
    backlog_size: int
    grant_or_reject: bool
    is_selected_based_on_locality: bool
    def __init__(self, lease_spec: _Optional[_Union[_common_pb2.LeaseSpec, _Mapping]] = ..., resource_spec: _Optional[_Union[_common_pb2.TaskSpec, _Mapping]] = ..., backlog_size: _Optional[int] = ..., grant_or_reject: _Optional[bool] = ..., is_selected_based_on_locality: _Optional[bool] = ...) -> None: ...

class RequestWorkerLeaseReply(_message.Message):
    __slots__ = ("worker_address", "retry_at_raylet_address", "resource_mapping", "canceled", "worker_pid", "rejected", "resources_data", "failure_type", "scheduling_failure_message")
    class SchedulingFailureType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        NOT_FAILED: _ClassVar[RequestWorkerLeaseReply.SchedulingFailureType]
        SCHEDULING_FAILED: _ClassVar[RequestWorkerLeaseReply.SchedulingFailureType]
        SCHEDULING_CANCELLED_PLACEMENT_GROUP_REMOVED: _ClassVar[RequestWorkerLeaseReply.SchedulingFailureType]
        SCHEDULING_CANCELLED_RUNTIME_ENV_SETUP_FAILED: _ClassVar[RequestWorkerLeaseReply.SchedulingFailureType]
        SCHEDULING_CANCELLED_INTENDED: _ClassVar[RequestWorkerLeaseReply.SchedulingFailureType]
        SCHEDULING_CANCELLED_UNSCHEDULABLE: _ClassVar[RequestWorkerLeaseReply.SchedulingFailureType]
        SCHEDULING_CANCELLED_WORKER_STARTUP_FAILED: _ClassVar[RequestWorkerLeaseReply.SchedulingFailureType]
    NOT_FAILED: RequestWorkerLeaseReply.SchedulingFailureType
    SCHEDULING_FAILED: RequestWorkerLeaseReply.SchedulingFailureType
    SCHEDULING_CANCELLED_PLACEMENT_GROUP_REMOVED: RequestWorkerLeaseReply.SchedulingFailureType
    SCHEDULING_CANCELLED_RUNTIME_ENV_SETUP_FAILED: RequestWorkerLeaseReply.SchedulingFailureType
    SCHEDULING_CANCELLED_INTENDED: RequestWorkerLeaseReply.SchedulingFailureType
    SCHEDULING_CANCELLED_UNSCHEDULABLE: RequestWorkerLeaseReply.SchedulingFailureType
    SCHEDULING_CANCELLED_WORKER_STARTUP_FAILED: RequestWorkerLeaseReply.SchedulingFailureType
    WORKER_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    RETRY_AT_RAYLET_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_MAPPING_FIELD_NUMBER: _ClassVar[int]
    CANCELED_FIELD_NUMBER: _ClassVar[int]
    WORKER_PID_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    RESOURCES_DATA_FIELD_NUMBER: _ClassVar[int]
    FAILURE_TYPE_FIELD_NUMBER: _ClassVar[int]
    SCHEDULING_FAILURE_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    worker_address: _common_pb2.Address
    retry_at_raylet_address: _common_pb2.Address
    resource_mapping: _containers.RepeatedCompositeFieldContainer[_common_pb2.ResourceMapEntry]
    canceled: bool
    worker_pid: int
    rejected: bool
    resources_data: _tables_pb2.ResourcesData
    failure_type: RequestWorkerLeaseReply.SchedulingFailureType
    scheduling_failure_message: str
    def __init__(self, worker_address: _Optional[_Union[_common_pb2.Address, _Mapping]] = ..., retry_at_raylet_address: _Optional[_Union[_common_pb2.Address, _Mapping]] = ..., resource_mapping: _Optional[_Iterable[_Union[_common_pb2.ResourceMapEntry, _Mapping]]] = ..., canceled: _Optional[bool] = ..., worker_pid: _Optional[int] = ..., rejected: _Optional[bool] = ..., resources_data: _Optional[_Union[_tables_pb2.ResourcesData, _Mapping]] = ..., failure_type: _Optional[_Union[RequestWorkerLeaseReply.SchedulingFailureType, str]] = ..., scheduling_failure_message: _Optional[str] = ...) -> None: ...

class ReturnWorkerLeaseRequest(_message.Message):
    __slots__ = ("worker_port", "lease_id", "disconnect_worker", "worker_exiting", "disconnect_worker_error_detail")
    WORKER_PORT_FIELD_NUMBER: _ClassVar[int]
    LEASE_ID_FIELD_NUMBER: _ClassVar[int]
    DISCONNECT_WORKER_FIELD_NUMBER: _ClassVar[int]
    WORKER_EXITING_FIELD_NUMBER: _ClassVar[int]
    DISCONNECT_WORKER_ERROR_DETAIL_FIELD_NUMBER: _ClassVar[int]
    worker_port: int
    lease_id: bytes
    disconnect_worker: bool
    worker_exiting: bool
    disconnect_worker_error_detail: str
    def __init__(self, worker_port: _Optional[int] = ..., lease_id: _Optional[bytes] = ..., disconnect_worker: _Optional[bool] = ..., worker_exiting: _Optional[bool] = ..., disconnect_worker_error_detail: _Optional[str] = ...) -> None: ...

class ReturnWorkerLeaseReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ReleaseUnusedActorWorkersRequest(_message.Message):
    __slots__ = ("worker_ids_in_use",)
    WORKER_IDS_IN_USE_FIELD_NUMBER: _ClassVar[int]
    worker_ids_in_use: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, worker_ids_in_use: _Optional[_Iterable[bytes]] = ...) -> None: ...

class ReleaseUnusedActorWorkersReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ShutdownRayletRequest(_message.Message):
    __slots__ = ("graceful",)
    GRACEFUL_FIELD_NUMBER: _ClassVar[int]
    graceful: bool
    def __init__(self, graceful: _Optional[bool] = ...) -> None: ...

class ShutdownRayletReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DrainRayletRequest(_message.Message):
    __slots__ = ("reason", "reason_message", "deadline_timestamp_ms")
    REASON_FIELD_NUMBER: _ClassVar[int]
    REASON_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    reason: _autoscaler_pb2.DrainNodeReason
    reason_message: str
    deadline_timestamp_ms: int
    def __init__(self, reason: _Optional[_Union[_autoscaler_pb2.DrainNodeReason, str]] = ..., reason_message: _Optional[str] = ..., deadline_timestamp_ms: _Optional[int] = ...) -> None: ...

class DrainRayletReply(_message.Message):
    __slots__ = ("is_accepted", "rejection_reason_message")
    IS_ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    REJECTION_REASON_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    is_accepted: bool
    rejection_reason_message: str
    def __init__(self, is_accepted: _Optional[bool] = ..., rejection_reason_message: _Optional[str] = ...) -> None: ...

class PrepareBundleResourcesRequest(_message.Message):
    __slots__ = ("bundle_specs",)
    BUNDLE_SPECS_FIELD_NUMBER: _ClassVar[int]
    bundle_specs: _containers.RepeatedCompositeFieldContainer[_common_pb2.Bundle]
    def __init__(self, bundle_specs: _Optional[_Iterable[_Union[_common_pb2.Bundle, _Mapping]]] = ...) -> None: ...

class PrepareBundleResourcesReply(_message.Message):
    __slots__ = ("success",)
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    success: bool
    def __init__(self, success: _Optional[bool] = ...) -> None: ...

class CommitBundleResourcesRequest(_message.Message):
    __slots__ = ("bundle_specs",)
    BUNDLE_SPECS_FIELD_NUMBER: _ClassVar[int]
    bundle_specs: _containers.RepeatedCompositeFieldContainer[_common_pb2.Bundle]
    def __init__(self, bundle_specs: _Optional[_Iterable[_Union[_common_pb2.Bundle, _Mapping]]] = ...) -> None: ...

class CommitBundleResourcesReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RemovePlacementGroupBundlesRequest(_message.Message):
    __slots__ = ("placement_group_id", "bundle_specs")
    PLACEMENT_GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_SPECS_FIELD_NUMBER: _ClassVar[int]
    placement_group_id: bytes
    bundle_specs: _containers.RepeatedCompositeFieldContainer[_common_pb2.Bundle]
    def __init__(self, placement_group_id: _Optional[bytes] = ..., bundle_specs: _Optional[_Iterable[_Union[_common_pb2.Bundle, _Mapping]]] = ...) -> None: ...

class RemovePlacementGroupBundlesReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CancelWorkerLeaseRequest(_message.Message):
    __slots__ = ("lease_id",)
    LEASE_ID_FIELD_NUMBER: _ClassVar[int]
    lease_id: bytes
    def __init__(self, lease_id: _Optional[bytes] = ...) -> None: ...

class CancelWorkerLeaseReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ReleaseUnusedBundlesRequest(_message.Message):
    __slots__ = ("bundles_in_use",)
    BUNDLES_IN_USE_FIELD_NUMBER: _ClassVar[int]
    bundles_in_use: _containers.RepeatedCompositeFieldContainer[_common_pb2.Bundle]
    def __init__(self, bundles_in_use: _Optional[_Iterable[_Union[_common_pb2.Bundle, _Mapping]]] = ...) -> None: ...

class ReleaseUnusedBundlesReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class IsLocalWorkerDeadRequest(_message.Message):
    __slots__ = ("worker_id",)
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    worker_id: bytes
    def __init__(self, worker_id: _Optional[bytes] = ...) -> None: ...

class IsLocalWorkerDeadReply(_message.Message):
    __slots__ = ("is_dead",)
    IS_DEAD_FIELD_NUMBER: _ClassVar[int]
    is_dead: bool
    def __init__(self, is_dead: _Optional[bool] = ...) -> None: ...

class KillLocalActorRequest(_message.Message):
    __slots__ = ("intended_actor_id", "worker_id", "force_kill", "death_cause")
    INTENDED_ACTOR_ID_FIELD_NUMBER: _ClassVar[int]
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    FORCE_KILL_FIELD_NUMBER: _ClassVar[int]
    DEATH_CAUSE_FIELD_NUMBER: _ClassVar[int]
    intended_actor_id: bytes
    worker_id: bytes
    force_kill: bool
    death_cause: _common_pb2.ActorDeathCause
    def __init__(self, intended_actor_id: _Optional[bytes] = ..., worker_id: _Optional[bytes] = ..., force_kill: _Optional[bool] = ..., death_cause: _Optional[_Union[_common_pb2.ActorDeathCause, _Mapping]] = ...) -> None: ...

class KillLocalActorReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ReturnWorkerRequest(_message.Message):
    __slots__ = ("worker_port", "worker_id", "disconnect_worker", "worker_exiting")
    WORKER_PORT_FIELD_NUMBER: _ClassVar[int]
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    DISCONNECT_WORKER_FIELD_NUMBER: _ClassVar[int]
    WORKER_EXITING_FIELD_NUMBER: _ClassVar[int]
    worker_port: int
    worker_id: bytes
    disconnect_worker: bool
    worker_exiting: bool
    def __init__(self, worker_port: _Optional[int] = ..., worker_id: _Optional[bytes] = ..., disconnect_worker: _Optional[bool] = ..., worker_exiting: _Optional[bool] = ...) -> None: ...

class ReturnWorkerReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CancelResourceReserveRequest(_message.Message):
    __slots__ = ("bundle_spec",)
    BUNDLE_SPEC_FIELD_NUMBER: _ClassVar[int]
    bundle_spec: _common_pb2.Bundle
    def __init__(self, bundle_spec: _Optional[_Union[_common_pb2.Bundle, _Mapping]] = ...) -> None: ...

class CancelResourceReserveReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
