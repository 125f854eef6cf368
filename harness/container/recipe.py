"""What an image is made of. Its tag is a hash of all of it, so that an image that is there is never stale."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import EnvironmentProblem

if TYPE_CHECKING:
    import docker

ROOT = Path(__file__).parents[2]
IMAGES = Path("ci/images")
CONSTRAINTS = Path("ci/constraints.txt")
_HEX_DIGITS = 12

Files = dict[str, Path | bytes]
"""A build's context: a path in it -> a file or a directory to copy, or the content."""


@dataclass(frozen=True)
class Gathered:
    """What is fetched for a build, which its recipe determines: more context, and labels."""

    files: Files
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Recipe:
    """``gauntlet/WHAT``: a Dockerfile of ``ci/images/``, a parent and a context.

    ``parent`` is a recipe too, or the name of a public image, or None. ``of`` is text that counts
    although it is no file of the context. ``gather`` is called with the engine's client and a
    directory to work in, only when the image is built.
    """

    what: str
    parent: Recipe | str | None
    files: Files
    of: str = ""
    version: str = ""
    gather: Callable[[docker.DockerClient, Path], Gathered] | None = None

    @property
    def dockerfile(self) -> Path:
        return source(IMAGES / f"Dockerfile.{self.what}")

    @property
    def base(self) -> str:
        """The parent's name; empty when there is none."""
        return self.parent.image if isinstance(self.parent, Recipe) else self.parent or ""

    @cached_property
    def image(self) -> str:
        """``gauntlet/raylet:0123456789ab``."""
        told = hashlib.sha256()
        for part in (self.dockerfile.read_bytes(), self.base.encode(), self.of.encode()):
            told.update(b"%d:" % len(part) + part)
        for name, content in sorted(self.files.items()):
            content = content if isinstance(content, bytes) else content.read_bytes()
            told.update(b"%d:%s%d:" % (len(name.encode()), name.encode(), len(content)))
            told.update(content)
        return f"gauntlet/{self.what}:{self.version}{told.hexdigest()[:_HEX_DIGITS]}"

    @property
    def alias(self) -> str:
        """A name without a hash, for those who type: it means the image that was made last."""
        return f"gauntlet/{self.what}:{self.version.rstrip('-') or 'local'}"

    @property
    def network(self) -> str:
        """Which network a build has: none when it stands on local bits."""
        oldest: Recipe | str | None = self
        while isinstance(oldest, Recipe):
            oldest = oldest.parent
        return "none" if oldest is None else "default"


def source(path: Path) -> Path:
    """A file of the repository; EnvironmentProblem where gauntlet was installed without it."""
    found = ROOT / path
    if not found.exists():
        raise EnvironmentProblem(
            f"images are built in a checkout of gauntlet, and {path} is not beside this installation: "
            "name ready images with --raylet-image and --gcs image:…"
        )
    return found


def requirements() -> list[str]:
    """The Python packages that a container needs, without versions."""
    lines = source(IMAGES / "requirements.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def pins() -> list[str]:
    """``grpcio==1.85.1`` for each of :func:`requirements`, from ``ci/constraints.txt``."""
    lines = source(CONSTRAINTS).read_text().splitlines()
    versions = {line.partition("==")[0].lower(): line for line in lines if "==" in line}
    missing = [name for name in requirements() if name.lower() not in versions]
    if missing:
        raise EnvironmentProblem(f"{CONSTRAINTS} has no version of {', '.join(missing)}")
    return [versions[name.lower()] for name in requirements()]


def sources(*entries: str) -> Files:
    """The rooms of ours that ``entries`` (``harness/raylet``) are made of, at their paths, without tests.

    Whole rooms, so that one which picks modules by name finds them; only those that are imported,
    so that a change elsewhere makes no new image.
    """
    waiting, rooms = list(entries), dict[str, list[Path]]()
    while waiting:
        room = waiting.pop()
        if room not in rooms:
            rooms[room] = list(_programs(source(Path(room))))
            waiting += sorted({found for path in rooms[room] for found in _imported(path)})
    files = {str(path.relative_to(ROOT)): path for paths in rooms.values() for path in paths}
    return {**files, "harness/__init__.py": ROOT / "harness/__init__.py"}


def _programs(room: Path) -> Iterator[Path]:
    """The files of a room that run; types, texts, tests and caches do not."""
    for path in [room] if room.is_file() else room.rglob("*.py"):
        if not path.name.startswith(("test_", "conftest")):
            yield path


def _imported(path: Path) -> Iterator[str]:
    """The rooms that ``path`` imports, at whatever depth of it."""
    names: Iterable[str]
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            top, _, rest = name.partition(".")
            place = f"harness/{rest.partition('.')[0]}"
            if top == "harness" and rest:
                yield place if (ROOT / place).is_dir() else f"{place}.py"
            elif top == "reference_gcs":
                yield top
