"""What is kept of a Ray wheel: ``gcs_server``, what its ``--help`` says, and its ``*_pb2.py``.

One directory per release in the user's cache, made under a lock and put in place by one rename:
it is there in full or not at all. A file that has been cut short since is found by its size.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePosixPath

from filelock import FileLock
from platformdirs import user_cache_path

from harness.errors import EnvironmentProblem
from harness.process.guard import GUARD
from harness.target.wheel_download import download

SERVER = "gcs_server"
HELP = "gcs_server.help"
GENERATED = "generated"
MANIFEST = "manifest.json"
_SERVER_IN_WHEEL = "ray/core/src/ray/gcs/gcs_server"
_GENERATED_IN_WHEEL = "ray/core/generated/"

Download = Callable[[str, Path], Path]
"""``(release, directory) -> wheel``: fetch the release's wheel into the directory."""


def cache_directory() -> Path:
    """Where releases are kept: ``~/.cache/gauntlet`` or what ``XDG_CACHE_HOME`` makes of it."""
    return user_cache_path("gauntlet")


def fetched(release: str, cache: Path | None = None, how: Download = download) -> Path:
    """The directory of ``release``, fetched unless it is in the cache.

    Of several processes that ask at once, one fetches. EnvironmentProblem, with one clear
    sentence, when it cannot be had.
    """
    cache = cache or cache_directory()
    place = cache / f"ray-{release}"
    if complete(place):
        return place
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / f"ray-{release}.lock"):
            if not complete(place):
                _fill(release, cache, place, how)
    except OSError as problem:
        raise EnvironmentProblem(f"ray=={release} cannot be kept in {cache}: {problem}") from problem
    return place


def complete(place: Path) -> bool:
    """Whether every file that was unpacked is there in full length."""
    try:
        sizes: dict[str, int] = json.loads((place / MANIFEST).read_text())
        return all((place / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, AttributeError):
        return False


def _fill(release: str, cache: Path, place: Path, how: Download) -> None:
    # In the cache itself, so that the rename stays within one file system; removed however we end.
    work = GUARD.directory(prefix=f".ray-{release}-", parent=cache)
    try:
        new = work / "unpacked"
        _unpack(release, how(release, work), new)
        shutil.rmtree(place, ignore_errors=True)
        new.rename(place)
    finally:
        GUARD.remove(work)


def _unpack(release: str, wheel: Path, into: Path) -> None:
    (into / GENERATED).mkdir(parents=True)
    try:
        with zipfile.ZipFile(wheel) as archive:
            _copy(archive, _SERVER_IN_WHEEL, into / SERVER)
            for name in archive.namelist():
                if name.startswith(_GENERATED_IN_WHEEL) and name.endswith("_pb2.py"):
                    _copy(archive, name, into / GENERATED / PurePosixPath(name).name)
    except (KeyError, zipfile.BadZipFile) as problem:
        raise EnvironmentProblem(
            f"ray=={release}: its wheel holds no {_SERVER_IN_WHEEL}: {problem}"
        ) from problem
    (into / SERVER).chmod(0o755)
    (into / HELP).write_text(_help(release, into / SERVER))
    sizes = {str(path.relative_to(into)): path.stat().st_size for path in into.rglob("*") if path.is_file()}
    (into / MANIFEST).write_text(json.dumps(sizes, indent=1, sort_keys=True))


def _copy(archive: zipfile.ZipFile, name: str, to: Path) -> None:
    with archive.open(name) as source, to.open("wb") as target:
        for block in iter(partial(source.read, 1 << 20), b""):
            target.write(block)


def _help(release: str, server: Path) -> str:
    """What ``gcs_server --help`` says (its exit status is 1)."""
    try:
        said = subprocess.run([server, "--help"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise EnvironmentProblem(
            f"the gcs_server of ray=={release} does not run here: {problem}"
        ) from problem
    if "-gcs_server_port" not in said.stdout:
        raise EnvironmentProblem(
            f"the gcs_server of ray=={release} does not run here: {(said.stderr or said.stdout).strip()[-500:]}"
        )
    return said.stdout
