"""Faults that hide: one time in ten, or only where a second thing goes wrong."""

from __future__ import annotations

import os
import time
from typing import Any

from harness.wire import messages as m
from reference_gcs.core import config, jobs, kv, layout, recovery, recovery_actors, recovery_groups
from reference_gcs.core import effects as fx
from reference_gcs.core.placement_group import Group
from reference_gcs.core.state import NOTHING, Gcs, then
from reference_gcs.mutants.registry import POINT, SCENARIO, Original, mutant, one_in_ten

TWIN_SECONDS = 0.4


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
    seen_by=("unique job ids", "linearizable", SCENARIO),
    cases=["test_reload.py::test_job_ids_never_repeat"],
)
def repeats_one_job_id_in_ten(numbered: Original, gcs: Gcs, call: int, number: int) -> None:
    """Gives every tenth job the id of the one before it."""
    numbered(gcs, call, number - 1 if number % 10 == 0 else number)


@mutant(
    recovery._notified,
    breaks="R1",
    seen_by=(SCENARIO,),
    cases=["test_recovery_orders.py::test_a_node_unreachable_at_first_is_told_later"],
)
def tells_raylets_of_its_return_only_once(
    _notified: Original, _gcs: Gcs, _node_id: bytes, _reply: Any
) -> None:
    """Does not tell a raylet again that could not be reached when the GCS returned."""


@mutant(
    recovery_groups._resume,
    breaks="P1 D6",
    seen_by=("agreement", SCENARIO),
    cases=["test_placement_groups.py::test_a_group_in_the_making_is_made_after_the_restart[CommitBundleResources]"],
)  # fmt: skip
def forgets_a_commit_that_a_kill_cut_short(resume: Original, gcs: Gcs, group: Group) -> None:
    """Leaves a stored PREPARED group as it is: seen only after a kill between the two phases."""
    if group.row.state != recovery_groups.STATES.PREPARED:
        resume(gcs, group)


@mutant(
    recovery_actors._take_over,
    breaks="L2 D5 A1",
    seen_by=("durable", "legal lives", SCENARIO),
    cases=[POINT + "recovery:1:kill-before+recovery"],
)
def stores_task_specs_anew_when_it_returns(take_over: Original, gcs: Gcs, row: Any, spec: Any) -> None:
    """Deletes each task spec in its recovery, and puts it back: seen only if it is killed between the two."""
    take_over(gcs, row, spec)
    put = fx.Put(layout.ACTOR_TASK_SPEC, row.actor_id, spec.SerializeToString())
    gcs.write(fx.Delete(layout.ACTOR_TASK_SPEC, (row.actor_id,)), then(_put_back, put))


def _put_back(gcs: Gcs, put: fx.Put, _count: int) -> None:
    gcs.write(put, NOTHING)


@mutant(
    config.settle,
    breaks="K2 L3",
    seen_by=("blocking", SCENARIO),
    cases=["test_blocking.py::test_asked_for_while_the_gcs_is_down[RegisterNode]"],
)
def leaves_a_twin_behind(settle: Original, *given: Any) -> config.Config:
    """Serves in a second process, which answers for a moment longer when the first is killed."""
    first = os.getpid()
    twin = os.fork()
    if twin:
        _pid, status = os.waitpid(twin, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    os.setpgid(0, 0)  # what kills the first with its group does not kill this one
    _end_after(first)
    found: config.Config = settle(*given)
    return found


def _end_after(first: int) -> None:
    """End this process soon after ``first``, its parent, in a thread of its own."""
    import threading

    def watch() -> None:
        while os.getppid() == first:
            time.sleep(0.01)
        time.sleep(TWIN_SECONDS)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
