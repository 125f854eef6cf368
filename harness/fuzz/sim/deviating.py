"""Raylets and workers that do not as they are told, as :mod:`harness.raylet.scripts` has it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.fuzz.sim.orders import Order
from harness.raylet.exceptions import told
from harness.wire import messages as m

if TYPE_CHECKING:
    from harness.fuzz.sim.raylet import Raylet
    from harness.fuzz.sim.workers import Driver

RAISED = "the actor's constructor raised"
LEAVING = 0.05
"""Seconds from the report of an exception to the end of the worker that had it."""


LONG_S, PATIENCE_S = 10.0, 16.0
"""An answer that is late by more than the first keeps a GCS waiting until it goes ahead, and what it does then is
done after the second."""


@dataclass
class Script:
    """One deviation: its mode, how many calls it still strikes, and how long they are delayed."""

    mode: str
    times: int
    seconds: float


def deviation(raylet: Raylet, method: str) -> Script | None:
    """The script that a call of ``method`` falls under, if any; uses up one of its times."""
    script = raylet.scripts.get(method)
    if script is None:
        return None
    script.times -= 1
    if script.times <= 0:
        del raylet.scripts[method]
    raylet.world.reached("a raylet does not as it is told")
    return script


def deviate(
    whom: Driver | Raylet, raylet: Raylet, order: Order, script: Script, obey: Callable[[], None]
) -> None:
    """Answer ``order`` as ``script`` says; ``obey`` is what should have been done."""
    refusal = _REFUSALS.get(order.effect.method.split(".")[1]) if script.mode == "refuse" else None
    if script.mode == "delay":
        if script.seconds > LONG_S:
            raylet.world.stirred(PATIENCE_S)
            raylet.mute_until = max(raylet.mute_until, raylet.clock.now + script.seconds)
        raylet.clock.after(script.seconds, _late, raylet, whom, order, obey)
    elif refusal is not None:
        refusal(whom, raylet, order)
    else:
        order.refuse("UNAVAILABLE")


def _late(raylet: Raylet, whom: Any, order: Order, obey: Callable[[], None]) -> None:
    """Nobody may wait any more, but an order once received is obeyed; a process that is gone obeys none."""
    if raylet.gone or not getattr(whom, "alive", True):
        order.refuse("UNAVAILABLE")
    else:
        obey()


def _reject_lease(_whom: Any, raylet: Raylet, order: Order) -> None:
    order.answer(raylet.leases.rejected())


def _refuse_prepare(_whom: Any, _raylet: Raylet, order: Order) -> None:
    order.answer(m.PrepareBundleResourcesReply(success=False))


def _raise_in_constructor(worker: Any, raylet: Raylet, order: Order) -> None:
    request: Any = order.effect.request
    worker.actor_id = request.task_spec.actor_creation_task_spec.actor_id
    worker.exception = RAISED
    facts = {"worker": worker.worker_id, "pid": worker.pid, "actor": worker.actor_id, "detail": RAISED}
    raylet.write("worker", "actor", facts)
    raylet.world.reached("an actor's constructor raises")
    order.answer(
        m.PushTaskReply(worker_exiting=True, is_application_error=True, task_execution_error=told(RAISED))
    )
    why = "Worker exits because there was an exception in the initialization method."
    raylet.clock.after(LEAVING, raylet.kill_worker, worker, why, m.USER_ERROR)


_REFUSALS: dict[str, Callable[[Any, Raylet, Order], None]] = {
    "RequestWorkerLease": _reject_lease,
    "PrepareBundleResources": _refuse_prepare,
    "PushTask": _raise_in_constructor,
}
