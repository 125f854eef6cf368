"""Which scenarios run: markers checked at collection, the long lane, and what a target lacks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from packaging.version import Version

from harness import guarantees
from harness.errors import EnvironmentProblem

if TYPE_CHECKING:
    from harness.target.base import Target

FOLDER = "scenarios"
_REGISTRIES: Mapping[str, Any] = {
    "promise": guarantees.promise,
    "clause": guarantees.clause,
    "behaviour": guarantees.behaviour,
}
_NEEDS = frozenset({"store", "backend", "why", "min_ray", "max_ray"})


def scenario_key(nodeid: str) -> str | None:
    """``scenarios/test_x.py::test_y[z]`` for a scenario's node id, None for any other test's."""
    if nodeid.startswith(f"{FOLDER}/"):
        return nodeid
    _, found, rest = nodeid.partition(f"/{FOLDER}/")
    return f"{FOLDER}/{rest}" if found else None


def covers_scenarios(config: pytest.Config, wholly: bool = False) -> bool:
    """Whether the command line asks for scenarios; ``wholly``: for all of them."""
    return any(_covers(config.invocation_params.dir / argument, wholly) for argument in config.args)


def _covers(argument: Path, wholly: bool) -> bool:
    path, _, part = str(argument).partition("::")
    if wholly and part:
        return False
    inside = FOLDER in Path(path).parts
    if inside:
        return Path(path).name == FOLDER or not wholly
    return (Path(path) / FOLDER).is_dir()


def ids_of(item: pytest.Item, kind: str) -> tuple[str, ...]:
    """All ids that the markers ``kind`` of ``item`` name, in the order of the registry."""
    named = {id for marker in item.iter_markers(kind) for id in marker.args}
    registry = {"promise": guarantees.PROMISES, "clause": guarantees.CLAUSES}.get(kind, guarantees.BEHAVIOURS)
    return tuple(id for id in registry if id in named)


def complaints(item: pytest.Item) -> list[str]:
    """What is wrong with the markers of a scenario, a sentence each."""
    found = []
    for kind, find in _REGISTRIES.items():
        for marker in item.iter_markers(kind):
            for id in marker.args:
                try:
                    find(id)
                except guarantees.UnknownGuarantee as problem:
                    found.append(f"{item.nodeid}: {problem}")
    if not any(True for kind in ("promise", "clause") for _ in item.iter_markers(kind)):
        found.append(f"{item.nodeid}: a scenario names a promise or a clause that it judges")
    for marker in item.iter_markers("needs"):
        if marker.args or set(marker.kwargs) - _NEEDS:
            found.append(f"{item.nodeid}: needs() takes {', '.join(sorted(_NEEDS))}, not {marker}")
    return found


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Any:
    """A scenario with wrong markers is a collection error, under xdist too."""
    report: pytest.CollectReport = yield
    if report.passed and scenario_key(collector.nodeid):
        items = [one for one in report.result if isinstance(one, pytest.Item)]
        found = [sentence for item in items for sentence in complaints(item)]
        if found:
            report.outcome, report.longrepr, report.result = "failed", "\n".join(dict.fromkeys(found)), []
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long ones are put off, but those that the command line names in full."""
    if config.getoption("--long"):
        return
    named = {scenario_key(argument) for argument in config.args if "::" in argument}
    put_off = [
        one for one in items if one.get_closest_marker("long") and scenario_key(one.nodeid) not in named
    ]
    if put_off:
        config.hook.pytest_deselected(items=put_off)
        items[:] = [item for item in items if item not in put_off]


def missing(needs: Iterable[pytest.Mark], target: Target, store: str, backend: str) -> str | None:
    """Why a scenario with these ``needs`` markers cannot run on ``target`` with the run's ``store`` and ``backend``."""
    kind = store_kind(store)
    release = target.dialect.release
    for marker in needs:
        home = marker.kwargs.get("backend", backend)
        if home != backend:
            return f"needs --backend {home}: {marker.kwargs.get('why', 'another cannot carry it')}"
        wanted = marker.kwargs.get("store")
        if wanted and wanted not in target.stores:
            return f"{target.name} has no {wanted} store"
        if wanted and kind not in ("redis", wanted):
            return f"needs a {wanted} store; this run's is {kind}"
        least, most = marker.kwargs.get("min_ray"), marker.kwargs.get("max_ray")
        if least and release < Version(least):
            return f"needs Ray {least} or newer; {target.name} speaks {release}"
        if most and release > Version(most):
            return f"needs Ray {most} or older; {target.name} speaks {release}"
    return None


def store_kind(spec: str) -> str:
    """``redis``, ``memory`` or ``rocksdb``, whatever else the store's name says."""
    return "redis" if spec.startswith(("redis", "valkey")) else spec


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if scenario_key(item.nodeid) is None and (ids_of(item, "promise") or ids_of(item, "clause")):
        raise EnvironmentProblem(
            f"nothing would judge these scenarios: below pytest's root {item.config.rootpath} they are in no "
            "folder scenarios/; say --rootdir, with the directory that holds it"
        )
    needs = list(item.iter_markers("needs"))
    if not needs:
        return
    from harness.plugin.backends import backend_name
    from harness.plugin.options import choice, target_of

    config = item.config
    reason = missing(needs, target_of(config), choice(config, "--store"), backend_name(config))
    if reason:
        pytest.skip(reason)
