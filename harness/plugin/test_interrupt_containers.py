"""Ctrl-C and ``kill -9`` in the middle of a run on containers: the one leaves nothing, the other what the next run removes."""

from __future__ import annotations

import signal
import uuid
from pathlib import Path

import pytest

from harness.container.engine import engine
from harness.container.owner import RUN
from harness.container.reaper import reap
from harness.container.testing import need_engine
from harness.plugin.whole_run import WholeRun
from harness.wait import until

pytestmark = pytest.mark.docker
# It kills its GCS for several seconds.
SCENARIO = ["scenarios/test_survival.py", "-k", "twenty_kills", "--backend", "docker", "--gcs", "reference"]
CLUSTER = 5
"""Redis, the proxy, the GCS and two raylets."""


@pytest.fixture(autouse=True)
def engine_answers() -> None:
    need_engine()


def of_run(run: str) -> list[str]:
    """What carries the run's label: names of containers, networks and volumes."""
    api, labelled = engine().client.api, {"label": f"{RUN}={run}"}
    return [
        *(one["Names"][0] for one in api.containers(all=True, filters=labelled)),
        *(one["Name"] for one in api.networks(filters=labelled)),
        *(one["Name"] for one in api.volumes(filters=labelled)["Volumes"] or ()),
    ]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill -9"])
def test_nothing_of_an_interrupted_run_is_left(tmp_path: Path, how: signal.Signals) -> None:
    name = uuid.uuid4().hex
    with WholeRun(tmp_path) as run:
        process = run.start(*SCENARIO, env={"GAUNTLET_RUN_ID": name})
        until("a cluster is up", lambda: len(of_run(name)) > CLUSTER, 60, evidence=lambda: run.output[-2000:])
        process.send_signal(how)
        process.wait(60)
        if how is signal.SIGKILL:
            assert of_run(name), "who would have removed it?"
            reap(engine().client)
        until("nothing of the run is left", lambda: not of_run(name), 20, evidence=lambda: str(of_run(name)))
        run.nothing_left(20)
