"""Ids as real clients send them: what the fakes send, and what the reference refuses, is held against it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from harness.fuzz import faults as fault
from harness.fuzz import operations as op
from harness.fuzz.plan import Plan, Step
from harness.fuzz.sim.world import simulate
from harness.process.ports import allocate_port
from harness.raylet.client import RayletHost
from harness.raylet.stub_gcs import StubGcs
from harness.wait import until
from harness.wire import ids
from harness.wire.rpc import METHODS
from reference_gcs.core import checks
from reference_gcs.core import events as ev
from reference_gcs.core import step as core
from reference_gcs.core.serving import SERVED

RECORDED_ON = "2.60.0"
# What a driver, its workers, two raylets and a dashboard of that release sent while a driver used tasks, all
# kinds of actors and groups, and lost some: method, path of an id, its lengths; nil: all ones; none: empty.
RECORDED = """
GetActorInfo actor_id 16
GetAllActorInfo filters.actor_id none
GetAllActorInfo filters.job_id none
KillActorViaGcs actor_id 16
ReportActorOutOfScope actor_id 16
RegisterActor task_spec.actor_creation_task_spec.actor_id 16
RegisterActor task_spec.caller_address.node_id 28
RegisterActor task_spec.caller_address.worker_id 28
RegisterActor task_spec.caller_id 24
RegisterActor task_spec.job_id 4
RegisterActor task_spec.parent_task_id 24
RegisterActor task_spec.root_detached_actor_id 16 none
RegisterActor task_spec.scheduling_strategy.node_affinity_scheduling_strategy.node_id 28
RegisterActor task_spec.scheduling_strategy.placement_group_scheduling_strategy.placement_group_id 18
RegisterActor task_spec.task_id 24
CreateActor task_spec.actor_creation_task_spec.actor_id 16
CreateActor task_spec.caller_address.node_id 28
CreateActor task_spec.caller_address.worker_id 28
CreateActor task_spec.caller_id 24
CreateActor task_spec.job_id 4
CreateActor task_spec.parent_task_id 24
CreateActor task_spec.root_detached_actor_id 16 none
CreateActor task_spec.scheduling_strategy.node_affinity_scheduling_strategy.node_id 28
CreateActor task_spec.scheduling_strategy.placement_group_scheduling_strategy.placement_group_id 18
CreateActor task_spec.task_id 24
AddJob data.driver_address.node_id 28
AddJob data.driver_address.worker_id 28
AddJob data.job_id 4
MarkJobFinished job_id 4
CheckAlive node_ids 28
GetAllNodeInfo node_selectors.node_id 28 none
RegisterNode node_info.node_id 28
GcsSubscriberCommandBatch sender_id 28 none
GcsSubscriberCommandBatch subscriber_id 28
GcsSubscriberPoll publisher_id 28 nil none
GcsSubscriberPoll subscriber_id 28
CreatePlacementGroup placement_group_spec.bundles.bundle_id.placement_group_id 18
CreatePlacementGroup placement_group_spec.bundles.node_id none
CreatePlacementGroup placement_group_spec.creator_actor_id 16 nil
CreatePlacementGroup placement_group_spec.creator_job_id 4
CreatePlacementGroup placement_group_spec.placement_group_id 18
CreatePlacementGroup placement_group_spec.soft_target_node_id nil
GetPlacementGroup placement_group_id 18
RemovePlacementGroup placement_group_id 18
WaitPlacementGroupUntilReady placement_group_id 18
AddWorkerInfo worker_data.job_id none
AddWorkerInfo worker_data.worker_address.node_id 28
AddWorkerInfo worker_data.worker_address.worker_id 28
ReportWorkerFailure worker_failure.job_id 4
ReportWorkerFailure worker_failure.worker_address.node_id 28
ReportWorkerFailure worker_failure.worker_address.worker_id 28
"""
LEFT_OUT = {("ReportWorkerFailure", "worker_failure.job_id")}
"""No GCS reads it; a fake worker need not know its job."""
COMPARED_ONLY = {("GcsSubscriberPoll", "publisher_id")}
"""Another publisher's is as good as none."""
NO_IDS = frozenset({"key_id"})
Facts = dict[tuple[str, str], set[str]]


def recorded() -> Facts:
    rows = [line.split() for line in RECORDED.split("\n") if line]
    return {(name, path): set(kinds) for name, path, *kinds in rows}


def is_id(field: Any) -> bool:
    named = field.name.endswith(("_id", "_ids")) and field.name not in NO_IDS
    return bool(field.type == FieldDescriptor.TYPE_BYTES and named)


def found_in(message: Message, path: str = "") -> Iterator[tuple[str, str]]:
    """The path and the kind of each id of ``message``, also of empty ones in parts that are there."""
    fields: Any = message.DESCRIPTOR.fields
    for field in fields:
        value: Any = getattr(message, field.name)
        if is_id(field):
            yield from ((path + field.name, kind(one)) for one in (value if field.is_repeated else [value]))
        elif field.type == FieldDescriptor.TYPE_MESSAGE and not field.message_type.GetOptions().map_entry:
            there = list(value) if field.is_repeated else [value] if message.HasField(field.name) else []
            for one in there:
                yield from found_in(one, f"{path}{field.name}.")


def kind(value: bytes) -> str:
    if not value:
        return "none"
    return "nil" if ids.is_nil(value) else str(len(value))


