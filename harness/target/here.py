"""Running a GCS as a process of this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from harness.errors import EnvironmentProblem
from harness.process.child import Child
from harness.process.running import Running
from harness.target.base import Launch, Target
from harness.target.probe import listener_on

Run = Callable[[Target, Launch, Path], Running]
"""(target, launch, log path) -> one life of a GCS. EnvironmentProblem when there cannot be one."""


def run_here(target: Target, launch: Launch, log_path: Path) -> Running:
    """A process. EnvironmentProblem when it cannot be executed or somebody else has its port."""
    # Its own dead are reaped with all their sockets closed: whoever listens is a stranger.
    if (other := listener_on(launch.port)) is not None:
        where = f"{launch.address}:{launch.port}"
        raise EnvironmentProblem(f"{target.name} cannot serve at {where}: {other} has the port")
    launch.directory.mkdir(parents=True, exist_ok=True)
    command = target.command(launch)
    try:
        return Child.spawn("gcs", command.argv, command.env, log_path, cwd=command.cwd)
    except OSError as problem:
        raise EnvironmentProblem(f"{target.name} cannot be run: {problem}") from problem
