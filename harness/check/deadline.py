"""A raylet is connected, or waits within its limit, or is gone; there is no third state (ray#64349)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Standing:
    """Where a raylet stands at ``at`` (monotonic seconds).

    ``state``: connected, waiting or gone by the raylet's own account; ``alive``: its process runs;
    ``listed``: the GCS calls its node ALIVE; ``since``: the first failed call, when waiting.
    """

    node: str
    at: float
    state: str
    alive: bool
    listed: bool
    since: float | None = None


def two_state(standings: Iterable[Standing], limit: float, grace: float = 2.0) -> list[str]:
    """No raylet waits longer than ``limit`` + ``grace`` seconds, and none is half gone."""
    found = []
    for one in standings:
        waited = one.at - one.since if one.since is not None else 0.0
        if one.alive and one.state == "waiting" and waited > limit + grace:
            found.append(f"raylet {one.node[:8]}: waits since {waited:.1f} s, with a limit of {limit:g} s")
        if one.alive and one.state == "connected" and not one.listed:
            found.append(f"raylet {one.node[:8]}: runs and thinks itself connected, but its node is DEAD")
        if not one.alive and one.listed:
            found.append(f"raylet {one.node[:8]}: is gone, but its node is ALIVE")
    return found


def exited_on_time(
    first_failure: float, ended: float, limit: float, early: float = 0.05, late: float = 3.0
) -> list[str]:
    """A raylet left neither before its limit nor long after it. All in monotonic seconds."""
    waited = ended - first_failure
    if waited < limit - early:
        return [f"left {waited:.2f} s after its first failed call, before its limit of {limit:g} s"]
    if waited > limit + late:
        return [f"left {waited:.2f} s after its first failed call, its limit being {limit:g} s"]
    return []
