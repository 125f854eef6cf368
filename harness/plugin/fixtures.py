"""Fixtures that start clusters, and what a failed scenario shows of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.backend.choosing import MakeBackend
from harness.plugin import evidence
from harness.plugin.backends import chosen, maker
from harness.plugin.evidence import CLUSTERS
from harness.plugin.selection import scenario_key
from harness.plugin.verdicts import RECOVERIES

if TYPE_CHECKING:
    from harness.cluster import Cluster
    from harness.target.base import Target

_CLOSING_SECONDS = 3.0


@pytest.fixture
def workplace(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """The test's own directory, which goes with it even when pytest is killed; not with ``--keep``."""
    from harness.process.guard import GUARD

    if request.config.getoption("--keep"):
        yield tmp_path
        return
    GUARD.adopt(tmp_path)
    yield tmp_path
    if not interrupted(request):  # else the guardian's, which first ends all that may still write there
        GUARD.remove(tmp_path)


@pytest.fixture
def build(
    request: pytest.FixtureRequest, target: Target, store_spec: str, workplace: Path, backend: MakeBackend
) -> Iterator[Callable[..., Cluster]]:
    """``build(store="redis+password", named=True, …)``: a cluster of which nothing runs yet but the store.

    Keywords are those of ``Cluster``, and ``store``: a store by name (else the run's), or a
    started Store to share. All of it ends with the test.
    """
    from harness.cluster import Cluster
    from harness.history.recorder import Recorder

    place = evidence.directory(request.config)
    case = scenario_key(request.node.nodeid) or request.node.nodeid
    built: list[Cluster] = []
    request.node.stash[CLUSTERS] = built
    stores: list[Any] = []

    def make(store: Any = None, target: Target = target, **options: Any) -> Cluster:
        directory = workplace / f"cluster-{len(built)}"
        own = backend(directory)
        if store is None or isinstance(store, str):
            store = own.store(store or store_spec, directory / "store")
            stores.append(store)
            store.start()
        recorder = Recorder(place, case, len(built))
        cluster = Cluster(target, store, directory, recorder=recorder, backend=own, **options)
        built.append(cluster)
        return cluster

    try:
        yield make
    finally:
        request.node.user_properties.append((RECOVERIES, sum(cluster.recoveries for cluster in built)))
        for ending in [*built, *stores]:
            end = ending.close if isinstance(ending, Cluster) else ending.stop
            within_a_bound(end) if interrupted(request) else end()
        for cluster in built:  # when all have ended: some share a namespace
            within_a_bound(cluster.forget) if interrupted(request) else cluster.forget()
        evidence.keep_logs(request.node, built)


def interrupted(request: pytest.FixtureRequest) -> bool:
    """Whether Ctrl-C ended the run."""
    return request.session.exitstatus == pytest.ExitCode.INTERRUPTED


def within_a_bound(end: Callable[[], object]) -> None:
    """Call ``end``, but do not wait for ever: what it does not end, the guardian ends when we exit.

    A Ctrl-C that strikes inside gRPC may leave a call that nobody drives on, and then closing its
    channel never returns.
    """
    closing = threading.Thread(target=end, name="closing", daemon=True)
    closing.start()
    closing.join(_CLOSING_SECONDS)


@pytest.fixture
def backend(request: pytest.FixtureRequest, workplace: Path) -> MakeBackend:
    """``backend(directory)``: what runs a cluster whose files go to ``directory``."""
    return maker(request.config, evidence.directory(request.config))


@pytest.fixture
def beside(request: pytest.FixtureRequest) -> Callable[[str], Target]:
    """``beside("ray==2.55.1")``: another target than the run's, with all that it needs on the run's backend."""
    from harness.target.parse import parse_target

    def make(spec: str) -> Target:
        other = parse_target(spec)
        chosen(request.config).prepare(other)
        return other

    return make


@pytest.fixture
def redis_server(workplace: Path, backend: MakeBackend) -> Iterator[Any]:
    """A Redis of this test's own, for clusters that share one."""
    server = backend(workplace).store("redis", workplace / "redis")
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def start(build: Callable[..., Cluster]) -> Callable[..., Cluster]:
    """``start(raylets=3, cpus=2, …)``: a running cluster; further keywords as for ``build``."""

    def make(raylets: int = 2, cpus: float = 4.0, driver: bool = True, **options: Any) -> Cluster:
        return build(**options).start(raylets, cpus, driver)

    return make


@pytest.fixture
def cluster(start: Callable[..., Cluster]) -> Cluster:
    """A running cluster: GCS, two raylets, a driver on the first."""
    return start()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed scenario shows its clusters' journals and the last words of their GCS."""
    report = yield
    if report.when == "call" and report.failed:
        built: list[Cluster] = item.stash.get(CLUSTERS, [])
        for number, cluster in enumerate(built):
            report.sections.append((f"journal of cluster {number}", "\n".join(cluster.journal)))
            report.sections.append((f"log of the GCS of cluster {number}", cluster.gcs.log_tail()))
    return report
