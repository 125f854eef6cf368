"""Which store commands a flow causes: it runs once, and the proxy is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from time import monotonic

from harness.crashpoint.carry import until_complete
from harness.crashpoint.flow import Flow
from harness.crashpoint.points import RECOVERY, Step, steps_of
from harness.crashpoint.stand import Stand, Stands
from harness.proxy import Unit
from harness.wait import until

QUIET_SECONDS = 0.15
"""A flow has come to rest when it has sent the store nothing for so long."""
REST_SECONDS = 20.0


def discover(stand: Stand, flow: Flow) -> list[Step]:
    """The flow's store commands, in the order in which they went out; of a recovery those until it serves.

    TimedOut when the flow does not come to its end without any fault.
    """
    stand.points += 1
    act = flow.prepare(stand.cluster)
    until_quiet(stand)
    mark = stand.proxy.mark()
    act.start()
    until(
        f"{flow.name} has been answered", lambda: act.answered() and act.rested(), REST_SECONDS, every=0.001
    )
    if flow.name == RECOVERY:
        units = caused(stand, mark)
        stand.cluster.revive_gcs()
    else:
        until_quiet(stand)
        units = caused(stand, mark)
    until_complete(act)
    stand.settle()
    return steps_of((unit.label, unit.writes) for unit in units)


def caused(stand: Stand, since: int) -> list[Unit]:
    """The units after ``since`` but those that the GCS sends for nobody's sake."""
    return [unit for unit in stand.proxy.units(since) if unit.label not in stand.background]


def until_quiet(stand: Stand) -> None:
    """Wait until the GCS has sent nothing to the store for a while."""
    mark, since = stand.proxy.mark(), monotonic()

    def quiet() -> bool:
        nonlocal mark, since
        if fresh := caused(stand, mark):
            mark, since = fresh[-1].number, monotonic()
        return monotonic() - since >= QUIET_SECONDS

    until("the store is left alone", quiet, REST_SECONDS)


def discover_all(stands: Stands, flows: Iterable[Flow]) -> Mapping[str, list[Step]]:
    """Flow -> its steps, on stands of its kind."""
    return {flow.name: discover(stands.of(flow.kind), flow) for flow in flows}
