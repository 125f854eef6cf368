"""Answers that are given too early, or for what never reaches the store."""

from __future__ import annotations

from typing import Any

from harness.wire import messages as m
from reference_gcs.core import actor_kill, actors, jobs, kv, nodes, placement_groups
from reference_gcs.core.actor import Phase
from reference_gcs.core.state import Gcs
from reference_gcs.mutants.registry import SCENARIO, Original, mutant

EARLY = "test_durability.py::test_nothing_is_acknowledged_before_the_store_has_it[{}]"
LOST = "test_durability.py::test_acknowledged_is_durable[{}]"


@mutant(kv.put, breaks="D8 D12", seen_by=("durable", SCENARIO), cases=[EARLY.format("put")])
def acks_a_put_before_the_write(put: Original, gcs: Gcs, call: int, request: Any) -> None:
    """Answers a KV put before the store has it."""
    gcs.reply(call, m.InternalKVPutReply(added=True))
    put(gcs, call, request)


@mutant(kv.put, breaks="D8 D12", seen_by=("durable", "linearizable", SCENARIO), cases=[LOST.format("put")])
def acks_a_put_without_a_write(_put: Original, gcs: Gcs, call: int, request: Any) -> None:
    """Answers a KV put that it never stores."""
    gcs.reply(call, m.InternalKVPutReply(added=True))


@mutant(
    actors.register_actor,
    breaks="D4 D12 I1",
    seen_by=("durable", SCENARIO),
    cases=[EARLY.format("register_actor")],
)
def acks_a_registration_before_the_write(register: Original, gcs: Gcs, call: int, request: Any) -> None:
    """Answers RegisterActor before the store has the actor."""
    gcs.reply(call, m.RegisterActorReply())
    register(gcs, call, request)


@mutant(
    actor_kill.kill_actor, breaks="D10 D12", seen_by=("durable", SCENARIO), cases=[EARLY.format("kill_actor")]
)
def acks_a_kill_before_the_write(kill: Original, gcs: Gcs, call: int, request: Any) -> None:
    """Answers a kill without restart before the store calls the actor DEAD."""
    gcs.reply(call, m.KillActorViaGcsReply())
    kill(gcs, call, request)


@mutant(
    placement_groups.remove,
    breaks="D7 D12",
    seen_by=("durable", SCENARIO),
    cases=[EARLY.format("remove_placement_group")],
)
def acks_a_removal_before_the_write(remove: Original, gcs: Gcs, call: int, request: Any) -> None:
    """Answers RemovePlacementGroup before the store calls the group REMOVED."""
    gcs.reply(call, m.RemovePlacementGroupReply())
    remove(gcs, call, request)


@mutant(
    placement_groups._store,
    breaks="D6 D12",
    seen_by=("durable", SCENARIO),
    cases=[EARLY.format("create_placement_group")],
)
def acks_a_group_before_the_write(store: Original, gcs: Gcs, call: int, row: Any) -> None:
    """Answers CreatePlacementGroup before the store has the group."""
    gcs.reply(call, m.CreatePlacementGroupReply())
    store(gcs, call, row)


@mutant(
    nodes.register_node, breaks="D1 D12", seen_by=("durable", SCENARIO), cases=[EARLY.format("register_node")]
)
def acks_a_node_before_the_write(register: Original, gcs: Gcs, call: int, request: Any) -> None:
    """Answers RegisterNode before the store has the node."""
    gcs.reply(call, m.RegisterNodeReply())
    register(gcs, call, request)


@mutant(jobs.add_job, breaks="D3 D12", seen_by=("durable", SCENARIO), cases=[LOST.format("add_job")])
def keeps_jobs_in_memory_only(_add: Original, gcs: Gcs, call: int, request: Any) -> None:
    """Remembers an added job without storing it."""
    gcs.jobs.adding.setdefault(request.data.job_id, []).append(call)
    jobs._added(gcs, request.data, None)


@mutant(jobs.finish, breaks="D9 D12", seen_by=("durable", SCENARIO), cases=[LOST.format("finish_job")])
def forgets_that_a_job_finished(_finish: Original, gcs: Gcs, row: Any, calls: list[int]) -> None:
    """Calls a finished job dead in memory, and does not store it."""
    finished = m.JobTableData()
    finished.CopyFrom(row)
    finished.is_dead = True
    gcs.jobs.finishing[row.job_id] = calls
    jobs._finished(gcs, finished, None)


@mutant(nodes.retire, breaks="D11 D12", seen_by=("durable", SCENARIO), cases=[LOST.format("unregister_node")])
def forgets_that_a_node_left(
    _retire: Original, gcs: Gcs, node_id: bytes, reason: Any, call: int | None = None
) -> None:
    """Calls a node that unregistered dead in memory, and does not store it."""
    row = m.GcsNodeInfo()
    row.CopyFrom(gcs.nodes.alive[node_id])
    row.state = nodes.DEAD
    row.death_info.CopyFrom(reason)
    gcs.nodes.retiring[node_id] = [] if call is None else [call]
    nodes._retired(gcs, row, None)


@mutant(
    actors.create_actor,
    breaks="D5",
    seen_by=("durable", SCENARIO),
    cases=["test_actors.py::test_an_actor_in_creation_ends_with_one_worker", EARLY.format("create_actor")],
)
def acks_a_creation_when_it_is_asked_for(create: Original, gcs: Gcs, call: int, request: Any) -> None:
    """Answers CreateActor at once, while the actor is still to be created."""
    create(gcs, call, request)
    actor = gcs.actors.live.get(request.task_spec.actor_creation_task_spec.actor_id)
    if actor is not None and actor.phase is not Phase.REGISTERING:
        gcs.reply(call, m.CreateActorReply(actor_address=actor.row.address))
