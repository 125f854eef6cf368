"""What a user may choose, wherever it is said: on the command line, in the environment, in the ini file."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from pathlib import Path

# option -> (environment variable, ini name, default, help); the command line wins, then the environment.
CHOICES = {
    "--gcs": ("GAUNTLET_GCS", "gauntlet_gcs", "reference", "the GCS to judge (--gcs-help lists how to name one)"),
    "--store": ("GAUNTLET_STORE", "gauntlet_store", "redis", "where it keeps its tables (--gcs-help lists them)"),
    "--backend": ("GAUNTLET_BACKEND", "gauntlet_backend", "", "what runs it all: loopback (processes) or docker (containers)"),
    "--redis-image": ("GAUNTLET_REDIS_IMAGE", "gauntlet_redis_image", "", "on docker: the image of the store"),
    "--raylet-image": ("GAUNTLET_RAYLET_IMAGE", "gauntlet_raylet_image", "", "on docker: the image of raylets and proxies"),
}  # fmt: skip


def chosen(option: str, given: str | None, in_ini: Callable[[str], object]) -> str:
    """The value of ``option``, of :data:`CHOICES`: as ``given``, else as environment, ini file or default say.

    ``in_ini``: the value of that name in the ini file, empty when it has none.
    """
    variable, ini, default, _ = CHOICES[option]
    return str(given or os.environ.get(variable) or in_ini(ini) or default)


def in_project(project: Path) -> Callable[[str], object]:
    """What pytest's section of the file ``project``, a ``pyproject.toml``, says; nothing when there is no such file."""
    try:
        sections = tomllib.loads(project.read_text())
    except OSError:
        return lambda name: ""
    options: dict[str, object] = sections.get("tool", {}).get("pytest", {}).get("ini_options", {})
    return lambda name: options.get(name, "")
