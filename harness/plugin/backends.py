"""The backend that a user chose."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from harness.backend import choosing
from harness.plugin.options import choice, target_of


def backend_name(config: pytest.Config) -> str:
    """``loopback`` or ``docker``: as chosen, else what the target needs. EnvironmentProblem for another."""
    return choosing.backend_name(target_of(config), choice(config, "--backend"))


def check_store(config: pytest.Config) -> None:
    """EnvironmentProblem when the run's backend has no store of the name that was chosen."""
    spec = choice(config, "--store")
    if backend_name(config) == "docker":
        from harness.container.stores import check

        check(spec)
        return
    from harness.store.parse import store_from

    with tempfile.TemporaryDirectory() as unused:
        store_from(spec, Path(unused))


def caution(config: pytest.Config) -> str:
    """What the user should know of a store that is not ours, in a sentence; '' where all is well."""
    from harness.store.external import ExternalRedis
    from harness.store.parse import is_url

    spec = choice(config, "--store")
    return ExternalRedis(spec).caution() if is_url(spec) else ""


def prepare(config: pytest.Config) -> None:
    """See to all that the target needs on its backend; EnvironmentProblem, in one sentence, if it cannot be had."""
    chosen(config).prepare(target_of(config))


def maker(config: pytest.Config, records: Path) -> choosing.MakeBackend:
    """How the run's backends are made; below ``records`` the history is written."""
    return chosen(config).maker(records)


def chosen(config: pytest.Config) -> choosing.Choice:
    """The run's backend, with its images."""
    images = (choice(config, option) or None for option in ("--redis-image", "--raylet-image"))
    return choosing.Choice(backend_name(config), *images)
