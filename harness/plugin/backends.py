"""The backend that a user chose."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.errors import EnvironmentProblem
from harness.plugin.options import BACKENDS, choice, target_of

if TYPE_CHECKING:
    from harness.backend.base import Backend
    from harness.backend.docker import Images

MakeBackend = Callable[[Path], "Backend"]
"""(directory) -> what runs the cluster whose files go there."""


def backend_name(config: pytest.Config) -> str:
    """``loopback`` or ``docker``: as chosen, else what the target needs. EnvironmentProblem for another."""
    from harness.target.image import ImageTarget

    needed = "docker" if isinstance(target_of(config), ImageTarget) else "loopback"
    chosen = choice(config, "--backend") or needed
    if chosen not in BACKENDS:
        raise EnvironmentProblem(f"{chosen!r} is no backend: expected one of {', '.join(BACKENDS)}")
    return chosen


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


def prepare(config: pytest.Config) -> None:
    """See to all that the target needs on its backend; EnvironmentProblem, in one sentence, if it cannot be had."""
    target = target_of(config)
    target.prepare()
    if backend_name(config) == "docker":
        from harness.backend.docker import prepare
        from harness.process.guard import GUARD

        # All workers of a run label what is theirs with one id.
        os.environ.setdefault("GAUNTLET_RUN_ID", GUARD.token)
        prepare(target, _images(config))
    elif not target.runs_here:
        raise EnvironmentProblem(f"{target.name!r} runs in a container only: say --backend docker")


def maker(config: pytest.Config, records: Path) -> MakeBackend:
    """How the run's backends are made; below ``records`` the history is written."""
    if backend_name(config) == "loopback":
        from harness.backend.loopback import Loopback

        return lambda directory: Loopback()
    from harness.backend.docker import Docker

    images = _images(config)
    return lambda directory: Docker(directory, records, images)


def _images(config: pytest.Config) -> Images:
    from harness.backend.docker import Images

    return Images(choice(config, "--redis-image") or None, choice(config, "--raylet-image") or None)
