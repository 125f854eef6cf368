"""Testcontainers' settings that cannot stay as they are found."""

from __future__ import annotations

import os
import sys
from multiprocessing import parent_process

import docker
from docker.errors import DockerException, ImageNotFound
from testcontainers.core.config import testcontainers_config as settings
from testcontainers.core.container import Reaper
from testcontainers.core.exceptions import ContainerConnectException


def settle(client: docker.DockerClient) -> None:
    """Start Testcontainers' own reaper, Ryuk, where its image is here and the user has not switched it off.

    The image is pulled only for a user who switched Ryuk on. Without Ryuk nothing is lost: ours removes
    what is left. A line on standard error says what is done.
    """
    if settings.docker_auth_config:
        settings.docker_auth_config = ""  # we have logged in; else every container's client would do so again
    if settings.ryuk_disabled:
        return
    # Testcontainers puts the prefix before Ryuk's name too, and then no longer knows Ryuk when it starts it.
    prefix, settings.hub_image_name_prefix = settings.hub_image_name_prefix, ""
    settings.ryuk_image = prefix + settings.ryuk_image
    try:
        _fetch(client, settings.ryuk_image)
        Reaper.get_instance()
    except (DockerException, ContainerConnectException, OSError) as why:
        settings.ryuk_disabled = True
        Reaper.delete_instance()
        reason = getattr(why, "explanation", None) or why
        # Who started a worker has said it.
        if "PYTEST_XDIST_WORKER" not in os.environ and parent_process() is None:
            print(f"without Ryuk, Testcontainers' reaper ({reason}): Gauntlet's own reaps", file=sys.stderr)
    finally:
        settings.hub_image_name_prefix = prefix


def _fetch(client: docker.DockerClient, image: str) -> None:
    try:
        client.images.get(image)
    except ImageNotFound:
        if "TESTCONTAINERS_RYUK_DISABLED" not in os.environ and "ryuk.disabled" not in settings.tc_properties:
            raise FileNotFoundError(f"its image {image} is not on this machine") from None
        print(f"pulling {image}, Testcontainers' reaper", file=sys.stderr)
        client.images.pull(image)
