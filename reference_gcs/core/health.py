"""Health checks: the GCS asks each raylet; too many misses in a row and the node is given up.

A resource view on the syncer stream proves life as well as an answer does.
Source: contract section 3.5; 17 s to a refused node's death with the default settings.
"""

from __future__ import annotations

from typing import Any

from harness.wire import messages as m
from reference_gcs.core.happenings import NodeGone, NodeJoined, NodeSilent, on
from reference_gcs.core.state import Gcs, then
from reference_gcs.core.tables import Pulse


@on(NodeJoined)
def _node_joined(gcs: Gcs, joined: NodeJoined) -> None:
    watch(gcs, joined.node_id)


def watch(gcs: Gcs, node_id: bytes) -> None:
    """Start to check a node, after the initial delay."""
    _unwatch(gcs, node_id)
    pulse = gcs.health.pulses[node_id] = Pulse(proof=float("-inf"))
    delay = gcs.config.seconds("health_check_initial_delay_ms")
    pulse.timer = gcs.after(delay, then(_check, node_id))


@on(NodeGone)
def _node_gone(gcs: Gcs, gone: NodeGone) -> None:
    _unwatch(gcs, gone.node_id)


def _unwatch(gcs: Gcs, node_id: bytes) -> None:
    pulse = gcs.health.pulses.pop(node_id, None)
    if pulse is None:
        return
    if pulse.timer is not None:
        gcs.cancel_timer(pulse.timer)
    if pulse.probe is not None:
        gcs.cancel_send(pulse.probe)


def proof_of_life(gcs: Gcs, node_id: bytes) -> None:
    pulse = gcs.health.pulses.get(node_id)
    if pulse is not None:
        pulse.proof = gcs.now
        pulse.misses = 0


def _check(gcs: Gcs, node_id: bytes, _outcome: Any) -> None:
    pulse, node = gcs.health.pulses.get(node_id), gcs.nodes.alive.get(node_id)
    if pulse is None or node is None:
        return
    pulse.timer = None
    age = gcs.now - pulse.proof
    period = gcs.config.seconds("health_check_period_ms")
    if age < period:
        pulse.timer = gcs.after(period - age, then(_check, node_id))
        return
    pulse.probe = gcs.send(
        node.node_manager_address,
        node.node_manager_port,
        "Health.Check",
        m.HealthCheckRequest(service=node_id.hex()),
        then(_checked, node_id),
        gcs.config.seconds("health_check_timeout_ms"),
    )


def _checked(gcs: Gcs, node_id: bytes, reply: m.HealthCheckResponse | None) -> None:
    pulse = gcs.health.pulses.get(node_id)
    if pulse is None:
        return
    pulse.probe = None
    period = gcs.config.seconds("health_check_period_ms")
    if reply is not None and reply.status == m.HealthCheckResponse.SERVING:
        pulse.misses = 0
    elif gcs.now - pulse.proof >= period:
        pulse.misses += 1
    if pulse.misses >= gcs.config.get("health_check_failure_threshold"):
        gcs.happen(NodeSilent(node_id))
    else:
        pulse.timer = gcs.after(period, then(_check, node_id))
