"""A raylet that drains: which requests it takes, and as what its node then dies. Pure.

As seen on the raylet of Ray 2.60.0: a node that is not idle refuses to be terminated as idle; a preemption cannot
be refused; one that drains accepts any further request, and the first one stays the one that counts. It leaves
as soon as it is idle. The deadline ends nothing by itself: what takes the machine away does.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.wire import messages as m

BUSY = "The node to be idle terminated is no longer idle."
TERMINATED = "Terminated by autoscaler."
"""What a raylet says of itself after a graceful ShutdownRaylet."""


@dataclass(frozen=True)
class Drain:
    """A request that was accepted. ``deadline_ms``: Unix milliseconds, 0 for none."""

    reason: int
    message: str
    deadline_ms: int

    def death(self) -> m.NodeDeathInfo:
        """What the node says of itself when it leaves."""
        idle = self.reason == m.autoscaler.DRAIN_NODE_REASON_IDLE_TERMINATION
        reason = m.NodeDeathInfo.AUTOSCALER_DRAIN_IDLE if idle else m.NodeDeathInfo.AUTOSCALER_DRAIN_PREEMPTED
        return m.NodeDeathInfo(reason=reason, reason_message=self.message)


def decide(
    request: m.DrainRayletRequest, current: Drain | None, idle: bool
) -> tuple[Drain | None, m.DrainRayletReply]:
    """What the raylet drains by from now on (None: not at all), and what it answers."""
    if current is not None:
        return current, m.DrainRayletReply(is_accepted=True)
    if request.reason == m.autoscaler.DRAIN_NODE_REASON_IDLE_TERMINATION and not idle:
        return None, m.DrainRayletReply(is_accepted=False, rejection_reason_message=BUSY)
    drain = Drain(request.reason, request.reason_message, request.deadline_timestamp_ms)
    return drain, m.DrainRayletReply(is_accepted=True)


def goodbye(preempted: bool, why: str) -> m.NodeDeathInfo:
    """What a node says that leaves without being drained; ``preempted``: because its machine is taken away."""
    reason = m.NodeDeathInfo.EXPECTED_TERMINATION
    if preempted:
        reason = m.NodeDeathInfo.AUTOSCALER_DRAIN_PREEMPTED
    return m.NodeDeathInfo(reason=reason, reason_message=why)
