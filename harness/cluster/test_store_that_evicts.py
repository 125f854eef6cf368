"""A store that loses rows by itself: the case proves nothing. A GCS that loses them is accused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from harness.check.view import differences
from harness.cluster import Cluster
from harness.cluster.closing import close_case
from harness.expectations import failure_of
from harness.history import log
from harness.history.recorder import Recorder
from harness.judge import Conclusion, conclude, rulings_of
from harness.report.verdict import Verdict
from harness.store.dump import keys
from harness.store.parse import store_from
from harness.store.redis_server import client_of
from harness.target.parse import parse_target
from harness.traffic.workload import populate

CASE = "a case"
Make = Callable[..., Cluster]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    with ExitStack() as ending:

        def make(target: str = "reference", store: str = "redis") -> Cluster:
            place = store_from(store, tmp_path / "store")
            ending.callback(place.stop)
            place.start()
            recorder = Recorder(tmp_path / "run", CASE)
            cluster = Cluster(parse_target(target), place, tmp_path / "cluster", recorder=recorder)
            ending.callback(cluster.close)
            return cluster.start()

        yield make


def concluded(cluster: Cluster, *own: str) -> Conclusion:
    """The verdict, and what ``gauntlet judge`` would say of the files; ``own``: what the case itself complains of."""
    close_case(cluster)
    place = cluster.recorder.directory
    assert place is not None
    rulings = rulings_of(log.events(place / log.HISTORY, CASE), log.entries(place / log.LEDGER, CASE))
    return conclude(CASE, [failure_of(one) for one in own], "", rulings, ())


def evict(cluster: Cluster) -> set[bytes]:
    """Let somebody else's cache grow until a key of the cluster's is thrown out; the ones that were."""
    with closing(client_of(cluster.store.settings)) as client:
        before = {*keys(client, cluster.namespace)}
        client.config_set("maxmemory-policy", "allkeys-random")
        used: Any = client.info("memory")
        client.config_set("maxmemory", used["used_memory"] + (2 << 20))
        for number in range(2000):
            client.set(f"other-{number}", b"x" * (64 << 10))
            if gone := before - {*keys(client, cluster.namespace)}:
                client.config_set("maxmemory", 0)
                return gone
    raise AssertionError("nothing of the cluster's was thrown out")


@pytest.mark.parametrize("store", ["redis", "redis+acl"])
def test_a_store_that_evicts_makes_the_case_inconclusive(make: Make, store: str) -> None:
    cluster = make(store=store)
    populate(cluster)
    before = cluster.look()
    evict(cluster)
    cluster.cycle()
    found = concluded(cluster, *differences(before, cluster.look_anew()))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.reason.startswith("the store threw out ")
    assert "maxmemory-policy allkeys-random" in found.reason
    assert found.failures == ()


@pytest.mark.parametrize("lost", ["forgets-actors", "forgets-placement-groups", "forgets-jobs"])
def test_a_gcs_that_loses_rows_of_a_sound_store_is_accused(make: Make, lost: str) -> None:
    cluster = make(f"reference+{lost}")
    populate(cluster)
    cluster.cycle()
    found = concluded(cluster)
    assert found.verdict is Verdict.BROKEN
    assert found.failures


def test_a_store_that_only_might_have_evicted_is_judged(make: Make) -> None:
    cluster = make()
    with closing(client_of(cluster.store.settings)) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        client.config_set("maxmemory", 1 << 30)
    populate(cluster)
    cluster.cycle()
    found = concluded(cluster)
    assert (found.verdict, found.reason) == (Verdict.HELD, "")
