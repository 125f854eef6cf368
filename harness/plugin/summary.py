"""What a user sees of a run: progress while it lasts, the table at its end, and the run's folder."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import pytest

from harness.backend.choosing import BACKENDS
from harness.errors import EnvironmentProblem
from harness.plugin.evidence import run_folder
from harness.plugin.options import choice, target_of
from harness.plugin.selection import ids_of, scenario_key, store_kind
from harness.plugin.verdicts import RESULTS, Tally
from harness.report import folder, table
from harness.report.progress import Progress
from harness.report.verdict import Verdict


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--progress") == "auto" and not hasattr(config, "workerinput"):
        config.pluginmanager.register(ProgressReporter(config), "gauntlet-progress")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where no test used Hypothesis its plugin would import all of it, for 0.4 s, to sum up that there is nothing."""
    manager = session.config.pluginmanager
    if "hypothesis" not in sys.modules and manager.has_plugin("hypothesispytest"):
        manager.unregister(name="hypothesispytest")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """``gauntlet list``: a line per scenario and per check that judges no GCS here, then nothing of pytest's own list."""
    if not session.config.getoption("--list-scenarios"):
        return
    reporter: Any = session.config.pluginmanager.get_plugin("terminalreporter")
    for item in session.items:
        reporter.write_line(described(item))
    for line in unjudged_checks():
        reporter.write_line(line)
    session.items = []  # not cleared: pytest counts what it collected


def unjudged_checks() -> Iterator[str]:
    """``check blocking  not judged on real processes: no GCS can …``."""
    from harness.check.registry import REAL, unjudged  # not above: few runs ask

    for check, why in unjudged(REAL).items():
        yield f"check {check}  not judged on {REAL}: {why}"


def described(item: pytest.Item) -> str:
    """``scenarios/test_x.py::test_y  promise 1  clauses D1 D3  needs store=redis  on loopback docker  long``."""
    parts = [scenario_key(item.nodeid) or item.nodeid]
    for kind in ("promise", "clause", "behaviour"):
        ids = ids_of(item, kind)
        parts += [f"{kind} {' '.join(ids)}"] if ids else []
    for marker in item.iter_markers("needs"):
        needs = {name: value for name, value in marker.kwargs.items() if name not in ("backend", "why")}
        parts += ["needs " + " ".join(f"{name}={value}" for name, value in needs.items())] if needs else []
    parts.append(_runs_on(item))
    parts += ["long"] if item.get_closest_marker("long") else []
    return "  ".join(parts)


def _runs_on(item: pytest.Item) -> str:
    """The backends that carry it, and why another does not."""
    for marker in item.iter_markers("needs"):
        if "backend" in marker.kwargs:
            return f"on {marker.kwargs['backend']} only ({marker.kwargs.get('why', 'no reason given')})"
    return f"on {' '.join(BACKENDS)}"


class ProgressReporter:
    """Feeds :class:`Progress`, and keeps pytest from writing its dots between."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._progress: Progress | None = None

    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(self) -> None:
        reporter: Any = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.showfspath = False
        # Now, while pytest does not capture: this is the real one.
        self._progress = Progress(sys.stdout, sys.stdout.isatty(), reporter._tw.fullwidth if reporter else 80)
        self._progress.__enter__()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._expect(len(session.items))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        self._expect(len(ids))

    def _expect(self, total: int) -> None:
        if self._progress:
            self._progress.total = total

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        if self._progress:
            self._progress.started(scenario_key(nodeid) or nodeid)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        key = scenario_key(nodeid) or nodeid
        result = self._config.stash[RESULTS].results.get(key)
        if self._progress and result is not None:
            self._progress.ended(key, result.verdict, result.seconds)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_report_teststatus(self) -> Iterator[Any]:
        status = yield
        return (status[0], "", "") if self._progress and status else status

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        if self._progress:
            self._progress.__exit__(None, None, None)
            self._progress = None


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    tally = config.stash.get(RESULTS, None)
    if tally is None:
        return
    results = list(tally.results.values())
    # Nothing was judged properly where the environment failed: the sentence alone says more.
    if results and not any(one.verdict is Verdict.ENVIRONMENT for one in results):
        writer = config.get_terminal_writer()
        text = io.StringIO()
        table.show(results, choice(config, "--gcs"), text, writer.fullwidth, writer.hasmarkup)
        if any(one.point is not None for one in results):
            _show_matrix(config, tally, text)
        terminalreporter.write_line("")
        terminalreporter.write(text.getvalue())
    for line in _remarks(tally):
        terminalreporter.write_line(line)
    where = run_folder(config)
    if where is not None:
        _leave(config, tally, where, exitstatus, terminalreporter)


def _show_matrix(config: pytest.Config, tally: Tally, file: TextIO) -> None:
    """What clients were told and what survived, for each crash point."""
    from harness.report import matrix, reading

    writer = config.get_terminal_writer()
    data = folder.as_data(tally.results.values(), {"target": target_of(config).name})
    matrix.show(matrix.matrix(reading.entries(data)), file, writer.fullwidth, writer.hasmarkup)


def _leave(
    config: pytest.Config, tally: Tally, where: Path, exitstatus: int, reporter: pytest.TerminalReporter
) -> None:
    """Complete the run's folder; one in which nothing was judged goes."""
    from harness.report import page, summary_md

    if not tally.results:
        shutil.rmtree(where, ignore_errors=True)
        return
    _write(config, tally, where, exitstatus)
    for path in (where / folder.RESULT, summary_md.write(where), page.write(where)):
        reporter.write_line(f"written: {path}")


def _remarks(tally: Tally) -> Iterator[str]:
    for result in tally.results.values():
        if result.note:
            yield f"{result.scenario.rpartition('::')[2]}: {result.note}"
    yield from (f"gauntlet: {problem}" for problem in tally.problems)
    for scenario in tally.unmatched:
        yield f"gauntlet: the expectations file names {scenario}, which is no scenario: take it out"
    if tally.put_off:
        yield f"gauntlet: {tally.put_off} long scenarios deselected; --long runs them"


def _write(config: pytest.Config, tally: Tally, where: Path, exitstatus: int) -> None:
    target = target_of(config)
    store = choice(config, "--store")
    about = {
        "target": target.name,
        "release": str(target.dialect.release),
        "store": {"spec": _without_password(store), "version": _store_version(store)},
        "exit_status": int(tally.session_status(exitstatus)),
        "deselected_long": tally.put_off,
        "problems": tally.problems,
    }
    folder.write(where, folder.as_data(tally.results.values(), about))


def _without_password(store: str) -> str:
    scheme, at, rest = store.rpartition("@")
    return f"{scheme.partition('://')[0]}://…@{rest}" if at else store


def _store_version(store: str) -> str | None:
    from harness.store import binary

    if store_kind(store) != "redis" or "://" in store:
        return None
    try:
        return binary.version(binary.redis_server())
    except EnvironmentProblem:
        return None
