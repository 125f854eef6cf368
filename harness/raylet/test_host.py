"""A real host process, real worker processes, and a stub of a GCS."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest

from harness.process.ports import allocate_port
from harness.raylet.client import RayletHost
from harness.raylet.handles import RayletHandle
from harness.raylet.reconnect import LIMIT_VARIABLE
from harness.raylet.stub_gcs import StubGcs
from harness.wait import never, until
from harness.wire import ids
from harness.wire import messages as m
from harness.wire.dialect import dialect
from harness.wire.rpc import multicallable

Start = Callable[..., RayletHost]
JOB = ids.job_id(1)


@pytest.fixture
def gcs() -> Iterator[StubGcs]:
    stub = StubGcs(allocate_port())
    stub.start()
    yield stub
    stub.stop()


@pytest.fixture
def start(gcs: StubGcs, tmp_path: Path) -> Iterator[Start]:
    hosts: list[RayletHost] = []

    def begin(limit: float = 60.0, lasting: bool = False) -> RayletHost:
        host = RayletHost(
            gcs.address,
            directory=tmp_path / f"host{len(hosts)}",
            shared=tmp_path / "shared",
            env={LIMIT_VARIABLE: str(limit)},
            check_interval=0.1,
            channel_options={"grpc.min_reconnect_backoff_ms": 100, "grpc.max_reconnect_backoff_ms": 200},
            lasting=lasting,
        )
        hosts.append(host)
        return host

    yield begin
    for host in hosts:
        host.close()


def ended(pid: int) -> bool:
    """Is the process over? One that nobody has reaped yet counts."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def order(raylet: RayletHandle, name: str, request: Any, port: int = 0, timeout: float = 5.0) -> Any:
    """Call the raylet, or a worker of it, as a GCS does: with gRPC's own client."""
    with grpc.insecure_channel(f"{raylet.address}:{port or raylet.port}") as channel:
        return multicallable(channel, name, dialect())(request, timeout=timeout)


def lease(raylet: RayletHandle, actor: bytes, lease_id: bytes = b"", within: float = 5.0, **more: Any) -> Any:
    spec = m.LeaseSpec(
        lease_id=lease_id or os.urandom(32), actor_id=actor, job_id=JOB, required_resources={"CPU": 1.0}
    )
    request = m.RequestWorkerLeaseRequest(lease_spec=spec, **more)
    return order(raylet, "NodeManagerService.RequestWorkerLease", request, timeout=within)


def push(raylet: RayletHandle, granted: Any, actor: bytes) -> Any:
    task = m.TaskSpec(type=m.ACTOR_CREATION_TASK, task_id=ids.creation_task_id(actor))
    task.actor_creation_task_spec.actor_id = actor
    request = m.PushTaskRequest(intended_worker_id=granted.worker_address.worker_id, task_spec=task)
    return order(raylet, "CoreWorkerService.PushTask", request, granted.worker_address.port)


def test_it_registers_subscribes_and_syncs(gcs: StubGcs, start: Start) -> None:
    raylet = start().add("127.7.1.1", resources={"CPU": 2}, is_head=True, labels={"zone": "a"})
    (node,) = [request.node_info for request in gcs.requests("RegisterNode")]
    assert (node.node_id, node.node_manager_address, node.node_manager_port) == (
        raylet.node_id,
        "127.7.1.1",
        raylet.port,
    )
    assert (dict(node.resources_total), node.is_head_node) == ({"CPU": 2.0}, True)
    assert node.object_manager_port > 0
    view = gcs.views.get(timeout=5)
    assert (view.node_id, view.version > 0) == (raylet.node_id, True)
    until("the message", lambda: raylet.messages("GCS_JOB_CHANNEL"))
    heard = raylet.messages()[0]
    assert (heard.sequence_id, heard.key_id, heard.summary["job_id"]) == (9, b"k", b"abcd")
    assert raylet.state == "connected"
    raylet.resize({"CPU": 3})
    newer = gcs.views.get(timeout=5)
    assert newer.version > view.version
    shown = m.ResourceViewSyncMessage.FromString(newer.sync_message)
    assert shown.resources_total["CPU"] == 3


