"""Which store commands a flow causes: it runs once, and the proxy is read."""

from __future__ import annotations

from collections.abc import Iterable
from time import monotonic

import grpc

from harness.crashpoint.act import Act
from harness.crashpoint.carry import until_complete
from harness.crashpoint.flow import Flow
from harness.crashpoint.points import RECOVERY, NoSuchPoint, Point, Step, step_at, steps_of
from harness.crashpoint.stand import Stand, Stands
from harness.driver.client import Refused
from harness.errors import TargetFailed, TimedOut, Unsupported
from harness.proxy import Unit
from harness.wait import until

QUIET_SECONDS = 0.15
"""A flow has come to rest when it has sent the store nothing for so long."""
REST_SECONDS = 10.0


def discover(stand: Stand, flow: Flow) -> list[Step]:
    """The flow's store commands, in the order in which they went out; of a recovery those until it serves.

    A flow that does not come to its end although nothing is broken spoils the stand, and has those
    that were seen: its points will say so. TimedOut when there were none.
    """
    stand.points += 1
    act = flow.prepare(stand.cluster)
    until_quiet(stand)
    mark = stand.proxy.mark()
    act.start()
    try:
        _rest(stand, flow, act)
        units = caused(stand, mark)
        stand.cluster.revive_gcs()
        until_complete(act)
        stand.settle()
    except TimedOut as late:
        units = caused(stand, mark)
        stand.spoilt = f"{flow.name}, without any fault: {late}".partition("\n")[0]
        if not units:
            raise
    return steps_of((unit.label, unit.writes) for unit in units)


def _rest(stand: Stand, flow: Flow, act: Act) -> None:
    until(
        f"{flow.name} has been answered",
        lambda: act.answered() and act.rested(),
        REST_SECONDS,
        every=0.001,
        evidence=lambda: f"its clients were told {'+'.join(act.told())}",
    )
    if flow.name != RECOVERY:
        until_quiet(stand)


def step_of(stand: Stand, flow: Flow, point: Point, known: dict[str, list[Step]]) -> Step:
    """Where ``point`` lies; what the flow does is discovered unless it is ``known``, and then is.

    Unsupported where the flow has no such step.
    """
    if flow.name not in known:
        known[flow.name] = discover(stand, flow)
    try:
        return step_at(point, known[flow.name])
    except NoSuchPoint as problem:
        raise Unsupported(str(problem)) from None


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


def discover_all(stands: Stands, flows: Iterable[Flow]) -> tuple[dict[str, list[Step]], list[str]]:
    """Flow -> its steps, on stands of its kind, and a sentence for each that does not run even without a fault.

    What cannot be discovered is left out: who carries out a point of it will find out again.
    """
    found: dict[str, list[Step]] = {}
    complaints = []
    for flow in flows:
        stand = stands.of(flow.kind)
        try:
            found[flow.name] = discover(stand, flow)
        except (TimedOut, TargetFailed, Refused, grpc.RpcError) as problem:
            stand.spoilt = f"{flow.name}: {problem}".partition("\n")[0]
        if stand.spoilt:
            complaints.append(stand.spoilt)
    return found, complaints
