"""Actors that are told to end: killed by a client, or reported as out of scope."""

from __future__ import annotations

from typing import Any

from harness.wire import messages as m
from harness.wire.status import Code
from reference_gcs.core.actor import Phase
from reference_gcs.core.actor_death import Reason, destroy, runs
from reference_gcs.core.actor_orders import order_kill
from reference_gcs.core.actor_rows import restarts_left
from reference_gcs.core.serving import serves
from reference_gcs.core.state import Gcs, then


@serves("ActorInfoGcsService.KillActorViaGcs", "actor_id")
def kill_actor(gcs: Gcs, call: int, request: m.KillActorViaGcsRequest) -> None:
    """With no_restart: acked when DEAD is stored. Without: when the raylet has got the order."""
    actor = gcs.actors.live.get(request.actor_id)
    if actor is None and request.actor_id in gcs.actors.dead:
        gcs.reply(call, m.KillActorViaGcsReply())
    elif actor is None or actor.phase is Phase.REGISTERING:
        gcs.fail(call, m.KillActorViaGcsReply(), Code.NOT_FOUND, "Could not find actor with this ID.")
    elif request.no_restart:
        text = "The actor is dead because it was killed by `ray.kill`."
        destroy(gcs, actor, Reason.RAY_KILL, text, then(_killed, call))
    elif runs(actor):
        order_kill(gcs, actor, request.force_kill, then(_killed, call))
    elif not restarts_left(actor.row):
        text = "The actor was killed by `ray.kill` before it had a worker."
        destroy(gcs, actor, Reason.RAY_KILL, text, then(_killed, call))
    else:  # there is no worker to kill, and another would be started in its place
        gcs.reply(call, m.KillActorViaGcsReply())


def _killed(gcs: Gcs, call: int, _outcome: Any) -> None:
    gcs.reply(call, m.KillActorViaGcsReply())


@serves("ActorInfoGcsService.ReportActorOutOfScope", "actor_id")
def report_out_of_scope(gcs: Gcs, call: int, request: m.ReportActorOutOfScopeRequest) -> None:
    """A report from before the last lineage restart is stale: the actor is in use again.

    An unknown actor is gone already, as in Ray: a late repeat may come when even its row is forgotten.
    """
    actor = gcs.actors.live.get(request.actor_id)
    reply = m.ReportActorOutOfScopeReply()
    if actor is None:
        gcs.reply(call, reply)
    elif actor.phase is Phase.REGISTERING:
        gcs.fail(call, reply, Code.NOT_FOUND, "Could not find actor with this ID.")
    elif actor.row.num_restarts_due_to_lineage_reconstruction > (
        request.num_restarts_due_to_lineage_reconstruction
    ):
        gcs.reply(call, reply)
    else:
        text = "The actor is dead because all references to the actor were removed."
        destroy(gcs, actor, Reason.OUT_OF_SCOPE, text, then(_out_of_scope, call))


def _out_of_scope(gcs: Gcs, call: int, _outcome: Any) -> None:
    gcs.reply(call, m.ReportActorOutOfScopeReply())