def test_health_is_only_for_its_own_id(start: Start) -> None:
    raylet = start().add("127.7.1.1")
    asked = m.HealthCheckRequest(service=raylet.node_id.hex())
    assert order(raylet, "Health.Check", asked).status == m.HealthCheckResponse.SERVING
    with pytest.raises(grpc.RpcError) as refused:
        order(raylet, "Health.Check", m.HealthCheckRequest(service="other"))
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


def test_an_actor_lives_in_a_process_and_dies_on_order(gcs: StubGcs, start: Start) -> None:
    raylet, actor, lease_id = start().add("127.7.1.1"), ids.actor_id(JOB), os.urandom(32)
    granted = lease(raylet, actor, lease_id)
    assert lease(raylet, actor, lease_id) == granted  # the same lease, the same worker
    push(raylet, granted, actor)
    push(raylet, granted, actor)
    reply = raylet.actor(actor).call(by=3)
    assert (reply.value, reply.incarnation, reply.pushes, reply.pid) == (3, 1, 2, granted.worker_pid)
    assert raylet.available() == {"CPU": 3.0}
    kept = m.ReleaseUnusedActorWorkersRequest(worker_ids_in_use=[granted.worker_address.worker_id])
    order(raylet, "NodeManagerService.ReleaseUnusedActorWorkers", kept)
    assert raylet.actor(actor).call().value == 4
    order(raylet, "NodeManagerService.ReleaseUnusedActorWorkers", m.ReleaseUnusedActorWorkersRequest())
    until("the report", lambda: gcs.requests("ReportWorkerFailure"))
    failure = gcs.requests("ReportWorkerFailure")[0].worker_failure
    assert failure.worker_address == granted.worker_address
    assert failure.exit_type == m.INTENDED_SYSTEM_EXIT
    assert ended(granted.worker_pid)
    assert raylet.available() == {"CPU": 4.0}
    dead = m.IsLocalWorkerDeadRequest(worker_id=granted.worker_address.worker_id)
    assert order(raylet, "NodeManagerService.IsLocalWorkerDead", dead).is_dead
    push(raylet, again := lease(raylet, actor), actor)
    assert raylet.actor(actor).call().incarnation == 2
    assert again.worker_pid != granted.worker_pid


def test_a_worker_killed_from_outside_is_reported_as_an_error(gcs: StubGcs, start: Start) -> None:
    raylet = start().add("127.7.1.1")
    granted = lease(raylet, ids.actor_id(JOB))
    os.kill(granted.worker_pid, signal.SIGKILL)
    until("the report", lambda: gcs.requests("ReportWorkerFailure"))
    assert gcs.requests("ReportWorkerFailure")[0].worker_failure.exit_type == m.SYSTEM_ERROR


def test_a_busy_node_parks_or_rejects_a_lease(start: Start) -> None:
    raylet = start().add("127.7.1.1", resources={"CPU": 1})
    first = lease(raylet, ids.actor_id(JOB))
    rejected = lease(raylet, ids.actor_id(JOB), grant_or_reject=True)
    assert rejected.rejected
    assert rejected.resources_data.resources_total["CPU"] == 1
    with pytest.raises(grpc.RpcError):
        lease(raylet, ids.actor_id(JOB), within=0.3)
    until("the caller to be forgotten", lambda: not raylet.waiting_leases)
    os.kill(first.worker_pid, signal.SIGKILL)
    until("the resources", lambda: raylet.available() == {"CPU": 1.0})
    assert lease(raylet, ids.actor_id(JOB)).worker_pid


def test_bundles_are_held_and_swept_with_their_workers(start: Start) -> None:
    raylet, group = start().add("127.7.1.1", resources={"CPU": 2}), ids.placement_group_id(JOB)
    bundle = m.Bundle(unit_resources={"CPU": 1.0})
    bundle.bundle_id.placement_group_id = group
    prepare = m.PrepareBundleResourcesRequest(bundle_specs=[bundle])
    assert order(raylet, "NodeManagerService.PrepareBundleResources", prepare).success
    assert raylet.bundles()[(group, 0)]["state"] == "prepared"
    commit = m.CommitBundleResourcesRequest(bundle_specs=[bundle])
    order(raylet, "NodeManagerService.CommitBundleResources", commit)
    spec = m.LeaseSpec(lease_id=b"l" * 32, required_resources={f"CPU_group_0_{group.hex()}": 1.0})
    granted = order(
        raylet, "NodeManagerService.RequestWorkerLease", m.RequestWorkerLeaseRequest(lease_spec=spec)
    )
    assert raylet.available()[f"CPU_group_0_{group.hex()}"] == 0
    order(
        raylet,
        "NodeManagerService.ReleaseUnusedBundles",
        m.ReleaseUnusedBundlesRequest(bundles_in_use=[bundle]),
    )
    assert raylet.worker(granted.worker_address.worker_id).alive
    order(raylet, "NodeManagerService.ReleaseUnusedBundles", m.ReleaseUnusedBundlesRequest())
    until("the worker's end", lambda: not raylet.worker(granted.worker_address.worker_id).alive)
    assert raylet.bundles() == {}
    assert raylet.available() == {"CPU": 2.0}
    (kept, swept) = raylet.orders("ReleaseUnusedBundles")
    assert (kept.bundles, swept.bundles) == ({(group, 0)}, set())


