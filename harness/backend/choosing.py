"""Which backend a run has: the one that was asked for, or the only one on which its target runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import EnvironmentProblem

if TYPE_CHECKING:
    from harness.backend.base import Backend
    from harness.target.base import Target

BACKENDS = {
    "loopback": "processes on 127.0.0.0/8, up in milliseconds",
    "docker": "containers, an engine of this machine's, on a network of their own",
}
MakeBackend = Callable[[Path], "Backend"]
"""(directory) -> what runs the cluster whose files go there."""


@dataclass(frozen=True)
class Choice:
    """A backend by its ``name``; the images of its store and its raylets, None: those of :mod:`harness.container.images`."""

    name: str
    redis: str | None = None
    raylet: str | None = None

    def prepare(self, target: Target) -> None:
        """See to all that ``target`` needs on it; EnvironmentProblem, in one sentence, if that cannot be had."""
        target.prepare()
        if self.name == "docker":
            from harness.backend.docker import Images, prepare
            from harness.process.guard import GUARD

            # All workers of a run label what is theirs with one id.
            os.environ.setdefault("GAUNTLET_RUN_ID", GUARD.token)
            prepare(target, Images(self.redis, self.raylet))
        elif not target.runs_here:
            raise EnvironmentProblem(f"{target.name!r} runs in a container only: say --backend docker")

    def maker(self, records: Path) -> MakeBackend:
        """How it is made for a cluster; below ``records`` the history is written."""
        if self.name == "loopback":
            from harness.backend.loopback import Loopback

            return lambda directory: Loopback()
        from harness.backend.docker import Docker, Images

        images = Images(self.redis, self.raylet)
        return lambda directory: Docker(directory, records, images)


def prepared(target: Target, asked: str | None = None) -> Choice:
    """The backend for ``target``, with all that it needs there; EnvironmentProblem if that cannot be had."""
    choice = Choice(backend_name(target, asked))
    choice.prepare(target)
    return choice


def backend_name(target: Target, asked: str | None) -> str:
    """``loopback`` or ``docker``: as ``asked``, else what the target needs. EnvironmentProblem for another."""
    from harness.target.image import ImageTarget

    chosen = asked or ("docker" if isinstance(target, ImageTarget) else "loopback")
    if chosen not in BACKENDS:
        raise EnvironmentProblem(f"{chosen!r} is no backend: expected one of {', '.join(BACKENDS)}")
    return chosen
