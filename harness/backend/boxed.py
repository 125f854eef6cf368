"""What a target is in a container: an image, and what its entrypoint is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.container.images import foreign_image, ray_image, reference_image
from harness.errors import EnvironmentProblem
from harness.target.base import Launch, Target
from harness.target.flags import ray_environment
from harness.target.image import ImageTarget
from harness.target.ray_wheel import RayRelease
from harness.target.reference import Reference


@dataclass(frozen=True)
class Boxed:
    """``foreign``: the image is not ours, so it runs as the user that it names itself."""

    image: str
    argv: Sequence[str]
    env: Mapping[str, str]
    foreign: bool = False


def image_of(target: Target) -> str:
    """The image of ``target``, made or fetched if need be; EnvironmentProblem when there cannot be one."""
    if isinstance(target, Reference):
        return reference_image()
    if isinstance(target, RayRelease):
        return ray_image(target.release)
    if isinstance(target, ImageTarget):
        return foreign_image(target.image)
    raise EnvironmentProblem(
        f"{target.name!r} is a program of this machine: on docker name an image of it, image:NAME:TAG"
    )


def boxed(target: Target, launch: Launch) -> Boxed:
    """One launch of ``target``."""
    image = image_of(target)
    if isinstance(target, ImageTarget):
        return Boxed(image, target.arguments(launch), target.environment(launch), foreign=True)
    assert isinstance(target, Reference | RayRelease)
    # A home that it may write to: the user id that it runs as has none in the image.
    env = {"HOME": str(launch.directory), **ray_environment(launch)}
    return Boxed(image, target.arguments(launch), env)
