"""What befalls the GCS at a point, and what its clients and its keeper do then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

from harness.cluster import Cluster
from harness.crashpoint.act import Act
from harness.proxy.modes import Cut, Delay, KillAfter, KillBefore, RefuseWith, Stall, SwallowReply
from harness.wait import until

DELAY_SECONDS = 0.05
MEANWHILE_SECONDS = 0.03
"""How long a client that hears nothing gets to be told something after all."""
COMING_SECONDS = 8.0


@dataclass(frozen=True)
class Mode:
    """``rule`` makes what the proxy is armed with; ``then``: what happens once it has struck, up to the GCS's death."""

    rule: Callable[[], Any]
    then: Callable[[Cluster, Act], None]


def _dies(cluster: Cluster, act: Act) -> None:
    until("the GCS is dead", lambda: not cluster.gcs.alive, every=0.001)


def _asked_again_then_killed(cluster: Cluster, act: Act) -> None:
    """The client hears nothing, asks again on another connection, hears nothing, and the GCS dies."""
    act.repeat()
    end = monotonic() + MEANWHILE_SECONDS
    until("a moment passes", lambda: act.answered() or monotonic() > end, every=0.002)
    cluster.kill_gcs()


def _comes_through_then_killed(cluster: Cluster, act: Act) -> None:
    """It ends well, or the GCS gives up; then, in any case, a plain kill -9."""
    until(
        "the GCS answers, or ends",
        lambda: not cluster.gcs.alive or (act.answered() and act.rested()),
        COMING_SECONDS,
        every=0.005,
        evidence=cluster.gcs.log_tail,
    )
    cluster.kill_gcs()


MODES: Mapping[str, Mode] = {
    "kill-before": Mode(KillBefore, _dies),
    "kill-after": Mode(KillAfter, _dies),
    "swallow": Mode(SwallowReply, _asked_again_then_killed),
    "stall-retry-kill": Mode(lambda: Stall(at="command"), _asked_again_then_killed),
    "delay": Mode(lambda: Delay(DELAY_SECONDS), _comes_through_then_killed),
    "error": Mode(RefuseWith, _comes_through_then_killed),
    "cut": Mode(lambda: Cut(at="command"), _comes_through_then_killed),
}
