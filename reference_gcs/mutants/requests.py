"""Single requests that are answered wrongly, twice, or not at all."""

from __future__ import annotations

from typing import Any

from harness.wire import messages as m
from reference_gcs.core import actor_listing, jobs, kv
from reference_gcs.core.state import Gcs
from reference_gcs.mutants.registry import SCENARIO, Original, mutant, notes
from reference_gcs.server import Server

DURABLE = "test_durability.py::"
JOB_IDS = "test_reload.py::test_job_ids_never_repeat"


@mutant(
    jobs.get_next_job_id,
    breaks="D2",
    seen_by=("durable", "linearizable", "unique job ids", SCENARIO),
    cases=[JOB_IDS],
)
def counts_jobs_in_memory(_next: Original, gcs: Gcs, call: int, _request: Any) -> None:
    """Begins to number jobs at 1 in each of its lives."""
    number = len(notes(gcs)) + 1
    notes(gcs)[b"%d" % number] = b""
    gcs.reply(call, m.GetNextJobIDReply(job_id=number))


@mutant(
    kv.put,
    breaks="D8",
    seen_by=("linearizable", SCENARIO),
    cases=[DURABLE + "test_a_put_without_overwrite_never_replaces"],
)
def ignores_overwrite_false(put: Original, gcs: Gcs, call: int, request: Any) -> None:
    """Replaces a value with one that must not replace it."""
    request.overwrite = True
    put(gcs, call, request)


@mutant(
    kv.delete,
    breaks="D8",
    seen_by=("durable", "linearizable", SCENARIO),
    cases=[DURABLE + "test_acknowledged_is_durable[delete]"],
)
def keeps_deleted_keys(_delete: Original, gcs: Gcs, call: int, _request: Any) -> None:
    """Says that it deleted a key, and keeps it."""
    gcs.reply(call, m.InternalKVDelReply(deleted_num=1))


@mutant(
    actor_listing.get_actor_info,
    breaks="L6",
    seen_by=("process", SCENARIO),
    cases=["test_requests.py::test_what_does_not_exist_is_not_found_and_the_process_lives[GetActorInfo-unknown]"],
)  # fmt: skip
def dies_of_an_unknown_actor(get: Original, gcs: Gcs, call: int, request: Any) -> None:
    """Fails a check of its own when somebody asks for an actor that there is not."""
    if actor_listing._shown(gcs, request.actor_id) is None:
        gcs.exit(134, "Check failed: the actor is registered")
    get(gcs, call, request)


@mutant(
    Server.close,
    breaks="L4",
    seen_by=("process",),
    cases=["test_requests.py::test_an_orderly_end_is_quick_and_tells_its_callers"],
)
async def hangs_at_its_orderly_end(_close: Original, server: Server) -> None:
    """Waits at SIGTERM until all its callers have gone by themselves."""
    if server._server is not None:
        await server._server.stop(3600)  # without a grace period gRPC would end their calls


@mutant(
    Server._settle,
    breaks="L3 I5",
    seen_by=("answered", SCENARIO),
    cases=[DURABLE + "test_asked_again_after_its_answer_it_has_no_second_effect[add_worker]"],
)
def answers_each_second_worker_only(settle: Original, server: Server, call: int, outcome: Any) -> None:
    """Leaves every second AddWorkerInfo without an answer."""
    if isinstance(outcome, m.AddWorkerInfoReply) and call % 2:
        return
    settle(server, call, outcome)


@mutant(
    kv._prefix_found,
    breaks="D8",
    seen_by=("durable", "linearizable", SCENARIO),
    cases=[DURABLE + "test_acknowledged_is_durable[delete_by_prefix]"],
)
def deletes_only_the_first_of_a_prefix(
    found: Original, gcs: Gcs, call: int, namespace: bytes, rows: Any
) -> None:
    """Deletes one key of a prefix, and says it deleted it."""
    found(gcs, call, namespace, dict(list(rows.items())[:1]))
