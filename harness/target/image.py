"""A GCS of the user's own, in an image."""

from __future__ import annotations

from harness.errors import EnvironmentProblem
from harness.target.base import Command, Launch
from harness.target.command import Line
from harness.wire.dialect import Dialect


class ImageTarget:
    """``image:my/gcs:tag [ARGUMENTS]``, or ``image[2.49.2]:…``: see :class:`harness.target.command.Line`.

    The arguments go to the image's entrypoint; the container runs as the image's own user.
    """

    stores = frozenset({"redis", "memory", "rocksdb"})
    runs_here = False

    def __init__(self, spec: str) -> None:
        self.name = spec
        form = "image:NAME:TAG ARGUMENTS, or image[2.49.2]:… for the wire of another Ray release"
        self._line = Line(spec, form, "image", "image")

    @property
    def dialect(self) -> Dialect:
        return self._line.dialect

    @property
    def image(self) -> str:
        """Its name and tag."""
        return self._line.first

    def arguments(self, launch: Launch) -> list[str]:
        return self._line.arguments(launch)

    def environment(self, launch: Launch) -> dict[str, str]:
        return self._line.environment(launch)

    def prepare(self) -> None:
        """What must be there is the image: the backend sees to it."""

    def command(self, launch: Launch) -> Command:
        raise EnvironmentProblem(f"{self.name!r} runs in a container only: say --backend docker")
