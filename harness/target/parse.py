"""A target by the name that a user gives it."""

from __future__ import annotations

from harness.errors import EnvironmentProblem
from harness.target.base import Target
from harness.target.command import CommandTarget
from harness.target.image import ImageTarget
from harness.target.ray_wheel import RayRelease
from harness.target.reference import Reference

TARGETS = {
    "reference": "the GCS of this repository",
    "reference+MUTANT": "… with a fault on purpose; gauntlet mutants --list names them",
    "ray==2.60.0": "a released Ray, 2.40.0 or later: its wheel is fetched, its gcs_server kept",
    "cmd:PROGRAM ARGUMENTS": "your own; see the placeholders",
    "cmd[2.49.2]:PROGRAM ARGUMENTS": "… that speaks as that release does",
    "image:NAME:TAG ARGUMENTS": "your own image, with the same placeholders; image[2.49.2]:… as above",
}


def parse_target(spec: str) -> Target:
    """The target named ``spec`` (see :data:`TARGETS`). EnvironmentProblem with what is allowed."""
    if spec == "reference" or spec.startswith("reference+"):
        return Reference(spec.removeprefix("reference").removeprefix("+"))
    if spec.startswith("ray=="):
        return RayRelease(spec.removeprefix("ray=="))
    if spec.startswith(("cmd:", "cmd[")):
        return CommandTarget(spec)
    if spec.startswith(("image:", "image[")):
        return ImageTarget(spec)
    raise EnvironmentProblem(f"{spec!r} is no target: expected one of {', '.join(TARGETS)}")
