"""From pytest's outcomes to verdicts, and from verdicts to the run's exit status.

Each report carries its verdict in ``user_properties``, so that results reach the controller under
xdist and ``--junitxml`` shows them. Only the controller counts.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest

from harness.errors import EnvironmentProblem, TargetFailed, Unsupported
from harness.expectations import Failure, point_of, unmatched
from harness.judge import failure_of_end
from harness.matching import sort_out
from harness.plugin import evidence
from harness.plugin.options import ENVIRONMENT_STATUS, choice
from harness.plugin.selection import covers_scenarios, ids_of, scenario_key
from harness.report.verdict import Inconclusive, Result, Verdict, exit_status

_NOTES = pytest.StashKey[dict[str, Any]]()
RESULTS = pytest.StashKey["Tally"]()
RECOVERIES = "recoveries"
NOTE = "note"  # record_property("note", …) in a scenario
_VERDICT, _REASON = "verdict", "verdict_reason"
_TIMEOUT = re.compile(r"Timeout \(>([\d.]+)s\) from pytest-timeout")
_MANY = {"promises": "promise", "clauses": "clause", "behaviours": "behaviour"}


def breakages() -> tuple[type[BaseException], ...]:
    """What, raised in a scenario's body, speaks against the target; all else is our own bug."""
    import grpc

    # FutureTimeoutError: a bare call that the target never answered.
    return (AssertionError, pytest.fail.Exception, grpc.RpcError, grpc.FutureTimeoutError)


def proved_nothing(error: BaseException | None) -> str | None:
    """Why a case that ended with ``error`` is inconclusive; None when it is not.

    One that ran out of its time proves nothing: a slow target, or a busy machine, is no broken guarantee.
    """
    if isinstance(error, Inconclusive):
        return str(error)
    late = _TIMEOUT.match(str(error)) if isinstance(error, pytest.fail.Exception) else None
    return f"it ran out of its time ({late[1]} s) before it came to its end" if late else None


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_NOTES] = {}
    if not hasattr(config, "workerinput"):
        config.stash[RESULTS] = Tally(config)
        config.pluginmanager.register(config.stash[RESULTS], "gauntlet-tally")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Before anything is deselected: properties, and the target's known breakages."""
    scenarios = {key: item for item in items if (key := scenario_key(item.nodeid))}
    for item in scenarios.values():
        item.user_properties += [(name, " ".join(ids_of(item, kind))) for name, kind in _MANY.items()]
        item.user_properties.append(("target", choice(config, "--gcs")))
    if not scenarios or config.option.collectonly:
        return
    config.stash[_NOTES]["unmatched"] = _unmatched(config, scenarios)


def _unmatched(config: pytest.Config, scenarios: Collection[str]) -> list[str]:
    """Entries of the expectations file without a scenario, as far as the run has all of their kind."""
    whole = covers_scenarios(config, wholly=True)
    points = config.getoption("--crash-points") == "all" and not (
        config.getoption("--only") or config.getoption("--point")
    )
    return [
        one for one in unmatched(evidence.entries(config), scenarios) if (points if point_of(one) else whole)
    ]


def pytest_deselected(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("long") and not item.config.getoption("--long"):
            notes = item.config.stash[_NOTES]
            notes["long"] = notes.get("long", 0) + 1


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report: pytest.TestReport = yield
    error = call.excinfo.value if call.excinfo else None
    if isinstance(error, EnvironmentProblem):
        _judge(report, Verdict.ENVIRONMENT, str(error))
    elif scenario_key(item.nodeid):
        _judge_scenario(report, item, error)
    # The report has a copy; later reports of this item, and so JUnit's, take the item's.
    item.user_properties = list(report.user_properties)
    return report


def _judge_scenario(report: pytest.TestReport, item: pytest.Item, error: BaseException | None) -> None:
    if (vague := proved_nothing(error)) is not None:
        _judge(report, Verdict.INCONCLUSIVE, vague)
    elif isinstance(error, Unsupported):
        path, line, _ = item.location
        report.outcome, report.longrepr = "skipped", (path, (line or 0) + 1, f"Skipped: {error}")
        _judge_skip(report, item, str(error))
    elif hasattr(report, "wasxfail"):
        _mark(report, Verdict.KNOWN, report.wasxfail.removeprefix("reason: "))
    elif report.skipped:
        _judge_skip(report, item, _skip_reason(report))
    elif isinstance(error, evidence.Mended):
        _judge(report, Verdict.MENDED, f"expected to fail, and did not; take the entry out: {error}")
    elif isinstance(error, TargetFailed) and report.when == "setup":
        _judge_start(report, item, error)
    elif isinstance(error, TargetFailed) or (
        report.failed and report.when == "call" and isinstance(error, breakages())
    ):
        _mark(report, Verdict.BROKEN, evidence.said(error))
    elif report.failed:
        _mark(report, Verdict.ERROR, f"{type(error).__name__}: {error}".partition("\n")[0])
    elif report.when == "call":
        _mark(report, Verdict.HELD, "")


def _judge_skip(report: pytest.TestReport, item: pytest.Item, why: str) -> None:
    if item.config.getoption("--no-skips"):
        _judge(report, Verdict.INCONCLUSIVE, f"not carried out: {why}")
    else:
        _mark(report, Verdict.SKIPPED, why)


def _judge_start(report: pytest.TestReport, item: pytest.Item, error: TargetFailed) -> None:
    """A target that failed before the scenario's body: broken, unless that is known."""
    said = evidence.said(error)
    failure = failure_of_end(error, said, waited=True)
    key = scenario_key(item.nodeid) or ""
    known = sort_out(key, [failure], evidence.entries(item.config)).known
    if known:
        report.outcome, report.wasxfail = "skipped", str(known[0][1])
        _mark(report, Verdict.KNOWN, report.wasxfail)
    else:
        _mark(report, Verdict.BROKEN, said)


def _judge(report: pytest.TestReport, verdict: Verdict, sentence: str) -> None:
    """A failure that one sentence explains better than a traceback."""
    report.outcome = "failed"
    report.longrepr = sentence
    _mark(report, verdict, sentence)


def _mark(report: pytest.TestReport, verdict: Verdict, reason: str) -> None:
    others = [one for one in report.user_properties if one[0] not in (_VERDICT, _REASON)]
    report.user_properties = [*others, (_VERDICT, verdict.name.lower()), (_REASON, reason)]


def _skip_reason(report: pytest.TestReport) -> str:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return reason.removeprefix("Skipped: ")


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, Any] | None:
    verdict = _verdict_of(report) if report.failed else None
    if verdict is Verdict.INCONCLUSIVE:
        return "inconclusive", "I", ("INCONCLUSIVE", {"yellow": True})
    if verdict is Verdict.ENVIRONMENT:
        return "environment", "!", ("ENVIRONMENT", {"red": True})
    return None


