"""Orders of a recovery: not given, given to the wrong ones, too early, or with the wrong lists."""

from __future__ import annotations

from typing import Any

from harness.wire import messages as m
from reference_gcs.core import effects as fx
from reference_gcs.core import layout, placing, recovery, recovery_actors, recovery_groups
from reference_gcs.core.actor import Phase
from reference_gcs.core.state import NOTHING, Gcs, then
from reference_gcs.mutants.registry import POINT, SCENARIO, Original, mutant

ORDERS = "test_recovery_orders.py::"


@mutant(
    recovery._notify,
    breaks="R1",
    seen_by=("recovery orders", SCENARIO),
    cases=[ORDERS + "test_every_living_node_is_told_of_the_restart_once"],
)
def skips_one_node_when_it_returns(notify: Original, gcs: Gcs, node_id: bytes, outcome: Any) -> None:
    """Tells all raylets but one that it was restarted."""
    if list(gcs.nodes.alive)[1:2] != [node_id]:
        notify(gcs, node_id, outcome)


@mutant(
    recovery._notify,
    breaks="R1",
    seen_by=("recovery orders", SCENARIO),
    cases=[ORDERS + "test_every_living_node_is_told_of_the_restart_once"],
)
def tells_every_node_twice(notify: Original, gcs: Gcs, node_id: bytes, outcome: Any) -> None:
    """Sends every raylet two notices of one restart."""
    notify(gcs, node_id, outcome)
    if node_id in gcs.nodes.alive:
        # Not by _notify, which goes on until it is heard: each of its tries would become two more.
        node = gcs.nodes.alive[node_id]
        gcs.send_to_node(node, "NotifyGCSRestart", m.NotifyGCSRestartRequest(), NOTHING)


@mutant(
    recovery._load_nodes,
    breaks="R7",
    seen_by=("recovery orders", SCENARIO),
    cases=["test_reconnect.py::test_the_dead_are_not_told_of_restarts"],
)
def tells_the_dead_of_its_return(load: Original, gcs: Gcs) -> None:
    """Sends NotifyGCSRestart to the addresses of dead nodes, too."""
    load(gcs)
    for node in gcs.nodes.dead.values():
        gcs.send_to_node(node, "NotifyGCSRestart", m.NotifyGCSRestartRequest(), NOTHING)


@mutant(
    recovery_actors.workers_in_use,
    breaks="R2 A1 K1",
    seen_by=("survival", SCENARIO),
    cases=[ORDERS + "test_what_is_in_use_is_listed_exactly", "test_survival.py::test_an_outage_of_any_length_ends_nothing[0.0]"],
)  # fmt: skip
def releases_the_workers_of_living_actors(_in_use: Original, _gcs: Gcs, _node_id: bytes) -> list[bytes]:
    """Tells raylets that none of their actors' workers is in use."""
    return []


@mutant(
    recovery_groups.bundles_in_use,
    breaks="R3 P2",
    seen_by=("agreement", "survival", SCENARIO),
    cases=[ORDERS + "test_what_is_in_use_is_listed_exactly"],
)
def releases_a_live_bundle(in_use: Original, gcs: Gcs, node_id: bytes) -> list[m.Bundle]:
    """Leaves a bundle out of each list of those in use."""
    return list(in_use(gcs, node_id))[1:]


@mutant(
    recovery_groups._release_unused,
    breaks="R3 P2",
    seen_by=(SCENARIO,),
    cases=[ORDERS + "test_a_bundle_that_the_gcs_never_stored_is_swept"],
)
def sweeps_no_bundles(
    _release: Original, gcs: Gcs, node_id: bytes, _in_use: list[m.Bundle], _outcome: Any
) -> None:
    """Sends no ReleaseUnusedBundles, and takes it for answered."""
    gcs.gates.bundles.pop(node_id, None)


@mutant(
    placing.may_lease,
    breaks="R4",
    seen_by=("recovery orders", SCENARIO),
    cases=[ORDERS + "test_no_lease_before_a_node_has_swept_its_workers"],
)
def leases_before_the_sweep(_may: Original, _gcs: Gcs, _node_id: bytes) -> bool:
    """Asks a raylet for a worker before that has swept the old ones."""
    return True


@mutant(
    placing.bundles_gated,
    breaks="R5",
    seen_by=("recovery orders", SCENARIO),
    cases=[ORDERS + "test_no_bundle_is_prepared_before_all_nodes_have_swept"],
)
def prepares_before_the_sweep(_gated: Original, _gcs: Gcs) -> bool:
    """Prepares bundles before all raylets have swept the old ones."""
    return False


@mutant(
    placing._stubborn,
    breaks="R6",
    seen_by=(SCENARIO,),
    cases=[ORDERS + "test_one_mute_node_does_not_block_groups_for_ever"],
)
def waits_for_a_mute_raylet_for_ever(_stubborn: Original, *_about: Any) -> bool:
    """Creates no placement group while a raylet owes its answer, however long."""
    return False


@mutant(
    recovery_actors._take_over,
    breaks="D4 D12",
    seen_by=("durable",),
    cases=[POINT + "recovery:first:kill-after", "test_reload.py::test_everything_is_the_same_after_a_kill"],
)
def puts_task_specs_back_when_it_returns(take_over: Original, gcs: Gcs, row: Any, spec: Any) -> None:
    """Deletes the task spec of each loaded actor and stores it anew: a kill in between loses the actor."""
    take_over(gcs, row, spec)
    put_back = then(_put_back, row.actor_id, spec.SerializeToString())
    gcs.write(fx.Delete(layout.ACTOR_TASK_SPEC, (row.actor_id,)), put_back)


def _put_back(gcs: Gcs, actor_id: bytes, spec: bytes, _outcome: Any) -> None:
    gcs.write(fx.Put(layout.ACTOR_TASK_SPEC, actor_id, spec), NOTHING)


@mutant(
    recovery_actors._phase_of,
    breaks="A10 N2",
    seen_by=("agreement", SCENARIO),
    cases=["test_upgrade.py::test_a_new_cluster_takes_the_namespace_over[after itself]"],
)
def loses_sight_of_living_actors(phase_of: Original, row: m.ActorTableData) -> Phase:
    """Takes a living actor for one that nobody has asked to create: none misses its worker, or its node."""
    phase: Phase = phase_of(row)
    return Phase.REGISTERED if phase is Phase.ALIVE else phase
