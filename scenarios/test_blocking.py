"""Promise 2: while the GCS recovers its functions are unavailable, never wrong, never lost, never done twice."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.check import held
from harness.check.blocking import once, waited_out
from harness.cluster import Cluster
from harness.fault import KillGcs, PauseStore
from harness.functions import (
    FUNCTIONS,
    Call,
    CreateWorkerProcess,
    Function,
    ManageResources,
    ReconstructActor,
    RegisterNode,
)
from harness.wait import never, until

pytestmark = [pytest.mark.promise("2"), pytest.mark.clause("K2")]

BEHAVIOURS = {CreateWorkerProcess: "T4", RegisterNode: "T5", ManageResources: "T6", ReconstructActor: "T8"}
every_function = pytest.mark.parametrize(
    "function",
    [
        pytest.param(one, id=one.__name__, marks=[pytest.mark.behaviour(BEHAVIOURS.get(one, "T7"))])
        for one in FUNCTIONS
    ],
)


@every_function
def test_asked_for_while_the_gcs_is_down(start: Callable[..., Cluster], function: type[Function]) -> None:
    cluster, asked = start(raylets=3), function()
    asked.prepare(cluster)
    with cluster.broken(KillGcs()):
        call = Call(cluster, asked)
    held(waited_out(call.answers(), cluster.closed_until), once(asked.effects(cluster)))


@every_function
@pytest.mark.needs(store="redis")
@pytest.mark.clause("L1", "L2", "L3")
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


@every_function
@pytest.mark.needs(store="redis")
@pytest.mark.clause("L1")
def test_asked_for_while_the_tables_load(start: Callable[..., Cluster], function: type[Function]) -> None:
    cluster, asked = start(raylets=3), function()
    asked.prepare(cluster)
    cluster.kill_gcs()
    with cluster.broken(PauseStore()):
        cluster.gcs.restart()
        call = Call(cluster, asked)
        until("the GCS has asked the store for its tables", cluster.gcs_is_connected_to_store)
        assert not cluster.gcs.accepts(), "the port is open before the tables are loaded"
        assert cluster.gcs.alive, cluster.gcs.log_tail()
    cluster.revive_gcs()
    held(waited_out(call.answers(), cluster.closed_until), once(asked.effects(cluster)))
