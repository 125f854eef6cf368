"""What a scenario asks of a cluster once a fault is healed."""

from __future__ import annotations

import grpc

from harness.check.deadline import Standing
from harness.cluster import Cluster
from harness.driver import look
from harness.wait import until


def works(cluster: Cluster) -> bool:
    """Whether the GCS writes to its store now: it acknowledges a put within a second."""
    try:
        return cluster.driver.put(b"probe", b"", namespace=b"probes", within=1.0) in (True, False)
    except grpc.RpcError:
        return False


def recovered(cluster: Cluster, within: float = 30.0) -> None:
    """Wait until the GCS works with its store; one that ends for want of it is started again, once.

    AssertionError when it ends and says that all is well.
    """
    until("the GCS ends, or works again", lambda: not cluster.gcs.alive or works(cluster), within)
    if not cluster.gcs.alive:
        assert cluster.gcs.exit_status != 0, "the GCS lost its store and says all is well"
        cluster.revive_gcs()


def standings(cluster: Cluster) -> list[Standing]:
    """Where every raylet stands now, by its own account and by the GCS's."""
    listed = look.node_states(cluster.driver.gcs)
    return [
        Standing(
            node=raylet.node_id.hex(),
            at=cluster.now(),
            state=raylet.state,
            alive=raylet.alive,
            listed=listed.get(raylet.node_id.hex()) == "ALIVE",
            since=raylet.waiting_since,
        )
        for raylet in cluster.raylets
    ]
