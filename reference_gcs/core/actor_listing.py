"""Reading actors: by id, by name, all of them. Only what is stored (or merely pending) is seen."""

from __future__ import annotations

from harness.wire import messages as m
from harness.wire.status import Code
from reference_gcs.core.actor import Actor
from reference_gcs.core.serving import serves
from reference_gcs.core.state import Gcs

DEAD = m.ActorTableData.DEAD


def _shown(gcs: Gcs, actor_id: bytes) -> m.ActorTableData | None:
    actor = gcs.actors.live.get(actor_id)
    return actor.shown if actor is not None else gcs.actors.dead.get(actor_id)


def _named(gcs: Gcs, ray_namespace: str, name: str) -> Actor | None:
    actor = gcs.actors.live.get(gcs.actors.names.get((ray_namespace, name), b""))
    if actor is None or actor.shown is None or actor.shown.state == DEAD:
        return None
    return actor


@serves("ActorInfoGcsService.GetActorInfo", "actor_id")
def get_actor_info(gcs: Gcs, call: int, request: m.GetActorInfoRequest) -> None:
    """An unknown actor is an OK reply without a row, as real releases answer."""
    gcs.reply(call, m.GetActorInfoReply(actor_table_data=_shown(gcs, request.actor_id)))


@serves("ActorInfoGcsService.GetNamedActorInfo")
def get_named_actor_info(gcs: Gcs, call: int, request: m.GetNamedActorInfoRequest) -> None:
    actor = _named(gcs, request.ray_namespace, request.name)
    if actor is None:
        text = f"Actor with name '{request.name}' doesn't exist in namespace {request.ray_namespace}"
        gcs.fail(call, m.GetNamedActorInfoReply(), Code.NOT_FOUND, text)
    else:
        gcs.reply(call, m.GetNamedActorInfoReply(actor_table_data=actor.shown, task_spec=actor.spec))


@serves("ActorInfoGcsService.ListNamedActors")
def list_named_actors(gcs: Gcs, call: int, request: m.ListNamedActorsRequest) -> None:
    reply = m.ListNamedActorsReply()
    for ray_namespace, name in gcs.actors.names:
        wanted = request.all_namespaces or ray_namespace == request.ray_namespace
        if wanted and _named(gcs, ray_namespace, name) is not None:
            reply.named_actors_list.add(ray_namespace=ray_namespace, name=name)
    gcs.reply(call, reply)


@serves("ActorInfoGcsService.GetAllActorInfo")
def get_all_actor_info(gcs: Gcs, call: int, request: m.GetAllActorInfoRequest) -> None:
    rows = [actor.shown for actor in gcs.actors.live.values() if actor.shown is not None]
    rows += gcs.actors.dead.values()
    reply = m.GetAllActorInfoReply(total=len(rows))
    for row in rows:
        if not _passes(row, request.filters):
            reply.num_filtered += 1
        elif request.limit <= 0 or len(reply.actor_table_data) < request.limit:
            reply.actor_table_data.append(row)
    gcs.reply(call, reply)


def _passes(row: m.ActorTableData, filters: m.GetAllActorInfoRequest.Filters) -> bool:
    return all(
        getattr(row, name) == getattr(filters, name)
        for name in ("actor_id", "job_id", "state")
        if filters.HasField(name)
    )