def test_scripts_bend_answers(start: Start) -> None:
    raylet = start().add("127.7.1.1")
    prepare = m.PrepareBundleResourcesRequest()
    raylet.script("PrepareBundleResources", "refuse", times=1)
    assert not order(raylet, "NodeManagerService.PrepareBundleResources", prepare).success
    assert order(raylet, "NodeManagerService.PrepareBundleResources", prepare).success
    raylet.script("GetResourceLoad", "mute")
    with pytest.raises(grpc.RpcError) as mute:
        order(raylet, "NodeManagerService.GetResourceLoad", m.GetResourceLoadRequest(), timeout=0.3)
    assert mute.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    raylet.release("GetResourceLoad")
    load = order(raylet, "NodeManagerService.GetResourceLoad", m.GetResourceLoadRequest())
    assert load.resources.node_id == raylet.node_id
    raylet.script("PushTask", "refuse", times=1)
    actor = ids.actor_id(JOB)
    reply = push(raylet, granted := lease(raylet, actor), actor)
    assert reply.is_application_error
    until("its exit", lambda: not raylet.worker(granted.worker_address.worker_id).alive)


def test_an_unreachable_raylet_works_on_and_comes_back_on_its_port(start: Start) -> None:
    raylet = start().add("127.7.1.1")
    task = raylet.start_task()
    raylet.unreachable()
    with pytest.raises(grpc.RpcError) as closed:
        order(raylet, "NodeManagerService.GetResourceLoad", m.GetResourceLoadRequest())
    assert closed.value.code() is grpc.StatusCode.UNAVAILABLE
    until("progress", lambda: task.value() > 3)
    assert task.finish().right
    raylet.reachable()
    order(raylet, "NodeManagerService.GetResourceLoad", m.GetResourceLoadRequest())


def test_the_gcs_goes_and_comes_back(gcs: StubGcs, start: Start) -> None:
    host = start()
    raylet = host.add("127.7.1.1")
    gcs.stop()
    until("it to wait", lambda: raylet.state == "waiting")
    worker = raylet.start_worker()
    late = host.add_begin("127.7.1.2")
    raylet.kill_worker(worker.worker_id)
    never("registered without a GCS", lambda: late.registered, during=0.3)
    asked = len(gcs.asked)
    gcs.start()
    late.wait_settled()
    until("the parked report", lambda: gcs.requests("ReportWorkerFailure"))
    until("the parked worker", lambda: gcs.requests("AddWorkerInfo"))
    until("it to be connected", lambda: raylet.state == "connected")
    order(raylet, "NodeManagerService.NotifyGCSRestart", m.NotifyGCSRestartRequest())
    until(
        "it to subscribe again",
        lambda: any(
            name.endswith("CommandBatch")
            and request.sender_id == raylet.node_id
            and len(request.commands) == 3
            for name, request in gcs.asked[asked:]
        ),
    )
    mine = [one.node_info.node_id for one in gcs.requests("RegisterNode")]
    assert mine.count(raylet.node_id) == 1
    until("its stream", lambda: raylet.syncing)


def test_past_the_limit_the_process_exits(gcs: StubGcs, start: Start) -> None:
    host = start(limit=1.0)
    raylet = host.add("127.7.1.1")
    task = raylet.start_task()
    gcs.stop()
    began = until("it to wait", lambda: raylet.waiting_since, every=0.005)
    assert began is not None
    assert host.wait_exit(5) == 1
    assert 0.8 < time.monotonic() - began < 3
    assert (raylet.alive, raylet.state, raylet.exit_status) == (False, "gone", 1)
    until("the worker's end", lambda: ended(task.pid))


