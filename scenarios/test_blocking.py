"""Promise 2: while the GCS recovers its functions are unavailable, never wrong, never lost, never done twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from harness.check import held
from harness.check.blocking import once, waited_out
from harness.cluster import Cluster
from harness.fault import KillGcs, PauseStore
from harness.proxy import Match
from harness.proxy.modes import Stall
from harness.report.verdict import Inconclusive
from harness.traffic.functions import (
    FUNCTIONS,
    Call,
    CreateWorkerProcess,
    DeleteActor,
    DeletePlacementGroup,
    Function,
    ManageResources,
    ReconstructActor,
    ReconstructPlacementGroup,
    RegisterNode,
)
from harness.wait import never, until

pytestmark = [pytest.mark.promise("2"), pytest.mark.clause("K2")]

BEHAVIOURS = {
    CreateWorkerProcess: "T4",
    RegisterNode: "T5",
    ManageResources: "T6",
    DeleteActor: "T7",
    DeletePlacementGroup: "T7",
    ReconstructActor: "T8",
}


def each(functions: Sequence[type[Function]]) -> pytest.MarkDecorator:
    """One scenario a function, with the behaviour that it stands for."""
    cases = [
        pytest.param(
            one, id=one.__name__, marks=[pytest.mark.behaviour(BEHAVIOURS[one])] if one in BEHAVIOURS else []
        )
        for one in functions
    ]
    return pytest.mark.parametrize("function", cases)


# Nothing of this one is in flight before the health check has run out.
IN_FLIGHT = [one for one in FUNCTIONS if one is not ReconstructPlacementGroup]


@each(FUNCTIONS)
def test_asked_for_while_the_gcs_is_down(start: Callable[..., Cluster], function: type[Function]) -> None:
    cluster, asked = start(raylets=3), function()
    asked.prepare(cluster)
    with cluster.broken(KillGcs()):
        call = Call(cluster, asked)
    held(waited_out(call.answers(), cluster.closed_until), once(asked.effects(cluster)))


@each(IN_FLIGHT)
@pytest.mark.needs(store="redis")
@pytest.mark.clause("L2", "L3")
def test_in_flight_at_the_kill(start: Callable[..., Cluster], function: type[Function]) -> None:
    cluster, asked = start(raylets=3), function()
    asked.prepare(cluster)
    with cluster.broken(PauseStore()):
        call = Call(cluster, asked)
        call.until_sent()
        never("it is answered without a store", call.answered, during=0.2)
        cluster.kill_gcs()
    cluster.revive_gcs()
    held(waited_out(call.answers(), cluster.closed_until), once(asked.effects(cluster)))


@each(FUNCTIONS)
@pytest.mark.needs(store="redis")
@pytest.mark.clause("L1")
def test_asked_for_while_the_tables_load(start: Callable[..., Cluster], function: type[Function]) -> None:
    """From the first table scan on, the store's answers are withheld: the GCS has half of its tables at most."""
    cluster, asked = start(raylets=3), function()
    asked.prepare(cluster)
    cluster.kill_gcs()
    scan = cluster.arm(Stall(at="reply"), Match("HSCAN"))
    cluster.gcs.restart()
    call = Call(cluster, asked)
    until(
        "it scans its tables, or serves without",
        lambda: scan.is_set() or cluster.gcs.accepts(),
        within=15,
    )
    if not scan.is_set():
        raise Inconclusive("this GCS does not read its tables with HSCAN")
    never("it serves while its tables load", lambda: cluster.gcs.accepts() or call.answered(), during=0.5)
    scan.release()
    cluster.revive_gcs()
    held(waited_out(call.answers(), cluster.closed_until), once(asked.effects(cluster)))
