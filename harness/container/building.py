"""Making images from recipes with the engine's classic builder, one process at a time."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from harness.container.engine import asking
from harness.container.recipe import Files, Gathered, Recipe
from harness.container.registry import present, pull, say
from harness.errors import EnvironmentProblem
from harness.process.guard import GUARD
from harness.target.wheel_cache import cache_directory

if TYPE_CHECKING:
    import docker

_SILENT_SECONDS = 600  # how long one step of a build may say nothing


def make(client: docker.DockerClient, recipe: Recipe, fresh: set[str] | None = None) -> str:
    """Build what is missing of ``recipe`` and of what it stands on; its name.

    With ``fresh``, which holds the names that are new already, build the others anew.
    EnvironmentProblem, in one sentence, when it cannot be done.
    """
    with _alone():
        _make(client, recipe, fresh)
    return recipe.image


@contextmanager
def _alone() -> Iterator[None]:
    """Of several processes that need one image, one makes it."""
    place = cache_directory()
    try:
        place.mkdir(parents=True, exist_ok=True)
        with FileLock(place / "images.lock"):
            yield
    except OSError as problem:
        raise EnvironmentProblem(f"an image cannot be built with {place}: {problem}") from problem


def _make(client: docker.DockerClient, recipe: Recipe, fresh: set[str] | None) -> None:
    from docker.errors import APIError

    done = present(client, recipe.image) if fresh is None else recipe.image in fresh
    if not done:
        if isinstance(recipe.parent, Recipe):
            _make(client, recipe.parent, fresh)
        elif recipe.parent is not None:
            _have(client, recipe.parent)
        old = client.images.get(recipe.image).id if present(client, recipe.image) else None
        _build(client, recipe, fresh is not None)
        if fresh is not None:
            fresh.add(recipe.image)
    with asking(f"name {recipe.image}"):
        image = client.images.get(recipe.image)
        image.tag(recipe.alias)
    if not done and old not in (None, image.id):
        # It has lost its names. What still stands on it keeps it until that is built anew too.
        with suppress(APIError):
            client.images.remove(old)


def _have(client: docker.DockerClient, public: str) -> None:
    if not present(client, public) and (why := pull(client, public)):
        raise EnvironmentProblem(
            f"{public} is neither here nor can it be pulled ({why}): "
            "build on Debian packages instead, with ci/images/build --local"
        )


def _build(client: docker.DockerClient, recipe: Recipe, anew: bool) -> None:
    from docker.errors import BuildError

    say(f"building {recipe.image} …")
    work = GUARD.directory(prefix=".image-", parent=cache_directory())
    try:
        gathered = recipe.gather(client, work) if recipe.gather else Gathered({})
        packed = work / "context.tar"
        pack({**recipe.files, **gathered.files, "Dockerfile": recipe.dockerfile}, packed)
        with packed.open("rb") as context, asking(f"build {recipe.image}"):
            client.images.build(
                fileobj=context,
                custom_context=True,
                tag=recipe.image,
                buildargs={"BASE": recipe.base} if recipe.base else {},
                labels=dict(gathered.labels),
                network_mode=recipe.network,
                nocache=anew,
                rm=True,
                forcerm=True,
                timeout=_SILENT_SECONDS,
            )
    except BuildError as refusal:
        said = [str(line["stream"]).strip() for line in refusal.build_log if line.get("stream", "").strip()]
        raise EnvironmentProblem(
            f"{recipe.image} cannot be built: {refusal.msg} {' | '.join(said[-3:])}"
        ) from refusal
    finally:
        GUARD.remove(work)


def pack(files: Files, into: Path) -> None:
    """Write a build's context, the same for the same contents whoever makes it and when."""
    with tarfile.open(into, "w") as tar:
        for name, content in sorted(files.items()):
            if isinstance(content, bytes):
                member = _plain(tarfile.TarInfo(name))
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
            else:
                tar.add(content, name, filter=_plain)


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    member.mtime = 0
    member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
    return member
