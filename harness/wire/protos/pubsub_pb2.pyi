from harness.wire.protos import common_pb2 as _common_pb2
from harness.wire.protos import tables_pb2 as _tables_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ChannelType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WORKER_REF_REMOVED_CHANNEL: _ClassVar[ChannelType]
    WORKER_OBJECT_LOCATIONS_CHANNEL: _ClassVar[ChannelType]
    GCS_ACTOR_CHANNEL: _ClassVar[ChannelType]
    GCS_JOB_CHANNEL: _ClassVar[ChannelType]
    GCS_NODE_INFO_CHANNEL: _ClassVar[ChannelType]
    GCS_WORKER_DELTA_CHANNEL: _ClassVar[ChannelType]
    RAY_ERROR_INFO_CHANNEL: _ClassVar[ChannelType]
    RAY_LOG_CHANNEL: _ClassVar[ChannelType]
    RAY_NODE_RESOURCE_USAGE_CHANNEL: _ClassVar[ChannelType]
    GCS_NODE_ADDRESS_AND_LIVENESS_CHANNEL: _ClassVar[ChannelType]
WORKER_REF_REMOVED_CHANNEL: ChannelType
WORKER_OBJECT_LOCATIONS_CHANNEL: ChannelType
GCS_ACTOR_CHANNEL: ChannelType
GCS_JOB_CHANNEL: ChannelType
GCS_NODE_INFO_CHANNEL: ChannelType
GCS_WORKER_DELTA_CHANNEL: ChannelType
RAY_ERROR_INFO_CHANNEL: ChannelType
RAY_LOG_CHANNEL: ChannelType
RAY_NODE_RESOURCE_USAGE_CHANNEL: ChannelType
GCS_NODE_ADDRESS_AND_LIVENESS_CHANNEL: ChannelType

class FailureMessage(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class PubMessage(_message.Message):
    __slots__ = ("channel_type", "key_id", "failure_message", "actor_message", "job_message", "node_info_message", "worker_delta_message", "error_info_message", "log_batch_message", "node_resource_usage_message", "node_address_and_liveness_message", "sequence_id")
    CHANNEL_TYPE_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    FAILURE_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    ACTOR_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    JOB_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    NODE_INFO_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    WORKER_DELTA_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    ERROR_INFO_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    LOG_BATCH_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    NODE_RESOURCE_USAGE_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    NODE_ADDRESS_AND_LIVENESS_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_ID_FIELD_NUMBER: _ClassVar[int]
    channel_type: ChannelType
    key_id: bytes
    failure_message: FailureMessage
    actor_message: _tables_pb2.ActorTableData
    job_message: _tables_pb2.JobTableData
    node_info_message: _tables_pb2.GcsNodeInfo
    worker_delta_message: _tables_pb2.WorkerDeltaData
    error_info_message: _tables_pb2.ErrorTableData
    log_batch_message: LogBatch
    node_resource_usage_message: _common_pb2.NodeResourceUsage
    node_address_and_liveness_message: _tables_pb2.GcsNodeAddressAndLiveness
    sequence_id: int
    def __init__(self, channel_type: _Optional[_Union[ChannelType, str]] = ..., key_id: _Optional[bytes] = ..., failure_message: _Optional[_Union[FailureMessage, _Mapping]] = ..., actor_message: _Optional[_Union[_tables_pb2.ActorTableData, _Mapping]] = ..., job_message: _Optional[_Union[_tables_pb2.JobTableData, _Mapping]] = ..., node_info_message: _Optional[_Union[_tables_pb2.GcsNodeInfo, _Mapping]] = ..., worker_delta_message: _Optional[_Union[_tables_pb2.WorkerDeltaData, _Mapping]] = ..., error_info_message: _Optional[_Union[_tables_pb2.ErrorTableData, _Mapping]] = ..., log_batch_message: _Optional[_Union[LogBatch, _Mapping]] = ..., node_resource_usage_message: _Optional[_Union[_common_pb2.NodeResourceUsage, _Mapping]] = ..., node_address_and_liveness_message: _Optional[_Union[_tables_pb2.GcsNodeAddressAndLiveness, _Mapping]] = ..., sequence_id: _Optional[int] = ...) -> None: ...

class UnsubscribeMessage(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SubMessage(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Command(_message.Message):
    __slots__ = ("channel_type", "key_id", "unsubscribe_message", "subscribe_message")
    CHANNEL_TYPE_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    UNSUBSCRIBE_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBE_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    channel_type: ChannelType
    key_id: bytes
    unsubscribe_message: UnsubscribeMessage
    subscribe_message: SubMessage
    def __init__(self, channel_type: _Optional[_Union[ChannelType, str]] = ..., key_id: _Optional[bytes] = ..., unsubscribe_message: _Optional[_Union[UnsubscribeMessage, _Mapping]] = ..., subscribe_message: _Optional[_Union[SubMessage, _Mapping]] = ...) -> None: ...

class LogBatch(_message.Message):
    __slots__ = ("ip", "pid", "job_id", "is_error", "lines", "actor_name", "task_name")
    IP_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    IS_ERROR_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    ACTOR_NAME_FIELD_NUMBER: _ClassVar[int]
    TASK_NAME_FIELD_NUMBER: _ClassVar[int]
    ip: str
    pid: str
    job_id: str
    is_error: bool
    lines: _containers.RepeatedScalarFieldContainer[str]
    actor_name: str
    task_name: str
    def __init__(self, ip: _Optional[str] = ..., pid: _Optional[str] = ..., job_id: _Optional[str] = ..., is_error: _Optional[bool] = ..., lines: _Optional[_Iterable[str]] = ..., actor_name: _Optional[str] = ..., task_name: _Optional[str] = ...) -> None: ...
