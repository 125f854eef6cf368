"""A verdict rests on what was recorded: each scenario's evidence is gathered, then judged, before its end.

The body of a scenario runs; its clusters are looked at once more; the record is read back from the
file, and every check is asked. What the body's own assertions found is one failure among theirs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.check.cause import SCENARIO
from harness.errors import TargetFailed, TimedOut
from harness.expectations import knowledge_for
from harness.plugin.options import target_of
from harness.plugin.selection import scenario_key
from harness.report import folder
from harness.report.verdict import Inconclusive, Verdict

if TYPE_CHECKING:
    from harness.check.ruling import Ruling
    from harness.cluster import Cluster
    from harness.expectations import Expectation
    from harness.history.event import Event
    from harness.judge import Conclusion

CLUSTERS: pytest.StashKey[list[Cluster]] = pytest.StashKey()
FAILURES, RULINGS, POINT = "failures", "rulings", "point"
_FOLDER = pytest.StashKey[Path]()
_TEMPORARY = pytest.StashKey[Path]()
_OFFSETS = pytest.StashKey[tuple[int, int]]()
_ENTRIES: pytest.StashKey[tuple[Expectation, ...]] = pytest.StashKey()


class Broken(AssertionError):
    """The record shows what must not be, whatever the scenario's own assertions say."""


class Mended(AssertionError):
    """A breakage that the expectations file lists did not show."""


def make_folder(config: pytest.Config) -> None:
    """Make the run's folder, which holds the JUnit file as well. EnvironmentProblem when it cannot be made.

    To be called before pytest is configured: its JUnit plugin then reads where to write. A worker of
    xdist makes none.
    """
    if hasattr(config, "workerinput"):
        return
    if config.getoption("--run-dir") and not config.option.collectonly:
        made = folder.create(Path(config.getoption("--run-dir")), target_of(config).name)
        config.stash[_FOLDER] = made
        if not config.option.xmlpath:
            config.option.xmlpath = str(made / "junit.xml")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """A worker of xdist writes into the folder that its controller has made."""
    given = getattr(config, "workerinput", {}).get("gauntlet_folder")
    if given:
        config.stash[_FOLDER] = Path(given)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """xdist: workers write into the controller's folder."""
    if (made := run_folder(node.config)) is not None:
        node.workerinput["gauntlet_folder"] = str(made)


def pytest_unconfigure(config: pytest.Config) -> None:
    if _TEMPORARY in config.stash:
        from harness.process.guard import GUARD

        GUARD.remove(config.stash[_TEMPORARY])


def run_folder(config: pytest.Config) -> Path | None:
    """The folder that the run leaves; None when it leaves none."""
    return config.stash.get(_FOLDER, None)


def directory(config: pytest.Config) -> Path:
    """Where history and ledger are written: the run's folder, else a temporary one of this process."""
    if _FOLDER in config.stash:
        return config.stash[_FOLDER]
    if _TEMPORARY not in config.stash:
        from harness.process.guard import GUARD

        config.stash[_TEMPORARY] = GUARD.directory("gauntlet-evidence-")
    return config.stash[_TEMPORARY]


def entries(config: pytest.Config) -> tuple[Expectation, ...]:
    """What the run's target is known to break, and its neighbours."""
    if _ENTRIES not in config.stash:
        known = knowledge_for(target_of(config).name, config.getoption("--expectations"))
        config.stash[_ENTRIES] = known
    return config.stash[_ENTRIES]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Remember how far the files reach: this scenario's lines come after."""
    if scenario_key(item.nodeid):
        from harness.history.log import HISTORY, LEDGER

        place = directory(item.config)
        item.stash[_OFFSETS] = (_size(place / HISTORY), _size(place / LEDGER))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Any:
    key = scenario_key(pyfuncitem.nodeid)
    if key is None:
        return (yield)
    ended: BaseException | None = None
    ends: tuple[type[BaseException], ...] = (Inconclusive, TargetFailed, *_breakages())
    try:
        yield
    except ends as error:
        ended = error
    events, rulings = judge(pyfuncitem, key)
    _conclude(pyfuncitem, key, ended, events, rulings)
    return True


