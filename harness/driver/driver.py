"""A driver: a job, what it owns, and the control calls that a user's program makes."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, Protocol, TypeVar

from harness.driver import specs
from harness.driver.client import QUICK_BACKOFF, GcsClient
from harness.driver.pending import Pending
from harness.driver.specs import ActorSpec, Owner
from harness.history.recorder import Recorder
from harness.wire import ids
from harness.wire import messages as m
from harness.wire.dialect import Dialect

P = ParamSpec("P")
T = TypeVar("T")


class Home(Protocol):
    """The raylet on whose node the driver lives."""

    node_id: bytes
    address: str

    def attach_driver(self, worker_id: bytes) -> int:
        """Serve as the owner ``worker_id``; its port."""

    def drop_ref(self, actor_id: bytes, worker_id: bytes | None = None) -> None:
        """The owner lets go of its actor."""

    def detach_driver(self, worker_id: bytes) -> None: ...


class Driver:
    """A driver on the node of ``home``, talking to the GCS at ``target``.

    Every control call blocks until it is answered, however often the GCS dies meanwhile;
    :meth:`begin` makes one in the background. Refusals raise ``Refused``.
    """

    def __init__(
        self,
        target: str,
        dialect: Dialect,
        home: Home,
        options: Mapping[str, Any] = QUICK_BACKOFF,
        recorder: Recorder | None = None,
        name: str = "driver",
    ) -> None:
        self.gcs = GcsClient(target, dialect, options, recorder=recorder or Recorder(), name=name)
        self.home = home
        self.owner = Owner(b"", b"", home.node_id, home.address, 0)
        self._background = ThreadPoolExecutor(max_workers=64, thread_name_prefix="driver")
        self._tags = itertools.count(1)

    def begin(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Pending[T]:
        """Make ``call`` in the background: ``driver.begin(driver.create_actor, name="a")``."""
        return Pending(call.__name__, self._background.submit(call, *args, **kwargs))

    def close(self) -> None:
        """Hang up. The owner stays on its node, as a driver that sleeps; :meth:`die` ends it."""
        self.gcs.close()
        self._background.shutdown(wait=False, cancel_futures=True)

    def die(self) -> None:
        """End the driver's process as its raylet sees it: the owner no longer answers."""
        self.home.detach_driver(self.owner.worker_id)

    # Jobs

    def connect(self) -> bytes:
        """What ``ray.init`` does: learn the cluster id, take a job id, add the job. The job id."""
        self.gcs.learn_cluster_id()
        job = ids.job_id(self.next_job_id())
        worker_id = ids.driver_worker_id(job)
        port = self.home.attach_driver(worker_id)
        self.owner = Owner(job, worker_id, self.home.node_id, self.home.address, port)
        self.gcs.checked("AddJob", m.AddJobRequest(data=specs.job(self.owner, os.getpid())))
        self.gcs.checked(
            "AddWorkerInfo", m.AddWorkerInfoRequest(worker_data=specs.worker(self.owner, os.getpid()))
        )
        return job

    @property
    def job(self) -> bytes:
        return self.owner.job

    def next_job_id(self, within: float = 30.0) -> int:
        return int(self.gcs.checked("GetNextJobID", m.GetNextJobIDRequest(), within).job_id)

    def finish_job(self, job: bytes | None = None, within: float = 30.0) -> None:
        self.gcs.checked("MarkJobFinished", m.MarkJobFinishedRequest(job_id=job or self.job), within)

    # Actors

    def actor_spec(self, **wishes: Any) -> ActorSpec:
        """An :class:`ActorSpec` of this job with a fresh id; ``wishes`` are its fields."""
        return ActorSpec(actor_id=wishes.pop("actor_id", None) or ids.actor_id(self.job), **wishes)

    def registration(self, spec: ActorSpec) -> m.RegisterActorRequest:
        """The request that registers ``spec``, owned by this driver."""
        return m.RegisterActorRequest(task_spec=specs.actor_task(self.owner, spec))

    def create_child_actor(self, parent: bytes, within: float = 30.0, **wishes: Any) -> bytes:
        """An actor that the actor ``parent`` (detached, alive) creates and owns; its id."""
        address = self.actor(parent, within).address
        owner = Owner(self.job, address.worker_id, address.node_id, address.ip_address, address.port)
        spec = self.actor_spec(creator_actor=parent, root_detached_actor=parent, **wishes)
        task = specs.actor_task(owner, spec)
        self.gcs.checked("RegisterActor", m.RegisterActorRequest(task_spec=task), within)
        self.gcs.checked("CreateActor", m.CreateActorRequest(task_spec=task), within)
        return spec.actor_id

    def register_actor(self, spec: ActorSpec, within: float = 30.0) -> None:
        self.gcs.checked("RegisterActor", self.registration(spec), within)

    def instantiate_actor(self, spec: ActorSpec, within: float = 30.0) -> m.CreateActorReply:
        """CreateActor of a registered actor: answered when it is alive, or refused."""
        task = specs.actor_task(self.owner, spec)
        reply: m.CreateActorReply = self.gcs.checked(
            "CreateActor", m.CreateActorRequest(task_spec=task), within
        )
        return reply

    def create_actor(self, within: float = 30.0, **wishes: Any) -> bytes:
        """Register and create an actor (``wishes``: fields of ActorSpec); its id, once it is alive."""
        spec = self.actor_spec(**wishes)
        self.register_actor(spec, within)
        self.instantiate_actor(spec, within)
        return spec.actor_id

    def kill_actor(self, actor: bytes, no_restart: bool = True, within: float = 30.0) -> None:
        self.gcs.checked(
            "KillActorViaGcs",
            m.KillActorViaGcsRequest(actor_id=actor, force_kill=True, no_restart=no_restart),
            within,
        )

    def actor(self, actor: bytes, within: float = 30.0) -> m.ActorTableData:
        """The actor's row; an empty one (no actor_id) when the GCS does not know it."""
        reply = self.gcs.control("GetActorInfo", m.GetActorInfoRequest(actor_id=actor), within)
        row: m.ActorTableData = reply.actor_table_data
        return row

    def actor_named(
        self, name: str, ray_namespace: str = "gauntlet", within: float = 30.0
    ) -> m.ActorTableData:
        """The row of the actor of that name; Refused (not found) when there is none."""
        request = m.GetNamedActorInfoRequest(name=name, ray_namespace=ray_namespace)
        row: m.ActorTableData = self.gcs.checked("GetNamedActorInfo", request, within).actor_table_data
        return row

    # Nodes

    def drain_node(
        self,
        node: bytes,
        idle: bool = False,
        why: str = "drained by a scenario",
        seconds: float = 60.0,
        within: float = 30.0,
    ) -> m.autoscaler.DrainNodeReply:
        """Ask as the autoscaler does that ``node`` takes nothing new and leaves; what was answered.

        ``idle``: end it because it is idle, which it may refuse; else its machine is taken away in ``seconds``.
        """
        reason = m.autoscaler.DRAIN_NODE_REASON_PREEMPTION
        if idle:
            reason = m.autoscaler.DRAIN_NODE_REASON_IDLE_TERMINATION
        request = m.autoscaler.DrainNodeRequest(
            node_id=node,
            reason=reason,
            reason_message=why,
            deadline_timestamp_ms=int((time.time() + seconds) * 1000),
        )
        reply: m.autoscaler.DrainNodeReply = self.gcs.control(
            "AutoscalerStateService.DrainNode", request, within
        )
        return reply

    def shut_nodes_down(self, *nodes: bytes, within: float = 30.0) -> list[bytes]:
        """End ``nodes`` in order, by the older DrainNode; those that the answer names."""
        request = m.DrainNodeRequest(drain_node_data=[m.DrainNodeData(node_id=one) for one in nodes])
        reply = self.gcs.checked("NodeInfoGcsService.DrainNode", request, within)
        return [one.node_id for one in reply.drain_node_status]

    def draining_nodes(self, within: float = 30.0) -> dict[bytes, int]:
        """The nodes that drain, and until when (Unix milliseconds)."""
        reply = self.gcs.checked("GetDrainingNodes", m.GetDrainingNodesRequest(), within)
        return {one.node_id: one.draining_deadline_timestamp_ms for one in reply.draining_nodes}

    # Placement groups

    def create_placement_group(
        self,
        bundles: Sequence[Mapping[str, float]] = ({"CPU": 1.0},),
        strategy: str = "PACK",
        name: str = "",
        detached: bool = False,
        within: float = 30.0,
        ready: bool = True,
        group: bytes | None = None,
    ) -> bytes:
        """Create a group, and wait until its bundles stand (``ready=False``: only until accepted)."""
        group = group or ids.placement_group_id(self.job)
        spec = specs.placement_group(self.owner, group, bundles, strategy, name, detached)
        self.gcs.checked(
            "CreatePlacementGroup", m.CreatePlacementGroupRequest(placement_group_spec=spec), within
        )
        if ready:
            self.wait_placement_group(group, within)
        return group

    def wait_placement_group(self, group: bytes, within: float = 30.0) -> None:
        request = m.WaitPlacementGroupUntilReadyRequest(placement_group_id=group)
        self.gcs.checked("WaitPlacementGroupUntilReady", request, within)

    def remove_placement_group(self, group: bytes, within: float = 30.0) -> None:
        self.gcs.checked(
            "RemovePlacementGroup", m.RemovePlacementGroupRequest(placement_group_id=group), within
        )

    def placement_group(self, group: bytes, within: float = 30.0) -> m.PlacementGroupTableData:
        """The group's row; an empty one when the GCS does not know it."""
        request = m.GetPlacementGroupRequest(placement_group_id=group)
        row: m.PlacementGroupTableData = self.gcs.control(
            "GetPlacementGroup", request, within
        ).placement_group_table_data
        return row

    # Key-values

    def put(
        self,
        key: bytes,
        value: bytes,
        namespace: bytes = b"gauntlet",
        overwrite: bool = True,
        within: float = 30.0,
    ) -> bool:
        """Whether a new key was made."""
        request = m.InternalKVPutRequest(key=key, value=value, namespace=namespace, overwrite=overwrite)
        return bool(self.gcs.checked("InternalKVPut", request, within).added)

    def get(self, key: bytes, namespace: bytes = b"gauntlet", within: float = 30.0) -> bytes | None:
        reply = self.gcs.control(
            "InternalKVGet", m.InternalKVGetRequest(key=key, namespace=namespace), within
        )
        return None if reply.status.code else bytes(reply.value)

    def delete(
        self, key: bytes, namespace: bytes = b"gauntlet", by_prefix: bool = False, within: float = 30.0
    ) -> int:
        """How many keys were deleted."""
        request = m.InternalKVDelRequest(key=key, namespace=namespace, del_by_prefix=by_prefix)
        return int(self.gcs.checked("InternalKVDel", request, within).deleted_num)

    def keys(self, prefix: bytes = b"", namespace: bytes = b"gauntlet", within: float = 30.0) -> list[bytes]:
        request = m.InternalKVKeysRequest(prefix=prefix, namespace=namespace)
        return sorted(self.gcs.checked("InternalKVKeys", request, within).results)
