"""Workers: who they are, and the report that one of them failed."""

from __future__ import annotations

from typing import Any

from harness.wire import messages as m
from reference_gcs.core import effects as fx
from reference_gcs.core import layout, pubsub
from reference_gcs.core.happenings import WorkerGone
from reference_gcs.core.serving import serves
from reference_gcs.core.state import Gcs, then


@serves("WorkerInfoGcsService.AddWorkerInfo", "worker_data.worker_address.worker_id")
def add_worker_info(gcs: Gcs, call: int, request: m.AddWorkerInfoRequest) -> None:
    """A late repeat must not bring a dead worker back, nor one whose death is on its way to the store."""
    row = request.worker_data
    worker_id = row.worker_address.worker_id
    known = gcs.workers.rows.get(worker_id)
    if worker_id in gcs.workers.failing:
        gcs.workers.failing[worker_id].append((call, m.AddWorkerInfoReply()))
        return
    if known is not None and (not known.is_alive or known == row):
        gcs.reply(call, m.AddWorkerInfoReply())
        return
    put = fx.Put(layout.WORKERS, worker_id, row.SerializeToString())
    gcs.write(put, then(_added, call, row))


def _added(gcs: Gcs, call: int, row: m.WorkerTableData, _outcome: Any) -> None:
    known = gcs.workers.rows.get(row.worker_address.worker_id)
    if known is None or known.is_alive:
        gcs.workers.rows[row.worker_address.worker_id] = row
    gcs.reply(call, m.AddWorkerInfoReply())


@serves("WorkerInfoGcsService.ReportWorkerFailure", "worker_failure.worker_address.worker_id")
def report_worker_failure(gcs: Gcs, call: int, request: m.ReportWorkerFailureRequest) -> None:
    """Acked when the worker's row and those of every actor it takes along are stored."""
    worker_id = request.worker_failure.worker_address.worker_id
    known = gcs.workers.rows.get(worker_id)
    if worker_id in gcs.workers.failing:
        gcs.workers.failing[worker_id].append((call, m.ReportWorkerFailureReply()))
        return
    if known is not None and not known.is_alive:
        gcs.reply(call, m.ReportWorkerFailureReply())
        return
    gcs.workers.failing[worker_id] = [(call, m.ReportWorkerFailureReply())]
    row = m.WorkerTableData()
    if known is not None:
        row.CopyFrom(known)
    row.MergeFrom(request.worker_failure)
    row.is_alive = False
    barrier = gcs.barrier(then(_failure_stored, row))
    gcs.happen(WorkerGone(row, barrier))
    gcs.hold(barrier)
    gcs.write(fx.Put(layout.WORKERS, worker_id, row.SerializeToString()), then(_row_stored, row, barrier))
    gcs.release(barrier)


def _row_stored(gcs: Gcs, row: m.WorkerTableData, barrier: int, _outcome: Any) -> None:
    where = row.worker_address
    gcs.workers.rows[where.worker_id] = row
    delta = m.WorkerDeltaData(node_id=where.node_id, worker_id=where.worker_id)
    pubsub.publish(gcs, m.GCS_WORKER_DELTA_CHANNEL, where.worker_id, worker_delta_message=delta)
    pubsub.drop_sender(gcs, where.worker_id)
    gcs.release(barrier)


def _failure_stored(gcs: Gcs, row: m.WorkerTableData, _outcome: Any) -> None:
    where = row.worker_address
    for call, reply in gcs.workers.failing.pop(where.worker_id):
        gcs.reply(call, reply)
    if where.port:
        gcs.effects.append(fx.Disconnect(where.ip_address, where.port))


@serves("WorkerInfoGcsService.GetWorkerInfo", "worker_id")
def get_worker_info(gcs: Gcs, call: int, request: m.GetWorkerInfoRequest) -> None:
    """An unknown worker is an OK reply without a row, as real releases answer."""
    row = gcs.workers.rows.get(request.worker_id)
    gcs.reply(call, m.GetWorkerInfoReply(worker_table_data=row))


@serves("WorkerInfoGcsService.GetAllWorkerInfo")
def get_all_worker_info(gcs: Gcs, call: int, request: m.GetAllWorkerInfoRequest) -> None:
    reply = m.GetAllWorkerInfoReply(total=len(gcs.workers.rows))
    wanted = request.filters
    for row in gcs.workers.rows.values():
        if (wanted.HasField("is_alive") and row.is_alive != wanted.is_alive) or wanted.exist_paused_threads:
            reply.num_filtered += 1
        elif not request.HasField("limit") or len(reply.worker_table_data) < request.limit:
            reply.worker_table_data.append(row)
    gcs.reply(call, reply)
