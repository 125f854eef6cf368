"""``pytest scenarios/fuzz``: profiles of Hypothesis, and the stage on which the plans that it draws are carried out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.plugin import evidence
from harness.report.verdict import Inconclusive, Verdict

if TYPE_CHECKING:
    from harness.cluster import Cluster
    from harness.fuzz.plan import Plan
    from harness.fuzz.real.judging import Trial
    from harness.target.base import Target

FOLDER = ("scenarios", "fuzz")
_TRIALS = pytest.StashKey["list[Trial]"]()
"""Of the test that runs."""
PLANS = {"dev": 10, "ci": 8, "nightly": 2000}
"""Profile -> how many plans of each test."""


def asked_for(config: pytest.Config) -> bool:
    """Whether the command line names scenarios/fuzz: it takes as long as one lets it, so it is no part of the rest."""
    return any(_below(Path(argument.partition("::")[0]).absolute()) for argument in config.args)


def _below(path: Path) -> bool:
    return FOLDER in zip(path.parts, path.parts[1:], strict=False)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    return True if _below(collection_path) and not asked_for(config) else None


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Before Hypothesis' own plugin loads the profile that ``--hypothesis-profile`` names."""
    asked = config.getoption("--hypothesis-profile", None)
    if not (asked_for(config) or asked in PLANS):
        return
    from hypothesis import HealthCheck, settings

    slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
    for name, plans in PLANS.items():
        # What CI tries is the same each time: what is found by chance is for the nights.
        settings.register_profile(
            name, max_examples=plans, deadline=None, suppress_health_check=slow, derandomize=name == "ci"
        )
    if asked is None:
        settings.load_profile("ci" if os.environ.get("CI") else "dev")


@pytest.fixture(scope="session")
def fuzzed(request: pytest.FixtureRequest, target: Target) -> Iterator[Callable[[Plan], Trial]]:
    """``fuzzed(plan)``: carry it out on the run's target, and judge it.

    A plan that comes again has the verdict that it had: what shrinks a failure of something that does not
    always fail must not be told two things about one plan.
    """
    from harness.fuzz.real.judging import judge
    from harness.fuzz.real.stage import Stage
    from harness.plugin.backends import chosen
    from harness.process.guard import GUARD

    known = evidence.entries(request.config)
    place = GUARD.directory("gauntlet-fuzz-")
    choice = chosen(request.config)
    choice.check_commands()
    stage = Stage(target, place, choice)
    judged: dict[str, Trial] = {}

    def carry_out(plan: Plan) -> Trial:
        if plan.digest not in judged:
            judged[plan.digest] = judge(stage.carry_out(plan), known)
        request.config.stash.setdefault(_TRIALS, []).append(judged[plan.digest])
        return judged[plan.digest]

    try:
        yield carry_out
    finally:
        stage.close()
        GUARD.remove(place)


@pytest.fixture
def carry_out(build: Callable[..., Cluster], request: pytest.FixtureRequest) -> Callable[[Plan], None]:
    """``carry_out(plan)`` on a cluster of this scenario's own, whose record is judged as any scenario's."""
    from harness.fuzz.real.performance import Performance
    from harness.fuzz.real.stage import OPTIONS

    ending = ExitStack()
    request.addfinalizer(ending.close)

    def perform(plan: Plan) -> None:
        run = Performance(build(**OPTIONS), plan)
        ending.callback(run.close)
        try:
            run.run()
        finally:
            run.resume_store()
        # A GCS that the last step has doomed may die only now: it is restarted while the case is brought to its end.
        ending.enter_context(run.keeper.watching())

    return perform


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Any:
    """Plans of which none broke anything and held prove nothing, whatever Hypothesis says of them."""
    if "fuzzed" not in pyfuncitem.fixturenames:
        return (yield)
    trials = pyfuncitem.config.stash[_TRIALS] = []
    result = yield
    if not any(one.hits and one.verdict in (Verdict.HELD, Verdict.KNOWN) for one in trials):
        raise Inconclusive(f"none of {len(trials)} plans broke anything and was judged")
    return result


@pytest.fixture(scope="session")
def saved(request: pytest.FixtureRequest) -> Callable[[Plan], Path]:
    """``saved(plan)``: the file in which it now lies, for ``gauntlet replay``."""

    def save(plan: Plan) -> Path:
        place = (evidence.run_folder(request.config) or request.config.rootpath / "runs") / "plans"
        place.mkdir(parents=True, exist_ok=True)
        path = place / f"{plan.digest}.json"
        path.write_text(plan.text())
        return path

    return save
