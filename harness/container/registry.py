"""Images that others made: whether one is here, and fetching it aloud."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from harness.container.engine import asking
from harness.errors import EnvironmentProblem

if TYPE_CHECKING:
    import docker


def official(name: str) -> str:
    """``name`` of Docker Hub, behind the prefix that Testcontainers is told to use."""
    from testcontainers.core.config import testcontainers_config

    return testcontainers_config.hub_image_name_prefix + name


def present(client: docker.DockerClient, name: str) -> bool:
    """Whether the engine has the image."""
    from docker.errors import ImageNotFound

    with asking(f"look for {name}"):
        try:
            client.images.get(name)
        except ImageNotFound:
            return False
    return True


def pull(client: docker.DockerClient, name: str) -> str | None:
    """Fetch ``name``, saying so; None, or why it cannot be had."""
    from docker.errors import APIError

    say(f"pulling {name} …")
    try:
        with asking(f"pull {name}"):
            client.images.pull(name)
    except EnvironmentProblem as problem:
        cause = problem.__cause__
        return str(cause.explanation if isinstance(cause, APIError) else problem)
    return None


def say(line: str) -> None:
    """Nobody should wait without knowing for what."""
    print(line, file=sys.stderr, flush=True)
