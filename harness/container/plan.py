"""What a container is made of, and Testcontainers' container of that."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docker.models.containers import Container as Created
from docker.types import EndpointConfig, LogConfig, Mount
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient

from harness.container.engine import Engine
from harness.process.guard import GUARD

_LOG = LogConfig(type="local", config={"max-size": "16m", "max-file": "2"})
"""What the engine keeps for ``docker logs``: bounded, so that a babbling container does not fill its disk."""


@dataclass(frozen=True)
class Plan:
    """What a container is made of."""

    name: str
    """Its role: ``gcs``, ``redis``, ``proxy``, a raylet's name."""

    image: str
    """A whole name, present on this machine."""

    argv: Sequence[str]
    """Its command, after its entrypoint; empty: the image's."""

    address: str
    """Its IP on the run's network, for all its lives."""

    env: Mapping[str, str]
    mounts: Mapping[Path, str]
    """Host path -> ``rw`` or ``ro``; mounted at the same path."""

    aliases: Sequence[str] = ()
    """Names by which the engine's DNS knows it."""

    entrypoint: Sequence[str] | None = None
    """None: the image's."""

    init: bool = False
    """Whether a small init process stands before it: else a signal without a handler does not end it."""

    host_pids: bool = False
    """Whether it has the machine's pid namespace."""

    user: str = ""
    """``uid:gid``; empty: the image's."""

    memory: str = ""
    """A limit, like ``64m``, without swap; empty: none."""

    volumes: Mapping[str, str] = field(default_factory=dict)
    """Named volume -> path in the container."""

    workdir: str = ""


def planned(plan: Plan, on: Engine, network: str, before_start: Callable[[str], None]) -> DockerContainer:
    """Not made yet; ``before_start`` gets the id of the container when it is made and not started."""
    version = on.client.api.api_version  # else every client would ask for it
    GUARD.ready()
    made = DockerContainer(plan.image, docker_client_kw={"version": version})
    made.image = plan.image  # without a registry's prefix: that is for names which are not whole
    made._docker = _Client(version, before_start)
    # The token: should we be killed, the guardian ends on this machine what the engine still runs.
    made.with_envs(**{**plan.env, **GUARD.environment()})
    made.with_name(on.name(plan.name))
    made.with_command(list(plan.argv))
    endpoint = EndpointConfig(version, aliases=list(plan.aliases), ipv4_address=plan.address)
    return made.with_kwargs(
        labels=on.labels(),
        network=network,
        networking_config={network: endpoint},
        mounts=_mounts(plan, on.labels()),
        log_config=_LOG,
        init=plan.init,
        **_given(
            entrypoint=None if plan.entrypoint is None else [*plan.entrypoint] or [""],
            pid_mode="host" if plan.host_pids else None,
            user=plan.user or None,
            working_dir=plan.workdir or None,
            mem_limit=plan.memory or None,
            memswap_limit=plan.memory or None,
        ),
    )


class _Client(DockerClient):
    """Testcontainers' client for one container, which lets us listen between its creation and its start."""

    def __init__(self, version: str, before_start: Callable[[str], None]) -> None:
        super().__init__(version=version)
        self._before_start = before_start

    def start(self, container: Created) -> None:
        assert container.id is not None
        self._before_start(container.id)
        super().start(container)


def _mounts(plan: Plan, labels: Mapping[str, str]) -> list[Mount]:
    return [
        *(
            Mount(target=str(path), source=str(path), type="bind", read_only=mode == "ro")
            for path, mode in plan.mounts.items()
        ),
        *(
            Mount(target=path, source=name, type="volume", labels=dict(labels))
            for name, path in plan.volumes.items()
        ),
    ]


def _given(**settings: Any) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value is not None}
