"""What a user may choose: options, markers, and the fixtures that carry the choice."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from harness.choices import CHOICES, chosen
from harness.errors import EnvironmentProblem
from harness.plugin.selection import covers_scenarios

if TYPE_CHECKING:
    from harness.target.base import Target

ENVIRONMENT_STATUS = 3

MARKERS = (
    "promise(*ids): the documented promises that a scenario judges, '1' to '7'",
    "clause(*ids): the clauses of the contract that it covers, like 'D1'",
    "behaviour(*ids): which of the twelve untested behaviours it covers, 'T1' to 'T12'",
    "needs(store=, backend=, why=, min_ray=, max_ray=): skip, with the reason, where target or run lack this",
    "long: runs with --long only",
    "docker: a test of the harness that needs a container engine",
)

# Options with which pytest answers a question and runs nothing.
_ASK_ONLY = ("help", "version", "collectonly", "markers", "showfixtures", "show_fixtures_per_test")

_TARGET = pytest.StashKey["Target"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("gauntlet", "the GCS under test")
    for option, (variable, ini, default, text) in CHOICES.items():
        otherwise = f", else {default}" if default else ""
        group.addoption(option, metavar="SPEC", help=f"{text}; default: ${variable}{otherwise}")
        parser.addini(
            ini, f"{option}, unless the command line or ${variable} says otherwise", default=default
        )
    group.addoption("--gcs-help", action="store_true", help="explain targets, stores and exit statuses")
    group.addoption("--keep", action="store_true", help="keep the directories of clusters, logs in them")
    group.addoption("--no-skips", action="store_true", help="a scenario that is skipped is inconclusive")
    group.addoption("--long", action="store_true", help="run the scenarios marked long, too")
    group.addoption("--expectations", metavar="FILE", help="known breakages; default: the target's own")
    group.addoption("--run-dir", metavar="DIR", help="write DIR/<time>-<target>/result.json")
    group.addoption("--list-scenarios", action="store_true", help="with --collect-only: what each judges")
    group.addoption(
        "--progress", choices=["off", "auto"], default="off", help="one live line instead of pytest's dots"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Say at once what cannot work, and fetch a wheel where its progress bar can be seen.

    Before a session starts: one sentence and a status, no banner; workers find all prepared.
    """
    if config.getoption("--gcs-help"):
        from harness.plugin.guide import guide

        print(guide())
        return 0
    if any(getattr(config.option, name, False) for name in _ASK_ONLY) or not covers_scenarios(config):
        return None
    try:
        _prepare(config)
    except EnvironmentProblem as problem:
        print(f"gauntlet: {problem}", file=sys.stderr)
        return ENVIRONMENT_STATUS
    return None


def _prepare(config: pytest.Config) -> None:
    from harness.expectations import expectations_for
    from harness.plugin import backends
    from harness.plugin.evidence import make_folder

    backend = backends.chosen(config)
    backend.check_store()
    if not hasattr(config, "workerinput") and (said := backend.caution()):
        print(f"gauntlet: {said}", file=sys.stderr)
    expectations_for(target_of(config).name, config.getoption("--expectations"))
    backends.prepare(config)
    make_folder(config)


def pytest_configure(config: pytest.Config) -> None:
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)


def choice(config: pytest.Config, option: str) -> str:
    """The value of one of :data:`harness.choices.CHOICES`: command line, environment, ini file, default."""
    return chosen(option, config.getoption(option), config.getini)


def target_of(config: pytest.Config) -> Target:
    """The run's target, parsed once; EnvironmentProblem if its name makes no sense."""
    if _TARGET not in config.stash:
        from harness.target.parse import parse_target

        config.stash[_TARGET] = parse_target(choice(config, "--gcs"))
    return config.stash[_TARGET]


@pytest.fixture(scope="session")
def target(pytestconfig: pytest.Config) -> Target:
    """The GCS under test, ready to start."""
    from harness.plugin.backends import prepare

    prepare(pytestconfig)
    return target_of(pytestconfig)


@pytest.fixture(scope="session")
def store_spec(pytestconfig: pytest.Config) -> str:
    """The store that clusters use unless a scenario names another (``redis``, ``memory``, …)."""
    return choice(pytestconfig, "--store")
