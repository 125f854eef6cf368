"""Placement groups as clients ask for them: created once, waited for, removed for good."""

from __future__ import annotations

from typing import Any

from harness.wire import ids
from harness.wire import messages as m
from harness.wire.status import Code
from reference_gcs.core import bundles
from reference_gcs.core.happenings import ActorGone, GroupGone, JobFinished, on
from reference_gcs.core.placement_group import Group, GroupPhase
from reference_gcs.core.serving import serves
from reference_gcs.core.state import Gcs, then

STATES = m.PlacementGroupTableData


@serves(
    "PlacementGroupInfoGcsService.CreatePlacementGroup",
    "placement_group_spec.placement_group_id",
    "placement_group_spec.creator_job_id",
)
def create(gcs: Gcs, call: int, request: m.CreatePlacementGroupRequest) -> None:
    """Acked once stored; it is scheduled after that."""
    spec = request.placement_group_spec
    group = gcs.groups.live.get(spec.placement_group_id)
    if group is not None and group.phase is GroupPhase.CREATING:
        group.create_calls.append(call)
    elif group is not None or spec.placement_group_id in gcs.groups.removed:
        gcs.reply(call, m.CreatePlacementGroupReply())  # a late repeat must not bring it back
    else:
        complaint = _wrong(gcs, spec)
        if complaint is not None:
            gcs.fail(call, m.CreatePlacementGroupReply(), *complaint)
        else:
            _claim_name(gcs, call, request)


def _wrong(gcs: Gcs, spec: m.PlacementGroupSpec) -> tuple[Code, str] | None:
    indices = [bundle.bundle_id.bundle_index for bundle in spec.bundles]
    if not indices or len(set(indices)) != len(indices):
        return Code.INVALID_ARGUMENT, "a placement group needs bundles with different indices"
    if spec.strategy not in m.PlacementStrategy.values():
        return Code.INVALID_ARGUMENT, f"there is no placement strategy {spec.strategy}"
    if not spec.is_detached and not _job_runs(gcs, spec.creator_job_id) and not _has_creator(gcs, spec):
        return Code.NOT_FOUND, "the placement group's job does not exist, or has finished"
    return None


def _job_runs(gcs: Gcs, job_id: bytes) -> bool:
    job = gcs.jobs.rows.get(job_id)
    return job is not None and not job.is_dead and job_id not in gcs.jobs.finishing


def _has_creator(gcs: Gcs, spec: m.PlacementGroupSpec) -> bool:
    """A detached actor outlives its job, and may still create groups."""
    return spec.creator_actor_id in gcs.actors.live


def _claim_name(gcs: Gcs, call: int, request: m.CreatePlacementGroupRequest) -> None:
    """A taken name is refused, but only once it is settled that its holder is there to stay."""
    row = new_row(gcs, request.placement_group_spec)
    name = (row.ray_namespace, row.name)
    holder = gcs.groups.live.get(gcs.groups.names.get(name, b"")) if row.name else None
    if holder is None:
        _store(gcs, call, row)
    elif holder.phase in (GroupPhase.CREATING, GroupPhase.REMOVING):
        gcs.groups.name_waiters.setdefault(name, []).append((call, request))
    else:
        text = f"a placement group with name {row.name!r} already exists"
        gcs.fail(call, m.CreatePlacementGroupReply(), Code.INVALID, text)


def new_row(gcs: Gcs, spec: m.PlacementGroupSpec) -> m.PlacementGroupTableData:
    """The PENDING row of a new group, as ``gcs_server`` 2.60.0 stores it."""
    job = gcs.jobs.rows.get(spec.creator_job_id)
    row = m.PlacementGroupTableData(
        placement_group_id=spec.placement_group_id,
        name=spec.name,
        bundles=spec.bundles,
        strategy=spec.strategy,
        state=STATES.PENDING,
        creator_job_id=spec.creator_job_id,
        creator_actor_id=spec.creator_actor_id,
        creator_job_dead=spec.creator_job_dead,
        creator_actor_dead=spec.creator_actor_dead,
        is_detached=spec.is_detached,
        ray_namespace=job.config.ray_namespace if job is not None else "",
        soft_target_node_id=spec.soft_target_node_id,
        placement_group_creation_timestamp_ms=gcs.now_ms(),
    )
    row.stats.creation_request_received_ns = int(gcs.now * 1e9)
    for bundle in row.bundles:
        bundle.ClearField("node_id")
    return row


def _store(gcs: Gcs, call: int, row: m.PlacementGroupTableData) -> None:
    group = Group(row, GroupPhase.CREATING, create_calls=[call])
    gcs.groups.live[group.group_id] = group
    if row.name:
        gcs.groups.names[group.name] = group.group_id
    bundles.store(gcs, group, then(_created, group.group_id))


def _created(gcs: Gcs, group_id: bytes, _outcome: Any) -> None:
    group = gcs.groups.live[group_id]
    bundles.show(group)
    for call in group.create_calls:
        gcs.reply(call, m.CreatePlacementGroupReply())
    group.create_calls.clear()
    if group.remove_calls or lifetime_over(gcs, group):
        _start_removal(gcs, group)
    else:
        bundles.schedule(gcs, group)
    _settle_name(gcs, group.name)


def _settle_name(gcs: Gcs, name: tuple[str, str]) -> None:
    for call, request in gcs.groups.name_waiters.pop(name, []):
        create(gcs, call, request)


# -- removal -------------------------------------------------------------------------------------


