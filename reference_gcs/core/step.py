"""The one door of the core: an event in, effects out."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from reference_gcs.core import (
    access,
    actor_kill,
    actor_listing,
    actors,
    checks,
    drain,
    jobs,
    kv,
    nodes,
    placement_groups,
    pubsub,
    recovery,
    resources,
    workers,
)
from reference_gcs.core import effects as fx
from reference_gcs.core import events as ev
from reference_gcs.core.config import Config
from reference_gcs.core.serving import SERVED
from reference_gcs.core.state import Gcs

# Imported for what they serve and listen to.
MANAGERS = (
    actor_kill,
    actor_listing,
    actors,
    drain,
    jobs,
    kv,
    nodes,
    placement_groups,
    pubsub,
    resources,
    workers,
)


def fresh(config: Config, seed: int) -> Gcs:
    """A GCS that knows nothing yet; ``seed`` decides every id it will make up."""
    return Gcs(config, random.Random(seed))


def step(gcs: Gcs, event: ev.Event, now: float) -> tuple[Gcs, list[fx.Effect]]:
    """Take one event at ``now`` (unix seconds); obey the effects in their order.

    The state is changed in place and returned: copy it first (``copy.deepcopy``) to keep the
    old one. Never raises for anything that came from outside.
    """
    gcs.now = now
    gcs.effects = []
    HANDLERS[type(event)](gcs, event)
    return gcs, gcs.effects


def _request(gcs: Gcs, event: ev.Request) -> None:
    refusal = access.refusal(gcs, event.method, event.cluster_id, event.authorization)
    served = SERVED.get(event.method)
    if refusal is not None:
        gcs.reject(event.call, access.UNAUTHENTICATED, refusal)
    elif served is None:
        gcs.reject(event.call, "UNIMPLEMENTED", f"{event.method} is not served here")
    elif not gcs.serving:
        gcs.reject(event.call, "UNAVAILABLE", "still loading")
    else:
        complaint = checks.wrong_id(event.message, served.needs)
        if complaint is not None:
            gcs.reject(event.call, "INVALID_ARGUMENT", complaint)
        else:
            served.behave(gcs, event.call, event.message)


def _request_cancelled(gcs: Gcs, event: ev.RequestCancelled) -> None:
    """Mutations go on without their caller; long polls and waits are forgotten."""
    pubsub.poll_cancelled(gcs, event.call)
    placement_groups.wait_cancelled(gcs, event.call)


def _store_answered(gcs: Gcs, event: ev.StoreAnswered) -> None:
    gcs.ops.pop(event.op).run(gcs, event.value)


def _store_failed(gcs: Gcs, event: ev.StoreFailed) -> None:
    """What is stored is no longer known: only a restart can find out. Nothing is acked."""
    gcs.exit(1, f"the store failed: {event.why}")


def _send_answered(gcs: Gcs, event: ev.SendAnswered) -> None:
    after = gcs.sends.pop(event.send, None)
    if after is not None:
        after.run(gcs, event.reply)


def _send_failed(gcs: Gcs, event: ev.SendFailed) -> None:
    after = gcs.sends.pop(event.send, None)
    if after is not None:
        after.run(gcs, None)


def _timer_fired(gcs: Gcs, event: ev.TimerFired) -> None:
    what = gcs.timers.pop(event.timer, None)
    if what is not None:
        what.run(gcs, None)


def _stream_opened(gcs: Gcs, event: ev.StreamOpened) -> None:
    refusal = access.refusal(gcs, "RaySyncer.StartSync", event.cluster_id, event.authorization)
    if refusal is not None:
        gcs.effects.append(fx.StreamClose(event.stream, access.UNAUTHENTICATED, refusal))
    else:
        resources.stream_opened(gcs, event.stream, event.node_id)


def _stream_message(gcs: Gcs, event: ev.StreamMessage) -> None:
    resources.stream_message(gcs, event.stream, event.message)  # type: ignore[arg-type]


def _stream_closed(gcs: Gcs, event: ev.StreamClosed) -> None:
    resources.stream_closed(gcs, event.stream)


HANDLERS: dict[type[Any], Callable[[Gcs, Any], None]] = {
    ev.Boot: recovery.boot,
    ev.Request: _request,
    ev.RequestCancelled: _request_cancelled,
    ev.StoreAnswered: _store_answered,
    ev.StoreFailed: _store_failed,
    ev.SendAnswered: _send_answered,
    ev.SendFailed: _send_failed,
    ev.TimerFired: _timer_fired,
    ev.StreamOpened: _stream_opened,
    ev.StreamMessage: _stream_message,
    ev.StreamClosed: _stream_closed,
}
