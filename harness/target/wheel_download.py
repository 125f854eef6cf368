"""Fetching a Ray wheel with pip, from wherever the user's pip fetches."""

from __future__ import annotations

import os
import platform
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from harness.errors import EnvironmentProblem
from harness.process.child import Child

# Whichever Python runs us, either will do, gcs_server being the same in all wheels of a release:
# 2.40.0 to 2.60.0 come for 3.11, and the second is for a release that does no more.
_PYTHONS = ("3.11", "3.13")
_PLATFORMS = ("manylinux2014", "manylinux_2_28", "manylinux_2_34")
_UNITS = {"kB": 1e3, "MB": 1e6, "GB": 1e9}
_GIVE_UP_SECONDS = 1800.0
_TICK_SECONDS = 0.02


def download(release: str, directory: Path) -> Path:
    """Fetch the wheel of ``release`` into ``directory``; EnvironmentProblem with what pip said."""
    console = Console(stderr=True)
    if not console.is_terminal:
        print(f"fetching ray=={release} …", file=sys.stderr, flush=True)
    log = directory / "pip.log"
    for python in _PYTHONS:
        if _show(console, f"ray=={release}", directory, _pip(release, python, directory, log)) == 0:
            return next(directory.glob("ray-*.whl"))
        said = log.read_text(errors="replace")
        if "No matching distribution" not in said or "Connection" in said:
            break  # not the fault of this Python's number
    raise EnvironmentProblem(explanation(release, said))


def explanation(release: str, said: str) -> str:
    """One sentence from what pip said when it failed."""
    errors = [line.removeprefix("ERROR: ") for line in said.splitlines() if line.startswith("ERROR: ")]
    why = errors[-1] if errors else (said.strip().splitlines() or ["pip said nothing"])[-1]
    if "No module named pip" in said:
        return f"ray=={release} is fetched with pip, which this Python lacks: install pip beside gauntlet"
    if "Connection" in said or "resolve" in said:
        return f"ray=={release} is not in the cache and no package index can be reached: {why}"
    if "No matching distribution" in said:
        return f"the package index has no ray=={release} for {platform.system()} on {platform.machine()}"
    return f"ray=={release} could not be fetched: {why}"


def _pip(release: str, python: str, directory: Path, log: Path) -> Child:
    platforms = [f"--platform={name}_{platform.machine()}" for name in _PLATFORMS]
    argv = [sys.executable, "-m", "pip", "download", f"ray=={release}"]
    argv += [
        "--no-deps",
        "--only-binary=:all:",
        "--no-cache-dir",
        "--no-input",
        "--disable-pip-version-check",
    ]
    argv += ["--retries=2", "--timeout=20", "--progress-bar=off", f"--dest={directory}"]
    argv += [
        f"--python-version={python}",
        "--implementation=cp",
        f"--abi=cp{python.replace('.', '')}",
        *platforms,
    ]
    log.unlink(missing_ok=True)
    # TMPDIR: pip's half-fetched file grows there, where we can see it and where it is removed with the rest.
    return Child.spawn("pip", argv, {**os.environ, "TMPDIR": str(directory)}, log)


def _show(console: Console, what: str, directory: Path, pip: Child) -> int:
    """Wait for pip, with a bar on a terminal; its exit status."""
    try:
        if not console.is_terminal:
            return _await(pip, lambda: None)
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task(f"fetching {what}", total=None)

            def update() -> None:
                progress.update(task, completed=_fetched(directory), total=announced(pip.log_tail(50)))

            return _await(pip, update)
    finally:
        pip.kill(group=True)


def _await(pip: Child, update: Callable[[], None]) -> int:
    end = time.monotonic() + _GIVE_UP_SECONDS
    while time.monotonic() < end:
        status = pip.wait(_TICK_SECONDS)
        update()
        if status is not None:
            return status
    return -1


def announced(said: str) -> float | None:
    """The size in bytes that pip announces: ``Downloading ray-2.60.0-….whl (79.3 MB)``."""
    found = re.search(r"Downloading .*ray-.*\(([\d.]+) (kB|MB|GB)\)", said)
    return float(found[1]) * _UNITS[found[2]] if found else None


def _fetched(directory: Path) -> int:
    """Bytes of the largest file so far: the wheel, wherever pip is writing it."""
    sizes = [0]
    for path in directory.rglob("*"):
        try:
            sizes.append(path.stat().st_size)
        except OSError:  # moved while we looked
            continue
    return max(sizes)