@serves("PlacementGroupInfoGcsService.RemovePlacementGroup", "placement_group_id")
def remove(gcs: Gcs, call: int, request: m.RemovePlacementGroupRequest) -> None:
    """Acked when REMOVED is stored. Unknown and removed ids are fine: they are gone."""
    group = gcs.groups.live.get(request.placement_group_id)
    if group is None:
        gcs.reply(call, m.RemovePlacementGroupReply())
        return
    group.remove_calls.append(call)
    if group.phase not in (GroupPhase.CREATING, GroupPhase.REMOVING):
        _start_removal(gcs, group)


def _start_removal(gcs: Gcs, group: Group) -> None:
    """REMOVED is stored before any bundle is given back: a crash must not undo half a removal."""
    if group.phase is GroupPhase.REMOVING:
        return
    group.life += 1
    group.phase = GroupPhase.REMOVING
    group.row.state = STATES.REMOVED
    bundles.store(gcs, group, then(_removed, group.group_id))


def _removed(gcs: Gcs, group_id: bytes, _outcome: Any) -> None:
    group = gcs.groups.live.pop(group_id)
    gcs.groups.removed[group_id] = group.row
    if gcs.groups.names.get(group.name) == group_id:
        del gcs.groups.names[group.name]
    bundles.give_back_all(gcs, group)
    for call in gcs.groups.waiters.pop(group_id, []):
        gcs.fail(call, m.WaitPlacementGroupUntilReadyReply(), Code.NOT_FOUND, "the group was removed")
    gcs.happen(GroupGone(group_id))
    for call in group.remove_calls:
        gcs.reply(call, m.RemovePlacementGroupReply())
    _settle_name(gcs, group.name)


def lifetime_over(gcs: Gcs, group: Group) -> bool:
    """A group that is not detached ends with its job and, if an actor made it, with that actor."""
    row = group.row
    if row.is_detached:
        return False
    job = gcs.jobs.rows.get(row.creator_job_id)
    job_over = row.creator_job_dead or job is None or job.is_dead
    creator = row.creator_actor_id
    actor_over = row.creator_actor_dead or ids.is_nil(creator) or creator not in gcs.actors.live
    return job_over and actor_over


@on(JobFinished)
def _job_finished(gcs: Gcs, finished: JobFinished) -> None:
    for group in list(gcs.groups.live.values()):
        if group.row.creator_job_id == finished.job_id:
            group.row.creator_job_dead = True
            end_if_over(gcs, group)


@on(ActorGone)
def _actor_gone(gcs: Gcs, gone: ActorGone) -> None:
    for group in list(gcs.groups.live.values()):
        if group.row.creator_actor_id == gone.actor_id and gone.actor_id not in gcs.actors.live:
            group.row.creator_actor_dead = True
            end_if_over(gcs, group)


def end_if_over(gcs: Gcs, group: Group) -> None:
    """Remove a group whose makers are gone; one still being stored is looked at when it is."""
    if group.phase is not GroupPhase.CREATING and lifetime_over(gcs, group):
        _start_removal(gcs, group)


# -- reading -------------------------------------------------------------------------------------


def _shown(gcs: Gcs, group_id: bytes) -> m.PlacementGroupTableData | None:
    group = gcs.groups.live.get(group_id)
    return group.shown if group is not None else gcs.groups.removed.get(group_id)


@serves("PlacementGroupInfoGcsService.WaitPlacementGroupUntilReady", "placement_group_id")
def wait_until_ready(gcs: Gcs, call: int, request: m.WaitPlacementGroupUntilReadyRequest) -> None:
    """An unknown id waits too: its CreatePlacementGroup may be on the way."""
    group_id = request.placement_group_id
    shown = _shown(gcs, group_id)
    if group_id in gcs.groups.removed:
        gcs.fail(call, m.WaitPlacementGroupUntilReadyReply(), Code.NOT_FOUND, "the group was removed")
    elif shown is not None and shown.state == STATES.CREATED:
        gcs.reply(call, m.WaitPlacementGroupUntilReadyReply())
    else:
        gcs.groups.waiters.setdefault(group_id, []).append(call)


def wait_cancelled(gcs: Gcs, call: int) -> None:
    """The waiting caller hung up."""
    for group_id, calls in list(gcs.groups.waiters.items()):
        if call in calls:
            calls.remove(call)
        if not calls:
            del gcs.groups.waiters[group_id]


@serves("PlacementGroupInfoGcsService.GetPlacementGroup", "placement_group_id")
def get(gcs: Gcs, call: int, request: m.GetPlacementGroupRequest) -> None:
    """An unknown group is an OK reply without a row, as real releases answer."""
    shown = _shown(gcs, request.placement_group_id)
    gcs.reply(call, m.GetPlacementGroupReply(placement_group_table_data=shown))


@serves("PlacementGroupInfoGcsService.GetNamedPlacementGroup")
def get_named(gcs: Gcs, call: int, request: m.GetNamedPlacementGroupRequest) -> None:
    group_id = gcs.groups.names.get((request.ray_namespace, request.name), b"")
    gcs.reply(call, m.GetNamedPlacementGroupReply(placement_group_table_data=_shown(gcs, group_id)))


@serves("PlacementGroupInfoGcsService.GetAllPlacementGroup")
def get_all(gcs: Gcs, call: int, request: m.GetAllPlacementGroupRequest) -> None:
    rows = [group.shown for group in gcs.groups.live.values() if group.shown is not None]
    rows += gcs.groups.removed.values()
    reply = m.GetAllPlacementGroupReply(total=len(rows))
    limit = request.limit if request.HasField("limit") else len(rows)
    reply.placement_group_table_data.extend(rows[: max(limit, 0)])
    gcs.reply(call, reply)
