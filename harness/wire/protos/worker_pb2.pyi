from harness.wire.protos import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RayletNotifyGCSRestartRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RayletNotifyGCSRestartReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class PushTaskRequest(_message.Message):
    __slots__ = ("intended_worker_id", "task_spec", "sequence_number", "client_processed_up_to", "resource_mapping")
    INTENDED_WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    TASK_SPEC_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    CLIENT_PROCESSED_UP_TO_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_MAPPING_FIELD_NUMBER: _ClassVar[int]
    intended_worker_id: bytes
    task_spec: _common_pb2.TaskSpec
    sequence_number: int
    client_processed_up_to: int
    resource_mapping: _containers.RepeatedCompositeFieldContainer[_common_pb2.ResourceMapEntry]
    def __init__(self, intended_worker_id: _Optional[bytes] = ..., task_spec: _Optional[_Union[_common_pb2.TaskSpec, _Mapping]] = ..., sequence_number: _Optional[int] = ..., client_processed_up_to: _Optional[int] = ..., resource_mapping: _Optional[_Iterable[_Union[_common_pb2.ResourceMapEntry, _Mapping]]] = ...) -> None: ...

class PushTaskReply(_message.Message):
    __slots__ = ("worker_exiting", "is_retryable_error", "is_application_error", "was_cancelled_before_running", "actor_repr_name", "task_execution_error")
    WORKER_EXITING_FIELD_NUMBER: _ClassVar[int]
    IS_RETRYABLE_ERROR_FIELD_NUMBER: _ClassVar[int]
    IS_APPLICATION_ERROR_FIELD_NUMBER: _ClassVar[int]
    WAS_CANCELLED_BEFORE_RUNNING_FIELD_NUMBER: _ClassVar[int]
    ACTOR_REPR_NAME_FIELD_NUMBER: _ClassVar[int]
    TASK_EXECUTION_ERROR_FIELD_NUMBER: _ClassVar[int]
    worker_exiting: bool
    is_retryable_error: bool
    is_application_error: bool
    was_cancelled_before_running: bool
    actor_repr_name: str
    task_execution_error: str
    def __init__(self, worker_exiting: _Optional[bool] = ..., is_retryable_error: _Optional[bool] = ..., is_application_error: _Optional[bool] = ..., was_cancelled_before_running: _Optional[bool] = ..., actor_repr_name: _Optional[str] = ..., task_execution_error: _Optional[str] = ...) -> None: ...

class WaitForActorRefDeletedRequest(_message.Message):
    __slots__ = ("intended_worker_id", "actor_id")
    INTENDED_WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    ACTOR_ID_FIELD_NUMBER: _ClassVar[int]
    intended_worker_id: bytes
    actor_id: bytes
    def __init__(self, intended_worker_id: _Optional[bytes] = ..., actor_id: _Optional[bytes] = ...) -> None: ...

class WaitForActorRefDeletedReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class KillActorRequest(_message.Message):
    __slots__ = ("intended_actor_id", "force_kill", "death_cause")
    INTENDED_ACTOR_ID_FIELD_NUMBER: _ClassVar[int]
    FORCE_KILL_FIELD_NUMBER: _ClassVar[int]
    DEATH_CAUSE_FIELD_NUMBER: _ClassVar[int]
    intended_actor_id: bytes
    force_kill: bool
    death_cause: _common_pb2.ActorDeathCause
    def __init__(self, intended_actor_id: _Optional[bytes] = ..., force_kill: _Optional[bool] = ..., death_cause: _Optional[_Union[_common_pb2.ActorDeathCause, _Mapping]] = ...) -> None: ...

class KillActorReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ExitRequest(_message.Message):
    __slots__ = ("force_exit",)
    FORCE_EXIT_FIELD_NUMBER: _ClassVar[int]
    force_exit: bool
    def __init__(self, force_exit: _Optional[bool] = ...) -> None: ...

class ExitReply(_message.Message):
    __slots__ = ("success",)
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    success: bool
    def __init__(self, success: _Optional[bool] = ...) -> None: ...

class NumPendingTasksRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class NumPendingTasksReply(_message.Message):
    __slots__ = ("num_pending_tasks",)
    NUM_PENDING_TASKS_FIELD_NUMBER: _ClassVar[int]
    num_pending_tasks: int
    def __init__(self, num_pending_tasks: _Optional[int] = ...) -> None: ...
