from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Language(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PYTHON: _ClassVar[Language]
    JAVA: _ClassVar[Language]
    CPP: _ClassVar[Language]

class WorkerType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WORKER: _ClassVar[WorkerType]
    DRIVER: _ClassVar[WorkerType]
    SPILL_WORKER: _ClassVar[WorkerType]
    RESTORE_WORKER: _ClassVar[WorkerType]

class TaskType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NORMAL_TASK: _ClassVar[TaskType]
    ACTOR_CREATION_TASK: _ClassVar[TaskType]
    ACTOR_TASK: _ClassVar[TaskType]
    DRIVER_TASK: _ClassVar[TaskType]

class WorkerExitType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SYSTEM_ERROR: _ClassVar[WorkerExitType]
    INTENDED_SYSTEM_EXIT: _ClassVar[WorkerExitType]
    USER_ERROR: _ClassVar[WorkerExitType]
    INTENDED_USER_EXIT: _ClassVar[WorkerExitType]
    NODE_OUT_OF_MEMORY: _ClassVar[WorkerExitType]

class PlacementStrategy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PACK: _ClassVar[PlacementStrategy]
    SPREAD: _ClassVar[PlacementStrategy]
    STRICT_PACK: _ClassVar[PlacementStrategy]
    STRICT_SPREAD: _ClassVar[PlacementStrategy]
PYTHON: Language
JAVA: Language
CPP: Language
WORKER: WorkerType
DRIVER: WorkerType
SPILL_WORKER: WorkerType
RESTORE_WORKER: WorkerType
NORMAL_TASK: TaskType
ACTOR_CREATION_TASK: TaskType
ACTOR_TASK: TaskType
DRIVER_TASK: TaskType
SYSTEM_ERROR: WorkerExitType
INTENDED_SYSTEM_EXIT: WorkerExitType
USER_ERROR: WorkerExitType
INTENDED_USER_EXIT: WorkerExitType
NODE_OUT_OF_MEMORY: WorkerExitType
PACK: PlacementStrategy
SPREAD: PlacementStrategy
STRICT_PACK: PlacementStrategy
STRICT_SPREAD: PlacementStrategy

class Address(_message.Message):
    __slots__ = ("node_id", "ip_address", "port", "worker_id")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    IP_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    node_id: bytes
    ip_address: str
    port: int
    worker_id: bytes
    def __init__(self, node_id: _Optional[bytes] = ..., ip_address: _Optional[str] = ..., port: _Optional[int] = ..., worker_id: _Optional[bytes] = ...) -> None: ...

class PythonFunctionDescriptor(_message.Message):
    __slots__ = ("module_name", "class_name", "function_name", "function_hash")
    MODULE_NAME_FIELD_NUMBER: _ClassVar[int]
    CLASS_NAME_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_NAME_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_HASH_FIELD_NUMBER: _ClassVar[int]
    module_name: str
    class_name: str
    function_name: str
    function_hash: str
    def __init__(self, module_name: _Optional[str] = ..., class_name: _Optional[str] = ..., function_name: _Optional[str] = ..., function_hash: _Optional[str] = ...) -> None: ...

class FunctionDescriptor(_message.Message):
    __slots__ = ("python_function_descriptor",)
    PYTHON_FUNCTION_DESCRIPTOR_FIELD_NUMBER: _ClassVar[int]
    python_function_descriptor: PythonFunctionDescriptor
    def __init__(self, python_function_descriptor: _Optional[_Union[PythonFunctionDescriptor, _Mapping]] = ...) -> None: ...

class RuntimeEnvInfo(_message.Message):
    __slots__ = ("serialized_runtime_env",)
    SERIALIZED_RUNTIME_ENV_FIELD_NUMBER: _ClassVar[int]
    serialized_runtime_env: str
    def __init__(self, serialized_runtime_env: _Optional[str] = ...) -> None: ...

class ResourceId(_message.Message):
    __slots__ = ("index", "quantity")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    index: int
    quantity: float
    def __init__(self, index: _Optional[int] = ..., quantity: _Optional[float] = ...) -> None: ...

class ResourceMapEntry(_message.Message):
    __slots__ = ("name", "resource_ids")
    NAME_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_IDS_FIELD_NUMBER: _ClassVar[int]
    name: str
    resource_ids: _containers.RepeatedCompositeFieldContainer[ResourceId]
    def __init__(self, name: _Optional[str] = ..., resource_ids: _Optional[_Iterable[_Union[ResourceId, _Mapping]]] = ...) -> None: ...

class RayException(_message.Message):
    __slots__ = ("language", "serialized_exception", "formatted_exception_string")
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    SERIALIZED_EXCEPTION_FIELD_NUMBER: _ClassVar[int]
    FORMATTED_EXCEPTION_STRING_FIELD_NUMBER: _ClassVar[int]
    language: Language
    serialized_exception: bytes
    formatted_exception_string: str
    def __init__(self, language: _Optional[_Union[Language, str]] = ..., serialized_exception: _Optional[bytes] = ..., formatted_exception_string: _Optional[str] = ...) -> None: ...

class NodeDeathInfo(_message.Message):
    __slots__ = ("reason", "reason_message")
    class Reason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        UNSPECIFIED: _ClassVar[NodeDeathInfo.Reason]
        EXPECTED_TERMINATION: _ClassVar[NodeDeathInfo.Reason]
        UNEXPECTED_TERMINATION: _ClassVar[NodeDeathInfo.Reason]
        AUTOSCALER_DRAIN_PREEMPTED: _ClassVar[NodeDeathInfo.Reason]
        AUTOSCALER_DRAIN_IDLE: _ClassVar[NodeDeathInfo.Reason]
    UNSPECIFIED: NodeDeathInfo.Reason
    EXPECTED_TERMINATION: NodeDeathInfo.Reason
    UNEXPECTED_TERMINATION: NodeDeathInfo.Reason
    AUTOSCALER_DRAIN_PREEMPTED: NodeDeathInfo.Reason
    AUTOSCALER_DRAIN_IDLE: NodeDeathInfo.Reason
    REASON_FIELD_NUMBER: _ClassVar[int]
    REASON_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    reason: NodeDeathInfo.Reason
    reason_message: str
    def __init__(self, reason: _Optional[_Union[NodeDeathInfo.Reason, str]] = ..., reason_message: _Optional[str] = ...) -> None: ...

class RuntimeEnvFailedContext(_message.Message):
    __slots__ = ("error_message",)
    ERROR_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    error_message: str
    def __init__(self, error_message: _Optional[str] = ...) -> None: ...

class ActorUnschedulableContext(_message.Message):
    __slots__ = ("error_message",)
    ERROR_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    error_message: str
    def __init__(self, error_message: _Optional[str] = ...) -> None: ...

class ActorDiedErrorContext(_message.Message):
    __slots__ = ("error_message", "owner_id", "owner_ip_address", "node_ip_address", "pid", "name", "ray_namespace", "class_name", "actor_id", "never_started", "node_death_info", "reason")
    class Reason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        UNSPECIFIED: _ClassVar[ActorDiedErrorContext.Reason]
        WORKER_DIED: _ClassVar[ActorDiedErrorContext.Reason]
        OWNER_DIED: _ClassVar[ActorDiedErrorContext.Reason]
        NODE_DIED: _ClassVar[ActorDiedErrorContext.Reason]
        RAY_KILL: _ClassVar[ActorDiedErrorContext.Reason]
        OUT_OF_SCOPE: _ClassVar[ActorDiedErrorContext.Reason]
        REF_DELETED: _ClassVar[ActorDiedErrorContext.Reason]
    UNSPECIFIED: ActorDiedErrorContext.Reason
    WORKER_DIED: ActorDiedErrorContext.Reason
    OWNER_DIED: ActorDiedErrorContext.Reason
    NODE_DIED: ActorDiedErrorContext.Reason
    RAY_KILL: ActorDiedErrorContext.Reason
    OUT_OF_SCOPE: ActorDiedErrorContext.Reason
    REF_DELETED: ActorDiedErrorContext.Reason
    ERROR_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    OWNER_ID_FIELD_NUMBER: _ClassVar[int]
    OWNER_IP_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    NODE_IP_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    RAY_NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    CLASS_NAME_FIELD_NUMBER: _ClassVar[int]
    ACTOR_ID_FIELD_NUMBER: _ClassVar[int]
    NEVER_STARTED_FIELD_NUMBER: _ClassVar[int]
    NODE_DEATH_INFO_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    error_message: str
    owner_id: bytes
    owner_ip_address: str
    node_ip_address: str
    pid: int
    name: str
    ray_namespace: str
    class_name: str
    actor_id: bytes
    never_started: bool
    node_death_info: NodeDeathInfo
    reason: ActorDiedErrorContext.Reason
    def __init__(self, error_message: _Optional[str] = ..., owner_id: _Optional[bytes] = ..., owner_ip_address: _Optional[str] = ..., node_ip_address: _Optional[str] = ..., pid: _Optional[int] = ..., name: _Optional[str] = ..., ray_namespace: _Optional[str] = ..., class_name: _Optional[str] = ..., actor_id: _Optional[bytes] = ..., never_started: _Optional[bool] = ..., node_death_info: _Optional[_Union[NodeDeathInfo, _Mapping]] = ..., reason: _Optional[_Union[ActorDiedErrorContext.Reason, str]] = ...) -> None: ...

class OomContext(_message.Message):
    __slots__ = ("error_message", "fail_immediately")
    ERROR_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    FAIL_IMMEDIATELY_FIELD_NUMBER: _ClassVar[int]
    error_message: str
    fail_immediately: bool
    def __init__(self, error_message: _Optional[str] = ..., fail_immediately: _Optional[bool] = ...) -> None: ...

class ActorDeathCause(_message.Message):
    __slots__ = ("creation_task_failure_context", "runtime_env_failed_context", "actor_died_error_context", "actor_unschedulable_context", "oom_context")
    CREATION_TASK_FAILURE_CONTEXT_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_ENV_FAILED_CONTEXT_FIELD_NUMBER: _ClassVar[int]
    ACTOR_DIED_ERROR_CONTEXT_FIELD_NUMBER: _ClassVar[int]
    ACTOR_UNSCHEDULABLE_CONTEXT_FIELD_NUMBER: _ClassVar[int]
    OOM_CONTEXT_FIELD_NUMBER: _ClassVar[int]
    creation_task_failure_context: RayException
    runtime_env_failed_context: RuntimeEnvFailedContext
    actor_died_error_context: ActorDiedErrorContext
    actor_unschedulable_context: ActorUnschedulableContext
    oom_context: OomContext
    def __init__(self, creation_task_failure_context: _Optional[_Union[RayException, _Mapping]] = ..., runtime_env_failed_context: _Optional[_Union[RuntimeEnvFailedContext, _Mapping]] = ..., actor_died_error_context: _Optional[_Union[ActorDiedErrorContext, _Mapping]] = ..., actor_unschedulable_context: _Optional[_Union[ActorUnschedulableContext, _Mapping]] = ..., oom_context: _Optional[_Union[OomContext, _Mapping]] = ...) -> None: ...

class PlacementGroupSchedulingStrategy(_message.Message):
    __slots__ = ("placement_group_id", "placement_group_bundle_index", "placement_group_capture_child_tasks")
    PLACEMENT_GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    PLACEMENT_GROUP_BUNDLE_INDEX_FIELD_NUMBER: _ClassVar[int]
    PLACEMENT_GROUP_CAPTURE_CHILD_TASKS_FIELD_NUMBER: _ClassVar[int]
    placement_group_id: bytes
    placement_group_bundle_index: int
    placement_group_capture_child_tasks: bool
    def __init__(self, placement_group_id: _Optional[bytes] = ..., placement_group_bundle_index: _Optional[int] = ..., placement_group_capture_child_tasks: _Optional[bool] = ...) -> None: ...

class DefaultSchedulingStrategy(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SpreadSchedulingStrategy(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class NodeAffinitySchedulingStrategy(_message.Message):
    __slots__ = ("node_id", "soft", "spill_on_unavailable", "fail_on_unavailable")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    SOFT_FIELD_NUMBER: _ClassVar[int]
    SPILL_ON_UNAVAILABLE_FIELD_NUMBER: _ClassVar[int]
    FAIL_ON_UNAVAILABLE_FIELD_NUMBER: _ClassVar[int]
    node_id: bytes
    soft: bool
    spill_on_unavailable: bool
    fail_on_unavailable: bool
    def __init__(self, node_id: _Optional[bytes] = ..., soft: _Optional[bool] = ..., spill_on_unavailable: _Optional[bool] = ..., fail_on_unavailable: _Optional[bool] = ...) -> None: ...

class SchedulingStrategy(_message.Message):
    __slots__ = ("default_scheduling_strategy", "placement_group_scheduling_strategy", "spread_scheduling_strategy", "node_affinity_scheduling_strategy")
    DEFAULT_SCHEDULING_STRATEGY_FIELD_NUMBER: _ClassVar[int]
    PLACEMENT_GROUP_SCHEDULING_STRATEGY_FIELD_NUMBER: _ClassVar[int]
    SPREAD_SCHEDULING_STRATEGY_FIELD_NUMBER: _ClassVar[int]
    NODE_AFFINITY_SCHEDULING_STRATEGY_FIELD_NUMBER: _ClassVar[int]
    default_scheduling_strategy: DefaultSchedulingStrategy
    placement_group_scheduling_strategy: PlacementGroupSchedulingStrategy
    spread_scheduling_strategy: SpreadSchedulingStrategy
    node_affinity_scheduling_strategy: NodeAffinitySchedulingStrategy
    def __init__(self, default_scheduling_strategy: _Optional[_Union[DefaultSchedulingStrategy, _Mapping]] = ..., placement_group_scheduling_strategy: _Optional[_Union[PlacementGroupSchedulingStrategy, _Mapping]] = ..., spread_scheduling_strategy: _Optional[_Union[SpreadSchedulingStrategy, _Mapping]] = ..., node_affinity_scheduling_strategy: _Optional[_Union[NodeAffinitySchedulingStrategy, _Mapping]] = ...) -> None: ...

class JobConfig(_message.Message):
    __slots__ = ("runtime_env_info", "ray_namespace", "metadata", "default_actor_lifetime")
    class ActorLifetime(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        DETACHED: _ClassVar[JobConfig.ActorLifetime]
        NON_DETACHED: _ClassVar[JobConfig.ActorLifetime]
    DETACHED: JobConfig.ActorLifetime
    NON_DETACHED: JobConfig.ActorLifetime
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    RUNTIME_ENV_INFO_FIELD_NUMBER: _ClassVar[int]
    RAY_NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_ACTOR_LIFETIME_FIELD_NUMBER: _ClassVar[int]
    runtime_env_info: RuntimeEnvInfo
    ray_namespace: str
    metadata: _containers.ScalarMap[str, str]
    default_actor_lifetime: JobConfig.ActorLifetime
    def __init__(self, runtime_env_info: _Optional[_Union[RuntimeEnvInfo, _Mapping]] = ..., ray_namespace: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ..., default_actor_lifetime: _Optional[_Union[JobConfig.ActorLifetime, str]] = ...) -> None: ...

class ActorCreationTaskSpec(_message.Message):
    __slots__ = ("actor_id", "max_actor_restarts", "max_task_retries", "dynamic_worker_options", "max_concurrency", "is_detached", "name", "ray_namespace", "is_asyncio", "extension_data", "serialized_actor_handle", "allow_out_of_order_execution", "max_pending_calls")
    ACTOR_ID_FIELD_NUMBER: _ClassVar[int]
    MAX_ACTOR_RESTARTS_FIELD_NUMBER: _ClassVar[int]
    MAX_TASK_RETRIES_FIELD_NUMBER: _ClassVar[int]
    DYNAMIC_WORKER_OPTIONS_FIELD_NUMBER: _ClassVar[int]
    MAX_CONCURRENCY_FIELD_NUMBER: _ClassVar[int]
    IS_DETACHED_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    RAY_NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    IS_ASYNCIO_FIELD_NUMBER: _ClassVar[int]
    EXTENSION_DATA_FIELD_NUMBER: _ClassVar[int]
    SERIALIZED_ACTOR_HANDLE_FIELD_NUMBER: _ClassVar[int]
    ALLOW_OUT_OF_ORDER_EXECUTION_FIELD_NUMBER: _ClassVar[int]
    MAX_PENDING_CALLS_FIELD_NUMBER: _ClassVar[int]
    actor_id: bytes
    max_actor_restarts: int
    max_task_retries: int
    dynamic_worker_options: _containers.RepeatedScalarFieldContainer[str]
    max_concurrency: int
    is_detached: bool
    name: str
    ray_namespace: str
    is_asyncio: bool
    extension_data: str
    serialized_actor_handle: bytes
    allow_out_of_order_execution: bool
    max_pending_calls: int
    def __init__(self, actor_id: _Optional[bytes] = ..., max_actor_restarts: _Optional[int] = ..., max_task_retries: _Optional[int] = ..., dynamic_worker_options: _Optional[_Iterable[str]] = ..., max_concurrency: _Optional[int] = ..., is_detached: _Optional[bool] = ..., name: _Optional[str] = ..., ray_namespace: _Optional[str] = ..., is_asyncio: _Optional[bool] = ..., extension_data: _Optional[str] = ..., serialized_actor_handle: _Optional[bytes] = ..., allow_out_of_order_execution: _Optional[bool] = ..., max_pending_calls: _Optional[int] = ...) -> None: ...

class TaskSpec(_message.Message):
    __slots__ = ("type", "name", "language", "function_descriptor", "job_id", "task_id", "parent_task_id", "parent_counter", "caller_id", "caller_address", "num_returns", "required_resources", "required_placement_resources", "actor_creation_task_spec", "max_retries", "runtime_env_info", "depth", "scheduling_strategy", "attempt_number", "job_config", "enable_task_events", "root_detached_actor_id", "labels")
    class RequiredResourcesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class RequiredPlacementResourcesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    TYPE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_DESCRIPTOR_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    PARENT_TASK_ID_FIELD_NUMBER: _ClassVar[int]
    PARENT_COUNTER_FIELD_NUMBER: _ClassVar[int]
    CALLER_ID_FIELD_NUMBER: _ClassVar[int]
    CALLER_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    NUM_RETURNS_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_RESOURCES_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_PLACEMENT_RESOURCES_FIELD_NUMBER: _ClassVar[int]
    ACTOR_CREATION_TASK_SPEC_FIELD_NUMBER: _ClassVar[int]
    MAX_RETRIES_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_ENV_INFO_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    SCHEDULING_STRATEGY_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_NUMBER_FIELD_NUMBER: _ClassVar[int]
    JOB_CONFIG_FIELD_NUMBER: _ClassVar[int]
    ENABLE_TASK_EVENTS_FIELD_NUMBER: _ClassVar[int]
    ROOT_DETACHED_ACTOR_ID_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    type: TaskType
    name: str
    language: Language
    function_descriptor: FunctionDescriptor
    job_id: bytes
    task_id: bytes
    parent_task_id: bytes
    parent_counter: int
    caller_id: bytes
    caller_address: Address
    num_returns: int
    required_resources: _containers.ScalarMap[str, float]
    required_placement_resources: _containers.ScalarMap[str, float]
    actor_creation_task_spec: ActorCreationTaskSpec
    max_retries: int
    runtime_env_info: RuntimeEnvInfo
    depth: int
    scheduling_strategy: SchedulingStrategy
    attempt_number: int
    job_config: JobConfig
    enable_task_events: bool
    root_detached_actor_id: bytes
    labels: _containers.ScalarMap[str, str]
    def __init__(self, type: _Optional[_Union[TaskType, str]] = ..., name: _Optional[str] = ..., language: _Optional[_Union[Language, str]] = ..., function_descriptor: _Optional[_Union[FunctionDescriptor, _Mapping]] = ..., job_id: _Optional[bytes] = ..., task_id: _Optional[bytes] = ..., parent_task_id: _Optional[bytes] = ..., parent_counter: _Optional[int] = ..., caller_id: _Optional[bytes] = ..., caller_address: _Optional[_Union[Address, _Mapping]] = ..., num_returns: _Optional[int] = ..., required_resources: _Optional[_Mapping[str, float]] = ..., required_placement_resources: _Optional[_Mapping[str, float]] = ..., actor_creation_task_spec: _Optional[_Union[ActorCreationTaskSpec, _Mapping]] = ..., max_retries: _Optional[int] = ..., runtime_env_info: _Optional[_Union[RuntimeEnvInfo, _Mapping]] = ..., depth: _Optional[int] = ..., scheduling_strategy: _Optional[_Union[SchedulingStrategy, _Mapping]] = ..., attempt_number: _Optional[int] = ..., job_config: _Optional[_Union[JobConfig, _Mapping]] = ..., enable_task_events: _Optional[bool] = ..., root_detached_actor_id: _Optional[bytes] = ..., labels: _Optional[_Mapping[str, str]] = ...) -> None: ...

class LeaseSpec(_message.Message):
    __slots__ = ("lease_id", "job_id", "caller_address", "type", "actor_id", "is_detached_actor", "root_detached_actor_id", "max_actor_restarts", "required_resources", "required_placement_resources", "scheduling_strategy", "depth", "runtime_env_info", "parent_task_id", "language", "function_descriptor", "dynamic_worker_options", "max_retries", "attempt_number", "task_name")
    class RequiredResourcesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class RequiredPlacementResourcesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    LEASE_ID_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    CALLER_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    ACTOR_ID_FIELD_NUMBER: _ClassVar[int]
    IS_DETACHED_ACTOR_FIELD_NUMBER: _ClassVar[int]
    ROOT_DETACHED_ACTOR_ID_FIELD_NUMBER: _ClassVar[int]
    MAX_ACTOR_RESTARTS_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_RESOURCES_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_PLACEMENT_RESOURCES_FIELD_NUMBER: _ClassVar[int]
    SCHEDULING_STRATEGY_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_ENV_INFO_FIELD_NUMBER: _ClassVar[int]
    PARENT_TASK_ID_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_DESCRIPTOR_FIELD_NUMBER: _ClassVar[int]
    DYNAMIC_WORKER_OPTIONS_FIELD_NUMBER: _ClassVar[int]
    MAX_RETRIES_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_NUMBER_FIELD_NUMBER: _ClassVar[int]
    TASK_NAME_FIELD_NUMBER: _ClassVar[int]
    lease_id: bytes
    job_id: bytes
    caller_address: Address
    type: TaskType
    actor_id: bytes
    is_detached_actor: bool
    root_detached_actor_id: bytes
    max_actor_restarts: int
    required_resources: _containers.ScalarMap[str, float]
    required_placement_resources: _containers.ScalarMap[str, float]
    scheduling_strategy: SchedulingStrategy
    depth: int
    runtime_env_info: RuntimeEnvInfo
    parent_task_id: bytes
    language: Language
    function_descriptor: FunctionDescriptor
    dynamic_worker_options: _containers.RepeatedScalarFieldContainer[str]
    max_retries: int
    attempt_number: int
    task_name: str
    def __init__(self, lease_id: _Optional[bytes] = ..., job_id: _Optional[bytes] = ..., caller_address: _Optional[_Union[Address, _Mapping]] = ..., type: _Optional[_Union[TaskType, str]] = ..., actor_id: _Optional[bytes] = ..., is_detached_actor: _Optional[bool] = ..., root_detached_actor_id: _Optional[bytes] = ..., max_actor_restarts: _Optional[int] = ..., required_resources: _Optional[_Mapping[str, float]] = ..., required_placement_resources: _Optional[_Mapping[str, float]] = ..., scheduling_strategy: _Optional[_Union[SchedulingStrategy, _Mapping]] = ..., depth: _Optional[int] = ..., runtime_env_info: _Optional[_Union[RuntimeEnvInfo, _Mapping]] = ..., parent_task_id: _Optional[bytes] = ..., language: _Optional[_Union[Language, str]] = ..., function_descriptor: _Optional[_Union[FunctionDescriptor, _Mapping]] = ..., dynamic_worker_options: _Optional[_Iterable[str]] = ..., max_retries: _Optional[int] = ..., attempt_number: _Optional[int] = ..., task_name: _Optional[str] = ...) -> None: ...

class Bundle(_message.Message):
    __slots__ = ("bundle_id", "unit_resources", "node_id")
    class BundleIdentifier(_message.Message):
        __slots__ = ("placement_group_id", "bundle_index")
        PLACEMENT_GROUP_ID_FIELD_NUMBER: _ClassVar[int]
        BUNDLE_INDEX_FIELD_NUMBER: _ClassVar[int]
        placement_group_id: bytes
        bundle_index: int
        def __init__(self, placement_group_id: _Optional[bytes] = ..., bundle_index: _Optional[int] = ...) -> None: ...
    class UnitResourcesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    BUNDLE_ID_FIELD_NUMBER: _ClassVar[int]
    UNIT_RESOURCES_FIELD_NUMBER: _ClassVar[int]
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    bundle_id: Bundle.BundleIdentifier
    unit_resources: _containers.ScalarMap[str, float]
    node_id: bytes
    def __init__(self, bundle_id: _Optional[_Union[Bundle.BundleIdentifier, _Mapping]] = ..., unit_resources: _Optional[_Mapping[str, float]] = ..., node_id: _Optional[bytes] = ...) -> None: ...

class PlacementGroupSpec(_message.Message):
    __slots__ = ("max_cpu_fraction_per_node", "placement_group_id", "name", "bundles", "strategy", "creator_job_id", "creator_actor_id", "creator_job_dead", "creator_actor_dead", "is_detached", "soft_target_node_id")
    MAX_CPU_FRACTION_PER_NODE_FIELD_NUMBER: _ClassVar[int]
    PLACEMENT_GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    BUNDLES_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    CREATOR_JOB_ID_FIELD_NUMBER: _ClassVar[int]
    CREATOR_ACTOR_ID_FIELD_NUMBER: _ClassVar[int]
    CREATOR_JOB_DEAD_FIELD_NUMBER: _ClassVar[int]
    CREATOR_ACTOR_DEAD_FIELD_NUMBER: _ClassVar[int]
    IS_DETACHED_FIELD_NUMBER: _ClassVar[int]
    SOFT_TARGET_NODE_ID_FIELD_NUMBER: _ClassVar[int]
    max_cpu_fraction_per_node: float
    placement_group_id: bytes
    name: str
    bundles: _containers.RepeatedCompositeFieldContainer[Bundle]
    strategy: PlacementStrategy
    creator_job_id: bytes
    creator_actor_id: bytes
    creator_job_dead: bool
    creator_actor_dead: bool
    is_detached: bool
    soft_target_node_id: bytes
    def __init__(self, max_cpu_fraction_per_node: _Optional[float] = ..., placement_group_id: _Optional[bytes] = ..., name: _Optional[str] = ..., bundles: _Optional[_Iterable[_Union[Bundle, _Mapping]]] = ..., strategy: _Optional[_Union[PlacementStrategy, str]] = ..., creator_job_id: _Optional[bytes] = ..., creator_actor_id: _Optional[bytes] = ..., creator_job_dead: _Optional[bool] = ..., creator_actor_dead: _Optional[bool] = ..., is_detached: _Optional[bool] = ..., soft_target_node_id: _Optional[bytes] = ...) -> None: ...

class NamedActorInfo(_message.Message):
    __slots__ = ("ray_namespace", "name")
    RAY_NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ray_namespace: str
    name: str
    def __init__(self, ray_namespace: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class NodeResourceUsage(_message.Message):
    __slots__ = ("json",)
    JSON_FIELD_NUMBER: _ClassVar[int]
    json: str
    def __init__(self, json: _Optional[str] = ...) -> None: ...
