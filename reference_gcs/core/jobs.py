"""Jobs: added once, finished once; a repeat of either changes nothing."""

from __future__ import annotations

from typing import Any

from harness.wire import ids
from harness.wire import messages as m
from harness.wire.status import Code
from reference_gcs.core import effects as fx
from reference_gcs.core import layout, pubsub
from reference_gcs.core.happenings import ActorGone, JobFinished, NodeGone, on
from reference_gcs.core.serving import serves
from reference_gcs.core.state import Gcs, then

SURVEY_TIMEOUT = 5.0  # seconds a driver has to say how many tasks it still runs
FUNCTION_KINDS = (b"RemoteFunction", b"ActorClass", b"FunctionsToRun")


@serves("JobInfoGcsService.GetNextJobID")
def get_next_job_id(gcs: Gcs, call: int, _request: m.GetNextJobIDRequest) -> None:
    gcs.write(fx.Increment(layout.JOB_COUNTER), then(_numbered, call))


def _numbered(gcs: Gcs, call: int, number: int) -> None:
    gcs.reply(call, m.GetNextJobIDReply(job_id=number))


@serves("JobInfoGcsService.AddJob", "data.job_id")
def add_job(gcs: Gcs, call: int, request: m.AddJobRequest) -> None:
    """A late repeat must not bring a finished job back, so a known job is left as it is."""
    job_id = request.data.job_id
    if job_id in gcs.jobs.rows:
        gcs.reply(call, m.AddJobReply())
        return
    if job_id in gcs.jobs.adding:
        gcs.jobs.adding[job_id].append(call)
        return
    gcs.jobs.adding[job_id] = [call]
    row = request.data
    row.start_time = row.timestamp = gcs.now_ms()
    gcs.write(fx.Put(layout.JOB, job_id, row.SerializeToString()), then(_added, row))


def _added(gcs: Gcs, row: m.JobTableData, _outcome: Any) -> None:
    gcs.jobs.rows[row.job_id] = row
    pubsub.publish(gcs, m.GCS_JOB_CHANNEL, row.job_id, job_message=row)
    for call in gcs.jobs.adding.pop(row.job_id):
        gcs.reply(call, m.AddJobReply())


@serves("JobInfoGcsService.MarkJobFinished", "job_id")
def mark_job_finished(gcs: Gcs, call: int, request: m.MarkJobFinishedRequest) -> None:
    """An unknown job is OK, as real releases answer: its driver may have died before AddJob."""
    job_id = request.job_id
    row = gcs.jobs.rows.get(job_id)
    if row is None or row.is_dead:
        gcs.reply(call, m.MarkJobFinishedReply())
    else:
        finish(gcs, row, [call])


def finish(gcs: Gcs, row: m.JobTableData, calls: list[int]) -> None:
    """Store a running job as dead, then tell everyone, then ack ``calls``."""
    if row.job_id in gcs.jobs.finishing:
        gcs.jobs.finishing[row.job_id] += calls
        return
    gcs.jobs.finishing[row.job_id] = calls
    finished = m.JobTableData()
    finished.CopyFrom(row)
    finished.is_dead = True
    finished.end_time = finished.timestamp = gcs.now_ms()
    gcs.write(fx.Put(layout.JOB, row.job_id, finished.SerializeToString()), then(_finished, finished))


@on(NodeGone)
def _node_gone(gcs: Gcs, gone: NodeGone) -> None:
    """A driver dies with its node, and its job with it."""
    for row in list(gcs.jobs.rows.values()):
        if not row.is_dead and row.driver_address.node_id == gone.node_id:
            finish(gcs, row, [])


def _finished(gcs: Gcs, row: m.JobTableData, _outcome: Any) -> None:
    gcs.jobs.rows[row.job_id] = row
    pubsub.publish(gcs, m.GCS_JOB_CHANNEL, row.job_id, job_message=row)
    gcs.happen(JobFinished(row.job_id))
    for call in gcs.jobs.finishing.pop(row.job_id):
        gcs.reply(call, m.MarkJobFinishedReply())
    _forget_functions(gcs, row.job_id)


@on(ActorGone)
def _last_user_of_functions(gcs: Gcs, gone: ActorGone) -> None:
    job_id = ids.job_of_actor(gone.actor_id)
    row = gcs.jobs.rows.get(job_id)
    if row is not None and row.is_dead:
        _forget_functions(gcs, job_id)


def _forget_functions(gcs: Gcs, job_id: bytes) -> None:
    """Drop a finished job's exported code, unless an actor that outlives it may still load it."""
    if any(ids.job_of_actor(actor_id) == job_id for actor_id in gcs.actors.live):
        return
    for kind in FUNCTION_KINDS:
        prefix = layout.kv_field(b"fun", kind + b":" + job_id.hex().encode() + b":")
        gcs.read(fx.Scan(layout.KV, prefix), then(_functions_found))


def _functions_found(gcs: Gcs, found: dict[bytes, bytes]) -> None:
    if found:
        gcs.write(fx.Delete(layout.KV, tuple(found)), then(_functions_dropped))


def _functions_dropped(_gcs: Gcs, _count: int) -> None:
    """Nothing waits for this."""


@serves("JobInfoGcsService.GetAllJobInfo")
def get_all_job_info(gcs: Gcs, call: int, request: m.GetAllJobInfoRequest) -> None:
    """Unless told to skip it, asks each live driver whether it still runs tasks."""
    reply = m.GetAllJobInfoReply()
    if request.limit < 0:
        gcs.fail(call, reply, Code.INVALID, "a limit is not negative")
        return
    for row in gcs.jobs.rows.values():
        if request.HasField("limit") and len(reply.job_info_list) >= request.limit:
            break
        if not request.HasField("job_or_submission_id") or _is_called(row, request.job_or_submission_id):
            reply.job_info_list.append(row)
    if request.skip_is_running_tasks_field:
        gcs.reply(call, reply)
        return
    gcs.jobs.surveys[call] = reply
    barrier = gcs.barrier(then(_surveyed, call))
    for index, row in enumerate(reply.job_info_list):
        row.is_running_tasks = False
        where = row.driver_address
        if not row.is_dead and where.port:
            gcs.hold(barrier)
            method = "CoreWorkerService.NumPendingTasks"
            counted = then(_counted, call, index, barrier)
            gcs.send(
                where.ip_address, where.port, method, m.NumPendingTasksRequest(), counted, SURVEY_TIMEOUT
            )
    gcs.release(barrier)


def _is_called(row: m.JobTableData, name: str) -> bool:
    return row.job_id.hex() == name or row.config.metadata.get("job_submission_id") == name


def _counted(gcs: Gcs, call: int, index: int, barrier: int, outcome: m.NumPendingTasksReply | None) -> None:
    if outcome is not None:
        gcs.jobs.surveys[call].job_info_list[index].is_running_tasks = outcome.num_pending_tasks > 0
    gcs.release(barrier)


def _surveyed(gcs: Gcs, call: int, _outcome: Any) -> None:
    gcs.reply(call, gcs.jobs.surveys.pop(call))
