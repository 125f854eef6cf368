"""Recovery as a flow of its own, and recoveries that are killed as well, down to the recovery of a recovery."""

from __future__ import annotations

from harness.cluster import Cluster
from harness.crashpoint.act import Happening
from harness.crashpoint.flow import RICH, Flow
from harness.crashpoint.points import RECOVERY
from harness.errors import TargetFailed, TimedOut
from harness.proxy import Match
from harness.proxy.base import StoreProxy
from harness.proxy.modes import KillBefore
from harness.wait import until

BOOT_SECONDS = 15.0
"""How long one start may take until it is struck, or serves."""
HIGHEST = 400
"""A recovery of more store commands than this is no recovery of the small clusters here."""


def _recover(cluster: Cluster) -> Happening:
    cluster.kill_gcs()
    return Happening(cluster.gcs.restart, lambda: "", cluster.gcs.accepts)


RECOVERING = Flow(RECOVERY, _recover, RICH, asks=False)


def kill_in_recovery(cluster: Cluster, proxy: StoreProxy, number: int) -> bool:
    """Start the dead GCS, and kill it before its ``number``-th store command; False when it serves before that.

    TargetFailed when it ends by itself, TimedOut when it does neither.
    """
    rule = proxy.arm(KillBefore(), Match(nth=number))
    try:
        cluster.gcs.restart()
        until(
            f"a restarted GCS serves, or sends store command {number}",
            lambda: rule.struck.is_set() or cluster.gcs.accepts() or not cluster.gcs.alive,
            BOOT_SECONDS,
            every=0.001,
            evidence=cluster.gcs.log_tail,
        )
        if rule.struck.is_set():
            until("the GCS is dead", lambda: not cluster.gcs.alive, every=0.001)
            return True
    finally:
        rule.disarm()
    if not cluster.gcs.alive and not rule.struck.is_set():
        raise TargetFailed(
            f"{cluster.target.name} ended by itself in its recovery; it said last:\n{cluster.gcs.log_tail()}",
            cluster.gcs.running.log_path,
        )
    return rule.struck.is_set()


def climb(cluster: Cluster, proxy: StoreProxy, again_at: int = 0) -> int:
    """Kill each recovery of the dead GCS one store command further on than the last, until one comes through.

    ``again_at``: between two such, one is killed at that command. How many starts were killed.
    """
    killed = 0
    for number in range(1, HIGHEST):
        if not kill_in_recovery(cluster, proxy, number):
            return killed
        killed += 1
        if again_at and kill_in_recovery(cluster, proxy, again_at):
            killed += 1
        elif again_at:
            cluster.kill_gcs()
    raise TimedOut(f"the recovery sends more than {HIGHEST} commands to the store and does not end")
