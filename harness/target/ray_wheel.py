"""A released Ray as a target: the ``gcs_server`` of its wheel."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from packaging.version import InvalidVersion, Version

from harness.errors import EnvironmentProblem
from harness.target.base import Command, Launch
from harness.target.flags import (
    clean_environment,
    defined,
    gcs_server_flags,
    make_directories,
    ray_environment,
)
from harness.target.wheel_cache import GENERATED, HELP, SERVER, fetched
from harness.wire.dialect import OLDEST, Dialect, dialect

ROCKSDB_SINCE = Version("2.57.0")


class RayRelease:
    """``ray==X``. EnvironmentProblem when X is no version, or older than 2.40.0."""

    runs_here = True

    def __init__(self, release: str) -> None:
        self._version = checked_release(release)
        self.name = f"ray=={self._version}"

    @property
    def dialect(self) -> Dialect:
        return dialect(self._version)

    @property
    def stores(self) -> frozenset[str]:
        known = {"redis", "memory"}
        return frozenset(known | {"rocksdb"} if self._version >= ROCKSDB_SINCE else known)

    def prepare(self) -> None:
        _ = self._files

    def command(self, launch: Launch) -> Command:
        make_directories(launch)
        argv = [str(self._files / SERVER), *self.arguments(launch)]
        return Command(argv, {**clean_environment(launch), **ray_environment(launch)}, launch.directory)

    def bare(self, launch: Launch) -> Command:
        """What prints its flags."""
        return Command([str(self._files / SERVER), "--help"], clean_environment(launch), launch.directory)

    def arguments(self, launch: Launch) -> list[str]:
        """What the program is told, wherever it is."""
        # The release says itself which flags it has: they came one by one.
        known = defined((self._files / HELP).read_text())
        return gcs_server_flags(self.name, launch, known)

    @property
    def release(self) -> str:
        """``2.60.0``."""
        return str(self._version)

    @cached_property
    def _files(self) -> Path:
        return fetched(str(self._version))


def generated_modules(release: str) -> Path:
    """The directory of the release's own ``*_pb2.py``; fetched when it is not in the cache."""
    return fetched(str(checked_release(release))) / GENERATED


def checked_release(release: str) -> Version:
    """``release`` as a version that is spoken here; EnvironmentProblem otherwise."""
    try:
        version = Version(release)
    except InvalidVersion:
        raise EnvironmentProblem(f"ray=={release}: {release!r} is no version; say ray==2.60.0") from None
    if version < OLDEST:
        raise EnvironmentProblem(
            f"ray=={release} is older than {OLDEST}, the first release that is supported: "
            "before it GCS kept its tables in another layout"
        )
    return version
