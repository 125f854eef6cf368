"""Placement groups and their bundles."""

from __future__ import annotations

from typing import Any

from harness.wire import messages as m
from reference_gcs.core import bundles, placement_groups, recovery_groups
from reference_gcs.core.placement_group import Group, GroupPhase
from reference_gcs.core.state import Gcs, then
from reference_gcs.mutants.registry import SCENARIO, Original, mutant

GROUPS = "test_placement_groups.py::"


@mutant(
    recovery_groups.load,
    breaks="D7 P1",
    seen_by=("durable", "legal lives", SCENARIO),
    cases=[GROUPS + "test_a_removed_group_stays_removed"],
)
def undoes_a_removal(load: Original, gcs: Gcs, rows: Any) -> None:
    """Schedules groups again after a restart that had been removed."""
    for row in rows.values():
        if row.state == recovery_groups.STATES.REMOVED:
            row.state = recovery_groups.STATES.PENDING
    load(gcs, rows)


@mutant(
    recovery_groups._resume,
    breaks="P1",
    seen_by=(SCENARIO,),
    cases=[GROUPS + "test_a_created_group_is_left_in_peace[PACK]"],
)
def schedules_created_groups_again(resume: Original, gcs: Gcs, group: Group) -> None:
    """Prepares the bundles of a CREATED group once more after a restart, elsewhere perhaps."""
    if group.row.state == recovery_groups.STATES.CREATED:
        for bundle in group.row.bundles:
            bundle.ClearField("node_id")
        bundles.schedule(gcs, group)
    else:
        resume(gcs, group)


@mutant(
    bundles.give_back_all,
    breaks="P2",
    seen_by=("agreement", SCENARIO),
    cases=[GROUPS + "test_resources_add_up_after_groups_come_and_go_around_a_kill"],
)
def leaks_the_bundles_of_removed_groups(_give_back: Original, _gcs: Gcs, _group: Group) -> None:
    """Removes a group, and never tells the raylets to give its bundles back."""


@mutant(
    bundles._planned,
    breaks="P2 D6",
    seen_by=("agreement", SCENARIO),
    cases=[GROUPS + "test_a_created_group_is_left_in_peace[PACK]", "test_recovery_orders.py::test_what_is_in_use_is_listed_exactly"],
)  # fmt: skip
def prepares_all_bundles_but_one(planned: Original, group: Group, node_id: bytes) -> list[m.Bundle]:
    """Asks a raylet to prepare all bundles but the last, where there are several."""
    found = list(planned(group, node_id))
    return found[:-1] if len(found) > 1 else found


@mutant(
    bundles._store_prepared,
    breaks="P2 R3",
    seen_by=(SCENARIO,),
    cases=["test_recovery_orders.py::test_what_is_in_use_is_listed_exactly"],
)
def forgets_where_bundles_are(store_prepared: Original, gcs: Gcs, group: Group) -> None:
    """Stores a prepared group without the node of its first bundle."""
    group.plan.pop(min(group.plan), None)
    store_prepared(gcs, group)


@mutant(
    bundles._prepared_stored,
    breaks="P1 P2",
    seen_by=(SCENARIO,),
    cases=["test_reload.py::test_everything_is_the_same_after_a_kill"],
)
def calls_a_group_created_before_the_commit(
    _stored: Original, gcs: Gcs, group_id: bytes, life: int, _outcome: Any
) -> None:
    """Goes from PREPARED to CREATED without a Commit."""
    group = bundles._current(gcs, group_id, life)
    if group is not None:
        group.row.state = bundles.STATES.CREATED
        bundles.store(gcs, group, then(bundles._created_stored, group_id, life))


@mutant(
    placement_groups.lifetime_over,
    breaks="P4",
    seen_by=("nothing left over", SCENARIO),
    cases=[GROUPS + "test_a_group_of_a_job_that_ended_in_the_outage_is_removed"],
)
def keeps_the_groups_of_finished_jobs(_over: Original, _gcs: Gcs, _group: Group) -> bool:
    """Keeps a group whose job has finished."""
    return False


@mutant(
    bundles._created_stored,
    breaks="P3 I5",
    seen_by=(SCENARIO,),
    cases=[GROUPS + "test_waiting_for_a_pending_group_survives_the_kill"],
)
def leaks_a_waiter(created: Original, gcs: Gcs, group_id: bytes, life: int, outcome: Any) -> None:
    """Never answers the last of those that wait for a group."""
    gcs.groups.waiters.get(group_id, [])[-1:] = []
    created(gcs, group_id, life, outcome)


@mutant(
    placement_groups.remove,
    breaks="I7 L6",
    seen_by=("process", SCENARIO),
    cases=["test_requests.py::test_removing_what_is_not_there_is_ok"],
)
def dies_of_an_unknown_group(remove: Original, gcs: Gcs, call: int, request: Any) -> None:
    """Fails a check of its own when an unknown group shall be removed."""
    if request.placement_group_id not in gcs.groups.live:
        gcs.exit(134, "Check failed: the group is registered")
    remove(gcs, call, request)


@mutant(
    placement_groups.create,
    breaks="I3 I5",
    seen_by=("at most once", "agreement", SCENARIO),
    cases=["test_durability.py::test_asked_again_after_its_answer_it_has_no_second_effect[create_placement_group]"],
)  # fmt: skip
def makes_a_group_again_when_asked_again(create: Original, gcs: Gcs, call: int, request: Any) -> None:
    """Places a group's bundles anew when its creation is repeated."""
    group = gcs.groups.live.get(request.placement_group_spec.placement_group_id)
    create(gcs, call, request)
    if group is not None and group.row.state == bundles.STATES.CREATED:
        for bundle in group.row.bundles:
            bundle.ClearField("node_id")
        bundles.schedule(gcs, group)


@mutant(
    bundles.lose_node,
    breaks="N2",
    seen_by=("agreement", SCENARIO),
    cases=[GROUPS + "test_a_group_that_lost_a_node_in_the_outage_is_whole_again"],
)
def leaves_bundles_on_dead_nodes(_lose: Original, _gcs: Gcs, _group: Group, _node_id: bytes) -> None:
    """Does not place the bundles of a dead node anew."""


@mutant(
    bundles._abandon_plan,
    breaks="P2",
    seen_by=("agreement",),
    cases=["test_found_plans.py::test_a_plan_that_broke_a_release[two-node-losses-while-a-prepare-is-slow]"],
)
def does_not_wait_for_a_late_prepare(_abandon: Original, gcs: Gcs, group: Group) -> None:
    """Uses a node for the next attempt though its answer to the abandoned one is still on its way."""
    for node_id in sorted(set(group.plan.values()) - group.failed):
        bundles.give_back(gcs, group.group_id, node_id, bundles._planned(group, node_id))
    group.plan = {}
    group.phase = GroupPhase.WAITING