def _verdict_of(report: pytest.TestReport) -> Verdict | None:
    name = dict(getattr(report, "user_properties", ())).get(_VERDICT)
    return Verdict[str(name).upper()] if name else None


class Tally:
    """All results of the run, in the controller."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.results: dict[str, Result] = {}
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self.problems: list[str] = []
        """Sentences of which each alone makes the run end with status 3."""
        self.unmatched: list[str] = []
        self.put_off = 0
        self.others_failed = False
        self.interrupted = False

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and scenario_key(report.nodeid):
            self.problems.append(f"{report.nodeid} cannot be collected")

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._take(session.config.stash[_NOTES])

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self._take(getattr(node, "workeroutput", {}).get("gauntlet", {}))

    def _take(self, notes: dict[str, Any]) -> None:
        """What the collecting process noticed; every xdist worker notices the same."""
        self.unmatched = notes.get("unmatched", self.unmatched)
        self.put_off = notes.get("long", self.put_off)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        verdict = _verdict_of(report)
        if verdict is Verdict.ENVIRONMENT and report.failed:
            self._environment(report)
        key = scenario_key(report.nodeid)
        if key is None:
            self.others_failed |= report.failed and verdict is not Verdict.ENVIRONMENT
            return
        if verdict is None and report.failed:  # a worker died: no hook of ours ran
            verdict = Verdict.ERROR
        self._seconds[key] += report.duration
        if verdict is not None and (key not in self.results or report.failed):
            self.results[key] = _result(key, verdict, report)
        if key in self.results:
            recoveries: Any = dict(report.user_properties).get(RECOVERIES, 0)
            self.results[key] = replace(self.results[key], seconds=self._seconds[key], recoveries=recoveries)

    def _environment(self, report: pytest.TestReport) -> None:
        sentence = str(report.longrepr)
        if sentence not in self.problems:
            self.problems.append(sentence)
        session = self.config.pluginmanager.get_plugin("session")
        runner = self.config.pluginmanager.get_plugin("dsession") or session
        if runner is not None:
            runner.shouldstop = "no verdict"  # pytest prints it; the sentence itself is said once, above

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        # pytest and xdist end a run early (-x) by kinds of KeyboardInterrupt of their own.
        self.interrupted = type(excinfo.value) in (KeyboardInterrupt, pytest.exit.Exception)

    def session_status(self, status: int) -> int:
        """pytest's ``status``, replaced by the verdicts' where scenarios ran or could not."""
        if self.problems:
            return ENVIRONMENT_STATUS
        if not self.results or self.interrupted or status not in (0, 1, 2):
            return status
        if self.others_failed or self.unmatched:
            return 1
        return exit_status(result.verdict for result in self.results.values())

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        session.exitstatus = self.session_status(int(session.exitstatus))


def _result(key: str, verdict: Verdict, report: pytest.TestReport) -> Result:
    properties = dict(report.user_properties)
    reason = properties.get(_REASON, "") or (str(report.longrepr) if report.failed else "")
    return Result(
        scenario=key,
        verdict=verdict,
        reason=str(reason),
        promises=tuple(str(properties.get("promises", "")).split()),
        clauses=tuple(str(properties.get("clauses", "")).split()),
        behaviours=tuple(str(properties.get("behaviours", "")).split()),
        note=str(properties.get(NOTE, "")),
        failures=tuple(
            Failure.of_data(one) for one in json.loads(str(properties.get(evidence.FAILURES, "[]")))
        ),
        rulings=json.loads(str(properties.get(evidence.RULINGS, "{}"))),
        point=properties.get(evidence.POINT),  # type: ignore[arg-type]
    )


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """An xdist worker hands its notes to the controller."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["gauntlet"] = session.config.stash[_NOTES]
