"""Before a run on a store of the user's: what it may lose by itself."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from harness.plugin.whole_run import WholeRun
from harness.store.redis_server import RedisServer

SCENARIO = "scenarios/test_identity.py::test_the_cluster_id_is_made_once_and_kept"


def test_a_store_that_may_evict_is_told_of_once_and_used(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "redis", persistence="aof")
    server.start()
    try:
        with closing(server.client()) as client:
            client.config_set("maxmemory-policy", "allkeys-lru")
            client.config_set("maxmemory", 1 << 30)
        url = f"redis://{server.settings.host}:{server.settings.port}"
        with WholeRun(tmp_path) as run:
            assert run.status(SCENARIO, "--store", url, "-n", "2") == 0, run.output + run.errors
            said = [line for line in run.errors.splitlines() if line.startswith("gauntlet: ")]
        assert len(said) == 1
        assert said[0].startswith(f"gauntlet: {url}: it may throw keys out when its {1 << 30} bytes are full")
    finally:
        server.stop()
