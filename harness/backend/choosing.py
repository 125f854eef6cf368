"""Which backend a run has: the one that was asked for, or the only one on which its target runs."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import EnvironmentProblem
from harness.store.external import ExternalRedis
from harness.store.parse import is_url, keeping, proxied, store_from

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
    """A backend by its ``name``, and the ``store`` of the clusters on it.

    ``redis``, ``raylet``: images of its store and its raylets; None: those of :mod:`harness.container.images`.
    """

    name: str
    redis: str | None = None
    raylet: str | None = None
    store: str = "redis"

    @property
    def keeping(self) -> str:
        """The store like ``store`` that loses nothing when it is killed."""
        return keeping(self.store)

    @property
    def breakable(self) -> bool:
        """Whether the store is ours to break."""
        return not is_url(self.store)

    def check_store(self) -> None:
        """EnvironmentProblem when it has no such store, or a server of the user's own cannot be used."""
        if self.name == "docker":
            from harness.container.stores import check

            check(self.store)
            return
        with tempfile.TemporaryDirectory() as unused:
            store = store_from(self.store, Path(unused))
            if is_url(self.store):
                store.start()

    def caution(self) -> str:
        """What the user should know of a store that is not ours, in a sentence; '' where all is well."""
        return ExternalRedis(self.store).caution() if is_url(self.store) else ""

    def check_commands(self) -> None:
        """EnvironmentProblem unless a proxy reads the commands that a GCS sends to the store: plans and crash points strike at them."""
        if not proxied(self.store):
            raise EnvironmentProblem(
                f"plans and crash points strike at a GCS's commands to Redis, of which the store {self.store!r} shows none"
            )

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


def prepared(target: Target, asked: str | None = None, store: str = "redis") -> Choice:
    """The backend for ``target``, with all that it needs there; EnvironmentProblem if that cannot be had.

    For what strikes at commands to ``store``; see :meth:`Choice.check_commands`.
    """
    choice = Choice(backend_name(target, asked), store=store)
    choice.check_store()
    choice.check_commands()
    choice.prepare(target)
    return choice


def backend_name(target: Target, asked: str | None) -> str:
    """``loopback`` or ``docker``: as ``asked``, else what the target needs. EnvironmentProblem for another."""
    from harness.target.image import ImageTarget

    chosen = asked or ("docker" if isinstance(target, ImageTarget) else "loopback")
    if chosen not in BACKENDS:
        raise EnvironmentProblem(f"{chosen!r} is no backend: expected one of {', '.join(BACKENDS)}")
    return chosen