def _waited(error: BaseException) -> bool:
    """Whether it is of a call or a wait that had no answer in time."""
    import grpc

    return isinstance(error, (TimedOut, grpc.RpcError, grpc.FutureTimeoutError))


def _breakages() -> tuple[type[BaseException], ...]:
    from harness.plugin.verdicts import breakages

    return breakages()


def said(error: BaseException | None) -> str:
    """An error in a line. That of a call in gRPC says in its first line only that it is one."""
    code, details = getattr(error, "code", None), getattr(error, "details", None)
    if callable(code) and callable(details):
        return f"a call to the GCS ended {code().name}: {details()}".partition("\n")[0]
    return str(error).strip().partition("\n")[0]


def judge(item: pytest.Item, case: str) -> tuple[list[Event], list[Ruling]]:
    """Look at the case's clusters a last time, read the record back, and ask every check."""
    from harness.cluster.closing import close_case
    from harness.history import log
    from harness.judge import rulings_of

    clusters = item.stash.get(CLUSTERS, [])
    for cluster in clusters:
        close_case(cluster)
    if not clusters:
        return [], []
    place, (history, ledger) = directory(item.config), item.stash[_OFFSETS]
    events = log.events(place / log.HISTORY, case, history)
    return events, rulings_of(events, log.entries(place / log.LEDGER, case, ledger))


def _conclude(
    item: pytest.Item,
    key: str,
    ended: BaseException | None,
    events: Sequence[Event],
    rulings: Sequence[Ruling],
) -> None:
    """Hand the findings on with the report, and end the scenario as they demand."""
    from harness.judge import conclude, failure_of_end
    from harness.matching import two_writers
    from harness.plugin.verdicts import proved_nothing

    vague = proved_nothing(ended) or ""
    own = [failure_of_end(ended, said(ended), _waited(ended))] if ended is not None and not vague else []
    known = entries(item.config)
    conclusion = conclude(key, own, vague, rulings, (*known, *two_writers(known, events)))
    item.user_properties.append((FAILURES, json.dumps([asdict(one) for one in conclusion.failures])))
    item.user_properties.append((RULINGS, json.dumps(conclusion.rulings)))
    if conclusion.verdict is Verdict.BROKEN:
        _raise_broken(item, ended, conclusion)
    elif conclusion.verdict is Verdict.INCONCLUSIVE:
        raise Inconclusive(conclusion.reason)
    elif conclusion.verdict is Verdict.MENDED:
        raise Mended(conclusion.reason)
    elif conclusion.verdict is Verdict.KNOWN:
        pytest.xfail(conclusion.reason)


def _raise_broken(item: pytest.Item, ended: BaseException | None, conclusion: Conclusion) -> None:
    """The scenario's own error where that is unexpected, with all that the record shows beside it."""
    unexpected = [one for one in conclusion.failures if not one.known]
    shown = [
        f"{one.check}: {one.message}\n    {one.detail}\n    events: {' '.join(one.events)}"
        for one in unexpected
        if one.check != SCENARIO
    ]
    if shown:
        item.add_report_section("call", "what the record shows", "\n".join(shown))
    if ended is not None and any(one.check == SCENARIO for one in unexpected):
        raise ended
    raise Broken(conclusion.reason)


def keep_logs(item: pytest.Item, clusters: Iterable[Cluster]) -> None:
    """Copy what each process of the case said into the run's folder, before its directory goes."""
    made = run_folder(item.config)
    key = scenario_key(item.nodeid)
    if made is None or key is None:
        return
    for number, cluster in enumerate(clusters):
        with suppress(OSError):
            folder.keep_logs(made, key, number, cluster.directory)