def test_of_many_only_the_one_past_its_limit_goes(gcs: StubGcs, start: Start) -> None:
    host = start()
    patient, hasty = host.add("127.7.1.1"), host.add("127.7.1.2", reconnect_limit=0.5)
    task = hasty.start_task()
    gcs.stop()
    until("the hasty one's end", lambda: not hasty.alive)
    assert (hasty.exit_status, hasty.state, patient.alive) == (1, "gone", True)
    until("its worker's end", lambda: ended(task.pid))
    with pytest.raises(grpc.RpcError):
        order(hasty, "NodeManagerService.GetResourceLoad", m.GetResourceLoadRequest())


def test_a_raylet_called_dead_exits(gcs: StubGcs, start: Start) -> None:
    gcs.alive = False
    host = start()
    host.add_begin("127.7.1.1")
    assert host.wait_exit(10) == 1


def test_workers_die_with_a_killed_host(start: Start) -> None:
    host = start()
    task = host.add("127.7.1.1").start_task()
    zygote = psutil.Process(task.pid).ppid()
    host.kill()
    until("their end", lambda: ended(task.pid) and ended(zygote))


def test_objects_go_from_raylet_to_raylet(start: Start) -> None:
    one, other = start().add("127.7.1.1"), start().add("127.7.1.2")
    data = os.urandom(300_000)
    ref = one.put(data)
    assert ref.size == len(data)
    assert other.get(ref) == data
    one.unreachable()
    assert other.get(ref) == data
    with pytest.raises(LookupError):
        other.get(type(ref)(b"x" * 28, ref.checksum, ref.size, ref.address, ref.port))


def test_an_owner_holds_its_refs_until_it_drops_them_or_dies(start: Start) -> None:
    raylet, owner = start().add("127.7.1.1"), ids.driver_worker_id(JOB)
    port = raylet.attach_driver(owner)
    kept, dropped = ids.actor_id(JOB), ids.actor_id(JOB)
    with grpc.insecure_channel(f"{raylet.address}:{port}") as channel:
        wait = multicallable(channel, "CoreWorkerService.WaitForActorRefDeleted", dialect())
        ask = m.WaitForActorRefDeletedRequest
        first = wait.future(ask(intended_worker_id=owner, actor_id=kept))
        second = wait.future(ask(intended_worker_id=owner, actor_id=dropped))
        until("both to wait", lambda: len(raylet.orders("WaitForActorRefDeleted")) == 2)
        raylet.drop_ref(dropped)
        second.result(timeout=5)
        assert not first.done()
        raylet.detach_driver(owner)
        assert first.exception(timeout=5).code() is grpc.StatusCode.UNAVAILABLE
    dead = m.IsLocalWorkerDeadRequest(worker_id=owner)
    assert order(raylet, "NodeManagerService.IsLocalWorkerDead", dead).is_dead


def test_a_paused_host_is_silent_and_its_workers_go_on(start: Start) -> None:
    host = start()
    raylet = host.add("127.7.1.1")
    task = raylet.start_task()
    host.pause()
    before = task.value()
    until("progress", lambda: task.value() > before + 3)
    with pytest.raises(grpc.RpcError) as silent:
        order(raylet, "NodeManagerService.GetResourceLoad", m.GetResourceLoadRequest(), timeout=0.3)
    assert silent.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    host.resume()
    order(raylet, "NodeManagerService.GetResourceLoad", m.GetResourceLoadRequest())


def test_what_was_cleared_is_gone_and_its_clock_does_not_strike_its_successor(
    gcs: StubGcs, start: Start
) -> None:
    host, node = start(lasting=True), ids.unique_id()
    first = host.add("127.0.0.30", node_id=node, reconnect_limit=0.5)
    gcs.stop()
    until("it waits", lambda: first.state == "waiting")
    host.clear()
    assert host.raylets == []
    again = host.add_begin("127.0.0.30", node_id=node)
    never("the first one's limit ends the second", lambda: again.exit_status is not None, during=0.8)
    again.kill()
    assert again.exit_status == -signal.SIGKILL
    assert host.exit_status is None, "a host that lasts outlives its only raylet"
