"""Crash points as parameters of a scenario: which ones a run is about, and the stand that each is carried out on."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.crashpoint import points
from harness.crashpoint.points import NoSuchPoint, Point, Step
from harness.errors import EnvironmentProblem
from harness.plugin import evidence
from harness.plugin.backends import chosen as backend_of
from harness.plugin.backends import maker
from harness.plugin.fixtures import interrupted, within_a_bound
from harness.plugin.options import ENVIRONMENT_STATUS, choice, target_of
from harness.plugin.selection import covers_scenarios, scenario_key
from harness.plugin.verdicts import RECOVERIES
from harness.report import folder

if TYPE_CHECKING:
    from harness.crashpoint.stand import Stand, Stands
    from harness.target.base import Target

_PLAN = pytest.StashKey["Plan"]()
_HANDED = "gauntlet_crash_points"
SAMPLE, ALL = "sample", "all"


@dataclass
class Plan:
    """What a run carries out; ``steps``: of each flow, as far as they have been discovered."""

    points: list[Point]
    steps: dict[str, list[Step]] = field(default_factory=dict)

    def text(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, text: str) -> Plan:
        """The inverse of :meth:`text`."""
        raw = json.loads(text)
        steps = {flow: [Step(**one) for one in found] for flow, found in raw["steps"].items()}
        return cls([Point(**one) for one in raw["points"]], steps)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("gauntlet")
    group.addoption(
        "--crash-points",
        choices=(SAMPLE, ALL),
        default=SAMPLE,
        help="all: find out each store command of each flow, and crash the GCS at each in every way",
    )
    group.addoption(
        "--only", action="append", metavar="RPC", default=[], help="crash points of this RPC or flow"
    )
    group.addoption(
        "--point", action="append", metavar="ID", default=[], help="this crash point, like RegisterActor:2:kill-before"
    )  # fmt: skip


def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Before anything runs, and before xdist's workers start: find out what there is to crash at."""
    if hasattr(config, "workerinput") or not _wants_discovery(config):
        return None
    try:
        config.stash[_PLAN] = _plan(config)
    except (EnvironmentProblem, NoSuchPoint) as problem:
        print(f"gauntlet: {problem}", file=sys.stderr)
        return ENVIRONMENT_STATUS
    return None


def _wants_discovery(config: pytest.Config) -> bool:
    asked = config.getoption("--crash-points") == ALL or config.getoption("--point")
    return bool(asked and not config.option.help and covers_scenarios(config))


def _plan(config: pytest.Config) -> Plan:
    from harness.crashpoint.flows import chosen, flow_named

    backend_of(config).check_commands()
    named = [points.parse(text) for text in config.getoption("--point")]
    target = target_of(config)
    if named:
        steps = _discovered(config, [flow_named(name) for name in dict.fromkeys(one.flow for one in named)])
        return Plan(_there(named, steps), steps)
    flows = chosen(target.dialect, config.getoption("--only"))
    steps = _discovered(config, flows)
    return Plan(points.enumerate_points(steps, {flow.name: flow.asks for flow in flows}), steps)


def _there(named: Sequence[Point], steps: Mapping[str, Sequence[Step]]) -> list[Point]:
    """Those of ``named`` that there are, as far as is known: what races may cause fewer commands this time.

    NoSuchPoint when there is none at all; else a line for each that is left out.
    """
    found: list[Point] = []
    for point in named:
        try:
            if point.flow in steps:
                points.step_at(point, steps[point.flow])
            found.append(point)
        except NoSuchPoint as problem:
            if len(named) == 1:
                raise
            print(f"gauntlet: left out: {problem}", file=sys.stderr)
    if not found:
        raise NoSuchPoint("none of these crash points is there")
    return found


def _discovered(config: pytest.Config, flows: Sequence[Any]) -> dict[str, list[Step]]:
    from harness.crashpoint.discover import discover_all
    from harness.crashpoint.stand import Stands
    from harness.history.recorder import Recorder
    from harness.process.guard import GUARD

    place = GUARD.directory("gauntlet-discovery-")
    made, store = maker(config, place), choice(config, "--store")
    stands = Stands(target_of(config), place, lambda number: Recorder(), made, store)
    try:
        found, complaints = discover_all(stands, flows)
    finally:
        stands.close()
        GUARD.remove(place)
    for sentence in complaints:
        print(f"gauntlet: {sentence}", file=sys.stderr)
    return found


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """xdist: workers carry out what the controller has found."""
    if _PLAN in node.config.stash:
        node.workerinput[_HANDED] = node.config.stash[_PLAN].text()


def plan(config: pytest.Config) -> Plan:
    """The run's plan; the sample unless something else was asked for. NoSuchPoint where ``--only`` names nothing."""
    if _PLAN not in config.stash:
        handed = getattr(config, "workerinput", {}).get(_HANDED)
        config.stash[_PLAN] = Plan.of(handed) if handed else _sample(config)
    return config.stash[_PLAN]


def _sample(config: pytest.Config) -> Plan:
    from harness.crashpoint.flows import chosen
    from harness.crashpoint.requests import SINGLE

    single = {flow.name for flow in SINGLE}
    flows = chosen(target_of(config).dialect, config.getoption("--only"))
    return Plan(points.sample(flow.name for flow in flows if flow.name in single))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "point" in metafunc.fixturenames and "stand" in metafunc.fixturenames:
        found = plan(metafunc.config).points
        metafunc.parametrize("point", found, ids=[point.id for point in found])


@pytest.fixture(scope="session")
def stands(request: pytest.FixtureRequest, target: Target) -> Iterator[Stands]:
    """The stands of this process, one at a time."""
    from harness.crashpoint.stand import Stands
    from harness.history.recorder import Recorder
    from harness.process.guard import GUARD

    place = GUARD.directory("gauntlet-stands-")
    record = evidence.directory(request.config)
    made, store = maker(request.config, record), choice(request.config, "--store")
    found = Stands(target, place, lambda number: Recorder(record), made, store)
    try:
        yield found
    finally:
        within_a_bound(found.close) if interrupted(request) else found.close()
        _keep_logs(request.config, place)
        if not interrupted(request) and not request.config.getoption("--keep"):
            GUARD.remove(place)


def _keep_logs(config: pytest.Config, place: Path) -> None:
    """What each process of each stand said, over all of its points, into the run's folder."""
    made = evidence.run_folder(config)
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    if made is None:
        return
    for directory in sorted(place.iterdir()):
        folder.keep_logs(made, f"crash-points-{worker}-{directory.name}", 0, directory)


@pytest.fixture
def stand(request: pytest.FixtureRequest, stands: Stands, point: Point) -> Iterator[Stand]:
    """A warm cluster for this point, on whose record a new case has begun."""
    from harness.crashpoint.flows import flow_named

    found = stands.of(flow_named(point.flow).kind)
    cluster, lived = found.cluster, found.cluster.recoveries
    cluster.turn_to(scenario_key(request.node.nodeid) or request.node.nodeid)
    request.node.stash[evidence.CLUSTERS] = [cluster]
    yield found
    properties = request.node.user_properties
    properties.append((RECOVERIES, cluster.recoveries - lived))
    if any(name == evidence.FAILURES and value != "[]" for name, value in properties):
        found.spoilt = found.spoilt or "the record shows what must not be"
        evidence.keep_logs(request.node, [cluster])


@pytest.fixture
def steps(request: pytest.FixtureRequest) -> dict[str, list[Step]]:
    """Flow -> its store commands, as far as they are known; a sample's are found as it goes."""
    return plan(request.config).steps
