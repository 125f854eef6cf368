"""Faults that hide: one time in ten, or only where a second thing goes wrong."""

from __future__ import annotations

from typing import Any

from harness.wire import messages as m
from reference_gcs.core import jobs, kv, recovery, recovery_groups
from reference_gcs.core.placement_group import Group
from reference_gcs.core.state import Gcs
from reference_gcs.mutants.registry import SCENARIO, Original, mutant, one_in_ten


@mutant(
    kv.put,
    breaks="D8 D12",
    seen_by=("durable", "linearizable", SCENARIO),
    cases=["test_durability.py::test_kills_at_any_instant_lose_nothing_that_was_acknowledged[0]"],
)
def loses_one_put_in_ten(put: Original, gcs: Gcs, call: int, request: Any) -> None:
    """Answers one KV put in ten, chosen by its key, without storing it."""
    if one_in_ten(request.key):
        gcs.reply(call, m.InternalKVPutReply(added=True))
    else:
        put(gcs, call, request)


@mutant(
    jobs._numbered,
    breaks="D2",
    seen_by=("linearizable", "unique job ids", SCENARIO),
    cases=["test_reload.py::test_job_ids_never_repeat"],
)
def repeats_one_job_id_in_ten(numbered: Original, gcs: Gcs, call: int, number: int) -> None:
    """Gives every tenth job the id of the one before it."""
    numbered(gcs, call, number - 1 if number % 10 == 0 else number)


@mutant(
    recovery._notified,
    breaks="R1",
    seen_by=("recovery orders", SCENARIO),
    cases=["test_recovery_orders.py::test_a_node_unreachable_at_first_is_told_later"],
)
def tells_raylets_of_its_return_only_once(
    _notified: Original, _gcs: Gcs, _node_id: bytes, _reply: Any
) -> None:
    """Does not tell a raylet again that could not be reached when the GCS returned."""


@mutant(
    recovery_groups._resume,
    breaks="P1 D6",
    seen_by=(SCENARIO,),
    cases=["test_placement_groups.py::test_a_group_in_the_making_is_made_after_the_restart[CommitBundleResources]"],
)  # fmt: skip
def forgets_a_commit_that_a_kill_cut_short(resume: Original, gcs: Gcs, group: Group) -> None:
    """Leaves a stored PREPARED group as it is: seen only after a kill between the two phases."""
    if group.row.state != recovery_groups.STATES.PREPARED:
        resume(gcs, group)
