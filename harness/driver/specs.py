"""The requests a driver sends, built from plain values. Pure.

Shapes follow what the core worker of Ray sends (``src/ray/core_worker/core_worker.cc``), as far
as a GCS reads them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.wire import ids
from harness.wire import messages as m

STRATEGIES = {
    "PACK": m.PACK,
    "SPREAD": m.SPREAD,
    "STRICT_PACK": m.STRICT_PACK,
    "STRICT_SPREAD": m.STRICT_SPREAD,
}


@dataclass(frozen=True)
class Owner:
    """Who owns what is created: a worker of ``job`` on the node ``node_id``, at ``ip:port``."""

    job: bytes
    worker_id: bytes
    node_id: bytes
    ip: str
    port: int

    def address(self) -> m.Address:
        return m.Address(node_id=self.node_id, ip_address=self.ip, port=self.port, worker_id=self.worker_id)


@dataclass(frozen=True)
class ActorSpec:
    """An actor as a user asks for it. ``max_restarts`` of -1 is without limit."""

    actor_id: bytes
    name: str = ""
    ray_namespace: str = "gauntlet"
    detached: bool = False
    max_restarts: int = 0
    resources: Mapping[str, float] = field(default_factory=lambda: {"CPU": 1.0})
    placement_group: bytes = b""
    bundle_index: int = -1
    creator_actor: bytes = b""
    """The actor that creates it, when it is not the driver itself."""
    root_detached_actor: bytes = b""


def actor_task(owner: Owner, spec: ActorSpec) -> m.TaskSpec:
    """The creation task of ``spec``, owned by ``owner``: RegisterActor and CreateActor carry it."""
    resources = dict(spec.resources)
    strategy = m.SchedulingStrategy(default_scheduling_strategy=m.DefaultSchedulingStrategy())
    if spec.placement_group:
        resources = group_resources(resources, spec.placement_group, spec.bundle_index)
        strategy = m.SchedulingStrategy(
            placement_group_scheduling_strategy=m.PlacementGroupSchedulingStrategy(
                placement_group_id=spec.placement_group,
                placement_group_bundle_index=spec.bundle_index,
            )
        )
    root = spec.root_detached_actor or (spec.actor_id if spec.detached else b"")
    # A task id, not a worker id: of the caller that is an actor, its creation; else the driver's own task.
    parent = ids.creation_task_id(spec.creator_actor) if spec.creator_actor else ids.driver_task_id(owner.job)
    return m.TaskSpec(
        type=m.ACTOR_CREATION_TASK,
        name="Counter.__init__",
        language=m.PYTHON,
        function_descriptor=m.FunctionDescriptor(
            python_function_descriptor=m.PythonFunctionDescriptor(
                module_name="gauntlet", class_name="Counter", function_name="__init__"
            )
        ),
        job_id=owner.job,
        task_id=ids.creation_task_id(spec.actor_id),
        parent_task_id=parent,
        caller_id=parent,
        caller_address=owner.address(),
        num_returns=1,
        required_resources=resources,
        required_placement_resources=resources,
        runtime_env_info=m.RuntimeEnvInfo(serialized_runtime_env="{}"),
        scheduling_strategy=strategy,
        root_detached_actor_id=root,
        job_config=m.JobConfig(ray_namespace=spec.ray_namespace),
        actor_creation_task_spec=m.ActorCreationTaskSpec(
            actor_id=spec.actor_id,
            max_actor_restarts=spec.max_restarts,
            max_concurrency=1,
            is_detached=spec.detached,
            name=spec.name,
            ray_namespace=spec.ray_namespace,
            max_pending_calls=-1,
        ),
    )


def group_resources(resources: Mapping[str, float], group: bytes, index: int) -> dict[str, float]:
    """The names under which a bundle offers ``resources`` (``bundle_spec.cc``: FormatPlacementGroupResource).

    Index -1 means any bundle of the group.
    """
    named = {f"{kind}_group_{group.hex()}": amount for kind, amount in resources.items()}
    if index >= 0:
        named |= {f"{kind}_group_{index}_{group.hex()}": amount for kind, amount in resources.items()}
    return named


def placement_group(
    owner: Owner,
    group: bytes,
    bundles: Sequence[Mapping[str, float]],
    strategy: str = "PACK",
    name: str = "",
    detached: bool = False,
) -> m.PlacementGroupSpec:
    """A placement group of ``bundles``. ``strategy`` is one of :data:`STRATEGIES`."""
    return m.PlacementGroupSpec(
        placement_group_id=group,
        name=name,
        strategy=STRATEGIES[strategy],
        creator_job_id=owner.job,
        creator_actor_id=ids.NIL_ACTOR,
        creator_actor_dead=True,  # the core worker says so of a group that a driver creates
        is_detached=detached,
        soft_target_node_id=ids.NIL_NODE,
        max_cpu_fraction_per_node=1.0,  # releases up to 2.49 keep a CPU free otherwise
        bundles=[
            m.Bundle(
                bundle_id=m.Bundle.BundleIdentifier(placement_group_id=group, bundle_index=index),
                unit_resources=dict(resources),
            )
            for index, resources in enumerate(bundles)
        ],
    )


def job(
    owner: Owner, driver_pid: int, entrypoint: str = "gauntlet", ray_namespace: str = "gauntlet"
) -> m.JobTableData:
    """A job's row, as the raylet sends it on its driver's behalf."""
    return m.JobTableData(
        job_id=owner.job,
        driver_ip_address=owner.ip,
        driver_pid=driver_pid,
        entrypoint=entrypoint,
        driver_address=owner.address(),
        config=m.JobConfig(
            ray_namespace=ray_namespace, runtime_env_info=m.RuntimeEnvInfo(serialized_runtime_env="{}")
        ),
    )


def worker(owner: Owner, pid: int, kind: int = m.DRIVER) -> m.WorkerTableData:
    """A worker's row. ``kind`` is a WorkerType."""
    return m.WorkerTableData(is_alive=True, worker_address=owner.address(), worker_type=kind, pid=pid)  # type: ignore[arg-type]
