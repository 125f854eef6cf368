"""Making an actor's row, its lease and its messages out of its task spec."""

from __future__ import annotations

from harness.wire import ids
from harness.wire import messages as m
from reference_gcs.core.wire_copy import carry_unknown, map_entry

CALL_SITE, LABEL_SELECTOR, FALLBACK = 42, 43, 45  # numbers of TaskSpec that our protos leave out


def new_row(spec: m.TaskSpec, ray_namespace: str) -> m.ActorTableData:
    """The DEPENDENCIES_UNREADY row of a registration.

    Fields and their values: compared with what ``gcs_server`` 2.60.0 stores.
    """
    creation = spec.actor_creation_task_spec
    row = m.ActorTableData(
        actor_id=creation.actor_id,
        job_id=spec.job_id,
        state=m.ActorTableData.DEPENDENCIES_UNREADY,
        max_restarts=creation.max_actor_restarts,
        owner_address=spec.caller_address,
        is_detached=creation.is_detached,
        name=creation.name,
        ray_namespace=ray_namespace,
        function_descriptor=spec.function_descriptor,
        serialized_runtime_env=spec.runtime_env_info.serialized_runtime_env,
        class_name=class_name(spec),
        required_resources=spec.required_resources,
        address=m.Address(node_id=ids.NIL_NODE, worker_id=ids.NIL_WORKER),
    )
    group_id = placement_group_of(spec)
    if group_id:
        row.placement_group_id = group_id
    carry_unknown(spec, row, {CALL_SITE: 34, LABEL_SELECTOR: 35, FALLBACK: 38})
    if spec.labels:
        row.MergeFromString(b"".join(map_entry(37, key, value) for key, value in spec.labels.items()))
    return row


def class_name(spec: m.TaskSpec) -> str:
    return spec.function_descriptor.python_function_descriptor.class_name


def placement_group_of(spec: m.TaskSpec) -> bytes:
    """The group in which the actor must run, or empty."""
    strategy = spec.scheduling_strategy
    if not strategy.HasField("placement_group_scheduling_strategy"):
        return b""
    group_id = strategy.placement_group_scheduling_strategy.placement_group_id
    return b"" if ids.is_nil(group_id) else group_id


def lease_spec(spec: m.TaskSpec, lease_id: bytes) -> m.LeaseSpec:
    """What a raylet needs to know of ``spec`` to lease a worker for it."""
    creation = spec.actor_creation_task_spec
    lease = m.LeaseSpec(
        lease_id=lease_id,
        job_id=spec.job_id,
        caller_address=spec.caller_address,
        type=spec.type,
        actor_id=creation.actor_id,
        is_detached_actor=creation.is_detached,
        root_detached_actor_id=spec.root_detached_actor_id,
        max_actor_restarts=creation.max_actor_restarts,
        required_resources=spec.required_resources,
        required_placement_resources=spec.required_placement_resources or spec.required_resources,
        scheduling_strategy=spec.scheduling_strategy,
        depth=spec.depth,
        runtime_env_info=spec.runtime_env_info,
        parent_task_id=spec.parent_task_id,
        language=spec.language,
        function_descriptor=spec.function_descriptor,
        dynamic_worker_options=creation.dynamic_worker_options,
        max_retries=spec.max_retries,
        attempt_number=spec.attempt_number,
        task_name=spec.name,
    )
    carry_unknown(spec, lease, {LABEL_SELECTOR: 12, FALLBACK: 23})
    return lease


def delta(row: m.ActorTableData) -> m.ActorTableData:
    """What a state change publishes: no actor id (the key says it), no constant fields."""
    changed = m.ActorTableData(
        state=row.state,
        address=row.address,
        num_restarts=row.num_restarts,
        max_restarts=row.max_restarts,
        timestamp=row.timestamp,
        pid=row.pid,
        start_time=row.start_time,
        end_time=row.end_time,
        repr_name=row.repr_name,
        preempted=row.preempted,
        num_restarts_due_to_lineage_reconstruction=row.num_restarts_due_to_lineage_reconstruction,
        num_restarts_due_to_node_preemption=row.num_restarts_due_to_node_preemption,
    )
    if row.HasField("death_cause"):
        changed.death_cause.CopyFrom(row.death_cause)
    return changed


def restarts_left(row: m.ActorTableData) -> bool:
    """Restarts after a preempted node are free; -1 means no limit."""
    spent = row.num_restarts - row.num_restarts_due_to_node_preemption
    return row.max_restarts == -1 or spent < row.max_restarts


def is_restartable(row: m.ActorTableData) -> bool:
    """A DEAD actor that lineage reconstruction may bring back: out of scope, restarts left."""
    reason = row.death_cause.actor_died_error_context.reason
    return reason == m.ActorDiedErrorContext.OUT_OF_SCOPE and restarts_left(row)


def death_cause(
    row: m.ActorTableData,
    reason: m.ActorDiedErrorContext.Reason,
    text: str,
    node_death: m.NodeDeathInfo | None = None,
) -> m.ActorDeathCause:
    """Why ``row``'s actor died, in the words that clients show."""
    context = m.ActorDiedErrorContext(
        reason=reason,
        error_message=text,
        owner_id=row.owner_address.worker_id,
        owner_ip_address=row.owner_address.ip_address,
        node_ip_address=row.address.ip_address,
        pid=row.pid,
        name=row.name,
        ray_namespace=row.ray_namespace,
        class_name=row.class_name,
        actor_id=row.actor_id,
        never_started=row.num_restarts == 0 and row.start_time == 0,
    )
    if node_death is not None:
        context.node_death_info.CopyFrom(node_death)
    return m.ActorDeathCause(actor_died_error_context=context)
