"""The backend that a user chose."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.backend import choosing
from harness.plugin.options import choice, target_of


def backend_name(config: pytest.Config) -> str:
    """``loopback`` or ``docker``: as chosen, else what the target needs. EnvironmentProblem for another."""
    return choosing.backend_name(target_of(config), choice(config, "--backend"))


def prepare(config: pytest.Config) -> None:
    """See to all that the target needs on its backend; EnvironmentProblem, in one sentence, if it cannot be had."""
    chosen(config).prepare(target_of(config))


def maker(config: pytest.Config, records: Path) -> choosing.MakeBackend:
    """How the run's backends are made; below ``records`` the history is written."""
    return chosen(config).maker(records)


def chosen(config: pytest.Config) -> choosing.Choice:
    """The run's backend, with its images and its store."""
    redis, raylet = (choice(config, option) or None for option in ("--redis-image", "--raylet-image"))
    return choosing.Choice(backend_name(config), redis, raylet, choice(config, "--store"))