def complaints(sent: Iterator[tuple[str, Message]]) -> set[str]:
    """What of ``sent`` (method and request) no real client would send."""
    real = recorded()
    known = {name for name, _path in real}
    wrong = set()
    for name, request in sent:
        for path, what in found_in(request) if name in known else ():
            left_out = what == "none" and (name, path) in LEFT_OUT
            if not left_out and what not in real.get((name, path), {"none"}):
                wrong.add(f"{name} {path}: {what}, real clients: {sorted(real.get((name, path), ()))}")
    return wrong


# --- the reference ---------------------------------------------------------------------------------


@pytest.mark.parametrize("row", sorted(recorded()), ids="-".join)
def test_the_reference_refuses_no_real_id(row: tuple[str, str]) -> None:
    name, path = row
    needs = next((one.needs for full, one in SERVED.items() if full.endswith(f".{name}")), ())
    for what in recorded()[row]:
        assert what.isdigit() or path not in needs, f"{name} needs {path}, and real clients send {what}"
        for value in {"none": [b""], "nil": [b"\xff" * length_of(path)]}.get(what, [b"a" * length(what)]):
            assert checks.wrong_id(filled(name, path, value), ()) is None


def length(what: str) -> int:
    return int(what) if what.isdigit() else 0


def length_of(path: str) -> int:
    return checks.LENGTHS.get(path.rpartition(".")[2], ids.UNIQUE)


@pytest.mark.parametrize("row", sorted(set(recorded()) - COMPARED_ONLY), ids="-".join)
def test_the_reference_refuses_other_lengths(row: tuple[str, str]) -> None:
    name, path = row
    lengths = {int(one) for one in recorded()[row] if one.isdigit()}
    assert lengths <= {length_of(path)}
    for value in (b"a" * (length_of(path) + 1), b"a" * (length_of(path) - 1)):
        assert checks.wrong_id(filled(name, path, value), ()) is not None


def filled(name: str, path: str, value: bytes) -> Message:
    """A request of ``Method`` with ``value`` at ``path`` and nothing else."""
    made = request = next(one for one in METHODS.values() if one.name == name).request()
    *parts, last = path.split(".")
    for part in parts:
        inner = getattr(made, part)
        made = inner.add() if hasattr(inner, "add") else inner
    if made.DESCRIPTOR.fields_by_name[last].is_repeated:
        getattr(made, last).append(value)
    else:
        setattr(made, last, value)
    return request


# --- the fakes -------------------------------------------------------------------------------------

USED = (
    op.AddWorker(0),
    op.StartActor(0, name="a", restarts=1),
    op.StartActor(3, detached=True),
    op.StartActor(6, owner=3, root=3),
    op.StartActor(9, owner=0),
    op.StartActor(12, node=1, soft=True),
    op.StartGroup(0, (1.0, 1.0), "SPREAD", "g"),
    op.StartActor(15, group=0, bundle=1),
    op.WaitGroup(0),
    op.GetGroup(0),
    op.GetActor(0),
    op.GetNodes("alive", nodes=(0, 1)),
    op.GetNodes("info", of=1),
    op.Subscribe(),
    fault.KillWorker(0),
    op.KillActor(3),
    fault.DropRef(9),
    op.ReportWorker(0),
    op.RemoveGroup(0),
    op.FinishJob(0),
    fault.KillDriver(0),
)


def test_simulated_clients_send_what_real_ones_do(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, Message]] = []
    inner = core.step

    def step(gcs: Any, event: Any, now: float) -> Any:
        if isinstance(event, ev.Request):
            sent.append((event.method.partition(".")[2], event.message))
        return inner(gcs, event, now)

    monkeypatch.setattr(core, "step", step)
    world = simulate(Plan(tuple(Step(one, 0.3) for one in USED), nodes=(4.0, 4.0)))
    assert world.problem is None
    assert not complaints(iter(sent))
    assert {name for name, _request in sent} >= {name for name, _path in recorded()} - {
        "GetAllActorInfo",  # with filters, which is a reader's wish
        "ReportActorOutOfScope",
    }


def test_raylets_send_what_real_ones_do(tmp_path: Path) -> None:
    gcs = StubGcs(allocate_port())
    gcs.start()
    host = RayletHost(gcs.address, directory=tmp_path / "host", shared=tmp_path / "shared")
    try:
        raylet = host.add("127.7.1.1")
        owner = ids.driver_worker_id(ids.job_id(1))
        raylet.attach_driver(owner)
        worker = raylet.start_worker()
        until("the worker is known", lambda: gcs.requests("AddWorkerInfo"))
        raylet.kill_worker(worker.worker_id)
        raylet.detach_driver(owner)
        until("both ends are reported", lambda: len(gcs.requests("ReportWorkerFailure")) == 2)
    finally:
        host.close()
        gcs.stop()
    sent = [(name.partition(".")[2], request) for name, request in gcs.asked]
    assert not complaints(iter(sent))
    assert {"RegisterNode", "GcsSubscriberPoll", "GcsSubscriberCommandBatch"} <= {name for name, _ in sent}


def test_a_wrong_id_is_told() -> None:
    request = filled("RegisterActor", "task_spec.caller_id", b"w" * ids.UNIQUE)
    assert any("task_spec.caller_id: 28" in one for one in complaints(iter([("RegisterActor", request)])))
    assert checks.wrong_id(request, ()) == "caller_id has 28 bytes, not 24"
